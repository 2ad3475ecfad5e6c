"""Phone numbers as somebody sees them who may not see them whole: one rule for answers and exports."""

SHOWN = 4


def masked(msisdn: str) -> str:
    """A phone number with four digits left at each end, or with none if it is no longer than eight."""
    hidden = len(msisdn) - 2 * SHOWN
    return f"{msisdn[:SHOWN]}{'*' * hidden}{msisdn[-SHOWN:]}" if hidden > 0 else "*" * len(msisdn)

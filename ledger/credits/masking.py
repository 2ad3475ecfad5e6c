"""Phone numbers as somebody sees them who may not see them whole: one rule for answers and exports."""

SHOWN = 4


def masked(msisdn: str) -> str:
    """A phone number with four digits left at each end, or with none if it has no more than eight."""
    if not msisdn.isdecimal():
        return _masked_text(msisdn)
    hidden = len(msisdn) - 2 * SHOWN
    return f"{msisdn[:SHOWN]}{'*' * hidden}{msisdn[-SHOWN:]}" if hidden > 0 else "*" * len(msisdn)


def _masked_text(text: str) -> str:
    """The same of a number with anything between its digits; of that, only a plus sign before them is left."""
    digits = [place for place, character in enumerate(text) if character.isdecimal()]
    shown = {*digits[:SHOWN], *digits[-SHOWN:]} if len(digits) > 2 * SHOWN else set()
    if text.startswith("+"):
        shown.add(0)
    return "".join(character if place in shown else "*" for place, character in enumerate(text))

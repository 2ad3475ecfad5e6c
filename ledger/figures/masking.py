"""Masks phone numbers for callers without the scope `credits:msisdn`; answers and exports use the same rule."""

DIGITS_SHOWN = 4


def masked(msisdn: str) -> str:
    """A phone number with only its first four and last four digits; none of them if it has eight digits or fewer."""
    if not msisdn.isdecimal():
        return _masked_text(msisdn)
    hidden = len(msisdn) - 2 * DIGITS_SHOWN
    return f"{msisdn[:DIGITS_SHOWN]}{'*' * hidden}{msisdn[-DIGITS_SHOWN:]}" if hidden > 0 else "*" * len(msisdn)


def _masked_text(text: str) -> str:
    """The same for a number with other characters in it, which are hidden too; only a leading plus sign stays."""
    digits = [index for index, character in enumerate(text) if character.isdecimal()]
    shown = {*digits[:DIGITS_SHOWN], *digits[-DIGITS_SHOWN:]} if len(digits) > 2 * DIGITS_SHOWN else set()
    if text.startswith("+"):
        shown.add(0)
    return "".join(character if index in shown else "*" for index, character in enumerate(text))

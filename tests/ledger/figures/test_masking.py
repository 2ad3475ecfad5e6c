"""How much of a phone number a caller without the scope sees."""

import pytest

from ledger.figures.masking import masked


@pytest.mark.parametrize(
    ("number", "shown"),
    [
        ("447700900765", "4477****0765"),
        ("123456789", "1234*6789"),
        ("12345678", "********"),
        ("", ""),
        ("+447700900765", "+4477****0765"),
        ("+12345678", "+********"),
        ("+44 7700 900765", "+44*77*****0765"),
        ("1-2-3-4-5-6-7-8", "*" * 15),
        ("anonymous", "*********"),
        ("٤٤٧٧٠٠٩٠٠٧٦٥", "٤٤٧٧****٠٧٦٥"),
    ],
)
def test_four_digits_are_left_at_each_end_of_a_number_of_more_than_eight(number: str, shown: str) -> None:
    assert masked(number) == shown

"""What a client takes, by its headers."""

import pytest

from schema.http.negotiation import takes_gzip


@pytest.mark.parametrize(
    ("header", "accepted"),
    [
        (None, False),
        ("", False),
        ("identity", False),
        ("gzip", True),
        ("GZIP", True),
        ("deflate, gzip, br", True),
        ("x-gzip", True),
        ("*", True),
        ("*;q=0", False),
        ("gzip;q=0", False),
        ("gzip; q=0.0, *", False),
        ("br;q=1.0, gzip;q=0.2", True),
    ],
)
def test_gzip_goes_only_to_those_who_accept_it(header: str | None, accepted: bool) -> None:
    assert takes_gzip(header) is accepted

"""A listing is whole or an error, from every kind of installation (docs/vendors.md, "RDE")."""

import asyncio
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from upstreams.errors import UpstreamBadResponse, UpstreamError
from upstreams.rde.answers import ListingPage, parse_listing
from upstreams.rde.listing import LIMIT, VendorListing, fetch_all

pytestmark = pytest.mark.anyio


def row(number: int, **more: object) -> dict[str, object]:
    return {"id": f"id-{number}", "name": f"r{number}", "startDate": "2019-11-05T00:00:00Z"} | more


def page(rows: list[dict[str, object]], offset: int | None = 0, total: int | None = None) -> bytes:
    pagination = {} if total is None else {"pagination": {"offset": offset, "limit": 10, "total": total}}
    return json.dumps({"data": rows} | pagination).encode()


ROWS = [row(number) for number in range(25)]


async def listed(*bodies: bytes) -> tuple[VendorListing, list[int]]:
    """What these answers, one after the other, make; and the offsets that were asked for."""
    offsets: list[int] = []

    async def fetch(offset: int) -> ListingPage:
        offsets.append(offset)
        return parse_listing(bodies[min(len(offsets), len(bodies)) - 1])

    return await fetch_all(fetch), offsets


def names(listing: VendorListing) -> list[str]:
    return [report.name for report in listing.reports]


async def test_pages_are_fetched_until_the_total_is_there() -> None:
    pages = [page(ROWS[start : start + 10], start, 25) for start in (0, 10, 20)]
    listing, offsets = await listed(*pages)
    assert (names(listing), offsets) == ([f"r{number}" for number in range(25)], [0, 10, 20])


async def test_an_installation_that_gives_everything_at_once_is_asked_once() -> None:
    listing, offsets = await listed(page(ROWS, 0, 25))
    assert (len(listing.reports), offsets) == (25, [0])


async def test_without_pagination_the_next_page_is_asked_for_until_one_is_empty() -> None:
    listing, offsets = await listed(page(ROWS[:10]), page(ROWS[10:20]), page(ROWS[20:]), page([]))
    assert (names(listing), offsets) == ([f"r{number}" for number in range(25)], [0, 10, 20, 25])


async def test_without_pagination_an_installation_that_ignores_the_offset_is_noticed() -> None:
    first, second = (page([row(number, downloadUrl=f"https://h/x?sig={sig}") for number in (1, 2)]) for sig in "ab")
    listing, offsets = await listed(first, second)
    assert (names(listing), offsets) == (["r1", "r2"], [0, 2])


async def test_an_unreadable_element_counts_for_the_total_and_for_the_reader() -> None:
    listing, _ = await listed(page([*ROWS[:9], {"name": 5}], 0, 12), page(ROWS[9:11], 10, 12))
    assert (len(listing.reports), listing.unreadable) == (11, 1)


async def test_unreadable_elements_without_an_id_may_be_equal() -> None:
    broken: dict[str, object] = {"name": "daily-dr1", "creationDate": None}
    listing, _ = await listed(page([*ROWS[:9], broken], 0, 12), page([broken, ROWS[9]], 10, 12))
    assert (len(listing.reports), listing.unreadable) == (10, 2)


@pytest.mark.parametrize("total", ["--25", "-", "25-", "+25", "25.0", 25.0, "9" * 5000, True, [25], None])
async def test_a_total_that_is_not_a_whole_number_is_not_relied_on(total: object) -> None:
    def odd(rows: list[dict[str, object]], offset: int) -> bytes:
        return json.dumps({"data": rows, "pagination": {"offset": offset, "total": total}}).encode()

    listing, _ = await listed(odd(ROWS[:10], 0), odd(ROWS[10:], 10), odd([], 25))
    assert len(listing.reports) == 25


@pytest.mark.parametrize(
    ("bodies", "reason"),
    [
        ([page(ROWS[:10], 0, 25)], "another page"),
        ([page(ROWS[:10], 0, 25), page(ROWS[:10], 10, 25)], "repeats"),
        ([page(ROWS[:10], 0, 25), page(ROWS[9:19], 10, 25)], "repeats"),
        ([page(ROWS[:10], None, 25)], "repeats"),
        ([page(ROWS[:10], 0, 25), page(ROWS[10:20], 0, 25)], "another page"),
        ([page(ROWS[:10], 0, 25), page(ROWS[10:20], 10, 24)], "disagree"),
        ([page(ROWS[:10], 0, 25), page(ROWS[10:20])], "disagree"),
        ([page(ROWS[:10], 0, 25), page([], 10, 25)], "ends after 10 of 25"),
        ([page([], 0, 7)], "ends after 0 of 7"),
        ([page(ROWS[:10], 0, 7)], "lists 10 reports and counts 7"),
        ([page(ROWS[:1], 20, 3423)], "another page"),
        ([page(ROWS[:10]), page(ROWS[5:15])], "repeats"),
        ([page(ROWS[:10]), page([], 10, 25)], "ends after 10 of 25"),
        ([page(ROWS[:10]), page(ROWS[10:20], 10, 25), page([])], "ends after 20 of 25"),
        ([page(ROWS[:10]), page([{}]), page([{}])], "repeats"),
        ([page([*ROWS[:9], {"id": 1, "name": 5}], 0, 12), page([ROWS[9], {"id": 1, "name": 5}], 10, 12)], "repeats"),
    ],
    ids=range(16),
)
async def test_a_listing_that_cannot_be_completed_is_an_error(bodies: list[bytes], reason: str) -> None:
    with pytest.raises(UpstreamBadResponse, match=reason):
        await listed(*bodies)


class Installation:
    """A vendor with some reports: before each page one more report completes, and one call may fail."""

    def __init__(self, rows: list[dict[str, Any]], cap: int | None, *, says_total: bool, fails_at: int | None) -> None:
        self.rows, self.cap, self.says_total, self.fails_at = rows, cap, says_total, fails_at
        self.calls = 0

    async def fetch(self, offset: int) -> ListingPage:
        self.calls += 1
        if self.calls == self.fails_at:
            raise UpstreamError("rde", "it failed")
        for pending in [each for each in self.rows if each["status"] == "processing"][:1]:
            pending |= {"status": "completed", "creationDate": "2019-11-06T00:00:00Z"}
        data = self.rows if self.cap is None else self.rows[offset : offset + min(self.cap, LIMIT)]
        return parse_listing(page(data, 0 if self.cap is None else offset, len(self.rows) if self.says_total else None))


@settings(deadline=None, max_examples=200)
@given(
    count=st.integers(0, 60),
    pending=st.sets(st.integers(0, 59)),
    unreadable=st.sets(st.integers(0, 59), max_size=3),
    cap=st.none() | st.integers(1, 70),
    says_total=st.booleans(),
    fails_at=st.none() | st.integers(1, 8),
)
def test_no_report_is_lost_or_doubled_whatever_the_installation(
    count: int, pending: set[int], unreadable: set[int], cap: int | None, says_total: bool, fails_at: int | None
) -> None:
    rows = [
        row(number, status="processing" if number in pending else "completed")
        | ({"startDate": "soon"} if number in unreadable else {})
        for number in range(count)
    ]
    installation = Installation(rows, cap, says_total=says_total, fails_at=fails_at)
    try:
        listing = asyncio.run(fetch_all(installation.fetch))
    except UpstreamError:
        assert installation.calls == fails_at, "there is no other reason for an error"
        return
    readable = [f"r{number}" for number in range(count) if number not in unreadable]
    assert (names(listing), listing.unreadable) == (readable, count - len(readable))

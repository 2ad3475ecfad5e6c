"""Fetches a whole listing, page by page, from every kind of installation.

Some installations read `limit` and `offset` (and give 10 reports to a caller that names no limit), some ignore both and
answer with everything, some leave `pagination` out. So the number of reports is compared with `pagination.total`; where
there is none, the next page is asked for until it is empty or is the first one again. A listing that cannot be
completed is an error: it is never shorter than the vendor's.
"""

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from upstreams.errors import RDE, UpstreamBadResponse
from upstreams.rde.answers import ListingPage
from upstreams.rde.model import Report

LOG = logging.getLogger("tally.upstreams")

LIMIT = 1000
"""Asked for; an installation may give fewer at once."""

type FetchPage = Callable[[int], Awaitable[ListingPage]]
"""Fetches the page that begins at an offset."""


@dataclass(frozen=True, slots=True)
class VendorListing:
    """All reports of a listing, in the vendor's order, and how many elements of it could not be read."""

    reports: list[Report]
    unreadable: int


async def fetch_all(fetch: FetchPage) -> VendorListing:
    """Fetch every page.

    Raises:
        UpstreamError: a page could not be had, or contradicts another one.
    """
    first = await fetch(0)
    _check_offset(first, 0)
    if first.pagination is None:
        return _joined(await _until_the_end(first, fetch))
    return _joined(await _until_total(first, first.pagination.total, fetch))


async def _until_total(first: ListingPage, total: int, fetch: FetchPage) -> list[ListingPage]:
    pages, seen = [first], set(first.fingerprints)
    count = len(first.fingerprints)
    while count < total:
        page = await fetch(count) if count else first
        _check_offset(page, count)
        if page.pagination is None or page.pagination.total != total:
            raise _contradiction(page, "the vendor's pages disagree about how many reports there are")
        if not page.fingerprints:
            raise _contradiction(page, f"the vendor's listing ends after {count} of {total} reports")
        _check_new(page, seen)
        pages.append(page)
        count += len(page.fingerprints)
    if count > total:
        raise _contradiction(pages[-1], f"the vendor lists {count} reports and counts {total}")
    return pages


async def _until_the_end(first: ListingPage, fetch: FetchPage) -> list[ListingPage]:
    """All pages of an installation that does not say how many reports there are."""
    pages, seen, count = [first], set(first.fingerprints), len(first.fingerprints)
    while pages[-1].fingerprints:
        page = await fetch(count)
        _check_offset(page, count)
        if len(pages) == 1 and seen <= set(page.fingerprints):
            pages = [page]  # the installation ignores the offset and answers with everything
            break
        _check_new(page, seen)
        if page.fingerprints and page.fingerprints == pages[-1].fingerprints:
            raise _contradiction(page, "a page of the vendor's listing repeats the one before it")
        pages.append(page)
        count += len(page.fingerprints)
    _check_totals(pages)
    return pages


def _joined(pages: list[ListingPage]) -> VendorListing:
    return VendorListing([report for page in pages for report in page.reports], sum(page.unreadable for page in pages))


def _check_offset(page: ListingPage, offset: int) -> None:
    if page.pagination and page.pagination.offset not in {None, offset}:
        raise _contradiction(page, f"the vendor answered with another page than the one from {offset} on")


def _check_totals(pages: list[ListingPage]) -> None:
    """Refuse a listing that is shorter than one of its pages says."""
    count = sum(len(page.fingerprints) for page in pages)
    for page in pages:
        if page.pagination and page.pagination.total > count:
            raise _contradiction(page, f"the vendor's listing ends after {count} of {page.pagination.total} reports")


def _check_new(page: ListingPage, seen: set[str]) -> None:
    """Refuse a page with reports of an earlier one, and remember its own."""
    if not seen.isdisjoint(page.identified):
        raise _contradiction(page, "a page of the vendor's listing repeats reports of an earlier one")
    seen.update(page.fingerprints)


def _contradiction(page: ListingPage, reason: str) -> UpstreamBadResponse:
    error = UpstreamBadResponse(RDE, reason)
    error.correlation_id = page.correlation_id
    LOG.warning("a listing cannot be completed: %s; correlation id %s", reason, page.correlation_id)
    return error

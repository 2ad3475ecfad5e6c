"""`reports`: pages of a listing, filtered; and a report by its global id.

What needs the archived file of a report is in `schema.resolvers.reports.contents`, which is loaded when it is selected.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from operator import attrgetter
from typing import TYPE_CHECKING, Any, overload

from ledger.answers.freshness import Freshness
from ledger.reports.archive import ArchivedReport
from ledger.reports.catalogue import CatalogueListing, ReportFilter, ReportWithFile
from ledger.reports.identity import ReportId, ReportKey
from runtime.clock import rfc3339
from schema.errors import BadUserInput
from schema.limits import arguments
from schema.limits.response_budget import REPORT
from schema.resolvers.access import REPORTS_CONTENT
from schema.resolvers.context import Context
from schema.resolvers.relay import cursors, node_ids
from schema.resolvers.relay.connections import Edge, PageInfo
from schema.resolvers.relay.node_lists import NodeList
from upstreams.rde.client import Report, ReportFormat, ReportStatus, ReportType, SortKey

if TYPE_CHECKING:
    from schema.resolvers.reports.contents import FileContents, ReportPreview, ReportRows

KIND = "Report"
"""The type's name, in its global ids."""
OF_REPORTS = frozenset(dir(Report))
"""Attributes of a node that its report has as well."""


def _of_report(name: str) -> Any:  # noqa: ANN401 - each has the type that the report declares
    """A property that reads an attribute of the node's report, without a Python call: a page has many."""
    return property(attrgetter(f"report.{name}"))


class ReportNode:
    """One report, as the schema declares it. `file_known`: `archived` is its file, or None as it has none."""

    __slots__ = ("_archived", "_context", "_file_known", "_shared", "report")

    name = _of_report("name")
    customization_name = _of_report("customization_name")
    status = _of_report("status")
    type = _of_report("type")
    raw_format = _of_report("raw_format")
    format = _of_report("format")
    creation_date = _of_report("creation_date")
    start_date = _of_report("start_date")
    end_date = _of_report("end_date")
    report_id = _of_report("report_id")
    download_url = _of_report("download_url")
    download_url_expires_at = _of_report("download_url_expires_at")
    sort_key = _of_report("sort_key")
    graphql_type = KIND
    """The type behind the interface `Node`."""

    def __init__(
        self,
        context: Context,
        report: Report,
        archived: ArchivedReport | None = None,
        *,
        file_known: bool = True,
        shared: "SharedContents | None" = None,
    ) -> None:
        self.report = report
        self._shared = shared or SharedContents(context)
        self._archived = archived
        self._file_known = file_known
        self._context = context

    def __repr__(self) -> str:
        """Which one it is, without its link."""
        return f"ReportNode({self.report.name!r})"

    @property
    def id(self) -> str:
        """The report's global id; `report_node` reads it."""
        return node_ids.encode(KIND, *ReportId.of(self.report))

    async def archive_url(self, expires_in: int | None = None) -> str | None:
        """A read-only link to the archived file that expires after some seconds; None until the file is archived."""
        seconds = arguments.link_seconds(expires_in)
        archived = await self._file()
        if archived is None:
            return None
        self._context.repeatable = False  # each link expires at a time of its own
        link = await self._context.ledger.catalogue.link(self._context.tenant, archived, seconds)
        self._context.budget.take(len(link), 1)
        return link

    async def bytes(self) -> str | None:
        """The size of the archived file; None until it has been opened."""
        file = await self._shared.files.opened(await self._key())
        return str(file.bytes) if file else None

    async def sha256(self) -> str | None:
        """The SHA-256 of the archived file; None until it has been opened."""
        file = await self._shared.files.opened(await self._key())
        return file.sha256 if file else None

    async def duplicate_of(self) -> str | None:
        """The global id of the first report whose file has the same bytes; None if this one is it."""
        first = await self._shared.files.duplicate_of(await self._key())
        return node_ids.encode(KIND, *first) if first else None

    async def preview(self, sheet: str | None = None, first: int | None = None) -> "ReportPreview":
        """A sheet's columns and first rows, or why there are none."""
        self._context.identity.demand(REPORTS_CONTENT)
        return await self._shared.files.preview(await self._key(), sheet, first)

    async def rows(
        self,
        sheet: str | None = None,
        where: Sequence[Mapping[str, Any]] | None = None,
        first: int | None = None,
        after: str | None = None,
    ) -> "ReportRows | None":
        """A page of a sheet's rows; None until the file has been opened."""
        self._context.identity.demand(REPORTS_CONTENT)
        return await self._shared.files.rows(await self._key(), sheet, where, first, after)

    async def _key(self) -> ReportKey | None:
        archived = await self._file()
        return archived.key if archived else None

    async def _file(self) -> ArchivedReport | None:
        """The archived file, looked for once."""
        if not self._file_known:
            found = await self._context.ledger.catalogue.with_file(self._context.tenant, self.report)
            self._archived, self._file_known = found.archived, True
        return self._archived


class SharedContents:
    """What the reports of one page share: their files' contents, loaded when one of them is asked for."""

    def __init__(self, context: Context) -> None:
        self._context = context

    @cached_property
    def files(self) -> "FileContents":
        """What is inside the files."""
        from schema.resolvers.reports.contents import FileContents

        return FileContents(self._context)


class ReportNodes(NodeList[ReportNode]):
    """The reports of a page."""

    def __init__(self, context: Context, rows: Sequence[ReportWithFile]) -> None:
        self._context = context
        self._rows = rows
        self._shared = SharedContents(context)
        self.reports = [row.report for row in rows]

    def __len__(self) -> int:
        return len(self._rows)

    @overload
    def __getitem__(self, index: int) -> ReportNode: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[ReportNode]: ...
    def __getitem__(self, index: int | slice) -> ReportNode | Sequence[ReportNode]:
        if isinstance(index, slice):
            return ReportNodes(self._context, self._rows[index])
        return self._node(self._rows[index])

    def __iter__(self) -> Iterator[ReportNode]:
        return map(self._node, self._rows)

    def plain(self, attributes: Collection[str]) -> Sequence[object]:
        """The reports, if nothing of their nodes alone is wanted."""
        return self.reports if OF_REPORTS.issuperset(attributes) else list(self)

    def _node(self, row: ReportWithFile) -> ReportNode:
        return ReportNode(self._context, row.report, row.archived, shared=self._shared)


@dataclass(frozen=True, slots=True)
class ReportPage:
    """Reports, newest first; cursors are made when they are selected."""

    nodes: ReportNodes
    binding: tuple[str, ...]
    has_previous: bool
    has_next: bool
    total_count: int
    unreadable: int
    freshness: Freshness

    def edges(self) -> list[Edge[ReportNode]]:
        """The page's reports with their cursors."""
        return [Edge(self._cursor(node), node) for node in self.nodes]

    def page_info(self) -> PageInfo:
        """Where the page lies in the listing."""
        return PageInfo(
            has_next_page=self.has_next,
            end_cursor=self._cursor(self.nodes[-1]) if self.nodes else None,
            has_previous_page=self.has_previous,
            start_cursor=self._cursor(self.nodes[0]) if self.nodes else None,
        )

    def _cursor(self, node: ReportNode) -> str:
        moment, *texts = node.sort_key
        return cursors.encode(self.binding, (rfc3339(moment), *texts))


async def reports(
    context: Context,
    from_: date,
    to: date,
    format: str | None = None,
    first: int | None = None,
    after: str | None = None,
    name: str | None = None,
    status: Sequence[str] | None = None,
    type: Sequence[str] | None = None,
) -> ReportPage:
    """A page of the reports of a period of days; both days count."""
    first_day, last_day = arguments.days(from_, to)
    size = arguments.first(first, arguments.LARGEST_PAGE)
    wanted = ReportFilter(
        ReportFormat[format] if format else None,
        name or "",
        None if status is None else frozenset(ReportStatus[each] for each in status),
        None if type is None else frozenset(ReportType[each] for each in type),
    )
    binding = _binding(context.tenant, wanted)
    position = _position(binding, after)
    listing = await context.ledger.catalogue.listing(context.tenant, first_day, last_day, wanted, context.deadline)
    context.private = True
    context.used(listing.freshness)
    page = _page(context, listing, binding, size, position)
    context.budget.take(len(page.nodes), REPORT)
    context.budget.take(_text_bytes(page.nodes.reports), 1)
    return page


async def report_node(context: Context, parts: Sequence[str | None]) -> ReportNode | None:
    """The report of a global id; None if there is none any more.

    Raises:
        BadUserInput: the parts are not those of a report's id.
    """
    try:
        wanted = ReportId.from_parts(parts)
    except ValueError:
        raise BadUserInput(node_ids.NOT_VALID) from None
    context.private, context.repeatable = True, False
    if wanted.report_id and (found := await context.ledger.scheduled.get(context.tenant, wanted, context.deadline)):
        context.used(found.freshness)
        return ReportNode(context, found.report, file_known=False)
    row = await context.ledger.catalogue.find(context.tenant, wanted, context.deadline)
    return ReportNode(context, row.report, row.archived) if row else None


def _binding(tenant: str, wanted: ReportFilter) -> tuple[str, ...]:
    """What a cursor is bound to."""
    chosen = ("*" if each is None else ",".join(sorted(each)) for each in (wanted.statuses, wanted.types))
    return ("reports", tenant, wanted.format.name if wanted.format else "", wanted.name.casefold(), *chosen)


def _position(binding: tuple[str, ...], after: str | None) -> SortKey | None:
    if after is None:
        return None
    try:
        moment, name, raw_format, report_id = cursors.decode(binding, after)
        return cursors.instant(moment), name, raw_format, report_id
    except ValueError:
        raise BadUserInput(cursors.NOT_VALID) from None


def _page(
    context: Context, listing: CatalogueListing, binding: tuple[str, ...], size: int, position: SortKey | None
) -> ReportPage:
    everything = listing.reports
    beyond = [each for each in everything if each.report.sort_key < position] if position else everything
    return ReportPage(
        ReportNodes(context, beyond[:size]),
        binding,
        has_previous=len(beyond) < len(everything),
        has_next=len(beyond) > size,
        total_count=len(everything),
        unreadable=listing.unreadable,
        freshness=listing.freshness,
    )


def _text_bytes(reports: Sequence[Report]) -> int:
    """Bytes of the texts whose length the vendor decides."""
    return sum([len(each.download_url or "") + len(each.name) + len(each.customization_name or "") for each in reports])

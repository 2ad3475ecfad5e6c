"""A sentence instead of a file is an empty answer only if it is understood: days are settled on it."""

import datetime as dt

import pytest

from runtime.deadline import Deadline
from tests.support.vendors.log_file import HEADER, LINE
from tests.support.vendors.scripted_vendor import ScriptedAnswer, ScriptedVendor, in_turn
from upstreams.errors import UpstreamBadResponse
from upstreams.openmarket.client import CsvAnswer, OpenMarket
from upstreams.openmarket.csv import read_log, read_outcome
from upstreams.secrets import SecretStore

START = dt.datetime(2013, 9, 15, 13, 57, tzinfo=dt.UTC)
END = dt.datetime(2013, 10, 15, 13, 57, tzinfo=dt.UTC)
PLAIN = "text/plain; charset=utf-8"
SENTENCES = [
    "No data found for the requested period",
    "No data found.",
    "no data",
    "NO DATA AVAILABLE",
    "No records found!",
    "No credits found for the specified date range",
    "No matching records were found",
    "No results returned for your search criteria.",
    "0 records found",
    "There are no credits in this period.",
    "There is no data to display",
    "Nothing to report",
    "Nothing found",
    "Data not found for the selected period",
    "Your search returned no results",
    "The query returned 0 rows.",
    "The requested period has no data",
    "No crediting data found",
    "No credits in this period",
    "No credits were found",
    "Sorry, no data".replace(",", ""),
    "No transactions exist for this account between 2013-09-15 and 2013-09-20",
    "No data found from 2013-09-15T13:57:00Z to 2013-10-15T13:57:00Z",
    '"No data found"',
    "  No  data   found \r\n",
]
OTHERS = [
    "Internal error",
    "Internal Server Error",
    "Service unavailable",
    "OK",
    "Not Found",
    "No such brand",
    "No credits",
    "No credits available",
    "Your account has no credits",
    "No credits available for this account",
    "No report found",
    "Query returned no error",
    "No such account",
    "No connection",
    "No permission to read data",
    "No data could be read",
    "No data: internal error",
    "No data, try again later",
    "No data available due to maintenance",
    "No data source configured",
    "Error: no data found",
    "Account not found",
    "Brand not found",
    "Unknown brand",
    "Request timed out",
    "No data found\nNo data found",
    "No data found\nInternal error",
    '{"error": "no data found"}',
    "<html>No data found</html>",
    "No data found " + "for the requested period " * 20,
    "1 record found",
    "10 records",
    "no",
    "0",
    "data",
]


@pytest.mark.parametrize("sentence", SENTENCES)
def test_a_usual_sentence_in_plain_text_means_no_rows(sentence: str) -> None:
    assert read_log(sentence.encode(), PLAIN) == []
    assert read_outcome(sentence.encode("utf-16"), "text/plain") == []


@pytest.mark.parametrize("content_type", [None, "text/csv", "text/html", "application/json", "text/plainer"])
def test_a_usual_sentence_of_another_type_is_not_an_answer(content_type: str | None) -> None:
    with pytest.raises(UpstreamBadResponse):
        read_log(b"No data found", content_type)


@pytest.mark.parametrize("sentence", OTHERS)
def test_any_other_sentence_is_not_an_answer(sentence: str) -> None:
    with pytest.raises(UpstreamBadResponse):
        read_log(sentence.encode(), PLAIN)


@pytest.mark.parametrize("content_type", [None, "text/csv", PLAIN, "text/html"])
@pytest.mark.parametrize(
    ("setting", "answer"),
    [
        ("Keine Daten, leider", "keine  Daten, leider.\r\n"),
        ("Nothing for you today", "NOTHING FOR YOU TODAY"),
        ("No credits for * until *", "No credits for MyBrand until 2013-09-20, sorry"),
    ],
)
def test_the_vendors_own_sentence_means_no_rows(setting: str, answer: str, content_type: str | None) -> None:
    assert read_log(answer.encode(), content_type, setting) == []
    assert read_log(HEADER.encode() + answer.encode(), content_type, setting) == []
    assert read_outcome(answer.encode(), content_type, setting) == []


@pytest.mark.parametrize("setting", ["", " ", "*", "Keine Daten"])
@pytest.mark.parametrize("answer", ["Internal error", "Keine Daten\nInternal error", "Keine Daten: Fehler", "<html>"])
def test_nothing_else_is(setting: str, answer: str) -> None:
    with pytest.raises(UpstreamBadResponse):
        read_log(answer.encode(), PLAIN, setting)


@pytest.mark.parametrize("sentence", ["No data found", '"No data found"', "No data found,,,,,,", "Keine Daten"])
def test_a_sentence_below_or_above_the_header_means_no_rows(sentence: str) -> None:
    assert read_log(f"{HEADER}{sentence}\r\n".encode(), "text/csv", "Keine Daten") == []
    assert read_log(f"{sentence}\r\n{HEADER}".encode(), "text/csv", "Keine Daten") == []


def test_a_sentence_beside_rows_contradicts_them() -> None:
    for text in (f"{HEADER}{LINE}No data found\r\n", f"No data found\r\n{HEADER}{LINE}"):
        with pytest.raises(UpstreamBadResponse, match="another number of rows"):
            read_log(text.encode(), PLAIN)


async def log_of(answer: ScriptedAnswer, secrets: SecretStore, tenant: str, no_data: str = "") -> list[object]:
    async with ScriptedVendor(in_turn(answer)) as vendor:
        api = OpenMarket(base_url=vendor.base_url, upstream_seconds=5, secrets=secrets, no_data=no_data)
        outcome = await api.outcome(tenant, START, END, None, Deadline.after(5))
        log = await api.log(tenant, START, END, None, Deadline.after(5))
    assert isinstance(log, CsvAnswer)
    return [*log.rows, *outcome.rows]


@pytest.mark.anyio
@pytest.mark.parametrize("status", [200, 404])
@pytest.mark.parametrize(
    ("sentence", "content_type", "setting"),
    [("No data found for the requested period", "text/plain", ""), ("Keine Daten", "text/html", "Keine Daten")],
)
async def test_a_quiet_period_may_be_a_404_with_the_sentence(
    secrets: SecretStore, tenant: str, status: int, sentence: str, content_type: str, setting: str
) -> None:
    answer = ScriptedAnswer(status, sentence.encode(), {"Content-Type": content_type})
    assert await log_of(answer, secrets, tenant, setting) == []


@pytest.mark.anyio
@pytest.mark.parametrize(
    "answer",
    [
        ScriptedAnswer(404),
        ScriptedAnswer(404, b"Not Found", {"Content-Type": "text/plain"}),
        ScriptedAnswer(404, b'{"error": "no data found"}', {"Content-Type": "application/json"}),
        ScriptedAnswer(404, (HEADER + LINE).encode(), {"Content-Type": "text/csv"}),
        ScriptedAnswer(400, b"No data found", {"Content-Type": "text/plain"}),
        ScriptedAnswer(202, b"No data found", {"Content-Type": "text/plain"}),
        ScriptedAnswer(410, b"No data found", {"Content-Type": "text/plain"}),
    ],
    ids=str,
)
async def test_no_other_failure_is_a_quiet_period(answer: ScriptedAnswer, secrets: SecretStore, tenant: str) -> None:
    with pytest.raises(UpstreamBadResponse):
        await log_of(answer, secrets, tenant)

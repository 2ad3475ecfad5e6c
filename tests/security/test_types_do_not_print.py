"""Whatever holds a secret, a link, a token or a phone number prints itself without it."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from ledger.answers.answers import CachedAnswer
from ledger.answers.freshness import Source
from ledger.days.rows import Credit, Rows
from ledger.exports.exports import Link
from ledger.figures.filters import CreditFilter
from ledger.storage.store import StoredObject
from runtime.deadline import Deadline
from schema.execution.messages import Params
from schema.http.requests import Request, Response
from upstreams.http import Call
from upstreams.openmarket.client import CreditState, LogRow
from upstreams.rde.client import Report, ScheduleRequest
from upstreams.rde.token import Token
from upstreams.secrets import OpenMarketSecret, PasswordGrant, RdeSecret

PLANTED = "pLaNtEd-447700900001"
NOW = datetime(2019, 11, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    "holder",
    [
        RdeSecret(PLANTED, PLANTED, PLANTED, PLANTED, PasswordGrant(PLANTED, PLANTED, PLANTED)),
        PasswordGrant(PLANTED, PLANTED, PLANTED),
        OpenMarketSecret(PLANTED, PLANTED),
        Token(PLANTED, PLANTED, 1.0),
        Call("log", PLANTED, lambda _: None, "POST", PLANTED.encode()),  # type: ignore[arg-type,return-value]
        Report(name="r", creation_date=NOW, download_url=PLANTED),
        ScheduleRequest(name="r", start_date=NOW, download_url=PLANTED),
        LogRow(1, NOW, PLANTED, "O2", "SUCCESS", "1.5", "GBP"),
        Credit(1, NOW, PLANTED, "O2", CreditState.SUCCESS, "SUCCESS", "1.5", "GBP"),
        Rows([PLANTED] * 8),
        CreditFilter(msisdn=PLANTED, min_amount=Decimal(1)),
        CachedAnswer([PLANTED], NOW, Source.CACHE),
        StoredObject(PLANTED.encode(), "", {}),
        Link(PLANTED, NOW),
        Params(PLANTED, None, {"msisdn": PLANTED}),
        Request("GET", "/", PLANTED, {"authorization": PLANTED}, PLANTED.encode(), {"sub": PLANTED}, "1", Deadline(1)),
        Response(200, PLANTED.encode()),
    ],
    ids=lambda holder: type(holder).__name__,
)
def test_it_prints_without(holder: object) -> None:
    for printed in (repr(holder), str(holder), f"{holder}", f"{[holder]}"):
        assert "pLaNtEd" not in printed
        assert type(holder).__name__ in printed

"""Everything that is logged or returned, in every failure we know how to cause, is searched for what was planted."""

import contextlib
import logging
from collections.abc import Iterator

import pytest

from local.aws import Aws
from local.vendors.openmarket import OpenMarketSimulator
from local.vendors.rde import RdeSimulator
from local.vendors.simulator import (
    Fault,
    answering_html,
    cut_off,
    failing,
    hanging_up,
    shortened,
    without_column,
)
from runtime.logs import JsonLines, Stdout
from tests.support.api.frontend import EVERY_SCOPE, Frontend, StartFrontend

INSTANTS = 'from: "2019-11-01T00:00:00Z", to: "2019-11-02T00:00:00Z"'
EVERYTHING = (
    '{ reports(from: "2019-11-05", to: "2019-12-03") { nodes { name archiveUrl } }'
    f" creditLog({INSTANTS}) {{ nodes {{ msisdn network }} summary(by: [NETWORK]) {{ count }} }}"
    f" creditOutcome({INSTANTS}) {{ rows {{ brand }} }} }}"
)
SCHEDULE = (
    'mutation { scheduleReport(input: {name: "r", format: JSON, startDate: "2019-11-01T00:00:00Z",'
    ' endDate: "2019-11-02T00:00:00Z", idempotencyKey: "k"}) { report { name } } }'
)
EXPORT = f"mutation {{ exportCreditLog(input: {{{INSTANTS}}}) {{ status }} }}"
SLIPS = (
    f"{{ creditLog({INSTANTS}, where: {{msisdn: 447700900001}}) {{ totalCount }} }}",
    f'{{ creditLog({INSTANTS}, after: "447700900001") {{ totalCount }} }}',
    '{ creditLogExport(id: "https://h/f.csv?sig=pLaNtEdSiGnAtUrE") { url } }',
    "query Q447700900001 { nothing447700900001 }",
    "{ 447700900001",
)
FAULTS: dict[str, Fault] = {
    "500": failing(500),
    "400": failing(400),
    "401": failing(401),
    "403": failing(403),
    "429": failing(429, 600),
    "HTML": answering_html(),
    "cut off": cut_off(),
    "short": shortened(0.9),
    "hanging up": hanging_up(),
}
WITHOUT_MSISDN = EVERY_SCOPE.replace("credits:msisdn", "")


class Everything:
    """All that came out so far."""

    def __init__(self, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture) -> None:
        self._capsys = capsys
        self._caplog = caplog
        self._seen: list[str] = []

    def add(self, text: str) -> None:
        self._seen.append(text)

    @property
    def text(self) -> str:
        out, err = self._capsys.readouterr()
        self._seen += [out, err]
        # What our own code logs is free of secrets even before redaction.
        self._seen += [
            record.getMessage() for record in self._caplog.records if record.name.startswith(("tally", "upstreams"))
        ]
        return "\n".join(self._seen)


@pytest.fixture
def everything(capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture) -> Iterator[Everything]:
    """Logging as the functions set it up, at its most talkative."""
    root, handler = logging.getLogger(), Stdout()
    handler.setFormatter(JsonLines())
    root.addHandler(handler)
    caplog.set_level(logging.DEBUG)
    yield Everything(capsys, caplog)
    root.removeHandler(handler)


def planted(rde: RdeSimulator, openmarket: OpenMarketSimulator) -> list[str]:
    account, password = next(iter(openmarket.accounts.items()))
    own = [rde.account[name] for name in ("username", "password", "subscriptionKey")]
    authorizations = {seen.headers.get("authorization", "").partition(" ")[2] for seen in rde.requests}
    authorizations |= {seen.headers.get("authorization", "").partition(" ")[2] for seen in openmarket.requests}
    return [*own, account, password, "44770090", "sig=", "pLaNtEdSiGnAtUrE", *filter(None, authorizations)]


def run(frontend: Frontend, everything: Everything, *more: str) -> list[str]:
    codes = []
    for query in (EVERYTHING, SCHEDULE, *SLIPS, *more):
        reply = frontend.ask(query, scope=WITHOUT_MSISDN, seconds=4)
        everything.add(reply.answer.body.decode())
        everything.add(str(reply.answer.headers))
        codes += reply.codes
    return codes


def search(everything: Everything, rde: RdeSimulator, openmarket: OpenMarketSimulator) -> None:
    text = everything.text
    assert len(text) > 1000
    for secret in planted(rde, openmarket):
        assert secret not in text, (
            f"{secret} came out: …{text[max(0, text.find(secret) - 200) : text.find(secret) + 60]}…"
        )


@pytest.mark.parametrize("fault", [None, *FAULTS])
def test_nothing_planted_comes_out(
    fault: str | None,
    frontend: Frontend,
    everything: Everything,
    rde_simulator: RdeSimulator,
    openmarket_simulator: OpenMarketSimulator,
) -> None:
    if fault is not None:
        rde_simulator.misbehave(FAULTS[fault], times=None)
        openmarket_simulator.misbehave(FAULTS[fault], times=None)
    # An export's own tries take long; two outcomes of it are enough.
    exporting = [EXPORT] if fault in {None, "401"} else []
    codes = run(frontend, everything, *exporting)
    assert fault is None or any(code.startswith("UPSTREAM") for code in codes)
    assert "INTERNAL_SERVER_ERROR" not in codes
    search(everything, rde_simulator, openmarket_simulator)


def test_nothing_comes_out_of_an_answer_that_lacks_a_column(
    frontend: Frontend, everything: Everything, rde_simulator: RdeSimulator, openmarket_simulator: OpenMarketSimulator
) -> None:
    openmarket_simulator.misbehave(without_column("Outcome"), times=None, path="/csv/log")
    assert "UPSTREAM_BAD_RESPONSE" in run(frontend, everything)
    search(everything, rde_simulator, openmarket_simulator)


def test_nothing_comes_out_without_s3_or_secrets(
    start: StartFrontend, everything: Everything, rde_simulator: RdeSimulator, openmarket_simulator: OpenMarketSimulator
) -> None:
    run(start(LEDGER_BUCKET="there-is-no-such-bucket"), everything)
    codes = run(start(SECRET_PREFIX="nobody-s"), everything)
    assert "UPSTREAM_UNAUTHORIZED" in codes
    search(everything, rde_simulator, openmarket_simulator)


@pytest.mark.parametrize("share", [0.0, 0.5])
def test_nothing_comes_out_of_stored_objects_that_are_broken(
    share: float,
    start: StartFrontend,
    everything: Everything,
    vendors: tuple[RdeSimulator, OpenMarketSimulator],
    aws: Aws,
    bucket: str,
) -> None:
    run(start(), everything)
    s3 = aws.client("s3")
    for item in s3.list_objects_v2(Bucket=bucket)["Contents"]:
        with contextlib.suppress(s3.exceptions.NoSuchKey):  # a lease comes and goes
            body = s3.get_object(Bucket=bucket, Key=item["Key"])["Body"].read()
            s3.put_object(Bucket=bucket, Key=item["Key"], Body=body[: int(len(body) * share)])
    assert "INTERNAL_SERVER_ERROR" not in run(start(), everything)
    search(everything, *vendors)


@pytest.fixture
def vendors(
    rde_simulator: RdeSimulator, openmarket_simulator: OpenMarketSimulator
) -> tuple[RdeSimulator, OpenMarketSimulator]:
    return rde_simulator, openmarket_simulator

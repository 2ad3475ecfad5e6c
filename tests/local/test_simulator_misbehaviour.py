"""A simulated vendor misbehaves on demand, and keeps a log of what it was asked."""

import time
from dataclasses import replace

import httpx
import pytest

from local.vendors.openmarket import OpenMarketSimulator
from local.vendors.rde import RdeSimulator
from local.vendors.simulator import Fault, answering_html, cut_off, failing, hanging_up, shortened, without_column
from tests.support.vendors.simulator_client import credit_report, signed_in

PERIOD = ("2024-06-10 00:00:00 UTC", "2024-06-10 01:00:00 UTC")
SCHEDULE = {
    "name": "x",
    "format": "json",
    "startDate": "2019-11-07T17:02:59.000Z",
    "endDate": "2019-12-07T17:02:59.000Z",
}


def test_the_next_calls_fail_with_a_status_and_then_no_more(openmarket_simulator: OpenMarketSimulator) -> None:
    openmarket_simulator.misbehave(failing(429, retry_after=7), times=2)
    answers = [credit_report(openmarket_simulator, "log", *PERIOD) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [429, 429, 200]
    assert answers[0].headers["retry-after"] == "7"


def test_a_fault_can_be_meant_for_one_path(openmarket_simulator: OpenMarketSimulator) -> None:
    openmarket_simulator.misbehave(failing(503), times=None, path="/csv/outcome")
    assert credit_report(openmarket_simulator, "log", *PERIOD).status_code == 200
    assert credit_report(openmarket_simulator, "outcome", *PERIOD).status_code == 503
    openmarket_simulator.behave()
    assert credit_report(openmarket_simulator, "outcome", *PERIOD).status_code == 200


def test_html_comes_with_status_200(openmarket_simulator: OpenMarketSimulator) -> None:
    openmarket_simulator.misbehave(answering_html())
    answer = credit_report(openmarket_simulator, "log", *PERIOD)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html")


@pytest.mark.parametrize("fault", [cut_off(), cut_off(0), hanging_up()])
def test_a_connection_breaks_before_the_answer_is_whole(
    openmarket_simulator: OpenMarketSimulator, fault: Fault
) -> None:
    openmarket_simulator.misbehave(fault)
    with pytest.raises(httpx.RemoteProtocolError):
        credit_report(openmarket_simulator, "log", *PERIOD)
    assert credit_report(openmarket_simulator, "log", *PERIOD).status_code == 200


def test_an_answer_can_be_short_without_a_sign(openmarket_simulator: OpenMarketSimulator) -> None:
    whole = credit_report(openmarket_simulator, "log", *PERIOD).content
    openmarket_simulator.misbehave(shortened(0.5))
    assert credit_report(openmarket_simulator, "log", *PERIOD).content == whole[: len(whole) // 2]


def test_a_column_can_be_missing(openmarket_simulator: OpenMarketSimulator) -> None:
    openmarket_simulator.misbehave(without_column("Outcome"))
    assert (
        credit_report(openmarket_simulator, "log", *PERIOD).text
        == "Credit ID,Time (UTC),MSISDN,Network,Amount,Currency\r\n"
    )


def test_a_test_can_write_a_fault_of_its_own(openmarket_simulator: OpenMarketSimulator) -> None:
    openmarket_simulator.misbehave(Fault(lambda due: replace(due, body=b"\xef\xbb\xbf" + due.body)))
    assert credit_report(openmarket_simulator, "log", *PERIOD).content.startswith(b"\xef\xbb\xbfCredit ID")


def test_latency_delays_every_answer(openmarket_simulator: OpenMarketSimulator) -> None:
    openmarket_simulator.latency = 0.2
    began = time.monotonic()
    credit_report(openmarket_simulator, "log", *PERIOD)
    assert time.monotonic() - began >= 0.2


def test_a_failure_rate_fails_its_share_of_calls(openmarket_simulator: OpenMarketSimulator) -> None:
    openmarket_simulator.failure_rate = 0.5
    statuses = [credit_report(openmarket_simulator, "log", *PERIOD).status_code for _ in range(20)]
    assert set(statuses) == {200, 503}


def test_a_refused_call_does_nothing_and_a_broken_connection_may_have_done_it(rde_simulator: RdeSimulator) -> None:
    with signed_in(rde_simulator) as client:
        rde_simulator.misbehave(failing(503), path="/reports")
        client.post(f"{rde_simulator.base_url}/reports", json=SCHEDULE)
        assert rde_simulator.schedules == []
        rde_simulator.misbehave(hanging_up(), path="/reports")
        with pytest.raises(httpx.RemoteProtocolError):
            client.post(f"{rde_simulator.base_url}/reports", json=SCHEDULE)
        assert len(rde_simulator.schedules) == 1


def test_requests_are_counted_and_kept(rde_simulator: RdeSimulator) -> None:
    with signed_in(rde_simulator) as client:
        client.get(f"{rde_simulator.base_url}/reports?from=2019-11-05&to=2019-12-03")
        client.post(f"{rde_simulator.base_url}/reports", json=SCHEDULE)
    assert rde_simulator.count("/token") == 1
    assert rde_simulator.count("/reports") == 2
    assert rde_simulator.count("/reports", "POST") == 1
    assert [(seen.method, seen.path, seen.query_string) for seen in rde_simulator.requests][1] == (
        "GET",
        "/marketplace/eu/reports",
        "from=2019-11-05&to=2019-12-03",
    )


def test_a_stopped_vendor_refuses_connections() -> None:
    with OpenMarketSimulator() as vendor:
        url = vendor.base_url
    with pytest.raises(httpx.ConnectError):
        httpx.get(url)

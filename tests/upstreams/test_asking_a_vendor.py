import asyncio
import datetime as dt
import email.utils
import gzip
import logging
import socket
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import TYPE_CHECKING

import pytest

from runtime import telemetry
from runtime.deadline import Deadline
from runtime.telemetry import Telemetry
from tests.support.vendors.scripted_vendor import ScriptedAnswer, ScriptedVendor, Seen, in_turn
from upstreams.errors import (
    UpstreamBadResponse,
    UpstreamError,
    UpstreamTimeout,
    UpstreamUnauthorized,
    UpstreamUnavailable,
)
from upstreams.failures import retry_after
from upstreams.http import Call, VendorAnswer, VendorClient, full_jitter

if TYPE_CHECKING:
    import httpx

pytestmark = [pytest.mark.anyio, pytest.mark.slow]  # most of it waits

type Ask = Callable[[VendorClient, Call, Deadline], Awaitable[VendorAnswer]]

BOMB = ScriptedAnswer(body=gzip.compress(b"x" * 1001, mtime=0), headers={"Content-Encoding": "gzip"})


async def nothing_to_add(request: "httpx.Request") -> AsyncGenerator["httpx.Request", "httpx.Response"]:
    yield request


def call(vendor: ScriptedVendor) -> Call:
    return Call("log", f"{vendor.base_url}/csv/log?msisdn=447700900001", nothing_to_add)


def caller(seconds: float = 5, max_bytes: int = 1000) -> VendorClient:
    return VendorClient("openmarket", seconds, max_bytes=max_bytes)


async def test_a_moment_of_trouble_is_waited_out_and_every_try_is_recorded() -> None:
    seen = Telemetry()
    telemetry.current.set(seen)
    async with ScriptedVendor(
        in_turn(ScriptedAnswer(503), ScriptedAnswer(502), ScriptedAnswer(body=b"fine"))
    ) as vendor:
        assert (await caller().get(call(vendor), Deadline.after(5))).body == b"fine"
    assert [(each.upstream, each.operation, each.status) for each in seen.upstream_calls] == [
        ("openmarket", "log", 503),
        ("openmarket", "log", 502),
        ("openmarket", "log", 200),
    ]


@pytest.mark.parametrize(
    ("answer", "error", "tries"),
    [
        (ScriptedAnswer(502), UpstreamUnavailable, 3),
        (ScriptedAnswer(503), UpstreamUnavailable, 3),
        (ScriptedAnswer(504), UpstreamUnavailable, 3),
        (ScriptedAnswer(500), UpstreamUnavailable, 1),
        (ScriptedAnswer(429), UpstreamUnavailable, 1),
        (ScriptedAnswer(429, headers={"Retry-After": "0"}), UpstreamUnavailable, 3),
        (ScriptedAnswer(429, headers={"Retry-After": "3600"}), UpstreamUnavailable, 1),
        (ScriptedAnswer(503, headers={"Retry-After": "3600"}), UpstreamUnavailable, 1),
        (ScriptedAnswer(401), UpstreamUnauthorized, 1),
        (ScriptedAnswer(403), UpstreamUnauthorized, 1),
        (ScriptedAnswer(400), UpstreamBadResponse, 1),
        (ScriptedAnswer(404), UpstreamBadResponse, 1),
        (ScriptedAnswer(202), UpstreamBadResponse, 1),
        (ScriptedAnswer(body=b"cut off here", declared=100), UpstreamUnavailable, 3),
        (ScriptedAnswer(hang_up=True), UpstreamUnavailable, 3),
        (ScriptedAnswer(body=b"x" * 1001), UpstreamBadResponse, 1),
        (
            ScriptedAnswer(body=gzip.compress(b"x" * 1001, mtime=0), headers={"Content-Encoding": "gzip"}),
            UpstreamBadResponse,
            1,
        ),
        (ScriptedAnswer(body=b"not gzip", headers={"Content-Encoding": "gzip"}), UpstreamBadResponse, 1),
        (ScriptedAnswer(body=b"", headers={"Content-Encoding": "gzip, gzip"}), UpstreamBadResponse, 1),
    ],
    ids=str,
)
async def test_every_kind_of_failure_has_its_error_and_its_number_of_tries(
    answer: ScriptedAnswer, error: type[UpstreamError], tries: int
) -> None:
    async with ScriptedVendor(in_turn(answer)) as vendor:
        with pytest.raises(error) as caught:
            await caller().get(call(vendor), Deadline.after(5))
    assert len(vendor.seen) == tries
    assert "4477" not in str(caught.value)
    assert not caught.value.sent


async def test_a_vendor_where_nothing_listens_is_unavailable() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}/csv/log"
        with pytest.raises(UpstreamUnavailable, match="could not be reached"):
            await caller().get(Call("log", url, nothing_to_add), Deadline.after(5))


async def test_retry_after_is_honoured() -> None:
    began = time.monotonic()
    async with ScriptedVendor(
        in_turn(ScriptedAnswer(429, headers={"Retry-After": "1"}), ScriptedAnswer(body=b"fine"))
    ) as vendor:
        assert (await caller().get(call(vendor), Deadline.after(5))).body == b"fine"
    assert time.monotonic() - began >= 1


def test_retry_after_takes_seconds_and_http_dates() -> None:
    soon = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=100)
    in_seconds = retry_after(email.utils.format_datetime(soon, usegmt=True))
    assert in_seconds is not None
    assert 98 < in_seconds <= 100
    assert retry_after("Wed, 21 Oct 2015 07:28:00 GMT") == 0
    assert retry_after("Wed, 21 Oct 2015 07:28:00 -0000") == 0
    assert retry_after("7") == 7
    assert retry_after("soon") is None
    assert retry_after("Mon, 01 Jan 99999999999999999999 00:00:00 GMT") is None
    assert retry_after("9" * 400) is None
    assert retry_after(None) is None


def test_pauses_differ_and_stay_below_a_doubling_bound() -> None:
    first, second = zip(*(full_jitter(2) for _ in range(200)), strict=True)
    assert 0 <= min(first) < max(first) <= 0.2
    assert 0.2 < max(second) <= 0.4
    assert len(set(first)) > 100


@pytest.mark.parametrize("slow", [ScriptedAnswer(seconds_before=30), ScriptedAnswer(body=b"a body", seconds_within=30)])
@pytest.mark.parametrize(("seconds", "left"), [(0.2, 30), (30, 0.2)])
async def test_a_slow_answer_is_left_when_its_time_or_the_invocations_is_over(
    slow: ScriptedAnswer, seconds: float, left: float
) -> None:
    began = time.monotonic()
    async with ScriptedVendor(in_turn(slow)) as vendor:
        with pytest.raises(UpstreamTimeout):
            await caller(seconds).get(call(vendor), Deadline.after(left))
    assert time.monotonic() - began < 5
    assert len(vendor.seen) == 1


async def test_a_redirect_is_not_followed() -> None:
    async with ScriptedVendor(in_turn(ScriptedAnswer(body=b"stolen"))) as elsewhere:
        away = ScriptedAnswer(302, headers={"Location": f"{elsewhere.base_url}/"})
        async with ScriptedVendor(in_turn(away)) as vendor:
            with pytest.raises(UpstreamBadResponse):
                await caller().get(call(vendor), Deadline.after(5))
    assert elsewhere.seen == []


async def test_a_session_cookie_never_travels_with_another_call() -> None:
    async with ScriptedVendor(in_turn(ScriptedAnswer(body=b"fine", headers={"Set-Cookie": "session=acme"}))) as vendor:
        asking = caller()
        await asking.get(call(vendor), Deadline.after(5))
        await asking.get(call(vendor), Deadline.after(5))
    assert [seen.headers.get("cookie") for seen in vendor.seen] == [None, None]


async def test_no_more_than_four_calls_run_at_once() -> None:
    async with ScriptedVendor(in_turn(ScriptedAnswer(body=b"fine", seconds_before=0.05))) as vendor:
        asking = caller()
        await asyncio.gather(*(asking.get(call(vendor), Deadline.after(5)) for _ in range(12)))
    assert len(vendor.seen) == 12
    assert vendor.most_at_once == 4


async def test_a_call_s_time_begins_with_its_turn() -> None:
    async with ScriptedVendor(in_turn(ScriptedAnswer(body=b"fine", seconds_before=0.4))) as vendor:
        asking = caller(seconds=1.4)
        answers = await asyncio.gather(*(asking.get(call(vendor), Deadline.after(10)) for _ in range(16)))
    assert [each.body for each in answers] == [b"fine"] * 16, "the last ones waited for 1.2 seconds"


async def test_a_posts_time_begins_with_its_turn_too() -> None:
    async with ScriptedVendor(in_turn(ScriptedAnswer(body=b"fine", seconds_before=0.8))) as vendor:
        asking = VendorClient("openmarket", 1.4, concurrency=1)
        answers = await asyncio.gather(*(asking.send_once(call(vendor), Deadline.after(10)) for _ in range(2)))
    assert [each.body for each in answers] == [b"fine"] * 2


@pytest.mark.parametrize("ask", [VendorClient.get, VendorClient.send_once])
async def test_who_waits_for_a_turn_waits_no_longer_than_the_invocation_lasts(ask: Ask) -> None:
    async with ScriptedVendor(in_turn(ScriptedAnswer(seconds_before=30))) as vendor:
        asking = VendorClient("openmarket", 30, concurrency=1)
        first = asking.get(call(vendor), Deadline.after(1))
        late = ask(asking, call(vendor), Deadline.after(0.2))
        _, error = await asyncio.gather(first, late, return_exceptions=True)
    assert len(vendor.seen) == 1
    assert isinstance(error, UpstreamTimeout)
    assert ("before earlier calls had ended" in error.reason, error.sent, error.hurried) == (True, False, True)


async def test_a_call_that_gave_up_waiting_for_its_turn_takes_none() -> None:
    async with ScriptedVendor(
        in_turn(ScriptedAnswer(body=b"fine", seconds_before=0.3), ScriptedAnswer(body=b"fine"))
    ) as vendor:
        asking = VendorClient("openmarket", 5, concurrency=1)
        waits = [asking.get(call(vendor), Deadline.after(seconds)) for seconds in (5, 0.1, 5)]
        first, late, last = await asyncio.gather(*waits, return_exceptions=True)
    fine = VendorAnswer(b"fine", proven_whole=True)
    assert (first, type(late), last) == (fine, UpstreamTimeout, fine)


@pytest.mark.parametrize(
    ("answer", "seconds", "left", "hurried"),
    [
        (ScriptedAnswer(seconds_before=30), 0.3, 30, False),
        (ScriptedAnswer(seconds_before=30), 1, 0.99, False),
        (ScriptedAnswer(seconds_before=30), 30, 0.3, True),
        (ScriptedAnswer(seconds_before=30), 0.6, 0.3, True),
        (ScriptedAnswer(503, headers={"Retry-After": "3600"}), 30, 1, False),
        (ScriptedAnswer(hang_up=True), 30, 1, False),
    ],
    ids=["its own time", "nearly all of it", "ours", "half of it", "refused in time", "hung up in time"],
)
async def test_a_failure_says_whether_our_own_time_was_too_short_for_the_call(
    answer: ScriptedAnswer, seconds: float, left: float, hurried: bool
) -> None:
    async with ScriptedVendor(in_turn(answer)) as vendor:
        with pytest.raises(UpstreamError) as caught:
            await caller(seconds).get(call(vendor), Deadline.after(left))
    assert caught.value.hurried is hurried


async def test_all_tries_share_one_call_s_time() -> None:
    """The last try has what the first one left, and not the whole of a call's time again."""
    arrived: list[float] = []

    def script(_: Seen) -> ScriptedAnswer:
        arrived.append(time.monotonic())
        return ScriptedAnswer(503, seconds_before=1.5) if len(arrived) == 1 else ScriptedAnswer(seconds_before=30)

    async with ScriptedVendor(script) as vendor:
        with pytest.raises(UpstreamTimeout):
            await caller(seconds=2.5).get(call(vendor), Deadline.after(30))
        took = time.monotonic() - arrived[-1]
    assert len(arrived) == 2
    assert took < 2.5


async def test_a_call_keeps_its_turn_until_it_is_tried_for_the_last_time() -> None:
    async with ScriptedVendor(
        in_turn(ScriptedAnswer(503), ScriptedAnswer(503), ScriptedAnswer(body=b"fine"))
    ) as vendor:
        asking = VendorClient("openmarket", 5, concurrency=1)
        addresses = [f"{vendor.base_url}/{name}" for name in ("first", "second")]
        calls = [Call("log", address, nothing_to_add) for address in addresses]
        answers = await asyncio.gather(*(asking.get(each, Deadline.after(5)) for each in calls))
    assert [each.body for each in answers] == [b"fine"] * 2
    assert vendor.paths() == ["/first"] * 3 + ["/second"]


async def test_a_compressed_answer_arrives_unpacked() -> None:
    packed = ScriptedAnswer(body=gzip.compress(b"a,b\n"), headers={"Content-Encoding": "gzip"})
    async with ScriptedVendor(in_turn(packed)) as vendor:
        assert (await caller().get(call(vendor), Deadline.after(5))).body == b"a,b\n"


def test_one_caller_serves_one_event_loop_after_another() -> None:
    asking = caller()

    async def invocation() -> bytes:
        async with ScriptedVendor(in_turn(ScriptedAnswer(body=b"fine"))) as vendor:
            return (await asking.get(call(vendor), Deadline.after(5))).body

    assert [asyncio.run(invocation()) for _ in range(3)] == [b"fine"] * 3


async def test_no_log_line_holds_an_address_even_at_debug(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with ScriptedVendor(in_turn(ScriptedAnswer(body=b"fine"))) as vendor:
        await caller().get(call(vendor), Deadline.after(5))
    assert "4477" not in caplog.text

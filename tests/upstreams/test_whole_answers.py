"""A cut answer is never taken as whole, whatever vendor gives it."""

import functools
import gzip
import zlib
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import TYPE_CHECKING, Literal

import pytest

from runtime.deadline import Deadline
from tests.support.vendors.scripted_vendor import ScriptedAnswer, ScriptedVendor, in_turn
from upstreams.errors import UpstreamAnswerTooLarge, UpstreamBadResponse, UpstreamError, UpstreamUnavailable
from upstreams.http import Call, VendorAnswer, VendorClient

if TYPE_CHECKING:
    import httpx

pytestmark = pytest.mark.anyio

TEXT = b"Credit ID,Time (UTC)\r\n" + b"1,2013-09-20 10:11:12\r\n" * 400
ASK: tuple[Callable[[VendorClient, Call, Deadline], Awaitable[VendorAnswer]], ...] = (
    VendorClient.get,
    VendorClient.send_once,
)


async def no_auth(request: "httpx.Request") -> AsyncGenerator["httpx.Request", "httpx.Response"]:
    yield request


@functools.cache
def client(max_bytes: int) -> VendorClient:
    """Kept, as in a warm function: its connections are closed with the event loop that they belong to."""
    return VendorClient("rde", 5, max_bytes=max_bytes)


async def answer_to(
    scripted: ScriptedAnswer,
    ask: Callable[[VendorClient, Call, Deadline], Awaitable[VendorAnswer]] = VendorClient.get,
    max_bytes: int = 100_000,
) -> VendorAnswer:
    async with ScriptedVendor(in_turn(scripted)) as vendor:
        return await ask(client(max_bytes), Call("reports", f"{vendor.base_url}/reports", no_auth), Deadline.after(5))


def flushed(coding: str, whole: bytes, flushed_bytes: int) -> ScriptedAnswer:
    """An answer of an origin that died after a flush, behind a proxy that ended HTTP properly."""
    packer = zlib.compressobj(wbits={"gzip": 31, "deflate": 15}[coding])
    body = packer.compress(whole[:flushed_bytes]) + packer.flush(zlib.Z_SYNC_FLUSH)
    return ScriptedAnswer(body=body, headers={"Content-Encoding": coding})


@pytest.mark.parametrize("ask", ASK)
@pytest.mark.parametrize("coding", ["gzip", "deflate"])
@pytest.mark.parametrize("flushed_bytes", [0, len(TEXT) // 2, len(TEXT)])
async def test_a_compressed_answer_that_breaks_off_at_a_flush_is_refused(
    ask: Callable[[VendorClient, Call, Deadline], Awaitable[VendorAnswer]], coding: str, flushed_bytes: int
) -> None:
    with pytest.raises(UpstreamBadResponse, match="compression is broken"):
        await answer_to(flushed(coding, TEXT, flushed_bytes), ask)


async def test_an_empty_body_is_not_a_compressed_one() -> None:
    with pytest.raises(UpstreamBadResponse):
        await answer_to(ScriptedAnswer(headers={"Content-Encoding": "gzip"}))
    assert (await answer_to(ScriptedAnswer(204, headers={"Content-Encoding": "gzip"}))).body == b""


async def test_all_members_of_a_gzip_answer_are_read() -> None:
    members = gzip.compress(TEXT[:300]) + gzip.compress(TEXT[300:])
    assert (await answer_to(ScriptedAnswer(body=members, headers={"Content-Encoding": "gzip"}))).body == TEXT


MEMBERS = gzip.compress(TEXT[:300]) + gzip.compress(TEXT[300:])
PACKED = {"gzip": gzip.compress(TEXT), "deflate": zlib.compress(TEXT), "x-gzip": MEMBERS}


@pytest.mark.parametrize(
    ("framing", "coding", "proven"),
    [
        ("length", "", True),
        ("chunked", "", True),
        ("close", "", False),
        ("close", "UTF-8", False),
        ("close", "gzip", True),
        ("close", "deflate", True),
        ("close", "x-gzip", False),
        ("length", "x-gzip", True),
        ("chunked", "gzip", True),
    ],
)
async def test_an_answer_says_whether_anything_proves_that_it_is_whole(
    framing: Literal["length", "chunked", "close"], coding: str, proven: bool
) -> None:
    """x-gzip stands for a body of several members: one more may have been to come when the connection was closed."""
    scripted = ScriptedAnswer(
        body=PACKED.get(coding, TEXT), headers={"Content-Encoding": coding} if coding else {}, framing=framing
    )
    answer = await answer_to(scripted)
    assert (answer.body, answer.proven_whole) == (TEXT, proven)


@pytest.mark.parametrize("coding", ["GZIP", "Gzip", "identity", "UTF-8", "utf-8, gzip", ""])
async def test_a_content_encoding_is_read_in_any_case_and_a_charset_is_none(coding: str) -> None:
    body = gzip.compress(TEXT) if "gzip" in coding.lower() else TEXT
    assert (await answer_to(ScriptedAnswer(body=body, headers={"Content-Encoding": coding}))).body == TEXT


@pytest.mark.parametrize("coding", ["br", "zstd", "gzip, gzip"])
async def test_a_coding_that_was_not_asked_for_is_refused(coding: str) -> None:
    with pytest.raises(UpstreamBadResponse, match="did not ask for"):
        await answer_to(ScriptedAnswer(body=TEXT, headers={"Content-Encoding": coding}))


@pytest.mark.parametrize("headers", [{"Content-Encoding": "gzip"}, {"Content-Encoding": "br"}], ids=str)
async def test_the_status_of_a_failure_counts_whatever_its_body_is(headers: dict[str, str]) -> None:
    with pytest.raises(UpstreamUnavailable, match="503"):
        await answer_to(ScriptedAnswer(503, body=b"not compressed", headers=headers))


async def test_a_large_error_page_is_not_a_large_answer() -> None:
    with pytest.raises(UpstreamError) as caught:
        await answer_to(ScriptedAnswer(400, body=TEXT), max_bytes=1000)
    assert not isinstance(caught.value, UpstreamAnswerTooLarge)


@pytest.mark.parametrize("coding", ["", "gzip", "deflate", "x-gzip"])
async def test_an_answer_may_have_just_as_many_bytes_as_are_allowed(coding: str) -> None:
    scripted = ScriptedAnswer(body=PACKED.get(coding, TEXT), headers={"Content-Encoding": coding})
    assert (await answer_to(scripted, max_bytes=len(TEXT))).body == TEXT
    with pytest.raises(UpstreamAnswerTooLarge):
        await answer_to(scripted, max_bytes=len(TEXT) - 1)

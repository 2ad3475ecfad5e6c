import asyncio
import base64
import gzip
import hashlib
import ssl
import sys
from asyncio.subprocess import PIPE
from collections.abc import Iterator
from pathlib import Path

import pytest

from functions.settings import Settings
from runtime import telemetry
from runtime.deadline import Deadline
from runtime.telemetry import Telemetry
from tests.support.vendors.own_certificate import tls_for_localhost
from tests.support.vendors.scripted_vendor import ScriptedAnswer, ScriptedVendor, by_path, in_turn
from upstreams import transport
from upstreams.errors import (
    UpstreamBadResponse,
    UpstreamError,
    UpstreamTimeout,
    UpstreamUnavailable,
)
from upstreams.rde.files import ReportFiles, ReportLinkRefused
from upstreams.rde.hosts import ReportHosts, _is_public

pytestmark = pytest.mark.anyio

LOOPBACK = ("127.0.0.1",)
PACKED = gzip.compress(b'{"rows": []}' * 50)


async def fetched(url: str, hosts: tuple[str, ...] = LOOPBACK, max_bytes: int = 1000, seconds: float = 5) -> bytes:
    async with ReportFiles(hosts=hosts, max_bytes=max_bytes).open(url, Deadline.after(seconds)) as file:
        return b"".join([chunk async for chunk in file.chunks])


async def opened(answer: ScriptedAnswer) -> tuple[bytes, str | None]:
    """The bytes of a file, and the coding that was left on them."""
    async with (
        ScriptedVendor(in_turn(answer)) as vendor,
        ReportFiles(hosts=LOOPBACK, max_bytes=10_000).open(
            f"{vendor.base_url}/x?sig=s3cret", Deadline.after(5)
        ) as file,
    ):
        return b"".join([chunk async for chunk in file.chunks]), file.coding


async def test_a_file_arrives_byte_for_byte_by_a_plain_get() -> None:
    seen = Telemetry()
    telemetry.current.set(seen)
    async with ScriptedVendor(in_turn(ScriptedAnswer(body=PACKED))) as vendor:
        assert await fetched(f"{vendor.base_url}/c/daily-dr1.json.gz?sig=Ub2%2FU&sp=rwd") == PACKED
    [asked] = vendor.seen
    assert (asked.method, asked.target) == ("GET", "/c/daily-dr1.json.gz?sig=Ub2%2FU&sp=rwd")
    assert asked.headers["host"] == f"127.0.0.1:{vendor.port}"
    assert asked.headers["accept-encoding"] == "identity"
    assert "authorization" not in asked.headers
    assert [(call.operation, call.status) for call in seen.upstream_calls] == [("report_file", 200)]


@pytest.mark.parametrize("coding", ["gzip", "GZIP", "x-gzip"])
async def test_a_blob_that_is_stored_with_a_gzip_coding_arrives_as_a_browser_would_save_it(coding: str) -> None:
    members = gzip.compress(b"[1,") + gzip.compress(b"2]")
    answer = ScriptedAnswer(body=members, headers={"Content-Encoding": coding})
    assert await opened(answer) == (b"[1,2]", None)


@pytest.mark.parametrize("coding", ["", "identity", "UTF-8"])
async def test_what_is_not_a_coding_leaves_the_bytes_as_they_are(coding: str) -> None:
    assert await opened(ScriptedAnswer(body=b"a,b", headers={"Content-Encoding": coding})) == (b"a,b", None)


async def test_a_coding_that_only_a_browser_can_undo_is_handed_on() -> None:
    assert await opened(ScriptedAnswer(body=b"\x0b\x01", headers={"Content-Encoding": "br"})) == (b"\x0b\x01", "br")


def md5(body: bytes) -> str:
    return base64.b64encode(hashlib.md5(body).digest()).decode()  # noqa: S324 - what the header holds


async def test_a_stated_digest_is_checked_over_the_bytes_that_were_sent() -> None:
    headers = {"Content-MD5": md5(PACKED), "Content-Encoding": "gzip"}
    assert (await opened(ScriptedAnswer(body=PACKED, headers=headers)))[0] == gzip.decompress(PACKED)


@pytest.mark.parametrize(
    "answer",
    [
        ScriptedAnswer(202, b"being made"),
        ScriptedAnswer(204),
        ScriptedAnswer(205),
        ScriptedAnswer(206, b"a part", {"Content-Range": "bytes 0-5/100"}),
        ScriptedAnswer(201, b"made"),
        ScriptedAnswer(203, b"changed"),
        ScriptedAnswer(body=b"a,b\n", headers={"Content-MD5": md5(b"a,b\nc,d\n")}),
        ScriptedAnswer(body=PACKED[:-5], headers={"Content-Encoding": "gzip"}),
        ScriptedAnswer(body=b"not gzip", headers={"Content-Encoding": "gzip"}),
        ScriptedAnswer(body=PACKED[:-5]),
        ScriptedAnswer(body=b"<!DOCTYPE html><html>Sign in</html>", headers={"Content-Type": "application/json"}),
        ScriptedAnswer(body=b"\xef\xbb\xbf\r\n<!-- x --><HTML lang=en>", headers={"Content-Type": "text/csv"}),
        ScriptedAnswer(body=b"<b>Sign in</b>", headers={"Content-Type": "text/html; charset=utf-8"}),
        ScriptedAnswer(body=gzip.compress(b"<html><body>Sign in</body></html>"), headers={"Content-Encoding": "gzip"}),
        ScriptedAnswer(
            body=b'<?xml version="1.0" encoding="utf-8"?><Error><Code>AuthenticationFailed</Code></Error>',
            headers={"Content-Type": "application/xml"},
        ),
        ScriptedAnswer(body=b'{"error":{"code":"BlobNotFound","message":"x"}}'),
    ],
    ids=str,
)
async def test_what_is_not_the_whole_file_is_refused_whatever_its_status(answer: ScriptedAnswer) -> None:
    with pytest.raises(UpstreamBadResponse) as caught:
        await opened(answer)
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize(
    "body", [b"<?xml version='1.0'?><subscriptions/>", b'{"error": "none"}', b'[{"error": 1}]', b""]
)
async def test_a_file_that_only_resembles_an_error_document_is_a_file(body: bytes) -> None:
    assert await opened(ScriptedAnswer(body=body)) == (body, None)


@pytest.mark.parametrize("status", [401, 403])
async def test_a_refused_link_has_a_code_of_its_own(status: int) -> None:
    refusal = ScriptedAnswer(status, b"<Error><Code>AuthenticationFailed</Code></Error>")
    with pytest.raises(ReportLinkRefused) as caught:
        await opened(refusal)
    assert (caught.value.code, caught.value.status) == ("REPORT_LINK_REFUSED", status)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (ScriptedAnswer(404), UpstreamBadResponse),
        (ScriptedAnswer(500), UpstreamUnavailable),
        (ScriptedAnswer(body=b"x" * 1001), UpstreamBadResponse),
        (ScriptedAnswer(body=b"cut off", declared=100), UpstreamUnavailable),
        (ScriptedAnswer(hang_up=True), UpstreamUnavailable),
        (ScriptedAnswer(seconds_before=30), UpstreamTimeout),
        (ScriptedAnswer(body=b"slow", seconds_within=30), UpstreamTimeout),
        (ScriptedAnswer(302, headers={"Location": "http://[nonsense"}), UpstreamBadResponse),
        (ScriptedAnswer(302, headers={"Location": "http://127.0.0.1:99999/"}), UpstreamBadResponse),
    ],
    ids=str,
)
async def test_a_file_that_does_not_come_whole_has_its_error(
    answer: ScriptedAnswer, error: type[UpstreamError]
) -> None:
    async with ScriptedVendor(in_turn(answer)) as vendor:
        with pytest.raises(error) as caught:
            await fetched(f"{vendor.base_url}/x?sig=s3cret", seconds=1)
    assert "s3cret" not in str(caught.value)


async def test_three_redirects_are_followed_and_a_fourth_is_not() -> None:
    hops = {f"/{hop}": in_turn(ScriptedAnswer(302, headers={"Location": f"/{hop - 1}"})) for hop in range(1, 5)}
    async with ScriptedVendor(by_path(hops | {"/0": in_turn(ScriptedAnswer(body=b"here"))})) as vendor:
        assert await fetched(f"{vendor.base_url}/3") == b"here"
        with pytest.raises(UpstreamBadResponse, match="redirects"):
            await fetched(f"{vendor.base_url}/4")


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_a_redirect_is_checked_like_the_link_itself(scheme: str) -> None:
    async with ScriptedVendor(in_turn(ScriptedAnswer(body=b"inside"))) as inside:
        away = ScriptedAnswer(302, headers={"Location": f"{scheme}://localhost:{inside.port}/"})
        async with ScriptedVendor(in_turn(away)) as vendor:
            with pytest.raises(UpstreamBadResponse, match="not allowed"):
                await fetched(vendor.base_url)
    assert inside.seen == []


async def test_an_error_of_a_file_s_reader_is_raised_unchanged() -> None:
    async with ScriptedVendor(in_turn(ScriptedAnswer(body=b"here"))) as vendor:
        with pytest.raises(TimeoutError, match="the bucket's"):
            async with ReportFiles(hosts=LOOPBACK, max_bytes=9).open(vendor.base_url, Deadline.after(5)):
                raise TimeoutError("the bucket's")


@pytest.mark.parametrize(
    ("host", "allowed"),
    [
        ("drrde3.blob.core.windows.net", True),
        ("DRRDE3.Blob.Core.Windows.Net", True),
        ("a.b.blob.core.windows.net", True),
        ("blob.core.windows.net", False),
        (".blob.core.windows.net", False),
        ("evilblob.core.windows.net", False),
        ("drrde3.blob.core.windows.net.attacker.example", False),
        ("drrde3.blob.core.windows.net.", False),
        ("files.example.com", True),
        ("sub.files.example.com", False),
        ("::1", True),
        ("127.0.0.1", False),
        ("", False),
    ],
)
def test_only_hosts_on_the_list_are_allowed(host: str, allowed: bool) -> None:
    assert ReportHosts(("*.blob.core.windows.net", "Files.example.com", "[::1]")).allows(host) is allowed


@pytest.mark.parametrize(
    ("link", "hosts"),
    [
        ("https://169.254.169.254/latest/meta-data", ("169.254.169.254",)),
        ("https://10.0.0.1/", ("10.0.0.1",)),
        ("https://192.168.1.1/", ("*.168.1.1",)),
        ("https://[fe80::1]/", ("fe80::1",)),
        ("https://[::ffff:127.0.0.1]/", ("::ffff:127.0.0.1",)),
        ("https://0.0.0.0/", ("0.0.0.0",)),  # noqa: S104 an address to refuse
        ("http://8.8.8.8/", ("8.8.8.8",)),
        ("http://127.0.0.2/", ("127.0.0.2",)),
        ("https://127.0.0.2/", ("127.0.0.2",)),
        ("http://user:pass@127.0.0.1/", ("127.0.0.1",)),
        ("http://allowed@127.0.0.1/", ("127.0.0.1",)),
        ("ftp://127.0.0.1/", ("127.0.0.1",)),
        ("file:///etc/passwd", ("",)),
        ("//127.0.0.1/", ("127.0.0.1",)),
        ("127.0.0.1/x", ("127.0.0.1",)),
        ("", ("127.0.0.1",)),
        ("http://[", ("127.0.0.1",)),
        ("http://127.0.0.1:notaport/", ("127.0.0.1",)),
        ("http://127.0.0.1:0/", ("127.0.0.1",)),
        ("http://127.0.0.1:99999/", ("127.0.0.1",)),
        ("https://\ud800.blob.core.windows.net/", ("*.blob.core.windows.net",)),
    ],
)
async def test_no_link_leads_inside(link: str, hosts: tuple[str, ...]) -> None:
    with pytest.raises(UpstreamBadResponse):
        await fetched(link, hosts)


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("8.8.8.8", True),
        ("2606:4700::1", True),
        ("100.64.0.1", False),
        ("224.0.0.1", False),
        ("fd00::1", False),
        ("::ffff:169.254.169.254", False),
        ("64:ff9b::a9fe:a9fe", False),
        ("64:ff9b::808:808", True),
        ("2002:a9fe:a9fe::1", False),
    ],
)
def test_an_address_inside_another_is_judged_too(address: str, public: bool) -> None:
    assert _is_public(address) is public


async def test_a_host_that_does_not_resolve_is_unavailable() -> None:
    with pytest.raises(UpstreamUnavailable):
        await fetched("https://nowhere.invalid/", ("*.invalid",))


@pytest.fixture
def certificate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ssl.SSLContext]:
    """A server's TLS settings for `localhost`, trusted by this process through SSL_CERT_FILE."""
    file = tmp_path / "localhost.pem"
    context = tls_for_localhost(file)
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    transport.trusted.cache_clear()
    yield context
    transport.trusted.cache_clear()


async def test_over_tls_the_certificate_is_checked_for_the_name_and_not_the_address(
    certificate: ssl.SSLContext,
) -> None:
    async with ScriptedVendor(in_turn(ScriptedAnswer(body=b"here")), certificate) as vendor:
        assert await fetched(f"https://localhost:{vendor.port}/", ("localhost",)) == b"here"
        assert vendor.seen[0].headers["host"] == f"localhost:{vendor.port}"
        with pytest.raises(UpstreamUnavailable):
            await fetched(f"https://127.0.0.1:{vendor.port}/", LOOPBACK)
    assert len(vendor.seen) == 1


WITHOUT_OPENSSL = """
import sys
from runtime import openssl
openssl.leave_out()
import asyncio, hashlib
assert not {"ssl", "_hashlib"} & set(sys.modules), "OpenSSL is there before a vendor is called"
from runtime.deadline import Deadline
from upstreams.rde.files import ReportFiles

async def fetched(url):
    async with ReportFiles(hosts=("localhost",), max_bytes=1000).open(url, Deadline.after(20)) as file:
        return b"".join([chunk async for chunk in file.chunks])

print(hashlib.sha256(asyncio.run(fetched(sys.argv[1]))).hexdigest(), "ssl" in sys.modules)
"""


async def test_a_process_that_started_without_openssl_calls_a_vendor_over_tls(certificate: ssl.SSLContext) -> None:
    async with ScriptedVendor(in_turn(ScriptedAnswer(body=b"here")), certificate) as vendor:
        program = [sys.executable, "-c", WITHOUT_OPENSSL, f"https://localhost:{vendor.port}/"]
        process = await asyncio.create_subprocess_exec(*program, stdout=PIPE)
        answer, _ = await process.communicate()
    assert answer.decode().split() == [hashlib.sha256(b"here").hexdigest(), "True"]


@pytest.mark.parametrize(
    ("host", "allowed"),
    [
        ("drrde3.blob.core.windows.net", True),
        ("acct.z7.blob.storage.azure.net", True),
        ("acct.z42.blob.storage.azure.net", True),
        ("acct.blob.core.usgovcloudapi.net", False),
        ("acct.z7.blob.storage.azure.net.attacker.example", False),
        ("evilblob.storage.azure.net", False),
    ],
)
def test_the_default_hosts_are_those_of_old_and_new_storage_accounts(host: str, allowed: bool) -> None:
    assert ReportHosts(Settings.read({"LEDGER_BUCKET": "b"}).report_hosts).allows(host) is allowed

"""The bucket's primitives over S3's protocol, and the same for the tests' bucket in memory."""

from pathlib import Path

import pytest
from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.s3.models import s3_backends

from ledger.storage.s3 import S3Bucket
from ledger.storage.store import LedgerUnavailable, Store
from local.aws import Aws
from tests.support.s3.memory_store import MemoryBucket, MemoryStore
from tests.support.vendors.own_certificate import tls_for_localhost
from tests.support.vendors.scripted_vendor import ScriptedAnswer, ScriptedVendor, in_turn

pytestmark = pytest.mark.anyio


@pytest.fixture(params=["s3", "memory"])
def store(request: pytest.FixtureRequest) -> Store:
    if request.param == "memory":
        return MemoryStore(MemoryBucket())
    aws: Aws = request.getfixturevalue("aws")
    return Store(S3Bucket(request.getfixturevalue("bucket"), aws.endpoint))


@pytest.mark.usefixtures("aws")  # for its keys
async def test_a_certificate_that_nobody_vouches_for_is_refused(tmp_path: Path) -> None:
    tls = tls_for_localhost(tmp_path / "localhost.pem")
    async with ScriptedVendor(in_turn(ScriptedAnswer(body=b"here")), tls) as server:
        with pytest.raises(LedgerUnavailable) as refused:
            await Store(S3Bucket("ledger", f"https://localhost:{server.port}")).get("key")
        assert server.seen == []
    assert "certificate" in str(refused.value.__cause__).lower()


async def test_an_object_is_read_early_unless_it_is_larger_than_that(store: Store) -> None:
    await store.put("ten", b"0123456789", {"fetched": "2019-11-05T00:00:00Z"})
    stored = await store.get_early("ten", 10)
    assert stored is not None
    assert (stored.body, stored.attributes["fetched"]) == (b"0123456789", "2019-11-05T00:00:00Z")
    assert await store.get_early("ten", 9) is None
    assert await store.get_early("none", 10) is None


async def test_an_object_comes_back_with_its_attributes(store: Store) -> None:
    await store.put("a/b=C%20%26%20W/c.gz", b"\x00\xff", {"fetched": "2019-11-05T00:00:00Z"})
    stored = await store.get("a/b=C%20%26%20W/c.gz")
    assert stored is not None
    assert (stored.body, stored.attributes["fetched"]) == (b"\x00\xff", "2019-11-05T00:00:00Z")
    assert await store.get("a/b=C & W/c.gz") is None, "a key is not decoded on its way"


@pytest.mark.parametrize(
    ("start", "end", "part"),
    [(0, 3, b"012"), (3, 7, b"3456"), (9, 10, b"9"), (8, 30, b"89"), (10, 12, b""), (50, 60, b"")],
)
async def test_a_range_is_the_part_of_it_that_the_object_has(store: Store, start: int, end: int, part: bytes) -> None:
    await store.put("digits", b"0123456789")
    assert await store.get_range("digits", start, end) == part
    assert await store.get_range("letters", start, end) is None


async def test_only_the_first_writer_creates(store: Store) -> None:
    assert await store.create("key", b"first")
    assert await store.create("key", b"second") is None
    stored = await store.get("key")
    assert stored is not None
    assert stored.body == b"first"


async def test_a_replacement_needs_exactly_the_version_that_it_names(store: Store) -> None:
    first = await store.create("key", b"1")
    second = await store.replace("key", b"2", first or "")
    assert second
    assert await store.replace("key", b"3", first or "") is None
    await store.delete(["key"])
    assert await store.replace("key", b"4", second) is None
    assert await store.get("key") is None


async def test_a_listing_is_in_key_order_between_its_ends(store: Store) -> None:
    for name in ("day=3/x", "day=1/x", "day=2/_y", "day=2/x", "day=10/x"):
        await store.put(f"log/{name}", b"body")
    await store.put("logs/day=2/x", b"another folder")
    found = await store.listing("log", after="log/day=1/x", before="log/day=3/")
    assert [(item.key, item.size) for item in found] == [
        ("log/day=10/x", 4),
        ("log/day=2/_y", 4),
        ("log/day=2/x", 4),
    ]
    assert [item.key for item in await store.listing("log", after="log/day=3/")] == ["log/day=3/x"]
    assert await store.listing("nothing") == []
    assert await store.folders("log") == ["day=1", "day=10", "day=2", "day=3"]


async def test_deleting_what_is_gone_is_not_an_error(store: Store) -> None:
    await store.put("a", b"")
    await store.put("b", b"")
    await store.delete(["a", "never there", "b"])
    await store.delete(["a"])
    await store.delete([])
    assert [await store.get(key) for key in ("a", "b")] == [None, None]


async def test_a_listing_continues_beyond_a_page() -> None:
    store = MemoryStore(MemoryBucket())
    for number in range(2001):
        await store.put(f"log/{number:05}", b"")
    assert [len(page) async for page in store.pages("log")] == [1000, 1000, 1]
    assert len(await store.listing("log", before="log/01500")) == 1500
    assert store.bucket.asked("LIST") == ["log"] * 5


@pytest.mark.slow
async def test_a_listing_of_more_than_a_page_is_complete_and_stops_at_its_end(bucket: str, aws: Aws) -> None:
    store, contents = Store(S3Bucket(bucket, aws.endpoint)), s3_backends[DEFAULT_ACCOUNT_ID]["aws"]
    for number in range(1001):
        contents.put_object(bucket, f"log/{number:05}", b"")  # past HTTP: a thousand requests take seconds
    assert len(await store.listing("log")) == 1001
    assert len(await store.listing("log", after="log/00000")) == 1000
    assert len(await store.listing("log", before="log/00007")) == 7


async def test_a_missing_bucket_is_an_unavailable_ledger(aws: Aws) -> None:
    del aws
    store = Store(S3Bucket("no-such-bucket"))
    for attempt in (store.put("k", b""), store.listing("k"), store.folders("k")):
        with pytest.raises(LedgerUnavailable):
            await attempt

"""The one S3 client: few primitives, and one error when S3 cannot serve.

obstore is imported when the first request needs it (13 ms against boto3's 225 ms) and needs no threads for thirty
reads at once. Every primitive counts itself into the request's telemetry. Conditional writes are S3's own
(`If-None-Match: *`, `If-Match`).
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar

from ledger.storage.credentials import snapshot_credentials
from runtime import telemetry

if TYPE_CHECKING:
    from obstore.store import S3Store

CONNECT_TIMEOUT = timedelta(seconds=2)
REQUEST_TIMEOUT = timedelta(seconds=8)
RETRIES = 2
LIST_PAGE = 1000
PART_BYTES = 8 * 1024 * 1024
"""What a streamed object is cut into; S3 takes at most 10,000 parts."""
PARTS_AT_ONCE = 2


class LedgerUnavailable(Exception):
    """S3 could not be reached or refused us; the reason is for the log, not for the frontend."""

    code: ClassVar[str] = "LEDGER_UNAVAILABLE"


@dataclass(frozen=True, slots=True)
class ListedObject:
    """A listed object: its whole key, its size in bytes and when S3 took it in."""

    key: str
    size: int
    modified: datetime


@dataclass(frozen=True, slots=True)
class StoredObject:
    """A read object: its bytes, its ETag for a conditional write, and the attributes it was put with."""

    body: bytes = field(repr=False)
    e_tag: str | None
    attributes: Mapping[str, str]


class Store:
    """One bucket. Keys are the caller's business; bytes go in and come out unchanged."""

    def __init__(self, bucket: str, endpoint_url: str | None = None) -> None:
        self._bucket = bucket
        self._endpoint_url = endpoint_url
        self._client: S3Store | None = None

    async def get(self, key: str) -> StoredObject | None:
        """Read one object; None when there is none.

        Raises:
            LedgerUnavailable: S3 could not serve.
        """
        import obstore

        telemetry.count("s3.get")
        try:
            result = await obstore.get_async(self.client, key)
            body = bytes(await result.bytes_async())
        except FileNotFoundError:
            return None
        except obstore.exceptions.BaseError as error:
            raise _unavailable(error) from error
        telemetry.count("s3.bytes_read", len(body))
        return StoredObject(body, result.meta["e_tag"], {str(k): str(v) for k, v in result.attributes.items()})

    async def put(self, key: str, body: bytes, attributes: Mapping[str, str] | None = None) -> None:
        """Write one object, whatever was there before."""
        if await self._put(key, body, attributes, "overwrite") is None:
            raise LedgerUnavailable("S3 could not serve: there is no such bucket")

    async def create(self, key: str, body: bytes, attributes: Mapping[str, str] | None = None) -> str | None:
        """Write one object if there is none; its ETag, or None when somebody else was first."""
        return await self._put(key, body, attributes, "create")

    async def replace(self, key: str, body: bytes, e_tag: str) -> str | None:
        """Write one object over exactly the version with this ETag; None when it has changed or gone."""
        return await self._put(key, body, None, {"e_tag": e_tag})

    async def _put(self, key: str, body: bytes, attributes: Mapping[str, str] | None, mode: Any) -> str | None:  # noqa: ANN401 - obstore's own union
        import obstore

        telemetry.count("s3.put")
        try:
            result = await obstore.put_async(
                self.client, key, body, mode=mode, attributes=dict(attributes or {}), use_multipart=False
            )
        except (obstore.exceptions.AlreadyExistsError, obstore.exceptions.PreconditionError):
            return None
        except FileNotFoundError as error:
            if isinstance(mode, dict):
                return None
            raise _unavailable(error) from error  # not the object is missing, but the bucket
        except obstore.exceptions.BaseError as error:
            raise _unavailable(error) from error
        return result["e_tag"] or ""

    async def upload(self, key: str, chunks: AsyncIterator[bytes], attributes: Mapping[str, str]) -> None:
        """Write one object of any size as its bytes come in; nothing of it is to be seen before the end.

        An error of `chunks` comes out as it is, and the parts that were sent are taken back. `chunks` has to end by
        itself: cancelling the upload would leave them to the bucket's lifecycle.
        """
        import obstore

        head = bytearray()
        async for chunk in chunks:
            head += chunk
            if len(head) >= PART_BYTES:
                break
        else:
            await self.put(key, bytes(head), attributes)
            return
        telemetry.count("s3.put")
        try:
            await obstore.put_async(
                self.client,
                key,
                _continued(head, chunks),
                attributes=dict(attributes),
                chunk_size=PART_BYTES,
                max_concurrency=PARTS_AT_ONCE,
            )
        except (obstore.exceptions.BaseError, FileNotFoundError) as error:
            raise _unavailable(error) from error

    async def folders(self, folder: str) -> list[str]:
        """The names of the folders directly inside a folder.

        Raises:
            LedgerUnavailable: S3 could not serve.
        """
        import obstore

        telemetry.count("s3.list")
        try:
            listed = await obstore.list_with_delimiter_async(self.client, folder)
        except obstore.exceptions.BaseError as error:
            raise _unavailable(error) from error
        return [prefix.rpartition("/")[2] for prefix in listed["common_prefixes"]]

    async def listing(self, folder: str, after: str | None = None, before: str | None = None) -> list[ListedObject]:
        """List a folder's objects in key order, from beyond `after` up to (not including) `before`."""
        found: list[ListedObject] = []
        async for page in self.pages(folder, after):
            found.extend(page)
            if before is not None and found[-1].key >= before:
                return [item for item in found if item.key < before]
        return found

    async def pages(self, folder: str, after: str | None = None) -> AsyncIterator[list[ListedObject]]:
        """List a folder's objects page by page (a page is one LIST request)."""
        import obstore

        stream = obstore.list(self.client, folder, offset=after, chunk_size=LIST_PAGE)
        try:
            telemetry.count("s3.list")
            full = False
            async for chunk in stream:
                if full:
                    telemetry.count("s3.list")
                full = len(chunk) == LIST_PAGE
                if chunk:
                    yield [ListedObject(meta["path"], meta["size"], meta["last_modified"]) for meta in chunk]
        except obstore.exceptions.BaseError as error:
            raise _unavailable(error) from error

    async def delete(self, keys: Sequence[str]) -> None:
        """Delete objects; one that is gone already is no error."""
        import obstore

        if not keys:
            return
        telemetry.count("s3.delete")
        try:
            await obstore.delete_async(self.client, list(keys))
        except FileNotFoundError:
            return
        except obstore.exceptions.BaseError as error:
            raise _unavailable(error) from error

    async def link(self, key: str, seconds: int) -> str:
        """Presign a GET of one object: read-only, for that many seconds."""
        import obstore

        try:
            return await obstore.sign_async(self.client, "GET", key, timedelta(seconds=seconds))
        except obstore.exceptions.BaseError as error:
            raise _unavailable(error) from error

    @property
    def client(self) -> "S3Store":
        """The obstore client, made when first used; streaming uploads and downloads work on it directly."""
        if self._client is None:
            self._client = self._connect()
        return self._client

    def _connect(self) -> "S3Store":
        from obstore.store import S3Store

        elsewhere: dict[str, Any] = {}
        if self._endpoint_url:
            elsewhere = {"endpoint": self._endpoint_url, "virtual_hosted_style_request": False}
        return S3Store(
            self._bucket,
            client_options={
                "allow_http": bool(self._endpoint_url),
                "connect_timeout": CONNECT_TIMEOUT,
                "timeout": REQUEST_TIMEOUT,
            },
            retry_config={"max_retries": RETRIES, "retry_timeout": REQUEST_TIMEOUT},
            credential_provider=snapshot_credentials(),
            **elsewhere,
        )


async def _continued(head: bytearray, chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield bytes(head)
    async for chunk in chunks:
        yield chunk


def _unavailable(error: Exception) -> LedgerUnavailable:
    return LedgerUnavailable(f"S3 could not serve: {type(error).__name__}")

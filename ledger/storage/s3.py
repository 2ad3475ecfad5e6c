"""S3 through obstore: 13 ms to import against boto3's 225 ms, and no threads for thirty reads at once.

Conditional writes are S3's own (`If-None-Match: *`, `If-Match`). obstore is imported by the first request.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from ledger.storage.bucket import (
    ABSENT,
    LIST_PAGE,
    PART_BYTES,
    LedgerUnavailable,
    ListedObject,
    SignedLink,
    StoredObject,
)
from ledger.storage.credentials import snapshot_credentials

if TYPE_CHECKING:
    from obstore.store import S3Store

CONNECT_TIMEOUT = timedelta(seconds=2)
REQUEST_TIMEOUT = timedelta(seconds=8)
RETRIES = 2
PARTS_AT_ONCE = 2
BEYOND_END = "status code: 416"
"""How obstore, which has no exception for it, words S3's answer to a range that begins beyond an object's end."""


class S3Bucket:
    """A bucket of S3, or of an emulator at `endpoint_url`."""

    def __init__(self, name: str, endpoint_url: str | None = None) -> None:
        self._name = name
        self._endpoint_url = endpoint_url
        self._connected: S3Store | None = None
        self._credentials = snapshot_credentials()

    async def get(self, key: str) -> StoredObject | None:
        """Read an object; None when there is none."""
        return await self._get(key, None)

    async def get_small(self, key: str, most_bytes: int) -> StoredObject | None:
        """Read an object; None when there is none or it is larger, and then its body is not read."""
        return await self._get(key, most_bytes)

    async def _get(self, key: str, most_bytes: int | None) -> StoredObject | None:
        import obstore

        try:
            # A range, because S3 begins to send whatever it is asked for, also what is then not read.
            options: Any = {} if most_bytes is None else {"range": (0, most_bytes)}
            result = await obstore.get_async(self._client, key, options=options)
            if most_bytes is not None and result.meta["size"] > most_bytes:
                return None
            body = bytes(await result.bytes_async())
        except FileNotFoundError:
            return None
        except obstore.exceptions.BaseError as error:
            raise _unavailable(error) from error
        attributes = {str(name): str(value) for name, value in result.attributes.items()}
        return StoredObject(body, result.meta["e_tag"] or "", attributes)

    async def get_range(self, key: str, start: int, end: int) -> bytes | None:
        """Read the bytes from `start` up to `end`, fewer where the object ends earlier; None when there is none."""
        import obstore

        try:
            return bytes(await obstore.get_range_async(self._client, key, start=start, end=end))
        except FileNotFoundError:
            return None
        except obstore.exceptions.BaseError as error:
            if BEYOND_END in str(error):
                return b""
            raise _unavailable(error) from error

    async def put(self, key: str, body: bytes, attributes: Mapping[str, str], condition: str | None) -> str | None:
        """Write an object and return its ETag; None when the condition does not hold."""
        import obstore

        try:
            result = await obstore.put_async(
                self._client, key, body, mode=_mode(condition), attributes=dict(attributes), use_multipart=False
            )
        except (obstore.exceptions.AlreadyExistsError, obstore.exceptions.PreconditionError):
            return None
        except FileNotFoundError as error:
            if condition in {None, ABSENT}:  # the bucket is missing, not the object
                raise _unavailable(error) from error
            return None
        except obstore.exceptions.BaseError as error:
            raise _unavailable(error) from error
        return result["e_tag"] or ""

    async def upload(self, key: str, chunks: AsyncIterator[bytes], attributes: Mapping[str, str]) -> None:
        """Write an object as its bytes arrive, in parts; when `chunks` raises, the upload is aborted."""
        import obstore

        try:
            await obstore.put_async(
                self._client,
                key,
                chunks,
                attributes=dict(attributes),
                chunk_size=PART_BYTES,
                max_concurrency=PARTS_AT_ONCE,
            )
        except (obstore.exceptions.BaseError, FileNotFoundError) as error:
            raise _unavailable(error) from error

    async def delete(self, keys: Sequence[str]) -> None:
        """Delete objects; missing ones are not an error."""
        import obstore

        try:
            await obstore.delete_async(self._client, list(keys))
        except FileNotFoundError:
            return
        except obstore.exceptions.BaseError as error:
            raise _unavailable(error) from error

    async def pages(self, folder: str, after: str | None) -> AsyncIterator[list[ListedObject]]:
        """List a folder in key order, beyond `after`, one page for each LIST request."""
        import obstore

        try:
            async for chunk in obstore.list(self._client, folder, offset=after, chunk_size=LIST_PAGE):
                yield [
                    ListedObject(meta["path"], meta["size"], meta["last_modified"], meta["e_tag"] or "")
                    for meta in chunk
                ]
        except obstore.exceptions.BaseError as error:
            raise _unavailable(error) from error

    async def folders(self, folder: str) -> list[str]:
        """The names of the folders directly inside a folder."""
        import obstore

        try:
            listed = await obstore.list_with_delimiter_async(self._client, folder)
        except obstore.exceptions.BaseError as error:
            raise _unavailable(error) from error
        return [prefix.rpartition("/")[2] for prefix in listed["common_prefixes"]]

    async def link(self, key: str, seconds: int) -> SignedLink:
        """A presigned GET of one object, valid for that many seconds, but no longer than the keys that sign it."""
        import obstore

        try:
            url = await obstore.sign_async(self._client, "GET", key, timedelta(seconds=seconds))
            return SignedLink(url, self._credentials.expire_at if self._credentials else None)
        except obstore.exceptions.BaseError as error:
            raise _unavailable(error) from error

    @property
    def _client(self) -> "S3Store":
        if self._connected is None:
            self._connected = self._connect()
        return self._connected

    def _connect(self) -> "S3Store":
        from obstore.store import S3Store

        emulator: dict[str, Any] = {}
        if self._endpoint_url:
            emulator = {"endpoint": self._endpoint_url, "virtual_hosted_style_request": False}
        return S3Store(
            self._name,
            client_options={
                "allow_http": bool(self._endpoint_url),
                "connect_timeout": CONNECT_TIMEOUT,
                "timeout": REQUEST_TIMEOUT,
            },
            retry_config={"max_retries": RETRIES, "retry_timeout": REQUEST_TIMEOUT},
            credential_provider=self._credentials,
            **emulator,
        )


def _mode(condition: str | None) -> Any:  # noqa: ANN401 - obstore's own union
    """A condition as obstore spells it."""
    if condition is None:
        return "overwrite"
    return "create" if condition == ABSENT else {"e_tag": condition}


def _unavailable(error: Exception) -> LedgerUnavailable:
    return LedgerUnavailable(f"S3 could not serve: {type(error).__name__}")

"""S3's semantics over a dictionary: as much as the ledger and boto3's `get_object` use.

Conditional writes, ranges, multipart uploads, multi-object deletes and LISTs by page and by folder; no versions, no
validation.
"""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from xml.etree import ElementTree as ET
from xml.sax.saxutils import escape

MODIFIED = datetime.now(UTC)
STORED_HEADERS = ("content-type", "content-encoding", "x-amz-meta-")
XML = {"content-type": "application/xml"}

Headers = Mapping[str, str]
Answer = tuple[int, bytes, Headers]


@dataclass(frozen=True, slots=True)
class ObjectRequest:
    """One request about one key."""

    method: str
    key: str
    query: Mapping[str, str]
    headers: Headers
    body: bytes


class Objects:
    """The objects of one bucket; `bodies` may be read and written directly."""

    def __init__(self) -> None:
        self.bodies: dict[str, bytes] = {}
        self._attributes: dict[str, Headers] = {}
        self._uploads: dict[str, dict[int, bytes]] = {}

    def answer(self, request: ObjectRequest) -> Answer:
        """What S3 answers."""
        if request.query.get("list-type") == "2":
            return self._list(request.query)
        known = {"GET": self._get, "PUT": self._put, "DELETE": self._delete, "POST": self._post}
        return known[request.method](request) if request.method in known else (405, b"", {})

    def _get(self, request: ObjectRequest) -> Answer:
        body = self.bodies.get(request.key)
        if body is None:
            return 404, b"<Error><Code>NoSuchKey</Code></Error>", XML
        when = MODIFIED.strftime("%a, %d %b %Y %H:%M:%S GMT")
        headers = {"etag": _tag(body), "last-modified": when, **self._attributes.get(request.key, {})}
        if (asked := request.headers.get("range")) is None:
            return 200, body, headers
        start, _, last = asked.removeprefix("bytes=").partition("-")
        part = body[int(start) : int(last) + 1]
        return 206, part, {**headers, "content-range": f"bytes {start}-{int(start) + len(part) - 1}/{len(body)}"}

    def _put(self, request: ObjectRequest) -> Answer:
        if "partNumber" in request.query:
            self._uploads[request.query["uploadId"]][int(request.query["partNumber"])] = request.body
            return 200, b"", {"etag": _tag(request.body)}
        stored, required_tag = self.bodies.get(request.key), request.headers.get("if-match")
        if stored is not None and request.headers.get("if-none-match") == "*":
            return 412, b"<Error><Code>PreconditionFailed</Code></Error>", XML
        if required_tag and required_tag != _tag(stored or b""):
            return 412, b"<Error><Code>PreconditionFailed</Code></Error>", XML
        self._store(request.key, request.headers, request.body)
        return 200, b"", {"etag": _tag(request.body)}

    def _delete(self, request: ObjectRequest) -> Answer:
        self.bodies.pop(request.key, None)
        return 204, b"", {}

    def _post(self, request: ObjectRequest) -> Answer:
        if "delete" in request.query:
            deleted_keys = [node.text or "" for node in ET.fromstring(request.body).iter() if node.tag.endswith("Key")]  # noqa: S314 - our own client's
            for name in deleted_keys:
                self.bodies.pop(name, None)
            deleted = "".join(f"<Deleted><Key>{escape(name)}</Key></Deleted>" for name in deleted_keys)
            return 200, f"<DeleteResult>{deleted}</DeleteResult>".encode(), XML
        if "uploads" in request.query:
            return self._begin(request)
        parts = self._uploads.pop(request.query["uploadId"])
        whole = b"".join(parts[number] for number in sorted(parts))
        self._store(request.key, self._attributes.pop(request.query["uploadId"]), whole)
        done = f"<ETag>{escape(_tag(whole))}</ETag>"
        return 200, f"<CompleteMultipartUploadResult>{done}</CompleteMultipartUploadResult>".encode(), XML

    def _begin(self, request: ObjectRequest) -> Answer:
        upload = uuid.uuid4().hex
        self._uploads[upload] = {}
        self._attributes[upload] = request.headers
        name = f"<UploadId>{upload}</UploadId>"
        return 200, f"<InitiateMultipartUploadResult>{name}</InitiateMultipartUploadResult>".encode(), XML

    def _store(self, key: str, headers: Headers, body: bytes) -> None:
        self.bodies[key] = body
        self._attributes[key] = {name: value for name, value in headers.items() if name.startswith(STORED_HEADERS)}

    def _list(self, query: Mapping[str, str]) -> Answer:
        prefix, most = query.get("prefix", ""), int(query.get("max-keys", "1000"))
        after = query.get("continuation-token") or query.get("start-after") or ""
        keys = sorted(key for key in self.bodies if key.startswith(prefix) and key > after)
        folders: set[str] = set()
        if mark := query.get("delimiter"):
            inside = [key for key in keys if mark in key[len(prefix) :]]
            folders = {prefix + key[len(prefix) :].partition(mark)[0] + mark for key in inside}
            keys = [key for key in keys if mark not in key[len(prefix) :]]
        page, more = keys[:most], len(keys) > most
        found = "".join(map(self._listed, page))
        end = f"<NextContinuationToken>{escape(page[-1])}</NextContinuationToken>" if more else ""
        common = "".join(
            f"<CommonPrefixes><Prefix>{escape(name)}</Prefix></CommonPrefixes>" for name in sorted(folders)
        )
        head = f"<IsTruncated>{str(more).lower()}</IsTruncated><KeyCount>{len(page)}</KeyCount>"
        return 200, f"<ListBucketResult>{head}{found}{common}{end}</ListBucketResult>".encode(), XML

    def _listed(self, key: str) -> str:
        when = MODIFIED.strftime("%Y-%m-%dT%H:%M:%S.000Z")
        body = self.bodies[key]
        facts = f"<LastModified>{when}</LastModified><ETag>{escape(_tag(body))}</ETag><Size>{len(body)}</Size>"
        return f"<Contents><Key>{escape(key)}</Key>{facts}</Contents>"


def _tag(body: bytes) -> str:
    """An ETag; Python remembers a body's hash, so a LIST of thousands does not read them all."""
    return f'"{hash(body) & 0xFFFFFFFFFFFFFFFF:016x}-{len(body)}"'

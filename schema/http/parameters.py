"""Reads the GraphQL parameters out of an HTTP request, by the current draft of GraphQL over HTTP.

Where the draft leaves room, what real clients send is accepted: a byte order mark before the JSON, `utf8` for `utf-8`,
empty text or an empty list where no variables are meant.
"""

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qsl

import orjson

from schema.execution.messages import Params
from schema.http.negotiation import JSON_TYPE
from schema.http.requests import Request

BODY_BYTES = 100_000
METHODS = "GET, POST, OPTIONS"
CHARSETS = frozenset({"utf-8", "utf8"})
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_CHARSET = re.compile(r";\s*charset=\"?([^\s;\"]*)", re.IGNORECASE)


class HttpError(Exception):
    """Not a GraphQL request; `status` is the HTTP status that says why."""

    def __init__(self, status: int, message: str, headers: Sequence[tuple[str, str]] = ()) -> None:
        super().__init__(message)
        self.status = status
        self.headers = headers


def params_of(request: Request) -> Params:
    """The GraphQL parameters of a request.

    Raises:
        HttpError: the method, content type, size or form of the request is not accepted.
    """
    if request.method == "GET":
        return _params(_sent_by_get(request))
    if request.method != "POST":
        raise HttpError(405, "use POST, or GET for a query", [("allow", METHODS)])
    _check_content(request)
    try:
        sent = orjson.loads(request.body.removeprefix(BYTE_ORDER_MARK))
    except orjson.JSONDecodeError:
        raise HttpError(400, "the body is not valid JSON") from None
    if isinstance(sent, list):
        raise HttpError(400, "batches are not supported: send one request at a time")
    if not isinstance(sent, dict):
        raise HttpError(400, "the body is not a JSON object")
    return _params(sent)


def _check_content(request: Request) -> None:
    if not _is_json(request.headers.get("content-type", "")):
        raise HttpError(415, f"send {JSON_TYPE} in utf-8")
    if request.headers.get("content-encoding", "identity").strip().lower() not in {"identity", ""}:
        raise HttpError(415, "send the body without compression")
    if len(request.body) > BODY_BYTES:
        raise HttpError(413, f"the body is larger than {BODY_BYTES} bytes")


@lru_cache(maxsize=256)  # clients send the same header with every request
def _is_json(content_type: str) -> bool:
    charset = _CHARSET.search(content_type)
    is_known = charset is None or charset[1].lower() in CHARSETS
    return is_known and content_type.partition(";")[0].strip().lower() == JSON_TYPE


def _sent_by_get(request: Request) -> dict[str, Any]:
    if len(request.query) > BODY_BYTES:
        raise HttpError(413, f"the query string is larger than {BODY_BYTES} bytes")
    sent: dict[str, Any] = dict(parse_qsl(request.query, keep_blank_values=True))
    for name in ("variables", "extensions"):
        if sent.get(name):
            try:
                sent[name] = orjson.loads(sent[name])
            except orjson.JSONDecodeError:
                raise HttpError(400, f"{name} is not valid JSON") from None
    return sent


def _params(sent: dict[str, Any]) -> Params:
    document_id, operation = sent.get("documentId"), sent.get("operationName")
    variables, extensions = _object(sent, "variables"), _object(sent, "extensions")
    for name, value in (("documentId", document_id), ("operationName", operation)):
        if value is not None and not isinstance(value, str):
            raise HttpError(400, f"{name} has to be a string")
    query = sent.get("query")
    is_named = bool(document_id) or extensions.get("persistedQuery") is not None
    if is_named and query in (None, ""):  # clients send either beside an id that stands for the text
        query = ""
    elif not isinstance(query, str) or not query.strip():
        raise HttpError(400, "query has to be a string; a persisted one is named by documentId")
    return Params(query, operation or None, variables, extensions, document_id or None)


def _object(sent: dict[str, Any], name: str) -> dict[str, Any]:
    """An optional object; null, an empty text and an empty list mean none."""
    value = sent.get(name)
    if value is None or value in ("", []):
        return {}
    if not isinstance(value, dict):
        raise HttpError(400, f"{name} has to be an object")
    return value

"""XML by expat, piece by piece, without a DTD: so there are no entities of a file's own, and nothing is fetched."""

from collections.abc import Iterator
from typing import BinaryIO
from xml.parsers import expat

from ledger.contents.readers.refusals import MOST_DEPTH, Broken, CountedBytes, TooLarge, Unsupported

CHUNK = 1 << 16


class Handlers:
    """What a parser calls; a subclass keeps what it wants."""

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        """An element begins."""

    def end(self, tag: str) -> None:
        """An element ends."""

    def text(self, text: str) -> None:
        """Some of an element's text."""


def parse(stream: BinaryIO, handlers: Handlers) -> Iterator[None]:
    """Parse a document; yields after each piece, when the handlers have seen it.

    Raises:
        Refusal: it is not XML, has a DTD, is nested too deeply, or is larger than is read.
    """
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.SetParamEntityParsing(expat.XML_PARAM_ENTITY_PARSING_NEVER)
    parser.StartDoctypeDeclHandler = _refuse_doctype
    depth = _Depth(handlers)
    parser.StartElementHandler = depth.start
    parser.EndElementHandler = depth.end
    parser.CharacterDataHandler = handlers.text
    counted = CountedBytes(stream)
    try:
        while piece := counted.read(CHUNK):
            parser.Parse(piece, False)
            yield
        parser.Parse(b"", True)
        yield
    except (LookupError, ValueError):  # Python has no such encoding, or one that expat cannot use
        raise Unsupported("the file has an encoding that is not read") from None
    except expat.ExpatError as error:
        raise Broken(f"the file is not XML, or ends early: {expat.ErrorString(error.code)}") from None


class _Depth:
    """Counts how deeply elements are nested."""

    def __init__(self, handlers: Handlers) -> None:
        self._handlers = handlers
        self._depth = 0

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        if self._depth > MOST_DEPTH:
            raise TooLarge("elements are nested more deeply than is read")
        self._handlers.start(tag, attributes)

    def end(self, tag: str) -> None:
        self._depth -= 1
        self._handlers.end(tag)


def _refuse_doctype(*_: object) -> None:
    raise Unsupported("the file has a document type definition, which is not read")

"""Names of text encodings as vendors write them in headers, mapped to Python's codecs."""

import codecs
import re

_LABEL = re.compile(r"[a-z0-9][a-z0-9_.:-]{0,39}")
# Python registers these beside the charsets; no vendor means them.
_NOT_CHARSETS = frozenset({"idna", "punycode", "undefined", "unicode-escape", "raw-unicode-escape", "utf-7"})


def charset_codec(label: str) -> str | None:
    """The canonical codec for a charset's name, such as `utf-8` for `UTF8`; None if the name is not a charset's."""
    label = label.strip().strip("\"'").lower()
    if not _LABEL.fullmatch(label):
        return None
    try:
        name = codecs.lookup(label).name
        "a".encode(name)  # Python's codecs that are not text encodings, such as `zlib`, raise here.
    except (LookupError, UnicodeError):
        return None
    return None if name.replace("_", "-") in _NOT_CHARSETS else name

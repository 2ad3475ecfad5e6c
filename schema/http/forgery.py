"""Requests that another site makes a browser send (CSRF): refused, though they could change and read nothing.

A body has to be JSON, which no form sends, and a GET changes nothing. What is left is a GET that a browser sends for
another site without asking first; it bears none of the headers that make a browser ask, and says itself where it comes
from.
"""

from collections.abc import Mapping

from schema.errors import BadUserInput

ASKED_FIRST = ("authorization", "apollo-require-preflight", "x-apollo-operation-name")
"""Headers that a page can send to another site only after a preflight."""
OTHER_SITES = frozenset({"cross-site", "same-site"})


def forged(method: str, headers: Mapping[str, str]) -> bool:
    """Whether another site may have made a browser send this without anybody's leave."""
    return (
        method == "GET"
        and headers.get("sec-fetch-site", "") in OTHER_SITES
        and not any(name in headers for name in ASKED_FIRST)
    )


def refuse_forged(method: str, headers: Mapping[str, str]) -> None:
    """Check a request.

    Raises:
        BadUserInput: it may be forged.
    """
    if forged(method, headers):
        raise BadUserInput("a GET from another site needs the header Authorization or Apollo-Require-Preflight")

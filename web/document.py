"""An HTML page and its headers.

A page's assets and the endpoint resolve against one `<base>`, made from the path of the request: the same page works at
the root and under a stage of API Gateway. All scripts are files of our own origin, so the policy forbids inline ones.
"""

from collections.abc import Mapping
from html import escape
from urllib.parse import quote

from web.delivery import Asset
from web.files import OIDC_CLIENT
from web.sign_in import SignIn

POLICY = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "connect-src": "'self'",
    "img-src": "'self' data:",
    "base-uri": "'self'",
    "frame-ancestors": "'none'",
    "form-action": "'none'",
}
"""The strictest policy under which our pages work; a page that needs more says why."""
_HEADERS = (
    ("cache-control", "no-cache"),
    ("referrer-policy", "no-referrer"),
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
)


def document(
    template: str, path: str, route: str, sign_in: SignIn | None = None, policy: Mapping[str, str] = POLICY
) -> Asset:
    """A page for a request path such as `/`, `/dev/` or `/dev/overview`; with `sign_in` it offers to sign in there.

    `route` is the page's own part of the path, such as `overview`; `{{base}}` and `{{sign-in}}` are replaced.
    """
    base = _base(path.rstrip("/").removesuffix(f"/{route}") if route else path)
    html = template.replace("{{base}}", escape(base, quote=True)).replace("{{sign-in}}", _markup(sign_in, route))
    headers = (*_HEADERS, ("content-security-policy", _written(policy, sign_in)))
    return Asset(html.encode(), "text/html; charset=utf-8", headers)


def _written(policy: Mapping[str, str], sign_in: SignIn | None) -> str:
    connect = " ".join((policy["connect-src"], *(sign_in.reachable() if sign_in else ())))
    return "; ".join(f"{name} {sources}" for name, sources in {**policy, "connect-src": connect}.items())


def _markup(sign_in: SignIn | None, route: str) -> str:
    """The configuration and the library that signs in; nothing where there is no provider."""
    if sign_in is None:
        return ""
    meta = f'<meta name="tally-sign-in" content="{escape(sign_in.configuration(route), quote=True)}">'
    return f'{meta}\n    <script defer src="assets/{OIDC_CLIENT}"></script>'


def _base(path: str) -> str:
    """A base that stays on this origin: two leading slashes would name a host; a backslash reads as a slash."""
    inner = quote(path.strip("/"), safe="/%", errors="replace")
    return f"/{inner}/" if inner else "/"

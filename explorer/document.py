"""The HTML page and its headers.

Its assets and the endpoint resolve against one `<base>`, made from the path of the request: the same page works at the
root and under a stage of API Gateway. All scripts are files of our own origin, so the policy forbids inline ones.
"""

from functools import cache
from html import escape
from urllib.parse import quote

from explorer.delivery import Asset
from explorer.files import HERE, OIDC_CLIENT, hashed_names
from explorer.sign_in import SignIn

# 'unsafe-inline' is for styles only: GraphiQL's dialogs and menus lock scrolling with a <style> element that they add
# at run time. Fonts and icons are data: URLs inside the style sheets.
_POLICY = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self' 'unsafe-inline'",
    "connect-src": "'self'",
    "img-src": "'self' data:",
    "font-src": "'self' data:",
    "base-uri": "'self'",
    "frame-ancestors": "'none'",
    "form-action": "'none'",
}
_HEADERS = (
    ("cache-control", "no-cache"),
    ("referrer-policy", "no-referrer"),
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
)


def page(path: str, sign_in: SignIn | None = None) -> Asset:
    """The page for a request path such as `/`, `/dev` or `/dev/`; with `sign_in` it offers to sign in there."""
    html = _template().replace("{{base}}", escape(_base(path), quote=True)).replace("{{sign-in}}", _markup(sign_in))
    return Asset(html.encode(), "text/html; charset=utf-8", (*_HEADERS, ("content-security-policy", _policy(sign_in))))


def _policy(sign_in: SignIn | None) -> str:
    connect = " ".join((_POLICY["connect-src"], *(sign_in.reachable() if sign_in else ())))
    return "; ".join(f"{name} {sources}" for name, sources in {**_POLICY, "connect-src": connect}.items())


def _markup(sign_in: SignIn | None) -> str:
    """The configuration and the library that signs in; nothing where there is no provider."""
    if sign_in is None:
        return ""
    meta = f'<meta name="tally-sign-in" content="{escape(sign_in.configuration(), quote=True)}">'
    return f'{meta}\n    <script defer src="assets/{OIDC_CLIENT}"></script>'


def _base(path: str) -> str:
    """A base that stays on this origin: two leading slashes would name a host; a backslash reads as a slash."""
    inner = quote(path.strip("/"), safe="/%", errors="replace")
    return f"/{inner}/" if inner else "/"


@cache
def _template() -> str:
    html = (HERE / "page.html").read_text(encoding="utf-8")
    for file, name in hashed_names().items():
        html = html.replace(f"{{{{{file}}}}}", name)
    return html

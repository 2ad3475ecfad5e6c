"""The HTML page, told where it lives.

Its assets and the endpoint resolve against one `<base>`, made from the path the request came in on: the same page works
at the root and under a stage of API Gateway. All scripts are files of our own origin, so the policy forbids inline
ones.
"""

from functools import cache
from html import escape
from urllib.parse import quote

from explorer.delivery import Asset
from explorer.files import HERE, hashed_names

# 'unsafe-inline' is for styles only: GraphiQL's dialogs and menus lock scrolling by a <style> element they add at run
# time. Fonts and icons are data: URLs inside the style sheets.
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
    ("content-security-policy", "; ".join(f"{name} {sources}" for name, sources in _POLICY.items())),
    ("referrer-policy", "no-referrer"),
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
)


def page(path: str) -> Asset:
    """Give the page for a request path: `/`, `/dev` or `/dev/`."""
    html = _template().replace("{{base}}", escape(_base(path), quote=True))
    return Asset(html.encode(), "text/html; charset=utf-8", _HEADERS)


def _base(path: str) -> str:
    """Make a base that stays on this origin: two leading slashes would name a host; a backslash reads as a slash."""
    inner = quote(path.strip("/"), safe="/%", errors="replace")
    return f"/{inner}/" if inner else "/"


@cache
def _template() -> str:
    html = (HERE / "page.html").read_text(encoding="utf-8")
    for file, name in hashed_names().items():
        html = html.replace(f"{{{{{file}}}}}", name)
    return html

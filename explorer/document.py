"""The explorer's page."""

from functools import cache

from explorer.files import HERE, served_names
from web.delivery import Asset
from web.document import POLICY, document
from web.sign_in import SignIn

# 'unsafe-inline' is for styles only: GraphiQL's dialogs and menus lock scrolling with a <style> element that they add
# at run time. Fonts and icons are data: URLs inside the style sheets.
_POLICY = POLICY | {"style-src": "'self' 'unsafe-inline'", "font-src": "'self' data:"}


def page(path: str, sign_in: SignIn | None = None) -> Asset:
    """The page for a request path such as `/`, `/dev` or `/dev/`; with `sign_in` it offers to sign in there."""
    return document(_template(), path, "", sign_in, _POLICY)


@cache
def _template() -> str:
    html = (HERE / "page.html").read_text(encoding="utf-8")
    for file, name in served_names().items():
        html = html.replace(f"{{{{{file}}}}}", name)
    return html

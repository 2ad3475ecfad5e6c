"""The overview's page: the strictest policy, and every module named in its head so that none waits for another."""

from functools import cache

from overview.files import HERE, OWN, served_names
from web.delivery import Asset
from web.document import document
from web.sign_in import SignIn

ROUTE = "overview"


def page(path: str, sign_in: SignIn | None = None) -> Asset:
    """The page for a request path such as `/overview` or `/dev/overview`; with `sign_in` it offers to sign in there."""
    return document(_template(), path, ROUTE, sign_in)


@cache
def _template() -> str:
    html = (HERE / "page.html").read_text(encoding="utf-8")
    modules = [name for name in OWN if name.endswith(".js") and name != "main.js"]
    links = "\n    ".join(f'<link rel="modulepreload" href="assets/{{{{overview}}}}/{name}">' for name in modules)
    html = html.replace("{{modules}}", links)
    for file, name in served_names().items():
        html = html.replace(f"{{{{{file}}}}}", name)
    return html

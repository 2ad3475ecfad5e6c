import gzip
import json
import re
from html.parser import HTMLParser

import pytest

import explorer
from explorer.files import served_names
from web.fetch_assets import ROOT, VENDORED, IntegrityError, Vendored
from web.sign_in import SignIn

ASSETS = {path for folder in ("explorer", "web") for path in (ROOT / folder / "assets").iterdir()}


class Elements(HTMLParser):
    """Every start tag with its attributes, and the text inside scripts."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.script_text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        if self.tags and self.tags[-1][0] == "script":
            self.script_text += data.strip()

    def links(self) -> list[str]:
        """What the page loads, icons as data apart."""
        found = [attrs.get("src") or attrs.get("href") for tag, attrs in self.tags if tag in {"script", "link"}]
        return [link for link in found if link and not link.startswith("data:")]


def elements(path: str = "/") -> Elements:
    return Elements(explorer.page(path).body.decode())


def base(path: str) -> str | None:
    return next(attrs["href"] for tag, attrs in elements(path).tags if tag == "base")


@pytest.mark.parametrize("file", VENDORED, ids=lambda file: file.name)
def test_each_checked_in_file_is_the_release_s_own(file: Vendored) -> None:
    asset = explorer.FILES.asset(file.name)
    assert asset is not None
    assert file.check(gzip.decompress(asset.body))


def test_the_assets_are_those_of_the_table_and_no_others() -> None:
    assert {file.path for file in VENDORED} == ASSETS


def test_the_archives_are_reproducible() -> None:
    for path in ASSETS:
        assert path.read_bytes()[3:8] == bytes(5), f"{path.name}: no name and no time in its header"


def test_another_content_is_refused() -> None:
    with pytest.raises(IntegrityError, match=r"react-18\.2\.0\.min\.js"):
        VENDORED[0].check(b"alert(1)")


def test_all_that_the_page_loads_is_there_and_may_be_kept_for_ever() -> None:
    links = elements().links()
    assert len(links) == len(VENDORED) - 1 + len(served_names())  # oidc-client-ts only where there is a provider
    for link in links:
        asset = explorer.FILES.asset(link.removeprefix("assets/"))
        assert asset is not None, link
        assert asset.content_type == f"text/{'css' if link.endswith('.css') else 'javascript'}; charset=utf-8"
        assert ("cache-control", "public, max-age=31536000, immutable") in asset.headers
        assert ("x-content-type-options", "nosniff") in asset.headers
        assert re.search(r"-(\d+\.\d+\.\d+|[0-9a-f]{12})\.", link), f"{link}: a new content needs a new name"


def test_the_page_has_no_inline_script() -> None:
    page = elements()
    assert page.script_text == ""
    assert all(attrs.get("src") for tag, attrs in page.tags if tag == "script")
    assert not [name for _, attrs in page.tags for name in attrs if name.startswith("on")]


def test_the_page_allows_nothing_from_elsewhere() -> None:
    headers = dict(explorer.page("/").headers)
    policy = dict(directive.split(" ", 1) for directive in headers["content-security-policy"].split("; "))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["connect-src"] == policy["base-uri"] == "'self'"
    assert policy["frame-ancestors"] == policy["form-action"] == "'none'"
    assert {source for sources in policy.values() for source in sources.split()} == {
        "'none'",
        "'self'",
        "'unsafe-inline'",
        "data:",
    }
    assert "'unsafe-inline'" in policy["style-src"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cache-control"] == "no-cache"


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/", "/"),
        ("", "/"),
        ("/dev", "/dev/"),
        ("/dev/", "/dev/"),
        ("/a/b", "/a/b/"),
        ("//evil.example", "/evil.example/"),
        ("/\\evil.example", "/%5Cevil.example/"),
        ('/"><script>alert(1)</script>', "/%22%3E%3Cscript%3Ealert%281%29%3C/script%3E/"),
        ("/tab\there", "/tab%09here/"),
        ("/\ud800", "/%3F/"),
    ],
)
def test_the_base_follows_the_path_and_never_leaves_the_host(path: str, expected: str) -> None:
    assert base(path) == expected


@pytest.mark.parametrize(
    "name",
    ["", ".", "..", "../page.html", "..%2Fpage.html", "/etc/passwd", "page.html", "explorer.js", "files.py", "react\0"],
)
def test_a_name_that_is_not_served_is_none(name: str) -> None:
    assert explorer.FILES.asset(name) is None


def test_an_asset_is_compressed() -> None:
    asset = explorer.FILES.asset("react-18.2.0.min.js")
    assert asset is not None
    assert asset.compressed
    assert dict(asset.headers)["vary"] == "Accept-Encoding"
    assert len(gzip.decompress(asset.body)) > len(asset.body)


def test_with_a_provider_the_page_loads_its_client_and_may_reach_the_provider_only() -> None:
    sign_in = SignIn(
        "https://login.example.com/tenant", "tally-ui", 'openid "x"', origins=("https://tokens.example.com",)
    )
    page = explorer.page("/", sign_in)
    parsed = Elements(page.body.decode())
    assert "assets/oidc-client-ts-3.5.0.min.js" in parsed.links()
    (content,) = [attrs["content"] for tag, attrs in parsed.tags if attrs.get("name") == "tally-sign-in"]
    assert json.loads(content or "") == {
        "issuer": "https://login.example.com/tenant",
        "clientId": "tally-ui",
        "scopes": 'openid "x"',
        "audience": "",
        "scopeClaims": ["scope", "scp"],
        "page": "",
    }
    policy = dict(page.headers)["content-security-policy"]
    assert "connect-src 'self' https://login.example.com https://tokens.example.com;" in policy
    assert "script-src 'self';" in policy


def test_the_page_itself_is_plain_so_that_a_gateway_may_write_a_token_into_it() -> None:
    page = explorer.page("/")
    assert page.content_type == "text/html; charset=utf-8"
    assert b"</head>" in page.body
    assert not page.compressed

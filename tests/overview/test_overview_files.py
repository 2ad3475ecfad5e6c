"""What the overview is made of: its policy, its weight, its files, and its queries."""

import re
import subprocess
from pathlib import Path

import pytest
from graphql import build_schema

import overview
from overview.declarations import DECLARATIONS, QUERIES, InvalidQueryError, declarations
from overview.files import HERE, OWN
from tests.support.node import node_with_packages
from tests.support.repository import ROOT
from web.sign_in import SignIn

CHECKS = ROOT / "tests" / "overview"
SCHEMA = (ROOT / "schema" / "schema.graphql").read_text(encoding="utf-8")
TEXTS = {path.name: path.read_text(encoding="utf-8") for path in QUERIES.glob("*.graphql")}
FIRST_PAINT = 150_000
PROVIDER = SignIn("https://login.example.com", "tally")


def page(sign_in: SignIn | None = None) -> str:
    return overview.page("/overview", sign_in).body.decode()


def links(html: str) -> set[str]:
    return set(re.findall(r'(?:src|href)="(assets/[^"]+)"', html))


def test_the_policy_has_no_exception() -> None:
    headers = dict(overview.page("/overview").headers)
    policy = dict(directive.split(" ", 1) for directive in headers["content-security-policy"].split("; "))
    assert policy["default-src"] == "'none'"
    assert {source for sources in policy.values() for source in sources.split()} == {"'none'", "'self'", "data:"}
    assert policy["img-src"] == "'self' data:"
    assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"


def test_a_provider_is_the_only_other_host() -> None:
    headers = dict(overview.page("/overview", PROVIDER).headers)
    assert "connect-src 'self' https://login.example.com;" in headers["content-security-policy"]
    assert "&quot;page&quot;: &quot;overview&quot;" in page(PROVIDER)


def test_all_that_the_page_loads_is_there_and_may_be_kept_for_ever() -> None:
    for link in links(page(PROVIDER)):
        asset = overview.FILES.asset(link.removeprefix("assets/"))
        assert asset is not None, link
        assert ("cache-control", "public, max-age=31536000, immutable") in asset.headers


def test_every_module_is_named_in_the_page_so_that_none_waits_for_another() -> None:
    modules = {name for name in OWN if name.endswith(".js")}
    assert {link.partition("/")[2].partition("/")[2] for link in links(page()) if "/overview-" in link} >= modules


def test_the_first_paint_weighs_150_kb_at_most() -> None:
    """Everything that a first visit loads, compressed as it is sent, with the library that signs in."""
    served = [overview.FILES.asset(link.removeprefix("assets/")) for link in links(page(PROVIDER))]
    queries = [overview.FILES.asset(name) for name in overview.FILES.paths if name.endswith("/overview.graphql")]
    weight = len(overview.page("/overview", PROVIDER).body) + sum(
        len(asset.body) for asset in [*served, *queries] if asset
    )
    assert 20_000 < weight <= FIRST_PAINT


@pytest.mark.parametrize("name", ["", "..", "main.js", "page.html", "document.py", "operations.d.ts", "tsconfig.json"])
def test_a_name_that_is_not_served_is_none(name: str) -> None:
    assert overview.FILES.asset(name) is None
    assert (
        overview.FILES.asset(f"{next(iter(overview.FILES.paths)).partition('/')[0]}/{name}") is None
        or name == "main.js"
    )


@pytest.mark.parametrize(
    ("path", "base"),
    [("/overview", "/"), ("/overview/", "/"), ("/dev/overview", "/dev/"), ("/a/b/overview", "/a/b/")],
)
def test_the_base_is_where_the_endpoint_is(path: str, base: str) -> None:
    assert f'<base href="{base}">' in overview.page(path).body.decode()


def test_no_module_makes_elements_of_text_or_code_of_text() -> None:
    """The policy would stop the second; the first would let a report's name become a part of the page."""
    forbidden = re.compile(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|\.style\b")
    for name, path in OWN.items():
        assert not forbidden.search(path.read_text(encoding="utf-8")), name


def test_the_queries_fit_the_schema_and_their_declarations_are_up_to_date() -> None:
    printed = declarations(build_schema(SCHEMA), TEXTS)
    assert printed == DECLARATIONS.read_text(encoding="utf-8"), "make schema"


def test_a_query_that_does_not_fit_the_schema_is_refused_by_its_name() -> None:
    with pytest.raises(InvalidQueryError, match=r"wrong\.graphql: Cannot query field 'total'"):
        declarations(build_schema(SCHEMA), {"wrong.graphql": "query Wrong { total }"})


def checked(folder: Path) -> subprocess.CompletedProcess[str]:
    node = node_with_packages(CHECKS)
    compiler = CHECKS / "node_modules" / "typescript" / "bin" / "tsc"
    return subprocess.run([node, compiler, "--project", folder], capture_output=True, text=True, check=False)


@pytest.mark.slow
def test_a_field_that_leaves_the_schema_breaks_the_check_and_not_the_page(tmp_path: Path) -> None:
    """With a field renamed in schema and query, the module that reads it is named, and nothing else is wrong."""
    copy = tmp_path / "overview"
    for path in HERE.rglob("*"):
        if path.suffix in {".js", ".ts", ".json"}:
            target = copy / path.relative_to(HERE)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(path.read_text(encoding="utf-8"), encoding="utf-8")
    renamed = {name: text.replace("creditApplied", "appliedCredit") for name, text in TEXTS.items()}
    printed = declarations(build_schema(SCHEMA.replace("creditApplied", "appliedCredit")), renamed)
    (copy / DECLARATIONS.name).write_text(printed, encoding="utf-8")
    broken = checked(copy)
    assert broken.returncode != 0
    problems = [line for line in broken.stdout.splitlines() if ": error " in line]
    assert problems
    assert [line for line in problems if not ("parts/brands.js(" in line and "'creditApplied'" in line)] == []

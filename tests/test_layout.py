"""How the tests are laid out: helpers in `tests/support`, and a test module or a conftest is never imported."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

TESTS = Path(__file__).parent


def modules(tests: Path) -> list[Path]:
    return [path for path in sorted(tests.rglob("*.py")) if "node_modules" not in path.parts]


def imports(source: str) -> Iterator[str]:
    """The modules that a source imports, and each name that it takes from one, as that may be a module too."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        if isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{name.name}" for name in node.names)


def forbidden(source: str) -> list[str]:
    """The imports that reach into a test module or a conftest."""
    return [
        name
        for name in imports(source)
        if any(part == "conftest" or part.startswith("test_") for part in name.split("."))
    ]


def test_no_test_module_and_no_conftest_is_imported() -> None:
    found = {str(path.relative_to(TESTS)): forbidden(path.read_text(encoding="utf-8")) for path in modules(TESTS)}
    assert {path: names for path, names in found.items() if names} == {}
    assert len(found) > 100


def test_every_helper_lies_in_support() -> None:
    helpers = [path for path in modules(TESTS) if path.name != "conftest.py" and not path.name.startswith("test_")]
    assert helpers
    assert [path for path in helpers if path.relative_to(TESTS).parts[0] != "support"] == []


@pytest.mark.parametrize(
    "source",
    [
        "from tests.functions.test_credit_log import QUERY",
        "from tests.functions import test_credit_log",
        "import tests.functions.test_credit_log as log",
        "from tests.functions.conftest import frontend",
        "from tests.functions import conftest",
        "def late():\n    from tests.conftest import clock",
    ],
)
def test_the_rule_finds_every_way_to_import_one(source: str) -> None:
    assert forbidden(source)


def test_the_rule_lets_a_helper_be_imported() -> None:
    assert not forbidden("import pytest\nfrom tests.support.api.frontend import Frontend")


def test_the_page_of_helpers_names_every_one() -> None:
    page = ast.get_docstring(ast.parse((TESTS / "support" / "__init__.py").read_text(encoding="utf-8"))) or ""
    helpers = [path.stem for path in modules(TESTS / "support") if path.name != "__init__.py"]
    assert [name for name in helpers if not re.search(rf"\b{name}\b", page)] == []


def test_no_two_test_modules_have_one_name() -> None:
    """Pytest imports them by their names alone."""
    names = [path.name for path in modules(TESTS) if path.name.startswith("test_")]
    assert sorted({name for name in names if names.count(name) > 1}) == []

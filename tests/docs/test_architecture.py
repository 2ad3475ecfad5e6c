"""The picture of the house is the one that import-linter checks, and no room is left out."""

import re
import tomllib
from pathlib import Path

from tests.support.repository import ROOT

PAGE = (ROOT / "docs" / "architecture.md").read_text()
CONTRACTS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
FLOORS = (
    *("functions", "schema", "ledger", "upstreams", "runtime", "explorer", "overview", "web"),
    *("local", "deploy", "benchmarks"),
)


def test_the_order_of_the_inner_rooms_is_the_linter_s() -> None:
    drawn = dict(re.findall(r"^(\w+): +(\w.* → .*)$", PAGE, re.MULTILINE))
    linted = {
        container.rpartition(".")[2]: " → ".join(contract["layers"])
        for contract in CONTRACTS
        for container in contract.get("containers", ())
    }
    assert drawn == linted


def test_the_floors_stand_in_the_order_of_the_linter() -> None:
    (layers,) = (contract["layers"] for contract in CONTRACTS if "functions" in contract.get("layers", ()))
    picture = PAGE.partition("```\n")[2].partition("```")[0]
    places = [min(picture.index(name) for name in layer.split(" | ")) for layer in layers]
    assert places == sorted(places)


def test_every_room_has_its_line() -> None:
    rooms = [path for floor in FLOORS for path in (ROOT / floor).rglob("__init__.py")]
    for room in (path.parent.relative_to(ROOT) for path in rooms):
        if room.name != "__pycache__" and has_modules(ROOT / room):
            assert f"| `{room}/` |" in PAGE, room


def has_modules(room: Path) -> bool:
    return any(path.name != "__init__.py" for path in room.glob("*.py"))


def test_every_prefix_of_the_bucket_is_drawn() -> None:
    prefixes = set()
    for path in (ROOT / "ledger").rglob("*.py"):
        prefixes |= set(re.findall(r'^[A-Z_]+_PREFIX = "([\w-]+)"', path.read_text(), re.MULTILINE))
    assert len(prefixes) > 6
    for prefix in prefixes:
        assert f"── {prefix}/" in PAGE, prefix

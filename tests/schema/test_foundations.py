"""What the house rests on: imports run one way, and the linter that says so finds what breaks the rule."""

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.support.repository import ROOT

LINT_IMPORTS = Path(sys.executable).with_name("lint-imports")


def test_imports_run_one_way() -> None:
    checked = subprocess.run([LINT_IMPORTS, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout
    assert "0 broken" in checked.stdout


@pytest.mark.slow
def test_an_import_against_the_rule_is_noticed(tmp_path: Path) -> None:
    """The rule itself is tried on a house that breaks it."""
    settings = (ROOT / "pyproject.toml").read_text()
    for package in tomllib.loads(settings)["tool"]["importlinter"]["root_packages"]:
        for module in (ROOT / package).rglob("*.py"):
            name = module.relative_to(ROOT)
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).touch()
    (tmp_path / "upstreams" / "vendor.py").write_text("import schema\n")
    (tmp_path / "ledger" / "days" / "day_store.py").write_text("import graphql\nimport ledger.keeper\n")
    (tmp_path / "pyproject.toml").write_text(settings)
    checked = subprocess.run(
        [LINT_IMPORTS, "--no-cache"], cwd=tmp_path, capture_output=True, text=True, check=False, env={"PYTHONPATH": "."}
    )
    assert checked.returncode == 1
    assert "upstreams.vendor -> schema" in checked.stdout
    assert "ledger.days.day_store -> graphql" in checked.stdout
    assert "ledger.days.day_store -> ledger.keeper" in checked.stdout

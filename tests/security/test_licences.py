"""What is deployed is listed with its licence, and under none that would bind whoever deploys it."""

import gzip
import re
from fnmatch import fnmatch
from pathlib import Path

import pytest

from deploy.licences import PAGE, packages, page

ROOT = Path(__file__).parents[2]
PERMISSIVE = ("MIT", "BSD", "Apache", "ISC", "PSF", "MPL", "Python Software Foundation")


def test_the_list_is_that_of_the_lock() -> None:
    assert PAGE.read_text() == page(), "run `make licences`"


@pytest.mark.parametrize("name", [name for name, _ in packages()])
def test_a_deployed_package_s_licence_is_known_and_permissive(name: str) -> None:
    row = next(line for line in page().splitlines() if line.startswith(f"| {name} |"))
    assert any(licence in row for licence in PERMISSIVE), row


def test_tally_itself_is_under_the_mit_license() -> None:
    assert (ROOT / "LICENSE").read_text().startswith("MIT License\n\nCopyright (c) ")


def test_the_explorer_s_notice_names_every_file_that_it_ships() -> None:
    notice = (ROOT / "explorer" / "NOTICE").read_text()
    listed = re.findall(r"^  ([\w.*-]+\.[\w.*]+)(?:, \.\w+)? {2,}", notice, re.MULTILINE)
    for asset in shipped():
        assert any(fnmatch(asset.stem, f"{name.rpartition('.')[0]}*") for name in listed), asset.name


def test_the_explorer_s_notice_names_every_package_inside_its_bundles() -> None:
    listed = set(re.findall(r"[@\w./*-]+", (ROOT / "explorer" / "NOTICE").read_text()))
    bundled = set.union(*(packages_inside(asset) for asset in shipped() if asset.stem.endswith(".js")))
    assert len(bundled) > 50
    missing = {name for name in bundled if name not in listed and f"{name.partition('/')[0]}/*" not in listed}
    assert not missing


def shipped() -> list[Path]:
    return sorted((ROOT / "explorer" / "assets").glob("*.gz"))


def packages_inside(asset: Path) -> set[str]:
    """The npm packages whose modules a bundle names in its comments; a minified one names none."""
    return set(re.findall(r"node_modules/((?:@[\w.-]+/)?[\w.-]+)", gzip.decompress(asset.read_bytes()).decode()))

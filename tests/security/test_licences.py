"""Every deployed package is listed with its licence, and every licence is permissive."""

import gzip
import re
import subprocess
from fnmatch import fnmatch
from pathlib import Path

import pytest

from deploy.artifact import KEEPER, KINDS, ROOT

PAGE = ROOT / "docs" / "licences.md"
ROW = re.compile(r"^\| (\S+) +\| (\S+) +\| (.+?) +\|$", re.MULTILINE)
PERMISSIVE = ("MIT", "BSD", "Apache", "ISC", "PSF", "MPL", "Python Software Foundation")


def listed() -> dict[str, tuple[str, str]]:
    rows: list[tuple[str, str, str]] = ROW.findall(PAGE.read_text())
    return {name.lower().replace("_", "-"): (version, licence) for name, version, licence in rows if name != "Name"}


def test_the_list_is_that_of_the_lock() -> None:
    exported = subprocess.run(
        [ROOT / ".tools" / "bin" / "uv", *KINDS[KEEPER].locked, "--no-hashes", "--no-annotate", "--no-header"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    locked = dict(line.partition(" ")[0].split("==") for line in exported.stdout.splitlines())
    assert {name: version for name, (version, _) in listed().items()} == locked, "run `make licences`"


@pytest.mark.parametrize("name", sorted(listed()))
def test_a_deployed_package_s_licence_is_known_and_permissive(name: str) -> None:
    _, licence = listed()[name]
    assert any(known in licence for known in PERMISSIVE), licence


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

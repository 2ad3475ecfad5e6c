"""Which packages the artifact holds, and under which licences: `make licences` writes `docs/licences.md`.

Names and versions come from the lock, licences from the installed packages' own metadata, in which they are written in
three places. The explorer's assets bring theirs in `explorer/NOTICE`.
"""

import re
import subprocess
from collections.abc import Iterator
from importlib.metadata import PackageMetadata, metadata
from pathlib import Path

from deploy.artifact import LOCKED, ROOT

PAGE = ROOT / "docs" / "licences.md"
INTRODUCTION = """# What Tally is made of

The packages in the deployed artifact, as the lock has them (`make licences` writes this page). The explorer's assets
are listed in [`explorer/NOTICE`](../explorer/NOTICE); what only development needs is not deployed.

| package | version | licence |
|---|---|---|
"""
UV = ROOT / ".tools" / "bin" / "uv"
CLASSIFIER = "License :: OSI Approved :: "


def page() -> str:
    """The whole page."""
    rows = [f"| {name} | {version} | {licence_of(metadata(name))} |" for name, version in packages()]
    return INTRODUCTION + "\n".join(rows) + "\n"


def packages() -> Iterator[tuple[str, str]]:
    """Names and versions of the packages that are deployed, by name."""
    exported = subprocess.run(  # noqa: S603 - our own words
        [UV, *LOCKED[:-1], "--no-hashes", "--no-annotate", "--no-header"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    for line in sorted(exported.stdout.splitlines()):
        if match := re.match(r"([A-Za-z0-9._-]+)==([^ ;]+)", line):
            yield match[1], match[2]


def licence_of(about: PackageMetadata) -> str:
    """A package's licence: its SPDX expression, else its classifier, else the first line of its own words."""
    if expression := about.get("License-Expression"):
        return expression
    classified = [entry.removeprefix(CLASSIFIER) for entry in about.get_all("Classifier") or () if CLASSIFIER in entry]
    return ", ".join(classified) or (about.get("License") or "unknown").splitlines()[0]


if __name__ == "__main__":
    Path(PAGE).write_text(page())

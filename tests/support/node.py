"""Node, with the packages of a folder installed by its lock."""

import fcntl
import os
import shutil
import subprocess
from pathlib import Path

import pytest


def node_with_packages(folder: Path) -> str:
    """The path of Node, after `npm ci` in `folder` if its lock is newer than what is installed.

    Several workers may ask at once; one of them installs.

    Without Node the test is skipped, in CI failed.
    """
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        missing = "node and npm are missing"
        if os.environ.get("CI") == "true":
            pytest.fail(missing)
        pytest.skip(missing)
    installed, locked = folder / "node_modules" / ".package-lock.json", folder / "package-lock.json"
    with locked.open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not installed.exists() or installed.stat().st_mtime < locked.stat().st_mtime:
            command = [npm, "ci", "--no-audit", "--no-fund"]
            subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=100)
    return node

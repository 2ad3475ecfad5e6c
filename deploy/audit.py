"""Looks the deployed packages up among known vulnerabilities: `make audit`.

Where the data cannot be had (no network, no database) it says so and lets the build pass: an audit that fails for
other reasons than its findings is soon switched off.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from deploy.artifact import LOCKED, ROOT

UV = ROOT / ".tools" / "bin" / "uv"
PIP_AUDIT = ROOT / ".tools" / "pip-audit" / "bin" / "pip-audit"


def main() -> int:
    """Audit; 1 when something is found."""
    with tempfile.TemporaryDirectory() as folder:
        locked, found = Path(folder, "locked.txt"), Path(folder, "found.json")
        subprocess.run([UV, *LOCKED, locked], cwd=ROOT, check=True)  # noqa: S603 - our own words
        audit = subprocess.run(  # noqa: S603 - likewise
            [PIP_AUDIT, "--requirement", locked, "--disable-pip", "--format", "json", "--output", found],
            check=False,
            capture_output=True,
            text=True,
        )
        if not found.exists():
            print(f"not audited: {audit.stderr.strip().splitlines()[-1]}")
            return 0
        return _told(json.loads(found.read_text())["dependencies"])


def _told(dependencies: list[dict[str, object]]) -> int:
    vulnerable = [package for package in dependencies if package.get("vulns")]
    for package in vulnerable:
        print(f"{package['name']} {package['version']}: {json.dumps(package['vulns'])}")
    print(f"{len(dependencies)} packages audited, {len(vulnerable)} vulnerable")
    return 1 if vulnerable else 0


if __name__ == "__main__":
    sys.exit(main())

"""The README's five steps, pasted line by line into an empty shell: against the emulator, as they stand.

Three things differ from AWS. `make deploy` deploys the built template without what the emulator cannot make, the
vendors are simulators, and `curl` sends AWS's host names to the emulator.
"""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.artifact import ROOT, host_architecture
from deploy.emulator import Emulator, emulator
from local.vendors.openmarket import OpenMarketSimulator
from local.vendors.rde import RdeSimulator

MAKE = """#!{python}
import os, sys
assert sys.argv[1] == "deploy", sys.argv
flags = [flag for given in sys.argv[2:] for flag in given.removeprefix("DEPLOY_FLAGS=").split()]
files = ["--config-file", "{root}/samconfig.toml", "--template-file", "{template}"]
deploy = ["{sam}", "deploy", *files, "--no-progressbar", *flags]
os.chdir("{root}")
os.execv(deploy[0], [*deploy, "--parameter-overrides", *{overrides!r}])
"""
CURL = """#!{python}
import os, sys
from urllib.parse import urlsplit
sent = []
for word in sys.argv[1:]:
    if word.startswith("https://"):
        parts = urlsplit(word)
        sent += ["-H", f"Host: {{parts.netloc}}"]
        word = f"{endpoint}{{parts.path}}"
    sent.append(word)
os.execv("/usr/bin/curl", ["curl", "--noproxy", "*", *sent])
"""


def steps() -> list[str]:
    section = (ROOT / "README.md").read_text().partition("## Deploy\n")[2].partition("\n## ")[0]
    blocks = re.findall(r"^   ```sh\n(.*?)^   ```", section, re.MULTILINE | re.DOTALL)
    return [re.sub(r"^   ", "", block, flags=re.MULTILINE) for block in blocks]


def with_credentials(step: str, *secrets: dict[str, str]) -> str:
    """The step with real values where the README has an ellipsis."""
    for secret in secrets:
        names = ", ".join(f'"{name}": "…"' for name in secret)
        step = step.replace(f"{{{names}}}", json.dumps(secret))
    return step


def put_script(folder: Path, name: str, text: str) -> None:
    script = folder / name
    script.write_text(text)
    script.chmod(0o755)


def tools(folder: Path, on: Emulator, template: Path, parameters: dict[str, str]) -> Path:
    folder.mkdir()
    overrides = [f"{name}={value}" for name, value in parameters.items()]
    sam = ROOT / ".tools/sam/bin/sam"
    words = {"python": sys.executable, "sam": sam, "template": template, "root": ROOT, "overrides": overrides}
    put_script(folder, "make", MAKE.format(**words))
    put_script(folder, "curl", CURL.format(python=sys.executable, endpoint=on.endpoint))
    (folder / "aws").symlink_to(ROOT / ".tools/aws/bin/aws")
    return folder


@pytest.mark.deploy
@pytest.mark.slow
@pytest.mark.timeout(300)
def test_the_steps_of_the_readme_lead_from_an_empty_shell_to_an_answer(built_template: Path, tmp_path: Path) -> None:
    with emulator(tmp_path / "emulator.log") as on, RdeSimulator() as rde, OpenMarketSimulator() as openmarket:
        parameters = {
            "Architecture": host_architecture(),
            "RdeBaseUrl": rde.base_url,
            "OpenMarketBaseUrl": openmarket.base_url,
        }
        folder = tools(tmp_path / "bin", on, built_template, parameters)
        environ = {name: value for name, value in on.environ.items() if "REGION" not in name}
        environ |= {
            "PATH": f"{folder}{os.pathsep}{os.environ['PATH']}",
            "SAM_CLI_TELEMETRY": "0",
            "HOME": str(tmp_path),
        }
        pasted = "".join(with_credentials(step, rde.secret, openmarket.secret) for step in steps())
        shell = ["bash", "--noprofile", "--norc", "-eu", "-o", "pipefail"]
        done = subprocess.run(
            shell, input=pasted, env=environ, cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
        answer = json.loads(done.stdout.splitlines()[-1].rpartition("\n")[2])
        assert "errors" not in answer
        assert answer["data"]["reports"]["totalCount"] > 0


def test_there_are_five_steps_and_each_has_its_lines() -> None:
    assert len(steps()) == 5
    assert sum(step.count("…") for step in steps()) == 6  # the vendors' credentials, and nothing else to fill in

"""What the functions run from: our packages, the locked dependencies, and compiled bytecode.

There are two artifacts: the keeper's has besides what it alone needs (the lock's group `keeper`), which would weigh on
the API's cold starts. SAM sets every file's time to 1980, so Python would reject bytecode that is validated by time and
compile again at each cold start: the `.pyc` files here are unchecked-hash. Dependencies come from the lock, as wheels
for the function's processor, whatever this machine's is. A finished artifact stays under `build/` until one of its
inputs changes.
"""

import argparse
import fcntl
import hashlib
import os
import platform
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from deploy.slimming import plain_nodes, write_bytecode

ROOT = Path(__file__).parent.parent
PACKAGES = ("functions", "schema", "ledger", "upstreams", "runtime", "explorer", "overview", "web")
PLATFORMS = {"arm64": "aarch64-manylinux_2_28", "x86_64": "x86_64-manylinux_2_28"}
LOCKED = ("export", "--quiet", "--frozen", "--no-default-groups", "--no-emit-project")


@dataclass(frozen=True, slots=True)
class Kind:
    """What distinguishes artifacts: the lock's groups in it, and the bytes that it may have unzipped."""

    groups: tuple[str, ...]
    size_limit: int

    @property
    def locked(self) -> tuple[str, ...]:
        """The arguments of uv that print the locked packages of this artifact."""
        return (*LOCKED, *(f"--group={group}" for group in self.groups))


API, KEEPER = "api", "keeper"
KINDS = {API: Kind((), 32_000_000), KEEPER: Kind(("keeper",), 70_000_000)}
"""The exporter runs from the API's. Lambda accepts 250 MB, but each megabyte makes a cold start slower."""

# Files for installing, type checking or developing, not for running.
LEFT_OUT = shutil.ignore_patterns(
    *("__pycache__", "*.pyi", "py.typed", "node_modules", "tests"),
    *("fetch_assets.py", "declarations.py", "*.d.ts", "tsconfig.json"),
)
UNUSED_AT_RUN_TIME = (
    *("*.dist-info", "bin", "**/*.pyi", "**/py.typed", "**/tests"),
    "dateutil/zoneinfo",  # a second copy of the time zones; tzdata has them
)


def host_architecture() -> str:
    """This machine's processor, by Lambda's name for it."""
    return "arm64" if platform.machine() in {"aarch64", "arm64"} else "x86_64"


def built(architecture: str, kind: str = API) -> Path:
    """The folder of an up-to-date artifact, built if necessary; safe to call from several processes at once."""
    home = ROOT / "build"
    home.mkdir(exist_ok=True)
    name = architecture if kind == API else f"{architecture}-{kind}"
    with (home / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        stamp, artifact = home / f"{name}.stamp", home / name
        fingerprint = _fingerprint(name)
        if not (artifact.is_dir() and stamp.exists() and stamp.read_text() == fingerprint):
            stamp.unlink(missing_ok=True)
            _make(architecture, KINDS[kind], artifact)
            stamp.write_text(fingerprint)
        return artifact


def weights(artifact: Path) -> dict[str, int]:
    """Bytes by top-level name, the largest first."""
    sizes = {entry.name: sum(_sizes(entry)) for entry in artifact.iterdir()}
    return dict(sorted(sizes.items(), key=lambda item: -item[1]))


def _sizes(entry: Path) -> Iterator[int]:
    files = (entry,) if entry.is_file() else (path for path in entry.rglob("*") if path.is_file())
    return (path.stat().st_size for path in files)


def _make(architecture: str, kind: Kind, artifact: Path) -> None:
    shutil.rmtree(artifact, ignore_errors=True)
    _install(architecture, kind, artifact)
    for pattern in UNUSED_AT_RUN_TIME:
        for path in list(artifact.glob(pattern)):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    for package in PACKAGES:
        shutil.copytree(ROOT / package, artifact / package, ignore=LEFT_OUT)
    shutil.rmtree(artifact / "schema" / "types")  # written in Strawberry, which is not there; the print is
    plain_nodes(artifact)
    write_bytecode(artifact, "/var/task", ROOT / "build" / "bytecode")  # the paths that tracebacks show are Lambda's


def _install(architecture: str, kind: Kind, artifact: Path) -> None:
    uv = ROOT / ".tools" / "bin" / "uv"
    with tempfile.TemporaryDirectory() as scratch:
        lock = Path(scratch) / "requirements.txt"
        _run(uv, *kind.locked, "--output-file", lock)
        target = ("--target", artifact, "--python-version", "3.13", "--python-platform", PLATFORMS[architecture])
        # Copies, not links into uv's cache: changes to an artifact must not reach the cache.
        how = ("--link-mode", "copy", "--only-binary", ":all:", "--no-deps", "--require-hashes")
        _run(uv, "pip", "install", "--quiet", *target, *how, "-r", lock)


def _fingerprint(name: str) -> str:
    """A digest of everything an artifact is built from: the lock, this package, and every file of our packages."""
    digest = hashlib.sha256(name.encode())
    ours = (path for package in PACKAGES for path in (ROOT / package).rglob("*") if "__pycache__" not in path.parts)
    for path in sorted(
        path for path in (ROOT / "uv.lock", *Path(__file__).parent.glob("*.py"), *ours) if path.is_file()
    ):
        digest.update(f"{path.relative_to(ROOT)}\0".encode())
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def _run(*command: str | Path) -> None:
    subprocess.run([os.fspath(part) for part in command], check=True, cwd=ROOT)


def _report(artifact: Path, kind: Kind) -> None:
    sizes = weights(artifact)
    total = sum(sizes.values())
    print(f"{artifact.relative_to(ROOT)}: {total / 1e6:.1f} MB unzipped of {kind.size_limit / 1e6:.0f} allowed")
    for name, size in list(sizes.items())[:8]:
        print(f"  {size / 1e6:6.2f} MB  {name}")
    if total > kind.size_limit:
        raise SystemExit("the artifact is too large; the largest parts are listed above")


def main() -> None:
    """`python -m deploy.artifact arm64 api [FOLDER]`: build; print what weighs most, or copy to SAM's folder."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("architecture", choices=PLATFORMS)
    parser.add_argument("kind", choices=KINDS)
    parser.add_argument("destination", nargs="?", type=Path)
    arguments = parser.parse_args()
    artifact = built(arguments.architecture, arguments.kind)
    if arguments.destination is None:
        _report(artifact, KINDS[arguments.kind])
    else:
        shutil.copytree(artifact, arguments.destination, dirs_exist_ok=True)


if __name__ == "__main__":
    main()

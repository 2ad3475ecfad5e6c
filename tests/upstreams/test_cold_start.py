import subprocess
import sys

EVERY_MODULE = """
import importlib, pkgutil, sys, upstreams
names = [module.name for module in pkgutil.walk_packages(upstreams.__path__, "upstreams.")]
for name in names:
    importlib.import_module(name)
assert len(names) > 10, names
print(*sorted({name.partition(".")[0] for name in sys.modules} & {"httpx", "httpcore", "boto3", "botocore"}))
"""


def test_importing_every_upstream_module_imports_no_client_library() -> None:
    command = [sys.executable, "-c", EVERY_MODULE]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    assert run.stdout.split() == []

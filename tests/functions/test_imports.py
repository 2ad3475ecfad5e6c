"""What a cold start imports: graphql-core, never Strawberry, and no client before it is needed."""

import subprocess
import sys

import pytest

LATER = ("strawberry", "httpx", "boto3", "botocore", "obstore", "isal", "mangum", "explorer")


@pytest.mark.parametrize("module", ["functions.graphql_api", "schema.http.endpoint", "schema.execution.operations"])
def test_what_is_needed_later_is_imported_later(module: str) -> None:
    program = f"import sys, {module}; print([name for name in {LATER!r} if name in sys.modules])"
    run = subprocess.run(
        [sys.executable, "-c", program], env={"LEDGER_BUCKET": "any"}, capture_output=True, text=True, check=True
    )
    assert run.stdout.strip() == "[]"

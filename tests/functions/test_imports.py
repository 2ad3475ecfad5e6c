"""What a cold start imports: graphql-core, never Strawberry, and no client before it is needed."""

import subprocess
import sys

import pytest

LATER = ("strawberry", "httpx", "boto3", "botocore", "obstore", "isal", "mangum", "explorer")
KEEPERS_OWN = ("arro3", "python_calamine")


@pytest.mark.parametrize("module", ["functions.graphql_api", "schema.http.endpoint", "schema.execution.operations"])
def test_what_is_needed_later_is_imported_later(module: str) -> None:
    program = f"import sys, {module}; print([name for name in {LATER!r} if name in sys.modules])"
    run = subprocess.run(
        [sys.executable, "-c", program], env={"LEDGER_BUCKET": "any"}, capture_output=True, text=True, check=True
    )
    assert run.stdout.strip() == "[]"


@pytest.mark.parametrize("module", ["functions.graphql_api", "functions.exporter", "functions.keeper"])
def test_parquet_and_workbooks_are_imported_by_the_keeper_when_it_works_on_them(module: str) -> None:
    program = f"import sys, {module}; print([name for name in {KEEPERS_OWN!r} if name in sys.modules])"
    run = subprocess.run(
        [sys.executable, "-c", program], env={"LEDGER_BUCKET": "any"}, capture_output=True, text=True, check=True
    )
    assert run.stdout.strip() == "[]"

"""Under the policy of the bucket, settled days and records of the archive are created and never overwritten."""

from contextlib import closing
from dataclasses import replace

import pytest

from functions.keeper_handler import KeeperHandler
from functions.settings import Settings
from functions.wiring import keeper_of
from ledger.storage.s3 import S3Bucket
from ledger.storage.store import Store
from tests.support.api.frontend import InvocationContext
from tests.support.processes.deployment import Deployment
from tests.support.s3.policed_bucket import PolicedBucket

DAYS = 8
SETTLED = 4
"""Of the last eight days, those that ended 72 hours ago or earlier."""


@pytest.fixture
def policed(deployment: Deployment) -> PolicedBucket:
    deployment.give_credentials("default", "openmarket")
    deployment.rde.add_report("usage", "CSV", deployment.ago(days=1), file=lambda: b"day,amount\n")
    return PolicedBucket(S3Bucket(deployment.environ["LEDGER_BUCKET"], deployment.environ["AWS_ENDPOINT_URL"]))


def run_keeper(deployment: Deployment, policed: PolicedBucket) -> dict[str, object]:
    keeper = keeper_of(Settings.read(deployment.environ), deployment.clock, Store(policed))
    keeper = replace(keeper, credit_days=replace(keeper.credit_days, days=DAYS))
    with closing(KeeperHandler(keeper)) as handler:
        return handler({}, InvocationContext(900))


def test_days_are_settled_and_files_archived_under_the_policy(deployment: Deployment, policed: PolicedBucket) -> None:
    done = run_keeper(deployment, policed)
    assert (done["failed"], done["daysSettled"], done["archived"]) == (0, SETTLED, 1)
    kinds = {key.split("/")[0] for key in policed.protected}
    assert kinds == {"archive", "credit-log"}


def test_a_second_run_overwrites_nothing(deployment: Deployment, policed: PolicedBucket) -> None:
    run_keeper(deployment, policed)
    before = deployment.tags(deployment.environ["LEDGER_BUCKET"], "archive/")
    assert run_keeper(deployment, policed)["failed"] == 0
    assert deployment.tags(deployment.environ["LEDGER_BUCKET"], "archive/") == before


def test_settled_rows_that_cannot_be_read_are_deleted_and_stored_again(
    deployment: Deployment, policed: PolicedBucket
) -> None:
    run_keeper(deployment, policed)
    s3, name = deployment.aws.client("s3"), deployment.environ["LEDGER_BUCKET"]
    key = next(key for key in policed.protected if key.endswith("rows.csv.gz"))
    whole = s3.get_object(Bucket=name, Key=key)["Body"].read()
    rollup = next(k for k in deployment.keys(key.removesuffix("rows.csv.gz")) if "_settled-" in k)
    s3.put_object(Bucket=name, Key=key, Body=b"not gzip")
    s3.delete_object(Bucket=name, Key=rollup)
    assert run_keeper(deployment, policed)["failed"] == 0
    assert s3.get_object(Bucket=name, Key=key)["Body"].read() == whole

"""The template's bucket: who may reach and change what is in it, and what expires."""

from datetime import date
from fnmatch import fnmatchcase

import pytest

from ledger.days.day_store import DayStore
from ledger.days.months import calendar_month, month_key
from tests.support.s3.memory_store import MemoryBucket, MemoryStore
from tests.support.template_reading import resources, template


@pytest.mark.parametrize("name", ["Ledger", "LedgerPolicy"])
def test_the_ledger_and_its_policy_outlive_the_stack(name: str) -> None:
    """A first deploy that fails leaves nothing behind, or each try would leave an empty bucket."""
    resource = template()["Resources"][name]
    assert (resource["DeletionPolicy"], resource["UpdateReplacePolicy"]) == ("RetainExceptOnCreate", "Retain")


def test_the_ledger_is_private_and_read_over_tls_only() -> None:
    assert all(template()["Resources"]["Ledger"]["Properties"]["PublicAccessBlockConfiguration"].values())
    statement = template()["Resources"]["LedgerPolicy"]["Properties"]["PolicyDocument"]["Statement"][0]
    assert (statement["Effect"], statement["Principal"], statement["Action"]) == ("Deny", "*", "s3:*")
    assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def test_nothing_that_cannot_be_fetched_again_expires() -> None:
    rules = template()["Resources"]["Ledger"]["Properties"]["LifecycleConfiguration"]["Rules"]
    expiring = {rule["Prefix"] for rule in rules if "ExpirationInDays" in rule}
    assert expiring == {"exports/", "persisted-queries/", "schedules/", "breakers/", "reconciled/"}
    assert next(rule for rule in rules if "AbortIncompleteMultipartUpload" in rule).get("Prefix") is None


def test_an_idempotency_key_outlives_its_24_hours() -> None:
    rules = template()["Resources"]["Ledger"]["Properties"]["LifecycleConfiguration"]["Rules"]
    assert next(rule for rule in rules if rule.get("Prefix") == "schedules/")["ExpirationInDays"] >= 2


def test_pages_that_may_call_the_api_may_fetch_from_the_bucket() -> None:
    condition, rules, otherwise = template()["Resources"]["Ledger"]["Properties"]["CorsConfiguration"]["Fn::If"]
    assert (condition, otherwise) == ("HasCors", {"Ref": "AWS::NoValue"})
    (rule,) = rules["CorsRules"]
    assert (rule["AllowedOrigins"], rule["AllowedMethods"]) == ({"Ref": "CorsOrigins"}, ["GET", "HEAD"])


def writable(function: str) -> list[str]:
    """The patterns of the keys that a function may write."""
    (policy,) = resources("AWS::Serverless::Function")[function]["Properties"]["Policies"]
    (written,) = [each["Resource"] for each in policy["Statement"] if each.get("Sid") == "WriteLedger"]
    return [arn["Fn::Sub"].removeprefix("${Ledger.Arn}/") for arn in written]


def test_the_keeper_alone_may_write_the_objects_of_months() -> None:
    days = DayStore(MemoryStore(MemoryBucket()), "acme", "My Brand")
    month = month_key(days, calendar_month(date(2026, 10, 1)))
    keys = [month, *(days.key(date(2026, 10, 1), name) for name in ("rows.csv.gz", "_lease"))]
    may = {
        function: [any(fnmatchcase(key, pattern) for pattern in writable(function)) for key in keys]
        for function in ("GraphqlApi", "Keeper", "Exporter")
    }
    assert may == {
        "GraphqlApi": [False, True, True],
        "Keeper": [True, True, True],
        "Exporter": [False, True, True],
    }

"""The template's tables for Athena: their columns and partitions are those of the objects that are written."""

from datetime import date
from typing import Any

import pytest

from ledger.lake.credit_lake import FIRST_DAY
from ledger.lake.credit_rows import COLUMNS
from ledger.lake.month_files import month_folder
from ledger.lake.parquet import ColumnKind
from tests.support.template_reading import template

GLUE_TYPES = {
    ColumnKind.TEXT: "string",
    ColumnKind.TIMESTAMP: "timestamp",
    ColumnKind.DATE: "date",
    ColumnKind.DECIMAL: "decimal({precision},{scale})",
}


def table_input(resource: str) -> Any:
    return template()["Resources"][resource]["Properties"]["TableInput"]


@pytest.mark.parametrize(
    ("resource", "brand", "partitions"),
    [("CreditsTable", None, ["tenant", "month"]), ("BrandCreditsTable", "Acme Ltd", ["tenant", "brand", "month"])],
)
def test_a_table_of_the_lake_is_what_the_keeper_writes(resource: str, brand: str | None, partitions: list[str]) -> None:
    table = table_input(resource)
    assert [(column["Name"], column["Type"]) for column in table["StorageDescriptor"]["Columns"]] == [
        (column.name, GLUE_TYPES[column.type.kind].format(precision=column.type.precision, scale=column.type.scale))
        for column in COLUMNS
    ]
    assert [key["Name"] for key in table["PartitionKeys"]] == partitions
    place = table["Parameters"]["storage.location.template"]["Fn::Sub"].replace("${!", "{")
    folder = month_folder("acme", brand, date(2026, 11, 1))
    values = {"tenant": "acme", "brand": "Acme%20Ltd", "month": "2026-11"}
    assert place.removeprefix("s3://${Ledger}/").format(**values) == f"{folder}/"


@pytest.mark.parametrize(
    ("resource", "named"), [("CreditsTable", ["tenant"]), ("BrandCreditsTable", ["tenant", "brand"])]
)
def test_a_query_of_the_lake_has_to_name_whose_credits_it_is_about(resource: str, named: list[str]) -> None:
    parameters = table_input(resource)["Parameters"]
    injected = [key.split(".")[1] for key, value in parameters.items() if value == "injected"]
    assert injected == named
    assert parameters["projection.month.format"] == "yyyy-MM"
    assert parameters["projection.month.range"] == f"{FIRST_DAY:%Y-%m},NOW"


def test_the_table_of_csv_still_has_the_columns_of_the_contract() -> None:
    table = table_input("CreditLogTable")
    columns = [column["Name"] for column in table["StorageDescriptor"]["Columns"]]
    assert columns == ["credit_id", "time", "msisdn", "network", "outcome", "raw_outcome", "amount", "currency"]
    assert [key["Name"] for key in table["PartitionKeys"]] == ["tenant", "brand", "day"]
    place = table["Parameters"]["storage.location.template"]["Fn::Sub"]
    assert place == "s3://${Ledger}/credit-log/tenant=${!tenant}/brand=${!brand}/day=${!day}/"

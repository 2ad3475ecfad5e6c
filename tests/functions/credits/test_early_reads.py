"""Rows are read beside the LIST for those who look at the page, not for those who want the period's figures only."""

import json

import pytest

from tests.support.api.frontend import StartFrontend

SETTLED_DAY = 'creditLog(from: "2019-11-12T00:00:00Z", to: "2019-11-13T00:00:00Z", first: 5)'
LOOKS_FOR_THE_MONTH = 1


@pytest.mark.parametrize(
    ("selected", "gets"),
    [
        ("{ totalCount freshness { source } }", 0),
        ("{ nodes { amount } }", 1),
        ("{ totalCount ...Page } } fragment Page on CreditLogConnection { ... { pageInfo { hasNextPage } }", 1),
        ("{ totalCount edges { cursor } }", 1),
    ],
)
def test_only_a_page_is_read_beside_the_list(
    start: StartFrontend, capsys: pytest.CaptureFixture[str], selected: str, gets: int
) -> None:
    start().data(f"{{ {SETTLED_DAY} {{ nodes {{ amount }} }} }}")
    capsys.readouterr()
    start().data(f"{{ {SETTLED_DAY} {selected} }}")
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    (counts,) = [line["counts"] for line in lines if line.get("message") == "request"]
    assert (counts["s3.list"], counts["s3.get"]) == (1, LOOKS_FOR_THE_MONTH + gets)

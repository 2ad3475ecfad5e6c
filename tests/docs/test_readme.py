"""The README's example, tables and figures are the product's own."""

import json
import re
from datetime import UTC, datetime

import pytest

from functions.settings import Settings
from local.vendors.openmarket import OpenMarketSimulator
from schema.http.parameters import BODY_BYTES
from schema.limits import arguments as inputs
from schema.limits import cost
from schema.limits import document_size as limits
from schema.resolvers.reports.scheduling import LONGEST_KEY
from tests.support.api.frontend import Frontend
from tests.support.moving_clock import MovingClock
from tests.support.repository import ROOT

README = (ROOT / "README.md").read_text()


def fenced(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


def test_its_query_gets_its_answer(
    frontend: Frontend, clock: MovingClock, openmarket_simulator: OpenMarketSimulator
) -> None:
    clock.moment = datetime(2026, 11, 22, 12, tzinfo=UTC)
    openmarket_simulator.rows_a_day, openmarket_simulator.lively = 2000, True
    (query,), (answer,) = fenced("graphql"), fenced("json")
    assert {"data": frontend.data(query)} == json.loads(answer)


def test_its_settings_are_all_there_are_with_their_defaults() -> None:
    section = README.partition("## Settings")[2].partition("##")[0]
    documented = dict(re.findall(r"^\| `(\w+)` \| ([^|]+) \|", section, re.MULTILINE))
    fields = {name.upper() for name in Settings._fields}
    assert set(documented) == fields
    defaults = Settings.read({"LEDGER_BUCKET": "b"})
    for name, shown in documented.items():
        value = getattr(defaults, name.lower())
        if shown not in {"\u2013", "empty"}:
            assert shown.strip("`").replace(",", " ") == written(value), name
        else:
            assert value in {"", None, "b", ()}, name


def written(value: object) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, float):
        return f"{value:g}"
    return " ".join(value) if isinstance(value, tuple) else str(value)


LIMITS = {
    "a period": [inputs.LONGEST_DAYS],
    "a page": [1, inputs.LARGEST_PAGE],
    "a brand's name": [inputs.LONGEST_BRAND],
    "a request": [BODY_BYTES],
    "a query's text": [
        *(limits.TOKENS, limits.DEPTH, limits.ROOT_FIELDS, limits.ALIASES),
        *(limits.DIRECTIVES, limits.DIRECTIVES_AT_ONE_PLACE, limits.CHARACTERS, limits.PARTS),
    ],
    "a query's cost": [cost.MOST_CELLS],
    "an idempotency key": [1, LONGEST_KEY],
}


@pytest.mark.parametrize("figures", LIMITS.values(), ids=LIMITS.keys())
def test_its_limits_are_those_of_the_code(figures: list[int]) -> None:
    """One row of the table begins with these figures, however it words them."""
    assert [row for row in limits_in_the_readme() if row[: len(figures)] == figures]


def limits_in_the_readme() -> list[list[int]]:
    """The figures of each row of the table of limits."""
    section = README.partition("## Limits")[2].partition("##")[0]
    rows = re.findall(r"^\| .+? \| (.+?) \|", section, re.MULTILINE)
    return [[int(figure.replace(",", "")) for figure in re.findall(r"\d[\d,]*", limit)] for limit in rows]


def test_its_make_targets_exist() -> None:
    makefile = (ROOT / "Makefile").read_text()
    targets = set(re.findall(r"make ([a-z][a-z-]+)", README))
    assert {"run", "test"} <= targets
    for target in targets:
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target

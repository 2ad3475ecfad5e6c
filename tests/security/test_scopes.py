"""Every field of the schema's root says which scope it needs, and refuses without it before anybody is asked."""

import pytest
from strawberry.types.base import StrawberryObjectDefinition

from local.openmarket import OpenMarketSimulator
from local.rde import RdeSimulator
from schema.execution.stock import GRAPHQL
from schema.types.root import SCHEMA
from schema.types.scopes import Needs
from tests.support.api.frontend import EVERY_SCOPE, Frontend

ROOTS = [type_ for type_ in (GRAPHQL.query_type, GRAPHQL.mutation_type) if type_ is not None]
FIELDS = [(root.name, name) for root in ROOTS for name in root.fields]
INSTANTS = 'from: "2019-11-01T00:00:00Z", to: "2019-11-02T00:00:00Z"'
ASKED = {
    "reports": '{ reports(from: "2019-11-01", to: "2019-11-02") { totalCount } }',
    "creditLog": f"{{ creditLog({INSTANTS}) {{ totalCount }} }}",
    "creditOutcome": f"{{ creditOutcome({INSTANTS}) {{ rows {{ brand }} }} }}",
    "creditLogExport": '{ creditLogExport(id: "x") { status } }',
    "exportCreditLog": f"mutation {{ exportCreditLog(input: {{{INSTANTS}}}) {{ status }} }}",
    "scheduleReport": (
        'mutation { scheduleReport(input: {name: "r", format: JSON, startDate: "2019-11-01T00:00:00Z",'
        ' endDate: "2019-11-02T00:00:00Z"}) { replayed } }'
    ),
}


def declared(root: str, name: str) -> list[str]:
    definition = SCHEMA.get_type_by_name(root)
    assert isinstance(definition, StrawberryObjectDefinition)
    fields = {SCHEMA.config.name_converter.get_graphql_name(field): field for field in definition.fields}
    return [extension.scope for extension in fields[name].extensions if isinstance(extension, Needs)]


@pytest.mark.parametrize(("root", "name"), FIELDS)
def test_a_root_field_declares_one_scope_and_shows_it(root: str, name: str) -> None:
    scopes = declared(root, name)
    assert len(scopes) == 1
    assert scopes[0] in EVERY_SCOPE.split()
    fields = {key: field for type_ in ROOTS for key, field in type_.fields.items()}
    assert f"`{scopes[0]}`" in (fields[name].description or "")


@pytest.mark.parametrize(("root", "name"), FIELDS)
def test_a_root_field_is_refused_without_its_scope_and_nobody_is_asked(
    root: str, name: str, frontend: Frontend, rde_simulator: RdeSimulator, openmarket_simulator: OpenMarketSimulator
) -> None:
    others = " ".join(scope for scope in EVERY_SCOPE.split() if scope not in declared(root, name))
    for _ in range(2):  # by graphql-core first, by its plan then
        assert frontend.ask(ASKED[name], scope=others).codes == ["FORBIDDEN"]
        assert frontend.ask(ASKED[name], scope="").codes == ["FORBIDDEN"]
    assert rde_simulator.requests == []
    assert openmarket_simulator.requests == []


@pytest.mark.parametrize("name", ["reports", "creditLog", "creditOutcome"])
def test_an_answer_remembered_for_one_is_not_given_to_somebody_without_the_scope(name: str, frontend: Frontend) -> None:
    for _ in range(3):
        assert frontend.ask(ASKED[name]).codes == []
    assert frontend.ask(ASKED[name], scope="").codes == ["FORBIDDEN"]

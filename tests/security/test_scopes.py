"""Every field of the schema's root says which scope it needs, and refuses without it before a vendor is called."""

import pytest
from graphql.pyutils import camel_to_snake

from local.vendors.openmarket import OpenMarketSimulator
from local.vendors.rde import RdeSimulator
from schema.execution.bound_schema import bound_schema
from schema.resolvers.fields import MUTATIONS, QUERIES
from schema.resolvers.relay.node_ids import encode
from tests.support.api.frontend import EVERY_SCOPE, Frontend

SCHEMA = bound_schema()
ROOTS = [type_ for type_ in (SCHEMA.query_type, SCHEMA.mutation_type) if type_ is not None]
FIELDS = [(root.name, name) for root in ROOTS for name in root.fields]
INSTANTS = 'from: "2019-11-01T00:00:00Z", to: "2019-11-02T00:00:00Z"'
ASKED = {
    "reports": '{ reports(from: "2019-11-01", to: "2019-11-02") { totalCount } }',
    "scheduledReport": '{ scheduledReport(id: "x") { status } }',
    "creditLog": f"{{ creditLog({INSTANTS}) {{ totalCount }} }}",
    "creditOutcome": f"{{ creditOutcome({INSTANTS}) {{ rows {{ brand }} }} }}",
    "creditReconciliation": f"{{ creditReconciliation({INSTANTS}) {{ balanced }} }}",
    "creditLogExport": '{ creditLogExport(id: "x") { status } }',
    "node": f'{{ node(id: "{encode("CreditLogEntry", "2019-11-01T00:00:00Z", "1", None)}") {{ id }} }}',
    "exportCreditLog": f"mutation {{ exportCreditLog(input: {{{INSTANTS}}}) {{ status }} }}",
    "scheduleReport": (
        'mutation { scheduleReport(input: {name: "r", format: JSON, startDate: "2019-11-01T00:00:00Z",'
        ' endDate: "2019-11-02T00:00:00Z"}) { replayed } }'
    ),
}


def scope_of(root: str, name: str) -> str:
    """The scope of the table, or of what `ASKED` looks for where the kind of object decides."""
    return {"Query": QUERIES, "Mutation": MUTATIONS}[root][camel_to_snake(name)].scope or "credits:read"


@pytest.mark.parametrize(("root", "name"), FIELDS)
def test_a_root_field_needs_a_scope_and_its_description_says_which(root: str, name: str) -> None:
    assert scope_of(root, name) in EVERY_SCOPE.split()
    fields = {key: field for type_ in ROOTS for key, field in type_.fields.items()}
    named = "of what is found" if name == "node" else f"`{scope_of(root, name)}`"
    assert named in (fields[name].description or "")


def test_the_table_has_no_field_that_the_schema_lacks() -> None:
    names = {camel_to_snake(name) for _, name in FIELDS}
    assert {*QUERIES, *MUTATIONS} == names


@pytest.mark.parametrize(("root", "name"), FIELDS)
def test_a_root_field_is_refused_without_its_scope_and_no_vendor_is_called(
    root: str, name: str, frontend: Frontend, rde_simulator: RdeSimulator, openmarket_simulator: OpenMarketSimulator
) -> None:
    others = " ".join(scope for scope in EVERY_SCOPE.split() if scope != scope_of(root, name))
    for _ in range(2):
        assert frontend.ask(ASKED[name], scope=others).codes == ["FORBIDDEN"]
        assert frontend.ask(ASKED[name], scope="").codes == ["FORBIDDEN"]
    assert rde_simulator.requests == []
    assert openmarket_simulator.requests == []


@pytest.mark.parametrize("name", ["reports", "creditLog", "creditOutcome"])
def test_an_answer_remembered_for_one_is_not_given_to_a_caller_without_the_scope(name: str, frontend: Frontend) -> None:
    for _ in range(3):
        assert frontend.ask(ASKED[name]).codes == []
    assert frontend.ask(ASKED[name], scope="").codes == ["FORBIDDEN"]

"""Functions execute on the schema without its descriptions; only introspection has to show them."""

import re

from graphql import build_schema, print_schema

from schema.execution.bound_schema import bound_schema
from tests.support.api.frontend import Frontend
from tests.support.repository import ROOT

DESCRIPTION = re.compile(r'\s*""".*?"""', re.DOTALL)


def test_without_descriptions_the_schema_is_the_same() -> None:
    described, lean = bound_schema(), bound_schema(described=False)
    assert print_schema(described) == print_schema(build_schema((ROOT / "schema" / "schema.graphql").read_text()))
    assert '"""' not in print_schema(lean)
    assert print_schema(lean) == print_schema(build_schema(DESCRIPTION.sub("", print_schema(described))))


def test_introspection_shows_descriptions_beside_data(frontend: Frontend) -> None:
    data = frontend.data(
        """query ($yes: Boolean!) {
          ...Types @include(if: $yes)
          reports(from: "2019-11-05", to: "2019-12-03") { totalCount }
        }
        fragment Types on Query {
          __type(name: "Report") { description fields { name description } }
          schema: __schema { queryType { description } }
        }""",
        {"yes": True},
    )
    assert data["reports"]["totalCount"] == 7
    assert data["__type"]["description"]
    assert data["schema"]["queryType"]["description"]
    assert all(field["description"] for field in data["__type"]["fields"])

"""An operation of a valid document, with all that is the same for each of its requests worked out once.

That is its cost, the types of its variables and, unless a directive decides by request, the fields of each selection.
Without this, a third of the time of a small answer is spent on finding out again what the text says.
"""

from collections.abc import Mapping
from typing import Any

from graphql import (
    DocumentNode,
    FragmentDefinitionNode,
    GraphQLError,
    GraphQLSchema,
    OperationDefinitionNode,
    OperationType,
    Undefined,
    get_variable_values,
    is_non_null_type,
)
from graphql.execution.collect_fields import FragmentDetails
from graphql.execution.get_variable_signature import GraphQLVariableSignature, get_variable_signature
from graphql.execution.values import VariableValues, VariableValueSource
from graphql.utilities import coerce_input_value

from schema.execution.selections import Selections
from schema.limits.cost import CostReader, OperationCost

MOST_ERRORS = 50


class PreparedOperation:
    """One operation: what its requests have in common."""

    def __init__(self, schema: GraphQLSchema, document: DocumentNode, node: OperationDefinitionNode) -> None:
        self._schema = schema
        self.node = node
        self.fragment_definitions = {
            each.name.value: each for each in document.definitions if isinstance(each, FragmentDefinitionNode)
        }
        self.fragments = {name: FragmentDetails(each) for name, each in self.fragment_definitions.items()}
        self.cost: OperationCost = CostReader(self.fragment_definitions).cost(node)
        self.introspects = "__schema" in self.cost.fields or "__type" in self.cost.fields
        self.is_mutation = node.operation is OperationType.MUTATION
        self._signatures = self._variable_signatures()
        text = document.loc.source.body if document.loc else "@"
        self._selections = None if "@" in text else Selections()

    @property
    def selections(self) -> Selections:
        """The fields of each selection: the same for every request, unless a directive may decide."""
        return Selections() if self._selections is None else self._selections

    def variables(self, sent: Mapping[str, Any], *, hide_suggestions: bool) -> VariableValues | list[GraphQLError]:
        """A request's variables as Python values, or what is wrong with them; as graphql-core reads them."""
        sources: dict[str, VariableValueSource] = {}
        coerced: dict[str, Any] = {}
        for signature in self._signatures:
            name = signature.name
            value = sent.get(name, Undefined)
            if value is not Undefined:
                sources[name] = VariableValueSource(signature, value)
                coerced[name] = coerce_input_value(value, signature.type)
            elif signature.default is None and not is_non_null_type(signature.type):
                sources[name] = VariableValueSource(signature)
            else:
                return self._read_by_graphql_core(sent, hide_suggestions=hide_suggestions)
        if Undefined in coerced.values():
            return self._read_by_graphql_core(sent, hide_suggestions=hide_suggestions)
        return VariableValues(sources, coerced)

    def _read_by_graphql_core(
        self, sent: Mapping[str, Any], *, hide_suggestions: bool
    ) -> VariableValues | list[GraphQLError]:
        """With defaults, and with an error for each value that does not fit its type."""
        definitions = self.node.variable_definitions or ()
        return get_variable_values(
            self._schema, definitions, dict(sent), max_errors=MOST_ERRORS, hide_suggestions=hide_suggestions
        )

    def _variable_signatures(self) -> list[GraphQLVariableSignature]:
        found = [get_variable_signature(self._schema, node) for node in self.node.variable_definitions or ()]
        signatures = [each for each in found if isinstance(each, GraphQLVariableSignature)]
        if len(signatures) < len(found):
            raise TypeError("a variable of a valid document has no input type")
        return signatures

"""GraphQL documents as the fields they ask for, with arguments filled in; shared by /graphql and /metadata."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLSyntaxError,
    InlineFragmentNode,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
    get_location,
    parse,
    value_from_ast_untyped,
)

from .http import Answer
from .schema import Row, is_list, is_row

UNAUTHENTICATED: Row = {
    "message": "Token invalid.",
    "extensions": {
        "userFriendlyMessage": {"id": "z+7x/s", "message": "You must be authenticated to perform this action."},
        "subCode": "UNAUTHENTICATED",
        "code": "UNAUTHENTICATED",
    },
}


@dataclass(frozen=True, slots=True)
class Asked:
    """One requested field: its name, the key it is answered under, its arguments and what is asked below it."""

    name: str
    key: str
    arguments: dict[str, Any]
    below: "tuple[Asked, ...]"
    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Operation:
    """A query or a mutation with its root fields."""

    mutation: bool
    roots: tuple[Asked, ...]

    @property
    def type_name(self) -> str:
        return "Mutation" if self.mutation else "Query"


class InvalidDocument(Exception):
    """A document that the server refuses before running it: `errors` of the answer, without `data`."""

    def __init__(self, errors: list[Row]) -> None:
        super().__init__(errors[0]["message"])
        self.errors = errors

    def answer(self) -> Answer:
        return Answer(200, {"errors": self.errors})


def unknown_query(asked: Asked, type_name: str) -> InvalidDocument:
    """A field that a type does not have (transcripts gql_no_auth, workflow_deactivate_metadata)."""
    message = f'Cannot query field "{asked.name}" on type "{type_name}".'
    return InvalidDocument([{"message": message, "locations": [{"line": asked.line, "column": asked.column}]}])


@lru_cache(maxsize=256)
def _parsed(query: str) -> DocumentNode:
    return parse(query)


def read_operation(body: Any) -> Operation:
    """The operation of a request body {query, variables, operationName}. Raises InvalidDocument."""
    request: Row = body if is_row(body) else {}
    query: Any = request.get("query")
    if not isinstance(query, str):
        raise InvalidDocument([{"message": "Must provide query string."}])
    try:
        document = _parsed(query)
    except GraphQLSyntaxError as error:
        where = [{"line": place.line, "column": place.column} for place in error.locations or []]
        extensions = {"code": "GRAPHQL_PARSE_FAILED"}
        raise InvalidDocument([{"message": error.message, "locations": where, "extensions": extensions}]) from None
    operations = [node for node in document.definitions if isinstance(node, OperationDefinitionNode)]
    name = request.get("operationName")
    chosen = next((node for node in operations if name is None or (node.name and node.name.value == name)), None)
    if chosen is None:
        raise InvalidDocument([{"message": f'Unknown operation named "{name}".'}])
    fragments = {node.name.value: node for node in document.definitions if isinstance(node, FragmentDefinitionNode)}
    variables = _variables(chosen, request.get("variables") or {})
    roots = _Reader(fragments, variables).fields(chosen.selection_set)
    return Operation(chosen.operation == OperationType.MUTATION, roots)


def _variables(operation: OperationDefinitionNode, given: Row) -> Row:
    defaults: Row = {}
    for node in operation.variable_definitions or ():
        if node.default_value is not None:
            defaults[node.variable.name.value] = value_from_ast_untyped(node.default_value)
    return {**defaults, **given}


class _Reader:
    def __init__(self, fragments: dict[str, FragmentDefinitionNode], variables: Row) -> None:
        self.fragments = fragments
        self.variables = variables

    def fields(self, selection: SelectionSetNode | None) -> tuple[Asked, ...]:
        found: list[Asked] = []
        for node in selection.selections if selection else ():
            if not self._wanted(node):
                continue
            if isinstance(node, FieldNode):
                found.append(self._field(node))
            elif isinstance(node, InlineFragmentNode):
                found += self.fields(node.selection_set)
            elif isinstance(node, FragmentSpreadNode):
                fragment = self.fragments.get(node.name.value)
                found += self.fields(fragment.selection_set if fragment else None)
        return tuple(found)

    def _field(self, node: FieldNode) -> Asked:
        arguments = {item.name.value: value_from_ast_untyped(item.value, self.variables) for item in node.arguments or ()}
        line, column = 1, 1
        if node.loc is not None:
            place = get_location(node.loc.source, node.loc.start)
            line, column = place.line, place.column
        key = node.alias.value if node.alias else node.name.value
        return Asked(node.name.value, key, arguments, self.fields(node.selection_set), line, column)

    def _wanted(self, node: Any) -> bool:
        for directive in node.directives or ():
            arguments = {item.name.value: value_from_ast_untyped(item.value, self.variables) for item in directive.arguments or ()}
            if directive.name.value == "include" and not arguments.get("if"):
                return False
            if directive.name.value == "skip" and arguments.get("if"):
                return False
        return True


def count_fields(asked: tuple[Asked, ...]) -> int:
    return sum(1 + count_fields(item.below) for item in asked)


def pick(shape: Any, asked: tuple[Asked, ...]) -> Any:
    """The asked parts of a plain value: dictionaries by key, lists item by item."""
    if is_list(shape):
        items: list[Any] = shape
        return [pick(item, asked) for item in items]
    if is_row(shape) and asked:
        parts: Row = shape
        return {item.key: pick(parts.get(item.name), item.below) for item in asked}
    return shape

"""Selecting, filtering and expanding metadata, and RetrieveMetadataChanges (facts/dataverse.md §6.10)."""

from collections.abc import Iterable
from typing import Any, cast

from . import metadata_bodies
from .errors import bad_query, no_property
from .filters import Compare, Function, Match, Node, Or
from .http import Call
from .metadata import Column, Row, Table
from .metadata_shapes import (
    column_shape,
    key_shape,
    many_to_many_shape,
    option_sets,
    relationship_shape,
    table_shape,
    typed,
)
from .organization import Organization
from .predicates import Get, Predicate, combined, comparison, function_test, matching
from .query import Query
from .schema import Schema

Json = dict[str, Any]
OPERATORS = {"Equals": "eq", "NotEquals": "ne", "GreaterThan": "gt", "LessThan": "lt"}


def pick(shape: Json, select: list[str], type_name: str) -> Json:
    """The selected properties, with the id and the type, which are always there. Raises DataverseError 400."""
    if not select:
        return shape
    for name in select:
        if name not in shape:
            raise no_property(name, type_name)
    kept = {name: shape[name] for name in ("@odata.type", "MetadataId") if name in shape}
    return kept | {name: shape[name] for name in select}


def predicate(node: Node, type_name: str, known: Json | None = None) -> Predicate:
    """A filter over metadata objects; `known` is one of them, to check the paths against."""

    def getter(path: str) -> Get:
        parts = path.split("/")
        if known is not None and parts[0] not in known:
            raise no_property(parts[0], type_name)

        def get(shape: Any) -> Any:
            for part in parts:
                shape = cast("Json", shape).get(part) if isinstance(shape, dict) else None
            return shape

        return get

    def leaf(item: Node) -> Predicate:
        if isinstance(item, Match):
            return matching(getter(item.path), item.function, item.value)
        if isinstance(item, Function):
            return function_test(getter(item.path), item)
        if isinstance(item, Compare):
            return comparison(getter(item.path), item.operator, item.value)
        raise bad_query("This filter is not supported for metadata.")

    return combined(node, leaf)


def listed(shapes: Iterable[Json], query: Query, type_name: str) -> list[Json]:
    """Shapes that a query's filter lets through, with what it selects."""
    found = list(shapes)
    if query.filter is not None and found:
        test = predicate(query.filter, type_name, found[0])
        found = [shape for shape in found if test(shape)]
    if query.top is not None:
        found = found[: query.top]
    return [pick(shape, query.select, type_name) for shape in found]


def named(node: Node | None) -> set[str] | None:
    """The logical names that a filter can only mean, None when it says more; spares the shapes of all tables."""
    if isinstance(node, Compare) and node.path == "LogicalName" and node.operator == "eq" and isinstance(node.value, str):
        return {node.value.lower()}
    if isinstance(node, Or):
        total: set[str] = set()
        for part in node.parts:
            names = named(part)
            if names is None:
                return None
            total |= names
        return total
    return None


class MetadataReader:
    """Shows tables, columns, keys and relationships for one query."""

    def __init__(self, organization: Organization) -> None:
        self.organization = organization
        self.schema: Schema = organization.schema

    def tables(self, query: Query) -> list[Json]:
        """Tables by filter. MetadataId orders nothing; they come by name."""
        names = named(query.filter)
        wanted = self.schema.tables if names is None else names & self.schema.tables.keys()
        found = [self.schema.tables[name] for name in sorted(wanted)]
        narrow = Query(select=query.select, filter=query.filter, top=query.top)
        shapes = {table.logical: table_shape(table) for table in found}
        kept = listed(shapes.values(), Query(filter=narrow.filter, top=narrow.top), "EntityMetadata")
        return [self.expanded(self.schema.tables[shape["LogicalName"]], shape, query) for shape in kept]

    def table(self, table: Table, query: Query) -> Json:
        return self.expanded(table, table_shape(table), query)

    def expanded(self, table: Table, shape: Json, query: Query) -> Json:
        """A table with its selected properties and expanded collections."""
        shown = pick(shape, query.select, "EntityMetadata")
        for name, inner in query.expand.items():
            shown = shown | {name: self.collection(table, name, inner)}
        return shown

    def collection(self, table: Table, name: str, query: Query) -> list[Json]:
        """Attributes, Keys or relationships of a table. Raises DataverseError 400."""
        if name == "Attributes":
            return self.columns(table, query, None)
        if name == "Keys":
            return listed((key_shape(table, key) for key in table.keys.values()), query, "EntityKeyMetadata")
        relationships = self.schema.relationships.values()
        if name == "OneToManyRelationships":
            found = [relationship_shape(item) for item in relationships if item.referenced == table.logical]
        elif name == "ManyToOneRelationships":
            found = [relationship_shape(item) for item in relationships if item.referencing == table.logical]
        elif name == "ManyToManyRelationships":
            pairs = self.schema.many_to_many.values()
            found = [many_to_many_shape(item) for item in pairs if table.logical in (item.first, item.second)]
        else:
            raise no_property(name, "EntityMetadata")
        return listed(found, query, "RelationshipMetadataBase")

    def columns(self, table: Table, query: Query, cast_to: str | None) -> list[Json]:
        """Columns, those of one type when the URL casts; only then are the type's own properties and choices to be had."""
        found: list[Json] = []
        columns = sorted(table.columns.values(), key=lambda column: column.logical)
        for column in columns:
            shape = column_shape(table, column)
            if cast_to is None or shape["@odata.type"] == f"#{cast_to}":
                found.append(self.column_with(column, shape, query, cast_to))
        narrow = Query(filter=query.filter, top=query.top)
        kept = listed(found, narrow, "AttributeMetadata")
        extra = [name for name in query.expand if name in ("OptionSet", "GlobalOptionSet")]
        shown = [pick(shape, query.select, cast_to or "AttributeMetadata") for shape in kept]
        for shape, full in zip(shown, kept, strict=True):
            shape.update({name: full[name] for name in extra if name in full})
            if cast_to is not None:
                shape.pop("@odata.type", None)
        return shown

    def column_with(self, column: Column, shape: Json, query: Query, cast_to: str | None) -> Json:
        """A column's shape; uncast and with `$select` it has the properties that all types have."""
        if cast_to is None and query.select:
            own = typed(column)
            return {name: value for name, value in shape.items() if name not in own}
        if cast_to is not None and query.expand:
            sets = option_sets(column)
            for name, inner in query.expand.items():
                if name not in sets:
                    raise no_property(name, cast_to)
                value = sets[name]
                shape = shape | {name: None if value is None else pick(value, inner.select, "OptionSetMetadata")}
        return shape


def changes(reader: MetadataReader, call: Call, query: Row) -> Json:
    """RetrieveMetadataChanges: tables by criteria, with the properties that the query names; no deletions are remembered."""
    test = _criteria(query.get("Criteria"))
    properties = _names(query.get("Properties"))
    found: list[Json] = []
    for table in sorted(reader.schema.tables.values(), key=lambda item: item.logical):
        shape = table_shape(table)
        if not test(shape):
            continue
        shown = {name: value for name, value in shape.items() if properties is None or name in properties or name == "MetadataId"}
        for name, part in (("Attributes", "AttributeQuery"), ("Keys", "KeyQuery")):
            if properties is None or name in properties:
                shown[name] = _parts(reader, table, name, cast("Row", query.get(part) or {}))
        for name in ("OneToManyRelationships", "ManyToOneRelationships", "ManyToManyRelationships"):
            if properties is not None and name in properties:
                shown[name] = reader.collection(table, name, Query())
        found.append(shown)
    return {
        "@odata.context": f"{call.base_url}/api/data/v9.2/$metadata#Microsoft.Dynamics.CRM.RetrieveMetadataChangesResponse",
        "ServerVersionStamp": f"{reader.schema.version}!sandbox",
        "EntityMetadata": found,
        "DeletedMetadata": {"Count": 0, "IsReadOnly": False, "Keys": [], "Values": []},
    }


def _parts(reader: MetadataReader, table: Table, name: str, query: Row) -> list[Json]:
    """The columns or keys of a table that their own part of the query asks for."""
    test, properties = _criteria(query.get("Criteria")), _names(query.get("Properties"))
    if name == "Keys":
        shapes = reader.collection(table, "Keys", Query())
    else:
        shapes = [column_shape(table, column) | option_sets(column) for column in table.columns.values()]
    always = ("@odata.type", "MetadataId", "LogicalName")
    return [
        {key: value for key, value in shape.items() if properties is None or key in properties or key in always}
        for shape in shapes
        if test(shape)
    ]


def _names(properties: Any) -> set[str] | None:
    """The property names of a MetadataPropertiesExpression; None for all of them."""
    given = cast("Row", properties or {})
    if not given or given.get("AllProperties"):
        return None
    return {str(name) for name in cast("list[Any]", given.get("PropertyNames") or [])}


def _criteria(criteria: Any) -> Predicate:
    """A MetadataFilterExpression as a test. Raises DataverseError 400."""
    given = cast("Row", criteria or {})
    tests: list[Predicate] = []
    for condition in cast("list[Row]", given.get("Conditions") or []):
        name, operator = str(condition.get("PropertyName")), str(condition.get("ConditionOperator") or "Equals")
        value: Any = condition.get("Value")
        value = cast("Row", value).get("Value") if isinstance(value, dict) else value
        tests.append(_condition(name, operator, value))
    tests += [_criteria(part) for part in cast("list[Row]", given.get("Filters") or [])]
    over = any if given.get("FilterOperator") == "Or" else all
    return (lambda shape: over(test(shape) for test in tests)) if tests else (lambda _shape: True)


def _condition(name: str, operator: str, value: Any) -> Predicate:
    def get(shape: Any) -> Any:
        found: Any = cast("Json", shape).get(name)
        return metadata_bodies.value_of(found)

    if operator in ("In", "NotIn"):
        values = {str(item).lower() for item in cast("list[Any]", value or [])}
        wanted = operator == "In"
        return lambda shape: (str(get(shape)).lower() in values) == wanted
    if operator not in OPERATORS:
        raise bad_query(f"The metadata condition operator '{operator}' is not supported by this sandbox.")
    return comparison(get, OPERATORS[operator], value)

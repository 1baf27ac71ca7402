"""The standard tables, read from standard/*.json (origins and licences: standard/ATTRIBUTION.md)."""

from functools import cache
from pathlib import Path
from typing import Any

import orjson

from .clock import stable_id
from .metadata import Column, Option, OptionSet, Relationship, Table
from .relations import lookup_relationships
from .schema import Schema

FOLDER = Path(__file__).parent / "standard"
Json = dict[str, Any]
NOT_CHANGEABLE = frozenset(
    {"createdon", "modifiedon", "createdby", "modifiedby", "createdonbehalfby", "modifiedonbehalfby", "versionnumber"}
)


@cache
def _read(name: str) -> Json:
    return orjson.loads((FOLDER / name).read_bytes())


def fill(schema: Schema) -> None:
    """Put the standard tables and their relationships into an empty schema."""
    given: list[Json] = []
    for logical, entry in _read("tables.json").items():
        head = entry["head"]
        table = _table(logical, head, is_activity=head["activity"])
        table.has_notes = logical not in ("systemuser", "team", "activityparty", "annotation", "activitypointer")
        table.has_activities = logical in ("account", "contact", "lead", "campaign")
        table.change_tracking, table.duplicate_detection = head["tracked"], head["duplicates"]
        table.columns = {item["logical"]: _column(logical, item) for item in entry["columns"]}
        schema.tables[logical] = table
        given += head["relationships"]
    for logical, entry in _read("more_tables.json").items():
        table = _table(logical, entry | {"ownership": "OrganizationOwned"}, is_activity=False)
        table.columns = {name: _short(table, entry, name, shape) for name, shape in entry["columns"].items()}
        schema.tables[logical] = table
    for item in given:
        if item["referenced"] in schema.tables and item["referencing"] in schema.tables:
            schema.relationships.setdefault(item["schema"], _relationship(schema, item))
    for table in list(schema.tables.values()):
        for relationship in lookup_relationships(schema, table):
            schema.relationships.setdefault(relationship.schema, relationship)
    schema.refresh()


def _table(logical: str, head: Json, *, is_activity: bool) -> Table:
    return Table(
        logical=logical,
        schema=head["schema"],
        entity_set=head["set"],
        metadata_id=stable_id("table", logical),
        primary_id=head["id"],
        primary_name=head["name"],
        display=head["schema"],
        display_collection=head["set"].capitalize(),
        object_type_code=head["object_type"],
        ownership=head["ownership"],
        is_activity=is_activity,
    )


def _column(table: str, item: Json) -> Column:
    """A column of tables.json."""
    shape = dict(item)
    options: list[Json] | None = shape.pop("options", None)
    name = shape.pop("optionset", "")
    column = Column(metadata_id=stable_id("column", table, item["logical"]), **shape)
    if options is not None:
        column.options = OptionSet(name, stable_id("options", name), [Option(**option) for option in options])
        first = next((option.value for option in column.options.options), None)
        column.default = False if column.kind == "Boolean" else (first if column.kind in ("State", "Status") else None)
    return column


def _short(table: Table, entry: Json, name: str, shape: list[Any]) -> Column:
    """A column of more_tables.json: `[kind]`, `["String", length]` or `["Lookup", target, …]`."""
    kind: str = shape[0]
    column = Column(name, _camel(name), kind, stable_id("column", table.logical, name))
    column.primary_id, column.primary_name = name == table.primary_id, name == table.primary_name
    column.create = name not in NOT_CHANGEABLE
    column.update = column.create and not column.primary_id
    if kind in ("String", "Memo"):
        column.max_length, column.format_name, column.format = shape[1], "Text" if kind == "String" else None, "Text"
    elif kind == "DateTime":
        column.format, column.behavior = "DateAndTime", "UserLocal"
    elif kind == "Lookup":
        column.targets = shape[1:]
    elif kind == "Owner":
        column.targets = ["systemuser", "team"]
    elif kind in ("State", "Status"):
        listed: list[list[Any]] = entry["states" if kind == "State" else "statuses"]
        link = "default_status" if kind == "State" else "state"
        options = [Option(value, label, **{link: other}) for value, label, other in listed]
        column.options = OptionSet(f"{table.logical}_{name}", stable_id("options", table.logical, name), options)
    return column


def _camel(name: str) -> str:
    for ending in ("id", "code", "name", "on", "by"):
        if name.endswith(ending) and name != ending:
            head = name.removesuffix(ending)
            return head.capitalize() + ending.capitalize()
    return name.capitalize()


def _relationship(schema: Schema, item: Json) -> Relationship:
    return Relationship(
        schema=item["schema"],
        metadata_id=stable_id("relationship", item["schema"]),
        referenced=item["referenced"],
        referenced_column=schema.tables[item["referenced"]].primary_id,
        referencing=item["referencing"],
        column=item["column"],
        navigation=item["navigation"],
        collection=item["collection"],
        cascade=item["cascade"],
    )

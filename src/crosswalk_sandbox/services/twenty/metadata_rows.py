"""What a schema change does to the rows that are stored."""

from collections.abc import Callable
from typing import Any

import orjson

from .schema import Field, ObjectType, Row, is_list
from .tables import Table


def rewrite(table: Table, change: Callable[[Row], Row | None]) -> None:
    """Put every stored row through `change`; None leaves a row as it is."""
    for key, data in list(table.rows.items()):
        stored: Row = orjson.loads(data)
        changed = change(stored)
        if changed is not None:
            table.rows.put(key, memoryview(orjson.dumps(changed)).tobytes())


def rename_field(table: Table, owner: ObjectType, field: Field, name: str) -> None:
    """Give a field another name, its join column too, in the schema and in the rows (transcript meta_field_update_name)."""
    old_column, renamed = field.join_column, {field.name: name}
    if old_column is not None and field.settings is not None:
        field.settings = {**field.settings, "joinColumnName": f"{name}Id"}
        renamed = {old_column: f"{name}Id"}
    field.name = name
    owner.fields = {item.name: item for item in owner.fields.values()}

    def change(row: Row) -> Row | None:
        return {renamed.get(key, key): value for key, value in row.items()} if renamed.keys() & row.keys() else None

    rewrite(table, change)


def replace_options(table: Table, field: Field, options: list[Row]) -> None:
    """The whole list is replaced: a stored value whose option's id is gone is wiped.

    Source: facts/twenty.md §8, transcript meta_field_update_options_noid.
    """
    kept = {option["id"]: option["value"] for option in options}
    moved = {option["value"]: kept.get(option["id"]) for option in field.options or []}
    field.options = options
    name = field.name

    def change(row: Row) -> Row | None:
        value: Any = row.get(name)
        if is_list(value):
            return {**row, name: [new for item in value if (new := moved.get(item)) is not None]}
        return {**row, name: moved.get(value)} if value in moved else None

    if any(old != new for old, new in moved.items()):
        rewrite(table, change)


def drop_field(table: Table, owner: ObjectType, field: Field) -> None:
    """Take a field and its column out."""
    column = field.join_column or field.name
    owner.fields.pop(field.name, None)

    def change(row: Row) -> Row | None:
        return {key: value for key, value in row.items() if key != column} if column in row else None

    rewrite(table, change)

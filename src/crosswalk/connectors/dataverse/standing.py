"""Whether a schema change stands in a description, and what of it is left. Pure."""

from collections.abc import Mapping

from crosswalk.connectors.dataverse.description import Column, Description, Key, Lookup
from crosswalk.model.schema_plan import FieldCreation, SchemaChange


def stands(description: Description, change: SchemaChange) -> bool:
    """Whether the change is there as asked; the key behind a unique column is looked at apart."""
    if change.operation == "create_object":
        return change.object in description.tables
    column = _column(description, change)
    if column is None or change.field is None:
        return False
    wanted = {symbol for symbol, _ in change.field.options}
    if not wanted <= set(column.options.values):
        return False
    return change.operation == "add_options" or _is_as_asked(description, change, change.field)


def gone(description: Description, change: SchemaChange) -> bool:
    """Whether nothing of the change is left."""
    if change.operation == "create_object":
        return change.object not in description.tables
    column = _column(description, change)
    if column is None:
        return True
    return change.operation == "add_options" and not found_options(change, column)


def found_options(change: SchemaChange, column: Column) -> Mapping[str, int]:
    """The options of the change that the column has: symbol → number."""
    asked = {symbol for symbol, _ in change.field.options} if change.field is not None else set[str]()
    return {symbol: value for symbol, value in column.options.values.items() if symbol in asked}


def lookup_of(description: Description, change: SchemaChange) -> Lookup | None:
    """The lookup that a column is, towards the asked table where it has several."""
    table = description.tables.get(change.object)
    target = change.field.to if change.field is not None else None
    for lookup in table.lookups.values() if table else ():
        if lookup.column == change.name and target in {None, lookup.target}:
            return lookup
    return None


def key_on(description: Description, change: SchemaChange) -> Key | None:
    """The alternate key on the change's column alone, or None."""
    table = description.tables.get(change.object)
    return next((key for key in table.keys if key.columns == (change.name,)), None) if table else None


def has_active_key(description: Description, change: SchemaChange) -> bool:
    """Whether that key is there and its index built."""
    key = key_on(description, change)
    return key is not None and key.status == "Active"


def _column(description: Description, change: SchemaChange) -> Column | None:
    table = description.tables.get(change.object)
    return table.columns.get(change.name) if table else None


def _is_as_asked(description: Description, change: SchemaChange, asked: FieldCreation) -> bool:
    if asked.type == "reference":
        return lookup_of(description, change) is not None
    leaf = description.object(change.object).field(change.name)
    return leaf is not None and leaf.type == asked.type

"""How a URL names a row: `(guid)`, `(column='value',…)`; and finding the row of an alternate key (facts/dataverse.md §3.3)."""

import re
from typing import Any

from .errors import DataverseError, bad_query
from .metadata import Key, Row, Table
from .organization import Organization
from .values import CHECKS, GUID

PAIR = re.compile(r"\s*([A-Za-z_][\w]*)\s*=\s*('(?:[^']|'')*'|[^,']+)\s*(?:,|$)")


def parse(table: Table, text: str) -> str | Row:
    """What stands in the brackets: a GUID in lower case, or values by column. Raises DataverseError 400."""
    bare = text.strip()
    if GUID.fullmatch(bare):
        return bare.lower()
    found: Row = {}
    position = 0
    while position < len(bare):
        match = PAIR.match(bare, position)
        if match is None:
            raise bad_query(f"Bad Request - Error in query syntax: the key '{'(...)'}' of {table.entity_set} cannot be read.")
        name, value = match.groups()
        column = table.properties.get(name) or table.columns.get(name)
        if column is None:
            raise undefined(table)
        found[column.logical] = _literal(table, column.logical, value.strip())
        position = match.end()
    if list(found) == [table.primary_id]:
        return str(found[table.primary_id]).lower()
    if not found:
        raise bad_query("Bad Request - Error in query syntax.")
    return found


def _literal(table: Table, column: str, value: str) -> Any:
    """A key value as its column keeps it."""
    shape = table.columns[column]
    if value.startswith("'"):
        return value[1:-1].replace("''", "'")
    if shape.is_lookup or shape.kind == "Uniqueidentifier":
        return value.lower()
    if shape.kind in ("Integer", "BigInt", "Picklist") and re.fullmatch(r"-?\d+", value):
        return int(value)
    if shape.kind in ("Decimal", "Double") and re.fullmatch(r"-?\d+(\.\d+)?", value):
        return float(value)
    check = CHECKS.get(shape.kind)
    return value if check is None else check(table, shape, value)


def undefined(table: Table) -> DataverseError:
    """These columns are no key of the table, or its index is not Active yet."""
    return DataverseError(
        400,
        "0x80060890",
        f"The key in the request URI is not valid for resource 'Microsoft.Dynamics.CRM.{table.logical}'. Ensure that the names "
        "and number of key properties match the declared or alternate key properties for the resource "
        f"'Microsoft.Dynamics.CRM.{table.logical}'.",
    )


def key_of(table: Table, values: Row) -> Key:
    """The Active key over exactly these columns. Raises DataverseError 400."""
    for key in table.keys.values():
        if key.status == "Active" and set(key.columns) == set(values):
            return key
    raise undefined(table)


def find(organization: Organization, table: Table, values: Row) -> Row | None:
    """The row with these key values."""
    row_id = organization.by_key(table.logical, key_of(table, values), values)
    return None if row_id is None else organization.find(table.logical, row_id)


def row_named(organization: Organization, table: Table, text: str) -> Row:
    """The row that a URL names. Raises DataverseError 404, 400."""
    name = parse(table, text)
    if isinstance(name, str):
        return organization.get(table.logical, name)
    row = find(organization, table, name)
    if row is None:
        raise missing(table)
    return row


def missing(table: Table) -> DataverseError:
    """No row has these key values (facts §10)."""
    return DataverseError(404, "0x80060891", f"A record with the specified key values does not exist in {table.logical} entity")

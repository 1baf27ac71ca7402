"""Reading a write's body: which columns it sets, where its binds point, which parties it brings (facts/dataverse.md §3.1, §3.4)."""

import re
from dataclasses import dataclass, field
from typing import Any, TypeGuard

from .errors import DataverseError, bad_payload, undeclared
from .keys import row_named
from .metadata import Row, Table
from .organization import Organization
from .values import CHECKS

Json = dict[str, Any]
BIND = "@odata.bind"
URL = re.compile(r"(?:https?://[^/]+)?/?(?:api/data/v9\.\d/)?(\w+)\((.*)\)")
IGNORED_KINDS = frozenset({"File", "Image"})  # facts §9: never set through create or update


@dataclass(slots=True)
class Body:
    """What a body says. `values` holds None for a column to be emptied; lookups come with their `column@target`.

    `parties` is None when the body has none; `children` are rows to be created beneath: (relationship's collection, body).
    """

    values: Row = field(default_factory=dict[str, Any])
    parties: list[Json] | None = None
    children: list[tuple[str, Json]] = field(default_factory=list[tuple[str, Json]])
    parents: list[tuple[str, Json]] = field(default_factory=list[tuple[str, Json]])


def is_object(value: Any) -> TypeGuard[Json]:
    return isinstance(value, dict)


def is_list(value: Any) -> TypeGuard[list[Any]]:
    return isinstance(value, list)


def read(organization: Organization, table: Table, body: Any, *, creating: bool) -> Body:
    """The body of a create or an update. Raises DataverseError 400, 404."""
    if not is_object(body):
        raise bad_payload(table.entity_set, "Empty Payload Recieved. Payload should contain atleast one property.")
    found = Body()
    values = found.values
    for name, value in body.items():
        column = table.properties.get(name)
        if column is not None and not column.is_lookup:
            allowed = column.create if creating else column.update
            if not allowed or column.kind in IGNORED_KINDS:
                continue  # facts §0.5: silently ignored
            values[column.logical] = None if value is None else CHECKS[column.kind](table, column, value)
        elif name.endswith(BIND):
            _bind(organization, table, name.removesuffix(BIND), value, values, creating=creating)
        elif "@" not in name:
            _structured(table, name, value, found, creating=creating)
    return found


def _bind(organization: Organization, table: Table, name: str, value: Any, values: Row, *, creating: bool) -> None:
    """One `navigation@odata.bind`."""
    navigation = table.navigations.get(name)
    if navigation is None:
        raise undeclared(table.entity_set, name, annotated=True)
    column = table.columns[navigation.column]
    if not (column.create if creating else column.update):
        return
    if value is None:
        values[column.logical] = None
        values[column.logical + "@target"] = None
        return
    target, row = resolve(organization, table, value)
    allowed = [navigation.target] if navigation.target else column.targets
    if target.logical not in allowed:
        raise bad_payload(
            table.entity_set,
            f"A node of type '{target.logical}' was read from '{name}{BIND}', which expects one of: {', '.join(allowed)}.",
        )
    values[column.logical] = row[target.primary_id]
    if len(column.targets) > 1:
        values[column.logical + "@target"] = target.logical


def resolve(organization: Organization, table: Table, url: Any) -> tuple[Table, Row]:
    """The row that a bind's URL names. Raises DataverseError."""
    match = URL.fullmatch(url) if isinstance(url, str) else None
    if match is None:
        raise bad_payload(table.entity_set, "The URL of an @odata.bind cannot be read; it should be /entityset(id).")
    entity_set, name = match.groups()
    target = organization.schema.sets.get(entity_set)
    if target is None:
        raise DataverseError(400, "0x80060888", f"Resource not found for the segment '{entity_set}'.")
    return target, row_named(organization, target, name)


def _structured(table: Table, name: str, value: Any, found: Body, *, creating: bool) -> None:
    """Nested rows, a navigation set to null, or a name that the table does not have."""
    if name in table.collections and is_list(value):
        items: list[Json] = [item for item in value if is_object(item)]
        if table.collections[name].referencing == "activityparty":
            found.parties = items
        elif creating:
            found.children += [(name, item) for item in items]
        else:
            raise bad_payload(table.entity_set, f"Deep updates are not supported ('{name}').")
        return
    navigation = table.navigations.get(name)
    if navigation is not None and value is None:
        found.values[navigation.column] = None
        found.values[navigation.column + "@target"] = None
    elif navigation is not None and is_object(value) and creating:
        found.parents.append((name, value))
    elif name in table.properties:
        raise bad_payload(
            table.entity_set,
            "CRM do not support direct update of Entity Reference properties, Use Navigation properties instead.",
        )
    else:
        raise undeclared(table.entity_set, name, annotated=False)

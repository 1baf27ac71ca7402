"""A new Dynamics 365 Sales organisation as a destination: its standard tables, flattened to leaves (facts/dataverse.md §7)."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from map_world import Plain, leaf

import crosswalk.connectors.dataverse
import crosswalk_sandbox.services.dataverse
from crosswalk.connectors.dataverse.created import created_object
from crosswalk.connectors.dataverse.description import upper_snake
from crosswalk.model.destination_schema import DestinationField, DestinationObject, DestinationSchema, FieldType
from crosswalk.model.schema_plan import ObjectCreation
from crosswalk.store.mapping_file import load_yaml

STANDARD = Path(crosswalk_sandbox.services.dataverse.__path__[0]) / "standard" / "tables.json"
SHIPPED = Path(crosswalk.connectors.dataverse.__path__[0]) / "pulse.yaml"
WRITTEN = ("account", "contact", "appointment", "annotation", "campaign", "campaignresponse")
"""The standard tables the shipped map writes."""
TYPES: dict[str, FieldType] = {
    "String": "text", "Memo": "text", "Integer": "integer", "Decimal": "decimal", "Double": "decimal", "Money": "money",
    "Boolean": "boolean", "DateTime": "datetime", "Picklist": "option", "State": "option", "Status": "option",
    "Uniqueidentifier": "id",
}  # fmt: skip
FORMATS: dict[str, FieldType] = {"Email": "email", "Phone": "phone", "Url": "url"}
PARTIES = {"customer": ("account", "contact", "lead")}
"""The targets of party lists for which the facts name none."""


def shipped_for_dynamics() -> Plain:
    """The shipped map Pulse → Dynamics 365 Sales as plain values."""
    return load_yaml(SHIPPED)


def dynamics(back_dating: bool = True) -> DestinationSchema:
    """The tables the shipped map writes, before anything is created; without `back_dating` createdon cannot be written."""
    tables: dict[str, Any] = json.loads(STANDARD.read_text(encoding="utf-8"))
    objects = (
        DestinationObject(
            name=name,
            singular=name,
            fields=tuple(found for column in tables[name]["columns"] for found in _leaves(column, name, back_dating)),
        )
        for name in WRITTEN
    )
    return DestinationSchema(destination="dynamics", location="a new organisation", objects=tuple(objects))


def begun(back_dating: bool = True) -> DestinationSchema:
    """The same with the tables of the shipped map created, and nothing in them but what comes with a table."""
    objects = (ObjectCreation.model_validate(item) for item in shipped_for_dynamics()["objects"])
    created = (created_object(item, back_dating) for item in objects)
    return dynamics(back_dating).with_objects(created)


def _leaves(column: Plain, table: str, back_dating: bool) -> Iterator[DestinationField]:
    """The leaves of a column: one, or one a target where several tables may be referred to."""
    path, kind = column["logical"], column["kind"]
    writable = column.get("create", True) or column.get("update", True)
    targets = column.get("targets") or PARTIES.get(path, ())
    if path == "ownerid":
        yield leaf(path, "reference", to_object="systemuser")
    elif kind == "PartyList" or (kind in ("Lookup", "Customer") and len(targets) > 1):
        yield from (leaf(f"{path}.{target}", "reference", to_object=target, writable=writable) for target in targets)
    elif kind == "Lookup" and targets:
        yield leaf(path, "reference", to_object=targets[0], writable=writable)
    elif path == "createdon":
        yield leaf(path, "datetime", writable=back_dating)
    elif (table, path) == ("annotation", "documentbody"):
        yield leaf(path, "file")
    elif (table, path) == ("annotation", "filename"):
        yield leaf(path, writable=False)  # comes with the file
    elif kind in TYPES:
        yield _plain(column, path, kind, writable)


def _plain(column: Plain, path: str, kind: str, writable: bool) -> DestinationField:
    type = FORMATS.get(column.get("format_name") or column.get("format", ""), TYPES[kind]) if kind == "String" else TYPES[kind]
    if column.get("format") == "DateOnly":
        type = "date"
    return leaf(
        path,
        type,
        writable=writable,
        options=tuple(upper_snake(option["label"]) for option in column.get("options", ())) if type == "option" else (),
        max_length=column.get("max_length") if kind in ("String", "Memo") else None,
        on_create=kind not in ("State", "Status"),
    )

"""Changing a workspace's schema and taking changes back (facts/twenty.md §8); every change is verified by reading."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

from crosswalk.connectors.twenty.client import TwentyClient
from crosswalk.connectors.twenty.describe import OBJECTS_PATH, Description, Raw, describe, redescribe
from crosswalk.connectors.twenty.fields import COMPOSITES
from crosswalk.kit.retry import until_accepted, until_shown
from crosswalk.model.destination_schema import FieldType
from crosswalk.model.errors import RejectedError, UncertainError
from crosswalk.model.schema_plan import FieldCreation, SchemaChange

FIELDS_PATH = "/rest/metadata/fields"
READ_BACK_PAUSES = (0.1, 0.3, 0.6, 1.0, 2.0, 4.0)
"""Metadata caches go stale for a while after quick changes [PR 21435]."""
TYPES: Mapping[FieldType, str] = {
    "text": "TEXT", "rich_text": "RICH_TEXT", "integer": "NUMBER", "decimal": "NUMBER", "money": "CURRENCY",
    "boolean": "BOOLEAN", "date": "DATE", "datetime": "DATE_TIME", "option": "SELECT", "options": "MULTI_SELECT",
    "list": "ARRAY", "json": "RAW_JSON", "id": "UUID", "email": "EMAILS", "phone": "PHONES", "url": "LINKS", "file": "FILES",
    "reference": "RELATION",
}  # fmt: skip
_SETTINGS: Mapping[FieldType, Mapping[str, Any]] = {
    "integer": {"type": "number", "dataType": "int", "decimals": 0},
    "decimal": {"type": "number", "dataType": "float", "decimals": 6},
    "file": {"maxNumberOfValues": 10},
}
_COLORS = ("green", "sky", "purple", "orange", "red", "turquoise", "yellow", "pink", "blue", "gray")

_Lost = UncertainError | None


async def apply(client: TwentyClient, change: SchemaChange, description: Description) -> Description:
    """Carry out one change; the schema read back after it, as far as the change reaches.

    `description` is the schema as last read. RejectedError when something else stands in the change's place.
    """
    if stands(description, change):
        return description
    if change.operation == "create_object":
        lost = await _create_object(client, description, change)
    elif change.operation == "create_field":
        lost = await _create_field(client, description, change)
    else:
        lost = await _set_options(client, description, change, adding=True)
    description = await _read_back(client, change, description, stands, lost)
    if change.operation == "create_object":
        await _wait_until_usable(client, change.object)
    return description


async def undo(client: TwentyClient, change: SchemaChange, description: Description) -> Description:
    """Take one change back, with the data in it; the schema read back after it, as far as the change reaches."""
    if gone(description, change):
        return description
    if change.operation == "create_object":
        lost = await _delete(client, f"{OBJECTS_PATH}/{description.raw[change.object]['id']}", change)
    elif change.operation == "create_field":
        lost = await _delete(client, f"{FIELDS_PATH}/{_existing_field(description, change)['id']}", change)
    else:
        lost = await _set_options(client, description, change, adding=False)
    return await _read_back(client, change, description, gone, lost)


def stands(description: Description, change: SchemaChange) -> bool:
    """Whether the change is there exactly as asked."""
    if change.operation == "create_object":
        item = description.schema.object(change.object)
        return item is not None and change.created_object is not None and item.singular == change.created_object.singular
    raw = description.raw_field(change.object, change.name)
    if raw is None or change.field is None:
        return False
    wanted = {value for value, _ in change.field.options}
    if change.operation == "add_options":
        return wanted <= _option_values(raw)
    return raw.get("isActive", True) and _is_as_asked(description, change, change.field, raw)


def gone(description: Description, change: SchemaChange) -> bool:
    """Whether nothing of the change is left."""
    if change.operation == "create_object":
        return change.object not in description.raw
    raw = description.raw_field(change.object, change.name)
    if raw is None:
        return True
    wanted = {value for value, _ in change.field.options} if change.field is not None else set[str]()
    return change.operation == "add_options" and not wanted & _option_values(raw)


def _is_as_asked(description: Description, change: SchemaChange, asked: FieldCreation, raw: Raw) -> bool:
    item = description.schema.object(change.object)
    if item is None:
        return False
    if asked.type == "reference":
        leaf = item.field(_join_column(raw))
        return leaf is not None and leaf.type == "reference" and leaf.to_object in {asked.to, None}
    leaf = item.field(change.name) or item.field(f"{change.name}.{_first_part(asked.type)}")
    if leaf is None or leaf.type != asked.type or raw.get("type") != TYPES[asked.type]:
        return False
    return leaf.unique == asked.unique and {value for value, _ in asked.options} <= _option_values(raw)


def _join_column(raw: Raw) -> str:
    return str(cast(Raw, raw.get("settings") or {}).get("joinColumnName") or "")


def _first_part(kind: FieldType) -> str:
    parts = COMPOSITES.get(TYPES.get(kind, ""), ())
    return parts[0].name if parts else ""


def _option_values(raw: Raw) -> set[str]:
    return {str(option["value"]) for option in cast(Sequence[Raw], raw.get("options") or ())}


async def _create_object(client: TwentyClient, description: Description, change: SchemaChange) -> _Lost:
    asked = change.created_object
    if asked is None:
        raise RejectedError(f"“{change.label()}” does not say what to create.", "validation", "Plan again.")
    if change.object in description.raw:
        raise _in_the_way(change, "an object of that name, active or deactivated")
    body = {
        "nameSingular": asked.singular,
        "namePlural": asked.name,
        "labelSingular": asked.label,
        "labelPlural": asked.label_plural,
        "description": asked.description,
        "icon": "IconDatabase",
    }
    return await _changing(client, "POST", OBJECTS_PATH, body, change)


async def _create_field(client: TwentyClient, description: Description, change: SchemaChange) -> _Lost:
    asked = change.field
    if asked is None:
        raise RejectedError(f"“{change.label()}” does not say what to create.", "validation", "Plan again.")
    if description.raw_field(change.object, change.name) is not None:
        raise _in_the_way(change, "a field of that name but of another kind, or a deactivated one")
    return await _changing(client, "POST", FIELDS_PATH, field_body(description, change, asked), change)


def field_body(description: Description, change: SchemaChange, asked: FieldCreation) -> dict[str, Any]:
    """The request that creates a field. RejectedError for types and targets Twenty does not have."""
    kind = TYPES.get(asked.type)
    if kind is None:
        raise RejectedError(f"Twenty has no field type for “{asked.type}” ({change.label()}).", "validation", "Choose another.")
    body: dict[str, Any] = {
        "objectMetadataId": _object_id(description, change.object),
        "type": kind,
        "name": change.name,
        "label": asked.label,
        "isNullable": True,
    }
    if asked.description:
        body["description"] = asked.description
    if asked.unique:
        body["isUnique"] = True
    if asked.options:
        body["options"] = _new_options(asked.options, 0)
    if asked.type in _SETTINGS:
        body["settings"] = dict(_SETTINGS[asked.type])
    if asked.type == "reference":
        body["icon"] = "IconLink"
        body["relationCreationPayload"] = {
            "type": "MANY_TO_ONE",
            "targetObjectMetadataId": _object_id(description, asked.to or ""),
            "targetFieldLabel": asked.reverse_label or description.object(change.object).label,
            "targetFieldIcon": "IconLink",
        }
    return body


def _new_options(options: Sequence[tuple[str, str]], start: int) -> list[dict[str, Any]]:
    return [
        {"value": value, "label": label, "color": _COLORS[position % len(_COLORS)], "position": position}
        for position, (value, label) in enumerate(options, start)
    ]


async def _set_options(client: TwentyClient, description: Description, change: SchemaChange, adding: bool) -> _Lost:
    """Add options, or take added ones away. PATCH replaces the list: options stay with their ids or rows lose them (§8)."""
    raw = _existing_field(description, change)
    asked = change.field.options if change.field is not None else ()
    held = [dict(option) for option in cast(Sequence[Raw], raw.get("options") or ())]
    if adding:
        present = _option_values(raw)
        start = max((int(option.get("position") or 0) for option in held), default=-1) + 1
        options = held + _new_options([pair for pair in asked if pair[0] not in present], start)
    else:
        added = {value for value, _ in asked}
        options = [option for option in held if option["value"] not in added]
    return await _changing(client, "PATCH", f"{FIELDS_PATH}/{raw['id']}", {"options": options}, change)


def _existing_field(description: Description, change: SchemaChange) -> Raw:
    raw = description.raw_field(change.object, change.name)
    if raw is None:
        raise RejectedError(
            f"Twenty's {change.object} has no field “{change.name}”.", "unknown_field", "Describe the destination and plan again."
        )
    return raw


def _object_id(description: Description, plural: str) -> str:
    description.object(plural)
    return str(description.raw[plural]["id"])


def _in_the_way(change: SchemaChange, what: str) -> RejectedError:
    return RejectedError(
        f"{change.label()}: the workspace already has {what}.",
        "conflict",
        "Rename or delete it in Settings → Data model, or choose another name in the mapping.",
    )


async def _changing(client: TwentyClient, method: str, path: str, body: Any, change: SchemaChange) -> _Lost:
    """Send a schema request; what it refuses is said with its cause. A lost answer is left to the reading back."""
    try:
        await client.write_metadata(method, path, body)
        return None
    except UncertainError as error:
        return error
    except RejectedError as error:
        raise RejectedError(f"{change.label()}: {error.message}", error.code, error.remedy) from error


async def _delete(client: TwentyClient, path: str, change: SchemaChange) -> _Lost:
    """Delete metadata, deactivating it first where the server insists on that."""
    try:
        return await _changing(client, "DELETE", path, None, change)
    except RejectedError as error:
        if error.code == "not_found":
            return None
        await _changing(client, "PATCH", path, {"isActive": False}, change)
        return await _changing(client, "DELETE", path, None, change)


async def _read_back(
    client: TwentyClient, change: SchemaChange, known: Description, done: Callable[[Description, SchemaChange], bool], lost: _Lost
) -> Description:
    """Read until the change shows. `lost` is the error of a request whose answer did not come.

    A relation reaches two objects and an object comes or goes whole: then everything is read, else the one object.
    """
    whole = change.operation == "create_object" or (change.field is not None and change.field.type == "reference")
    return await until_shown(
        lambda: describe(client) if whole else redescribe(client, known, change.object),
        lambda description: done(description, change),
        change.label(),
        lost,
        READ_BACK_PAUSES,
    )


async def _wait_until_usable(client: TwentyClient, plural: str) -> None:
    """Until the record API knows a new object too."""
    await until_accepted(lambda: client.read(f"/rest/{plural}", {"limit": "1"}), {"unknown_object"}, READ_BACK_PAUSES)

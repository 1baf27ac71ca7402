"""Twenty's field types as leaves, and values to and from their wire form (facts/twenty.md §6)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any, cast

import orjson

from crosswalk.model.destination_schema import DestinationField, DestinationObject, FieldType
from crosswalk.model.errors import RejectedError
from crosswalk.model.record import UNKNOWN_ACTOR, Actor, ActorKind, Row
from crosswalk.model.values import Value, Values, canonical, decimal_text, instant_text

MICROS = 1_000_000
LARGEST_EXACT_INTEGER = 2**53
"""Twenty keeps numbers as JavaScript doubles."""


@dataclass(frozen=True, slots=True)
class Part:
    """One leaf of a composite field, and its neutral type."""

    name: str
    type: FieldType


COMPOSITES: Mapping[str, tuple[Part, ...]] = {
    "FULL_NAME": (Part("firstName", "text"), Part("lastName", "text")),
    "EMAILS": (Part("primaryEmail", "email"), Part("additionalEmails", "list")),
    "PHONES": (
        Part("primaryPhoneNumber", "phone"),
        Part("primaryPhoneCountryCode", "text"),
        Part("primaryPhoneCallingCode", "text"),
        Part("additionalPhones", "json"),
    ),
    "ADDRESS": (
        *(Part(f"address{name}", "text") for name in ("Street1", "Street2", "City", "State", "Postcode", "Country")),
        Part("addressLat", "decimal"),
        Part("addressLng", "decimal"),
    ),
    "LINKS": (Part("primaryLinkUrl", "url"), Part("primaryLinkLabel", "text"), Part("secondaryLinks", "json")),
    "CURRENCY": (Part("value", "money"), Part("currencyCode", "text")),
    "RICH_TEXT": (Part("markdown", "rich_text"),),
    "ACTOR": (Part("source", "text"), Part("name", "text"), Part("context", "json")),
}
UNIQUE_PARTS: Mapping[str, str] = {
    "EMAILS": "primaryEmail", "LINKS": "primaryLinkUrl", "PHONES": "primaryPhoneNumber",
}  # fmt: skip
"""Which leaf of a unique composite must be unique (§5)."""
SIMPLE: Mapping[str, FieldType] = {
    "TEXT": "text", "BOOLEAN": "boolean", "DATE": "date", "DATE_TIME": "datetime", "SELECT": "option", "RATING": "option",
    "MULTI_SELECT": "options", "ARRAY": "list", "RAW_JSON": "json", "UUID": "id", "FILES": "file", "POSITION": "decimal",
    "NUMERIC": "decimal",
}  # fmt: skip
_ACTOR_KINDS: Mapping[str, ActorKind] = {
    "IMPORT": "import", "API": "integration", "MANUAL": "person", "EMAIL": "person", "CALENDAR": "person",
    "WORKFLOW": "automation", "SYSTEM": "automation", "AGENT": "automation", "APPLICATION": "automation",
    "WEBHOOK": "automation",
}  # fmt: skip
_CANONICAL_INSTANT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z")
"""What Twenty answers nearly always: model/values.py's own form, which need not be parsed."""
_CLEARED_BY_EMPTY_TEXT = frozenset({"text", "email", "phone", "url", "rich_text"})
_CLEARED_BY_EMPTY_LIST = frozenset({"list", "options", "file"})
_CLEARED_PARTS: Mapping[str, Any] = {"currencyCode": None, "additionalPhones": [], "secondaryLinks": []}


def clearing(field: DestinationField) -> Any:
    """What empties a leaf on PATCH: a null composite is ignored, so its parts get "", null or [] by type (§6)."""
    part = field.path.rpartition(".")[2]
    if part in _CLEARED_PARTS:
        return _CLEARED_PARTS[part]
    if field.type in _CLEARED_BY_EMPTY_TEXT:
        return ""
    return [] if field.type in _CLEARED_BY_EMPTY_LIST else None


def encode(field: DestinationField, value: Value) -> Any:
    """A canonical value as Twenty wants it. RejectedError (naming the field, not the value) when it cannot be."""
    try:
        return _encode(field.type, without_nul(value))
    except (InvalidOperation, ValueError, TypeError) as error:
        raise RejectedError(
            f"The value for {field.path} is no {field.type} that Twenty can hold"
            + (f": {error}." if isinstance(error, ValueError) and error.args else "."),
            "validation",
            "Correct the transform of this field in the mapping.",
        ) from None


def _encode(kind: FieldType, value: Any) -> Any:
    if kind == "money":
        micros = Decimal(str(value)) * MICROS
        if micros != micros.to_integral_value():
            raise ValueError("it has more than six decimals")
        if abs(micros) > LARGEST_EXACT_INTEGER:
            raise ValueError("it is too large to be kept exactly")
        return int(micros)
    if kind in {"decimal", "integer"}:
        number = Decimal(str(value))
        if not number.is_finite():
            raise ValueError("it is not finite")
        return orjson.Fragment(decimal_text(number))
    if kind == "boolean" and not isinstance(value, bool):
        raise ValueError("it is not true or false")
    if kind == "file":
        return _file_references(value)
    return value


def decode(field: DestinationField, wire: Any) -> Value:
    """A value as Twenty answers it, in canonical form; nothing at all is None."""
    if wire is None or wire == "" or wire == []:
        return None
    kind = field.type
    if kind == "money":
        return decimal_text(Decimal(str(wire)) / MICROS)
    if kind == "decimal":
        return decimal_text(Decimal(str(wire)))
    if kind == "integer" and isinstance(wire, float):
        return int(wire) if wire.is_integer() else decimal_text(Decimal(str(wire)))
    if kind == "datetime":
        return _instant(str(wire))
    if kind == "file":
        return _file_references(wire)
    if kind == "json":
        return None if wire == {} and field.path.endswith(".context") else cast(Value, wire)
    return canonical(wire)


def _instant(text: str) -> str:
    if _CANONICAL_INSTANT.fullmatch(text):
        return text
    try:
        return instant_text(datetime.fromisoformat(text))
    except ValueError:
        return text


def _file_references(value: Any) -> list[Any] | None:
    """File values without the signed address, which is another in every answer (§7)."""
    items = cast(list[Mapping[str, Any]], value)
    return [{"fileId": item["fileId"], "label": item.get("label", "")} for item in items] or None


def without_nul(value: Any) -> Any:
    """U+0000 makes Twenty answer 500 “Data validation error.” (§6): it is left out, at any depth."""
    if isinstance(value, str):
        return value.replace("\0", "") if "\0" in value else value
    if isinstance(value, list):
        return [without_nul(item) for item in cast(list[Any], value)]
    if isinstance(value, Mapping):
        return {key: without_nul(item) for key, item in cast(Mapping[str, Any], value).items()}
    return value


def actor(held: Any) -> Actor:
    """Who `createdBy` or `updatedBy` names; our marker is context.run of an import (§3)."""
    if not isinstance(held, Mapping):
        return UNKNOWN_ACTOR
    content = cast(Mapping[str, Any], held)
    kind = _ACTOR_KINDS.get(str(content.get("source")), "unknown")
    context = content.get("context")
    marker = cast(Mapping[str, Any], context).get("run") if isinstance(context, Mapping) else None
    return Actor(kind, str(content.get("name") or ""), str(marker) if marker is not None and kind == "import" else None)


class Leaves:
    """An object's leaves with their places in a record, looked up once for many records."""

    def __init__(self, item: DestinationObject) -> None:
        self._item = item
        self._places = {field.path: (field, *_wire_place(field)) for field in item.fields}

    def unflatten(self, values: Values, *, clear: bool) -> dict[str, Any]:
        """Leaf values as a request body. None is left out, or with `clear` (an update) sent as what empties the leaf.

        RejectedError for a leaf the object does not have or that cannot be written.
        """
        body: dict[str, Any] = {}
        for path, value in values.items():
            place = self._places.get(path)
            if place is None or not place[0].writable:
                raise RejectedError(
                    f"Twenty's {self._item.name} has no writable field “{path}”.",
                    "unknown_field",
                    "Apply the schema plan, then try again.",
                )
            if value is None and not clear:
                continue
            field, name, part = place
            wire = clearing(field) if value is None else encode(field, value)
            if part is None:
                body[name] = wire
            else:
                body.setdefault(name, {})[part] = wire
        return body

    def flatten(self, record: Mapping[str, Any]) -> Values:
        """Every leaf the record answers, canonical."""
        values: Values = {}
        for path, (field, name, part) in self._places.items():
            if name not in record:
                continue
            held = record[name]
            if part is not None:
                held = cast(dict[str, Any], held).get(part) if isinstance(held, dict) else None  # Mapping's check is slow
            values[path] = decode(field, held)
        return values

    def row(self, record: Mapping[str, Any]) -> Row:
        """A record as answered, flattened."""
        created, updated = record.get("createdAt"), record.get("updatedAt")
        return Row(
            id=str(record["id"]),
            values=self.flatten(record),
            deleted=record.get("deletedAt") is not None,
            created_by=actor(record.get("createdBy")),
            updated_by=actor(record.get("updatedBy")),
            created_at=_instant(created) if isinstance(created, str) else None,
            updated_at=_instant(updated) if isinstance(updated, str) else None,
        )


def _wire_place(field: DestinationField) -> tuple[str, str | None]:
    """Where a leaf sits in a record: the field, and the part within a composite."""
    name, _, part = field.path.partition(".")
    return name, ("amountMicros" if field.type == "money" and part == "value" else part) or None

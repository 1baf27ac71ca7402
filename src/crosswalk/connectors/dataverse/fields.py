"""Dataverse's column types as leaves, and values to and from their wire form (facts/dataverse.md §3.11 to §3.13, §6.3)."""

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, cast
from uuid import UUID

import orjson

from crosswalk.connectors.dataverse.definition import label_of
from crosswalk.connectors.dataverse.description import DOCUMENT, MARKER_COLUMN, NOTE, Column, Options, Table, value_of
from crosswalk.model.destination_schema import DestinationField, DestinationObject, FieldType
from crosswalk.model.errors import RejectedError
from crosswalk.model.values import Value, canonical, decimal_text, instant_text

EARLIEST = "1753-01-01"
"""No date before it can be kept (§3.13)."""
_ILLEGAL_CHARACTERS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
"""What XML 1.0 cannot hold, Dataverse cannot keep."""
TEAM = "team:"
"""Before the id of an owner that is a team."""
_TEXT_FORMATS: Mapping[str, FieldType] = {"Email": "email", "Phone": "phone", "Url": "url", "RichText": "rich_text", "Json": "json"}
_TYPES: Mapping[str, FieldType] = {
    "Integer": "integer", "BigInt": "integer", "Decimal": "decimal", "Double": "decimal", "Money": "money",
    "Boolean": "boolean", "Picklist": "option", "State": "option", "Status": "option", "MultiSelectPicklist": "options",
    "Lookup": "reference", "Customer": "reference", "Owner": "reference", "Uniqueidentifier": "id",
}  # fmt: skip
_UNSEEN_KINDS = frozenset({"Virtual", "EntityName", "ManagedProperty", "CalendarRules", "PartyList", "Image", "File"})
"""Shadows and inner workings, and files, whose bytes are no part of a row."""
OVERRIDDEN_CREATED_ON = "overriddencreatedon"
"""What `createdon` is written through (§3.6)."""
_BY_THE_PLATFORM = frozenset({MARKER_COLUMN, OVERRIDDEN_CREATED_ON})
"""Ours to write, but not the map's: the run marker (§4.8), and what stands behind `createdon`."""
_OF_THE_DOCUMENT = frozenset({"filename", "isdocument"})
_STATES = frozenset({"State", "Status"})
_DEFAULTED = frozenset({"Boolean", "Picklist", "State", "Status", "Owner", "Uniqueidentifier"})
_INSTANT_ON_THE_WIRE = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z")


def field_type(column: Column) -> FieldType:
    """The neutral type of a column."""
    if column.kind in {"String", "Memo"}:
        return _TEXT_FORMATS.get(column.format, "text")
    if column.kind == "DateTime":
        return "date" if _behavior(column) == "DateOnly" else "datetime"
    return _TYPES.get(column.kind, "other")


def _behavior(column: Column) -> str:
    """UserLocal, DateOnly or TimeZoneIndependent. Only the second is a bare date on the wire; a Format of DateOnly is not."""
    return str(value_of(column.raw.get("DateTimeBehavior")) or "")


def to_object(table: Table, may_set_created_on: bool, *, system: bool) -> DestinationObject:
    """The neutral form of a table: its readable columns as leaves, one per target for what can point to several tables."""
    fields = sorted(_fields(table, may_set_created_on), key=lambda field: field.path)
    return DestinationObject(
        name=table.logical,
        singular=table.logical,
        label=label_of(table.raw.get("DisplayName")),
        custom=table.is_custom,
        system=system,
        fields=tuple(fields),
    )


def _fields(table: Table, may_set_created_on: bool) -> Iterator[DestinationField]:
    unique = {key.columns[0] for key in table.keys if len(key.columns) == 1 and key.status == "Active"} | {table.primary_id}
    for column in table.columns.values():
        if not column.readable or column.kind in _UNSEEN_KINDS:
            continue
        common = _common(table, column, may_set_created_on)
        targets = [lookup for lookup in table.lookups.values() if lookup.column == column.logical]
        if (table.logical, column.logical) == (NOTE, DOCUMENT):
            yield DestinationField(path=column.logical, type="file", **common)
        elif field_type(column) != "reference":
            length = column.raw.get("MaxLength")
            yield DestinationField(
                path=column.logical,
                type=field_type(column),
                options=tuple(column.options.values),
                unique=column.logical in unique,
                max_length=int(length) if length else None,
                **common,
            )
        for lookup in targets:
            yield DestinationField(path=lookup.path, type="reference", to_object=lookup.target, **common)
    for party in table.parties.values():
        column = table.columns[party.column]
        common = _common(table, column, may_set_created_on)
        yield DestinationField(path=party.path, type="reference", to_object=party.target, **common)


def _common(table: Table, column: Column, may_set_created_on: bool) -> dict[str, Any]:
    name = column.logical
    platform = name in _BY_THE_PLATFORM or (table.logical == NOTE and name in _OF_THE_DOCUMENT)
    writable = (column.creatable or column.updatable) and not platform
    if name == "createdon" and OVERRIDDEN_CREATED_ON in table.columns:
        writable = may_set_created_on
    required = column.required_level == "SystemRequired" and writable and column.kind not in _DEFAULTED
    return {
        "label": label_of(column.raw.get("DisplayName")),
        "custom": column.custom,
        "required": required,
        "writable": writable,
        "on_create": column.kind not in _STATES,
        "on_update": name != "createdon" and (column.updatable or not writable),  # a value that is not is silently ignored (§0.5)
        "computed": not (column.creatable or column.updatable) or platform or name == table.primary_id,
    }


def without_illegal(text: str) -> str:
    """A text without the characters that cannot be kept."""
    return _ILLEGAL_CHARACTERS.sub("", text) if _ILLEGAL_CHARACTERS.search(text) else text


def encode(field: DestinationField, column: Column, value: Value) -> Any:
    """A canonical value as Dataverse wants it. RejectedError (naming the field, not the value) when it cannot be."""
    try:
        return _encode(field.type, column, value)
    except (InvalidOperation, ValueError, TypeError, KeyError) as error:
        reason = f": {error.args[0]}." if isinstance(error, ValueError) and error.args else "."
        raise RejectedError(
            f"The value for {field.path} is no {field.type} that Dataverse can hold{reason}",
            "validation",
            "Correct the transform of this field in the mapping.",
        ) from None


def _encode(kind: FieldType, column: Column, value: Any) -> Any:
    if kind in {"integer", "decimal", "money"}:
        return _number(kind, column, value)
    if kind == "boolean":
        if not isinstance(value, bool):
            raise ValueError("it is not true or false")
        return value
    if kind == "option":
        return _option(column.options, value)
    if kind == "options":
        chosen: Any = cast(list[Any], value if isinstance(value, list) else [value])
        return ",".join(str(number) for number in sorted({_option(column.options, item) for item in chosen}))
    if kind == "datetime":
        return _instant(str(value))
    if kind == "date":
        return _not_too_early(str(value)[:10])
    if kind == "id":
        return str(UUID(str(value)))
    if kind == "json" and not isinstance(value, str):
        return without_illegal(orjson.dumps(value).decode())
    return without_illegal(value) if isinstance(value, str) else value


def _number(kind: FieldType, column: Column, value: Any) -> Any:
    number = Decimal(str(value))
    if not number.is_finite():
        raise ValueError("it is not finite")
    if kind == "integer" and number != number.to_integral_value():
        raise ValueError("it is not whole")
    precision = column.raw.get("Precision")
    if column.kind in {"Decimal", "Money"} and precision is not None and number != round(number, int(precision)):
        raise ValueError(f"it has more than {precision} decimals, which would be rounded")
    return orjson.Fragment(decimal_text(number))


def _option(options: Options, symbol: Any) -> int:
    number = options.values.get(str(symbol))
    if number is None:
        raise ValueError("the column has no such option")
    return number


def _instant(text: str) -> str:
    """Whole seconds in UTC: what is behind them would be cut (§3.13)."""
    moment = datetime.fromisoformat(text)
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    return _not_too_early(moment.strftime("%Y-%m-%dT%H:%M:%SZ").rjust(20, "0"))


def _not_too_early(text: str) -> str:
    if text < EARLIEST:
        raise ValueError(f"it is before {EARLIEST}, the earliest date there")
    return text


def decoder(kind: FieldType, options: Options) -> Callable[[Any], Value]:
    """What makes values of one column canonical, chosen once for many rows; it is not asked about nothing at all.

    An integer that is no option stays a text.
    """
    if kind == "option":
        return lambda wire: options.symbols.get(int(wire), str(wire))
    if kind == "options":
        return lambda wire: [options.symbols.get(number, str(number)) for number in sorted(map(int, str(wire).split(",")))]
    if kind in {"decimal", "money"}:
        return lambda wire: decimal_text(Decimal(str(wire)))
    if kind == "date":
        return lambda wire: str(wire)[:10]
    if kind == "json":
        return lambda wire: read_json(wire) if isinstance(wire, str) else canonical(wire)
    return {"integer": int, "datetime": read_instant}.get(kind, canonical)


def read_json(text: str) -> Value:
    """A JSON column's content; a text that is none stays as it is."""
    try:
        return cast(Value, orjson.loads(text))
    except orjson.JSONDecodeError:
        return text


def read_instant(text: str) -> str:
    """The canonical form of a time as answered, nearly always whole seconds in UTC.

    >>> read_instant("2024-02-29T10:11:12Z"), read_instant("2024-02-29T10:11:12+02:00")
    ('2024-02-29T10:11:12.000Z', '2024-02-29T08:11:12.000Z')
    """
    if _INSTANT_ON_THE_WIRE.fullmatch(text):
        return f"{text[:-1]}.000Z"
    try:
        return instant_text(datetime.fromisoformat(text))
    except ValueError:
        return text

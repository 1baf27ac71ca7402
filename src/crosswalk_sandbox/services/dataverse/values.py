"""What a column accepts and how it is kept (facts/dataverse.md §3.9-3.13, §10). A check answers the value as stored."""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from .errors import DataverseError, bad_payload
from .metadata import Column, Table

# What XML cannot carry, which the platform's store refuses (code InvalidCharactersInField).
INVALID_TEXT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
GUID = re.compile(r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}")
DATE = re.compile(r"\d{4}-\d\d-\d\d")
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d+)?)?(Z|[+-]\d\d:\d\d)", re.IGNORECASE)
JSON_TYPES = {"str": "Edm.String", "bool": "Edm.Boolean", "int": "Edm.Int32", "float": "Edm.Decimal"}
EARLIEST = "1753-01-01"
SELECTIONS = 150
Check = Callable[[Table, Column, Any], Any]


def wrong_type(table: Table, value: Any, expected: str) -> DataverseError:
    """A JSON value of another type than the property's. The value itself is not repeated."""
    kind = JSON_TYPES.get(type(value).__name__, "a structured value")
    return bad_payload(table.entity_set, f"Cannot convert a value of type '{kind}' to the expected target type '{expected}'.")


def text(table: Table, column: Column, value: Any) -> str | None:
    """A text; an empty one counts as no value."""
    if not isinstance(value, str):
        raise wrong_type(table, value, "Edm.String")
    if column.max_length is not None and _units(value) > column.max_length:
        raise DataverseError(
            400,
            "0x80044331",
            f"A validation error occurred. The length of the '{column.logical}' attribute of the '{table.logical}' entity "
            f"exceeded the maximum allowed length of '{column.max_length}'.",
        )
    if INVALID_TEXT.search(value):
        raise DataverseError(400, "0x80040278", f"The field '{column.logical}' contains one or more invalid characters.")
    return value or None


def _units(value: str) -> int:
    """The length as the platform counts it, in UTF-16 units."""
    return len(value) if value.isascii() else len(value.encode("utf-16-le")) // 2


def integer(table: Table, column: Column, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise wrong_type(table, value, "Edm.Int64" if column.kind == "BigInt" else "Edm.Int32")
    return int(_in_range(table, column, value, "0x8004432f"))


def number(table: Table, column: Column, value: Any) -> float:
    """A decimal, a double or an amount, rounded to the column's precision."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise wrong_type(table, value, "Edm.Double" if column.kind == "Double" else "Edm.Decimal")
    _in_range(table, column, value, "0x80044330")
    places = column.precision if column.kind != "Money" or column.precision_source in (None, 0) else 2
    return value if places is None else round(float(value), places)


def _in_range(table: Table, column: Column, value: float, code: str) -> float:
    low, high = column.minimum, column.maximum
    if (low is not None and value < low) or (high is not None and value > high):
        raise DataverseError(
            400,
            code,
            f"A validation error occurred. The value of '{column.logical}' on record of type '{table.logical}' is outside the "
            f"valid range.",
        )
    return value


def boolean(table: Table, column: Column, value: Any) -> bool:
    if not isinstance(value, bool):
        raise wrong_type(table, value, "Edm.Boolean")
    return value


def choice(table: Table, column: Column, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise wrong_type(table, value, "Edm.Int32")
    _check_option(table, column, value)
    return value


def _check_option(table: Table, column: Column, value: int) -> None:
    if column.options is not None and column.options.find(value) is None:
        accepted = ",".join(map(str, column.options.values()))
        raise DataverseError(
            400,
            "0x8004431a",
            f"A validation error occurred. The value {value} of '{column.logical}' on record of type '{table.logical}' is outside "
            f"the valid range. Accepted Values: {accepted}",
        )


def choices(table: Table, column: Column, value: Any) -> str | None:
    """A multi-select: numbers with commas between, kept in ascending order."""
    if not isinstance(value, str):
        raise wrong_type(table, value, "Edm.String")
    parts = [part.strip() for part in value.split(",") if part.strip()]
    if not all(re.fullmatch(r"-?\d+", part) for part in parts):
        raise wrong_type(table, value, "a list of option values")
    found = sorted({int(part) for part in parts})
    if len(found) > SELECTIONS:
        raise DataverseError(
            400, "0x80050222", f"Number of selections for MultiSelectPicklist Attribute Type exceeded maximum limit: {SELECTIONS}."
        )
    for option in found:
        _check_option(table, column, option)
    return ",".join(map(str, found)) or None


def moment(table: Table, column: Column, value: Any) -> str:
    """A date (`2026-11-21`) or a point in time; kept in UTC and whole seconds."""
    day_only = column.behavior == "DateOnly"
    expected = "Edm.Date" if day_only else "Edm.DateTimeOffset"
    pattern = DATE if day_only else MOMENT
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise wrong_type(table, value, expected)
    try:
        parsed = datetime.fromisoformat(value)
        kept = value if day_only else parsed.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (ValueError, OverflowError):
        raise wrong_type(table, value, expected) from None
    if value < EARLIEST:
        raise DataverseError(
            400, "0x80040239", f"The date-time format of '{column.logical}' is invalid, or value is outside the supported range."
        )
    return kept


def guid(table: Table, column: Column, value: Any) -> str:
    if not isinstance(value, str) or not GUID.fullmatch(value):
        raise wrong_type(table, value, "Edm.Guid")
    return value.lower()


CHECKS: dict[str, Check] = {
    "String": text,
    "Memo": text,
    "EntityName": text,
    "Integer": integer,
    "BigInt": integer,
    "Decimal": number,
    "Double": number,
    "Money": number,
    "Boolean": boolean,
    "DateTime": moment,
    "Picklist": choice,
    "State": choice,
    "Status": choice,
    "MultiSelectPicklist": choices,
    "Uniqueidentifier": guid,
}

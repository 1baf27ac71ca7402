"""A written value as the server keeps it, per field type (facts/twenty.md §6; transcripts val_*)."""

from decimal import Decimal
from typing import Any

import orjson

from .composites import NORMAL as COMPOSITES
from .composites import normal_composite
from .dates import normal_date, normal_moment
from .errors import TwentyError, bad_id, bad_value
from .ids import is_uuid
from .inspect import shown
from .schema import Field, Row, is_list, is_row

EXACT = 2**53


def _invalid(message: str, value: Any) -> TwentyError:
    return bad_value(message, f'Invalid value: "{value}"')


def _text(field: Field, value: Any) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        raise _invalid(f'Invalid string value {shown(value)} for text field "{field.name}"', value)
    return value


def as_javascript_number(value: float) -> float:
    """An integer beyond 2^53 as JavaScript would print it: 12345678901234567890 is 12345678901234567000."""
    if isinstance(value, int) and abs(value) > EXACT:
        return int(Decimal(repr(float(value))))
    return value


def _number(field: Field, value: Any) -> Any:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _invalid(f'Invalid number value {shown(value)} for field "{field.name}"', value)
    return as_javascript_number(value)


def _position(field: Field, value: Any) -> Any:
    return value if value in ("first", "last") else _number(field, value)


def _boolean(field: Field, value: Any) -> bool | None:
    if value is None or isinstance(value, bool):
        return value
    raise _invalid(f'Invalid boolean value {shown(value)} for field "{field.name}"', value)


def _uuid(field: Field, value: Any) -> str | None:
    if value is None:
        return None
    if not is_uuid(value):
        raise _invalid(f'Invalid UUID value {shown(value)} for field "{field.name}"', value)
    return value.lower()


def _values(field: Field) -> list[str]:
    return [option["value"] for option in field.options or []]


def _select(field: Field, value: Any) -> str | None:
    if value is None:
        return None
    valid = _values(field)
    if value not in valid:
        text = value if isinstance(value, str) else shown(value)
        raise bad_value(
            f'Invalid value "{text}" for field "{field.name}". Valid values are: {", ".join(valid)}',
            f'Invalid value for field "{field.name}"',
        )
    return value


def _multi_select(field: Field, value: Any) -> list[Any]:
    if value is None:
        return []
    items: list[Any] = value if is_list(value) else [value]
    valid = _values(field)
    if any(item not in valid for item in items):
        raise _invalid(f'Invalid value {shown(value)} for multi select field "{field.name}"', value)
    return items


def _array(field: Field, value: Any) -> list[Any]:
    if value is None:
        return []
    items: list[Any] = value if is_list(value) else [value]
    if any(not isinstance(item, str) for item in items):
        raise _invalid(f'Invalid value {shown(value)} for field "{field.name} - Array values need to be string"', value)
    return items


def _raw_json(field: Field, value: Any) -> Any:
    if value is None:
        return None
    found: Any = value
    if isinstance(value, str):
        try:
            found = orjson.loads(value)
        except orjson.JSONDecodeError:
            found = None
    if is_row(found) or is_list(found):
        return found
    raise _invalid(f'Invalid object value {shown(value)} for field "{field.name}"', value)


def _files(field: Field, value: Any) -> Any:
    if value is None:
        return None
    items: list[Any] = value if is_list(value) else [None]
    for item in items:
        if not is_row(item) or not isinstance(item.get("fileId"), str):
            raise _invalid(f'Invalid value {shown(value)} for files field "{field.name}"', value)
    return items


def _moment(field: Field, value: Any) -> str | None:
    return normal_moment(field.name, value)


def _date(field: Field, value: Any) -> str | None:
    return normal_date(field.name, value)


NORMAL = {
    "TEXT": _text,
    "NUMBER": _number,
    "NUMERIC": _number,
    "POSITION": _position,
    "BOOLEAN": _boolean,
    "UUID": _uuid,
    "DATE": _date,
    "DATE_TIME": _moment,
    "SELECT": _select,
    "RATING": _select,
    "MULTI_SELECT": _multi_select,
    "ARRAY": _array,
    "RAW_JSON": _raw_json,
    "FILES": _files,
}


def normal_value(field: Field, value: Any, current: Any) -> Any:
    """The value that the row holds after writing `value` over `current` into a column that is no relation.

    Raises TwentyError with the server's message when the field refuses the value.
    """
    if field.type in COMPOSITES:
        return normal_composite(field, value, current)
    return NORMAL[field.type](field, value)


def normal_id(value: Any) -> str:
    """A row's own id: versions 1 to 5, folded to lower case (facts/twenty.md §3)."""
    if not is_uuid(value):
        raise bad_id(value)
    return value.lower()


def normal_join(column: str, value: Any) -> str | None:
    """A join column's id (transcript bad_fk_notuuid)."""
    if value is None:
        return None
    if not is_uuid(value):
        raise _invalid(f'Invalid UUID value {shown(value)} for field "{column}"', value)
    return value.lower()


def clean_row(row: Row, template: Row) -> Row:
    """A row without the columns that hold what the empty row holds, as it is stored."""
    return {name: value for name, value in row.items() if value != template.get(name)}

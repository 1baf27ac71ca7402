"""The canonical form of a value: what two systems must agree on for a field to be equal.

JSON only: text, integers and booleans as they are; dates `YYYY-MM-DD`; instants `YYYY-MM-DDTHH:MM:SS.mmmZ` (UTC); decimals as
plain text without trailing zeros (`12.5`); lists of text; nothing at all (empty text, empty list, null) is None.
"""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

Scalar = str | int | float | bool | None
Value = Scalar | list[Any] | dict[str, Any]
Values = dict[str, Value]


def decimal_text(value: Decimal) -> str:
    """
    >>> decimal_text(Decimal("12.500")), decimal_text(Decimal("1E+3")), decimal_text(Decimal("-0.00"))
    ('12.5', '1000', '0')
    """
    if not value:
        return "0"
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def instant_text(value: datetime) -> str:
    """UTC with milliseconds; a naive value is taken as UTC.

    >>> instant_text(datetime(2024, 2, 29, 10, 11, 12))
    '2024-02-29T10:11:12.000Z'
    """
    moment = value if value.tzinfo is None else value.astimezone(UTC).replace(tzinfo=None)
    return moment.isoformat(timespec="milliseconds") + "Z"


def canonical(value: Any) -> Value:
    """The canonical form of a Python, Arrow or JSON value.

    >>> canonical(date(2024, 2, 29)), canonical(Decimal("7.10")), canonical("")
    ('2024-02-29', '7.1', None)
    """
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, str):
        return value or None
    if isinstance(value, datetime):
        return instant_text(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return decimal_text(value)
    if isinstance(value, list | tuple):
        return [canonical(item) for item in value] or None  # pyright: ignore[reportUnknownVariableType]
    return value


def referred_ids(reference: Value) -> list[str]:
    """The ids that a reference field holds: none, one, or a list of several (the attendees of an appointment)."""
    if reference is None:
        return []
    return [str(id) for id in reference] if isinstance(reference, list) else [str(reference)]

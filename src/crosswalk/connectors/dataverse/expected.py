"""What a value reads back as once Dataverse has stored it (facts/dataverse.md §3.11 to §3.13). Pure."""

from datetime import datetime
from typing import Any, cast

from crosswalk.connectors.dataverse.fields import TEAM, read_json, without_illegal
from crosswalk.model.destination_schema import DestinationField
from crosswalk.model.values import Value, instant_text
from crosswalk.spi.destination import Expected

_ILLEGAL = "Control characters that XML cannot hold cannot be kept and are left out."
_SECONDS = "Dataverse keeps times in UTC to the whole second; what is behind it is cut."  # facts/dataverse.md §3.13
_DAY = "A date-only column keeps no time of day."  # facts/dataverse.md §3.13
_ORDER = "A multi-select choice is a set: it is answered in the order of its options."  # facts/dataverse.md §3.11
_FOLDED = "Dataverse answers identifiers in lower case."
_SET = "Several people in one role are answered in no order of their own."  # facts/dataverse.md §3.8
_PARSED = "A JSON column's text is compared by what it says."


def expected(field: DestinationField, value: Value) -> Expected:
    """What a canonical value reads back as, with the rule when it differs."""
    stored, rule = _normalised(field, value)
    if stored in ("", []):
        stored = None
    if stored == value and type(stored) is type(value):
        return Expected(value)
    return Expected(stored, rule)


def _normalised(field: DestinationField, value: Any) -> tuple[Any, str | None]:
    kind = field.type
    if kind == "datetime" and isinstance(value, str):
        return _whole_second(value), _SECONDS
    if kind == "date" and isinstance(value, str):
        return value[:10], _DAY
    if kind in {"id", "reference"}:
        return _folded(value)
    if kind == "options" and isinstance(value, list):
        chosen = cast(list[Any], value)
        places = {symbol: place for place, symbol in enumerate(field.options)}
        return sorted(set(chosen), key=lambda symbol: places.get(symbol, len(places))), _ORDER
    if kind == "json":
        return (read_json(without_illegal(value)), _PARSED) if isinstance(value, str) else (value, None)
    return (without_illegal(value), _ILLEGAL) if isinstance(value, str) else (value, None)


def _folded(value: Any) -> tuple[Any, str]:
    if isinstance(value, list):
        ids = sorted(str(item).lower() for item in cast(list[Any], value))
        return (ids[0] if len(ids) == 1 else ids), _SET
    if isinstance(value, str):
        return (f"{TEAM}{value.removeprefix(TEAM).lower()}" if value.startswith(TEAM) else value.lower()), _FOLDED
    return value, _FOLDED


def _whole_second(text: str) -> str:
    try:
        return instant_text(datetime.fromisoformat(text).replace(microsecond=0))
    except ValueError:
        return text

"""Dates and times as the server reads them (facts/twenty.md §6: DATE, DATE_TIME)."""

import re
from datetime import UTC, date, datetime
from typing import Any

from .errors import TwentyError, bad_value
from .inspect import shown

CANONICAL = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
DATE = re.compile(r"(\d{4}-\d\d-\d\d)(?:[T ].*)?")
AMERICAN = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4})(?:[ T](\d{1,2}):(\d\d)(?::(\d\d))?)?")
NAMED = ("%B %d, %Y", "%b %d, %Y", "%d %B %Y", "%d %b %Y", "%a %b %d %Y", "%a, %d %b %Y %H:%M:%S GMT")


def written(moment: datetime) -> str:
    """A moment as the server answers it; without a zone it is taken as UTC."""
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z".rjust(24, "0")


def parse_moment(text: str) -> datetime | None:
    """What JavaScript's Date makes of a text: ISO, `2024-02-29 10:11:12`, and month first for `03/04/2019`."""
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        pass
    match = AMERICAN.fullmatch(text.strip())
    if match:
        month, day, year, hour, minute, second = (int(part or 0) for part in match.groups())
        try:
            return datetime(year, month, day, hour, minute, second, tzinfo=UTC)
        except ValueError:
            return None
    for pattern in NAMED:
        try:
            return datetime.strptime(text.strip(), pattern).replace(tzinfo=UTC)
        except ValueError:
            continue
    return None


def bad_moment(name: str, value: Any) -> TwentyError:
    return bad_value(
        f"Invalid value {shown(value)} for date-time field \"{name}\". Expected format: 'YYYY-MM-DDTHH:mm:ssZ'",
        f'Invalid value: "{value}"',
    )


def normal_moment(name: str, value: Any) -> str | None:
    """A DATE_TIME as stored; an epoch number is refused (transcript val_datetime_epoch)."""
    if value is None:
        return None
    moment = parse_moment(value) if isinstance(value, str) and not value.isdigit() else None
    if moment is None:
        raise bad_moment(name, value)
    return value if CANONICAL.fullmatch(value) else written(moment)


def normal_date(name: str, value: Any) -> str | None:
    """A DATE as stored: strict YYYY-MM-DD, a time behind it is cut (transcripts val_date_*)."""
    if value is None:
        return None
    match = DATE.fullmatch(value) if isinstance(value, str) else None
    try:
        if match:
            date.fromisoformat(match.group(1))
            return match.group(1)
    except ValueError:
        pass
    raise bad_value(
        f"Invalid value {shown(value)} for date field \"{name}\". Expected format: 'YYYY-MM-DD'", f'Invalid value: "{value}"'
    )

"""Reads a time of day and its offset, as written after a date."""

import re
from dataclasses import dataclass
from datetime import timedelta

_TIME = re.compile(
    r"""[T\s,]*(?:at\s+)?
    (?P<hour>\d{1,2}) (?: [:.h]? (?P<minute>\d{2}) (?: [:.]? (?P<second>\d{2}) (?:[.,:](?P<fraction>\d{1,9}))? )? )?
    \s* (?P<half>[ap]\.?\s?m\.?)?
    \s* (?P<zone>Z|(?:UTC|GMT)?\s?[+-]\d{1,2}(?::?\d{2})?(?::?\d{2})?|[A-Z]{3,5})?
    (?:\s*\([^()]*\)|\[[^\[\]]*\])?
    """,
    re.VERBOSE | re.IGNORECASE,
)
_OFFSET = re.compile(r"(?:UTC|GMT)?\s?([+-])(\d{1,2}):?(\d{2})?:?(\d{2})?", re.IGNORECASE)
_MINUS = str.maketrans({"−": "-", "–": "-"})


@dataclass(frozen=True, slots=True)
class TimeOfDay:
    """A time of day: the span since midnight (24 hours is the day's end), and its zone.

    offset is what was written as +05:30, Z or UTC; zone the upper-case abbreviation otherwise; both empty for local time.
    """

    since_midnight: timedelta
    offset: timedelta | None = None
    zone: str = ""


def time_of_day(text: str) -> TimeOfDay | None:
    """The time that the text is; None where it is none. Fractions beyond microseconds are cut.

    >>> time_of_day("T16:30:05+05:30").offset
    datetime.timedelta(seconds=19800)
    >>> time_of_day(" 4.30 PM").since_midnight, time_of_day("25:00")
    (datetime.timedelta(seconds=59400), None)
    """
    match = _TIME.fullmatch(text.strip().translate(_MINUS))
    if match is None:
        return None
    half = (match["half"] or "")[:1].lower()
    if match["minute"] is None and not half:
        return None
    span = _span(int(match["hour"]), int(match["minute"] or 0), int(match["second"] or 0), half)
    if span is None:
        return None
    span += timedelta(microseconds=int((match["fraction"] or "").ljust(6, "0")[:6]))
    if span > timedelta(days=1):
        return None
    zone = (match["zone"] or "").strip().upper()
    if zone in ("Z", "UTC", "GMT"):
        return TimeOfDay(span, timedelta(0))
    offset = _OFFSET.fullmatch(zone)
    if offset is None:
        return TimeOfDay(span, None, zone)
    sign, hours, minutes, seconds = offset.groups()
    size = timedelta(hours=int(hours), minutes=int(minutes or 0), seconds=int(seconds or 0))
    if size >= timedelta(days=1) or int(minutes or 0) > 59:
        return None
    return TimeOfDay(span, -size if sign == "-" else size)


def _span(hour: int, minute: int, second: int, half: str) -> timedelta | None:
    if minute > 59 or second > 59 or hour > 24:
        return None
    if half and hour <= 12:
        # "00:30 AM" and "16:30 PM" are sloppy but have one meaning only.
        hour = hour % 12 + (12 if half == "p" else 0)
    elif half == "a":
        return None
    return timedelta(hours=hour, minutes=minute, seconds=second)

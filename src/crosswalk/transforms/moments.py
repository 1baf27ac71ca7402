"""Moments: a date with a time of day, as an aware UTC datetime."""

import re
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from crosswalk.transforms import date_text
from crosswalk.transforms.blanks import blank_value
from crosswalk.transforms.contract import Result, Settings
from crosswalk.transforms.dates import YEARS_AHEAD, excel_day, excel_serial, zero_date
from crosswalk.transforms.times import TimeOfDay, time_of_day

# Most stamps of most exports; the standard library reads them ten times quicker.
_STAMP = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,6})?(?:Z|[+-][0-9]{2}:[0-5][0-9])")
_SECONDS_OF_DAY = 86_400


def moment(text: str, settings: Settings) -> Result:
    """The moment in UTC. A text without offset is local time of the settings' zone.

    A local time that a clock change repeats is taken as the first of the two (local_time_ambiguous); one that it skips is
    moved on by the skipped hour (local_time_nonexistent); a date without time is local midnight (time_missing).

    >>> moment("12/03/2024 4:30 PM", Settings(timezone="Asia/Kolkata", date_order="dmy"))
    Result(value=datetime.datetime(2024, 3, 12, 11, 0, tzinfo=datetime.timezone.utc), finding=None)
    >>> moment("2021-05-18T01:16:46.044-04:00", Settings()).value.isoformat()
    '2021-05-18T05:16:46.044000+00:00'
    """
    if _STAMP.fullmatch(text):
        try:
            return Result(datetime.fromisoformat(text).astimezone(UTC))
        except (ValueError, OverflowError):
            pass  # 24:00, or no such day: read it like any other text
    answer = blank_value(text)
    if answer is not None:
        return answer
    if zero_date(text):
        return Result(None)
    reading = date_text.read(text, settings.date_order, settings.current_year + YEARS_AHEAD)
    if reading.day is None:
        return Result(None, reading.finding)
    if not reading.rest:
        answer = at(reading.day, TimeOfDay(timedelta(0)), settings.timezone)
        return Result(answer.value, reading.finding or answer.finding or "time_missing")
    written = time_of_day(reading.rest)
    if written is None:
        return Result(None, "date_invalid")
    answer = at(reading.day, written, settings.timezone)
    return Result(answer.value, answer.finding or reading.finding)


def start_of_day(text: str, settings: Settings) -> Result:
    """A date without time as local midnight, on purpose; a text with a time keeps it, as `datetime` does.

    >>> start_of_day("05/03/2024", Settings(timezone="Asia/Kolkata", date_order="dmy")).value.isoformat()
    '2024-03-04T18:30:00+00:00'
    """
    answer = moment(text, settings)
    return Result(answer.value) if answer.finding == "time_missing" else answer


def excel(text: str, settings: Settings) -> Result:
    """A moment from Excel's day numbers, to the second, in local time; text that is no number is read as `datetime`.

    >>> excel("45356.6875", Settings()).value.isoformat()
    '2024-03-05T16:30:00+00:00'
    """
    answer = blank_value(text)
    if answer is not None:
        return answer
    serial = excel_serial(text)
    if serial is None:
        return moment(text, settings)
    day = excel_day(int(serial))
    if day is None:
        return Result(None, "date_invalid")
    # Excel keeps a time as a binary fraction of a day: 16:30 comes as .6875, 16:31 as .688194444444444.
    seconds = round((serial - int(serial)) * _SECONDS_OF_DAY)
    return at(day, TimeOfDay(timedelta(seconds=seconds)), settings.timezone)


def at(day: date, written: TimeOfDay, zone_name: str) -> Result:
    """The UTC moment of a day and time; local time of the named zone unless the time carries its offset."""
    try:
        local = datetime.combine(day, time()) + written.since_midnight
        if written.offset is not None:
            return Result((local - written.offset).replace(tzinfo=UTC))
        return _local(local, written.zone, zone_name)
    except OverflowError:
        return Result(None, "date_invalid")


def _local(local: datetime, abbreviation: str, zone_name: str) -> Result:
    zone = _zone(zone_name)
    first, second = local.replace(tzinfo=zone, fold=0), local.replace(tzinfo=zone, fold=1)
    if abbreviation:
        # "IST" is India's, Israel's and Ireland's: it counts only where it names the clinic's own time at that moment.
        named = [moment for moment in (first, second) if moment.tzname() == abbreviation]
        return Result(named[0].astimezone(UTC)) if named else Result(None, "time_zone_unknown")
    value = first.astimezone(UTC)
    if first.utcoffset() == second.utcoffset():
        return Result(value)
    exists = value.astimezone(zone).replace(tzinfo=None) == local
    return Result(value, "local_time_ambiguous" if exists else "local_time_nonexistent")


@lru_cache(maxsize=64)
def _zone(name: str) -> ZoneInfo:
    # ZoneInfo reads the zone's rules once; they are constants of the platform, not input.
    return ZoneInfo(name)

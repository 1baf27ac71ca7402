"""Calendar dates: a date-only value is a type of its own and never moves with a time zone (user_pain.md 23)."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Literal

from crosswalk.transforms import date_text
from crosswalk.transforms.blanks import bare, blank_value
from crosswalk.transforms.contract import Result, Settings
from crosswalk.transforms.times import time_of_day

# MySQL and some exports write these for "no date".
_ZERO_DATES = ("0000-00-00", "00/00/0000", "00-00-0000")
# Two-digit years of appointments and policies may lie a little ahead; those of births never do.
YEARS_AHEAD = 10
_EXCEL_EPOCH = date(1899, 12, 30)
_EXCEL_LAST = 2_958_465


def day(text: str, settings: Settings) -> Result:
    """The date as written; a time of day or offset after it is cut off without shifting the date.

    >>> day("05/03/2024", Settings(date_order="dmy"))
    Result(value=datetime.date(2024, 3, 5), finding=None)
    >>> day("2024-03-05T23:30:00-05:00", Settings())
    Result(value=datetime.date(2024, 3, 5), finding=None)
    >>> day("1994", Settings())
    Result(value=None, finding='date_incomplete')
    """
    return _day(text, settings, settings.current_year + YEARS_AHEAD)


def birth(text: str, settings: Settings) -> Result:
    """A date of birth: as `date`, but two-digit years never lie ahead, and a year ahead is a finding.

    >>> birth("5/3/45", Settings(date_order="dmy"))
    Result(value=datetime.date(1945, 3, 5), finding='two_digit_year')
    """
    answer = _day(text, settings, settings.current_year)
    if isinstance(answer.value, date) and answer.value.year > settings.current_year:
        return Result(None, "date_in_future")
    return answer


def excel(text: str, settings: Settings) -> Result:
    """A date from Excel's day numbers (1900 system, so 60 is no day); text that is no number is read as `date`.

    >>> excel("45356", Settings()), excel("45356.6875", Settings()).value
    (Result(value=datetime.date(2024, 3, 5), finding=None), datetime.date(2024, 3, 5))
    """
    answer = blank_value(text)
    if answer is not None:
        return answer
    serial = excel_serial(text)
    if serial is None:
        return day(text, settings)
    found = excel_day(int(serial))
    return Result(found) if found else Result(None, "date_invalid")


def excel_serial(text: str) -> Decimal | None:
    """The number of days in a cell that holds a plain number; a year (1900 to 2100) in four digits is one too."""
    digits = bare(text)
    plain = digits.isascii() and len(digits) <= 30 and digits.replace(".", "", 1).isdigit() and digits[0] != "."
    # Eight digits are a compact date, far beyond Excel's last day.
    return Decimal(digits) if plain and len(digits.split(".")[0]) <= 7 else None


def excel_day(serial: int) -> date | None:
    """The day of an Excel day number; None for day 60 (29 February 1900, which never was) and beyond the calendar.

    >>> excel_day(1), excel_day(60), excel_day(61)
    (datetime.date(1900, 1, 1), None, datetime.date(1900, 3, 1))
    """
    if serial == 60 or not 1 <= serial <= _EXCEL_LAST:
        return None
    return _EXCEL_EPOCH + timedelta(days=serial if serial > 60 else serial + 1)


def zero_date(text: str) -> bool:
    """Whether the cell holds the zeros that databases write for no date."""
    return bare(text).startswith(_ZERO_DATES)


def _day(text: str, settings: Settings, latest_year: int) -> Result:
    answer = blank_value(text)
    if answer is not None:
        return answer
    if zero_date(text):
        return Result(None)
    reading = date_text.read(text, settings.date_order, latest_year)
    if reading.rest and time_of_day(reading.rest) is None:
        return Result(None, "date_invalid")
    return Result(reading.day, reading.finding)


@dataclass(frozen=True, slots=True)
class DateOrder:
    """The order of day, month and year in a column, and the evidence: counts of rows, not of distinct values.

    order "mixed": some rows are certainly day first and some certainly month first. deciding: rows that allow only the
    order found (the commoner one if mixed). contradicting: rows that allow only the other one. ambiguous: rows that could
    be both. neutral: rows that read the same either way (year first, month by name, 05/05). unreadable: no date.
    """

    order: Literal["dmy", "mdy", "ymd", "mixed", "unknown"]
    deciding: int = 0
    ambiguous: int = 0
    contradicting: int = 0
    neutral: int = 0
    unreadable: int = 0

    @property
    def evidence(self) -> str:
        """The counts in one line, without any value."""
        return (
            f"{self.deciding} rows decide it, {self.ambiguous} allow both orders, {self.contradicting} contradict, "
            f"{self.neutral} are the same in any order, {self.unreadable} are no dates"
        )


def infer_date_order(values: Iterable[tuple[str, int]]) -> DateOrder:
    """The order of a column from its distinct values with their counts; blank cells do not count.

    >>> infer_date_order([("25/12/2019", 3), ("04/05/2019", 7)])
    DateOrder(order='dmy', deciding=3, ambiguous=7, contradicting=0, neutral=0, unreadable=0)
    """
    rows: Counter[str] = Counter()
    for text, count in values:
        if blank_value(text) is None and not zero_date(text):
            rows[_evidence(text)] += count
    day_first, month_first, year_first = rows["dmy"], rows["mdy"], rows["ymd"]
    rest = (rows["unreadable"],)
    if day_first and month_first:
        most, least = max(day_first, month_first), min(day_first, month_first)
        return DateOrder("mixed", most, rows["ambiguous"], least, rows["neutral"] + year_first, *rest)
    if day_first or month_first:
        order = "dmy" if day_first else "mdy"
        return DateOrder(order, day_first + month_first, rows["ambiguous"], 0, rows["neutral"] + year_first, *rest)
    if rows["ambiguous"] or not (year_first or rows["neutral"]):
        return DateOrder("unknown", 0, rows["ambiguous"], 0, rows["neutral"] + year_first, *rest)
    # Only dates with one reading: any order serves, and "ymd" says that none is needed.
    return DateOrder("ymd", year_first, 0, 0, rows["neutral"], *rest)


def _evidence(text: str) -> str:
    found = date_text.written(text)
    if found is None or (found.rest and time_of_day(found.rest) is None):
        return "unreadable"
    order = found.certain
    if order is None:
        return "ambiguous" if found.ambiguous else "neutral" if date_text.read(text, "dmy", 2100).day else "unreadable"
    return order if date_text.read(text, order, 2100).day else "unreadable"

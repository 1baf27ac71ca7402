"""Reads a calendar date, and the time of day after it, out of the ways people and programs write them."""

import re
from dataclasses import dataclass
from datetime import date
from functools import lru_cache

from crosswalk.transforms.blanks import bare
from crosswalk.transforms.contract import Order

_DASHES = str.maketrans(dict.fromkeys("‐‑‒–—−", "-"))

_FULL_MONTHS = (
    *("january", "february", "march", "april", "may", "june"),
    *("july", "august", "september", "october", "november", "december"),
)
_MONTH_NAMES = {name: number for number, full in enumerate(_FULL_MONTHS, start=1) for name in (full, full[:3])} | {"sept": 9}
_MONTH = "(?P<month>" + "|".join(sorted(_MONTH_NAMES, key=len, reverse=True)) + r")\.?"
_WEEKDAY = r"(?:(?:mon|tue|tues|wed|weds|thu|thur|thurs|fri|sat|sun)(?:day|nesday|sday|rsday|urday)?\.?,?\s+)?"
_DAY = r"(?P<day>\d{1,2})(?:st|nd|rd|th)?"
_YEAR = r"(?P<year>\d{4}|'?\d{2})(?!\d)"
_REST = r"(?P<rest>(?:[T\s,].*)?)"
_NUMBERS = re.compile(r"(\d{1,4})\s?([-/. ])\s?(\d{1,2})\s?\2\s?(\d{1,4})(?!\d)" + _REST, re.IGNORECASE)
_COMPACT = re.compile(r"(\d{8})" + _REST, re.IGNORECASE)
_NAMED = tuple(
    re.compile(pattern + _REST, re.IGNORECASE)
    for pattern in (
        rf"{_WEEKDAY}{_DAY}[\s\-/.,]*(?:of\s+)?{_MONTH}[\s\-/.,]*{_YEAR}",
        rf"{_WEEKDAY}{_MONTH}[\s\-/.,]*{_DAY}[\s\-/.,]+{_YEAR}",
        rf"(?P<year>\d{{4}})[\s\-/.,]*{_MONTH}[\s\-/.,]*{_DAY}(?!\d)",
    )
)
_INCOMPLETE = re.compile(
    rf"\d{{4}}|\d{{4}}[-/.]\d{{1,2}}|\d{{1,2}}[-/.]\d{{4}}|{_MONTH}[\s\-/.,]*'?(?:\d{{4}}|\d{{2}})", re.IGNORECASE
)
_MOST_LETTERS = 80


@dataclass(frozen=True, slots=True)
class Written:
    """The numbers of a date as written: three in writing order, or day, month and year where a name settled them.

    certain is the only order that the numbers allow, None where they allow several. rest is the text after the date.
    """

    first: int
    second: int
    third: int
    certain: Order | None
    ambiguous: bool
    named: bool
    two_digit_year: bool
    rest: str


@dataclass(frozen=True, slots=True)
class Reading:
    """A date, what is doubtful about it, and the text after it (the time of day, or nothing)."""

    day: date | None
    finding: str | None = None
    rest: str = ""


@lru_cache(maxsize=65536)
def written(text: str) -> Written | None:
    """The numbers of the date that the text begins with; None where it begins with none.

    >>> written("25/12/2019").certain, written("05/12/2019").ambiguous, written("5-Mar-94").two_digit_year
    ('dmy', True, True)
    """
    text = bare(text).translate(_DASHES)
    if len(text) > _MOST_LETTERS:
        return None
    match = _NUMBERS.fullmatch(text)
    if match:
        return _numbers(match[1], match[3], match[4], match["rest"])
    match = _COMPACT.fullmatch(text)
    if match:
        return _compact(match[1], match["rest"])
    for pattern in _NAMED:
        match = pattern.fullmatch(text)
        if match:
            year = match["year"].lstrip("'")
            month = _MONTH_NAMES[match["month"].lower()]
            return Written(int(match["day"]), month, int(year), None, False, True, len(year) == 2, match["rest"])
    return None


def _numbers(first: str, second: str, third: str, rest: str) -> Written | None:
    one, two, three = int(first), int(second), int(third)
    if len(first) == 4:
        return Written(one, two, three, "ymd", False, False, False, rest) if len(third) <= 2 else None
    if len(first) == 3 or len(third) not in (2, 4):
        return None
    short = len(third) == 2
    if short and one > 31:
        return Written(one, two, three, "ymd", False, False, True, rest)
    certain: Order | None = None
    if one > 12 >= two:
        certain = "dmy"
    elif two > 12 >= one:
        certain = "mdy"
    # Two short ends ("01/02/03") could begin with the year as well, so even 05/05/03 has more than one reading.
    ambiguous = certain is None and max(one, two) <= 12 and (one != two or (short and three <= 31))
    return Written(one, two, three, certain, ambiguous, False, short, rest)


def _compact(digits: str, rest: str) -> Written | None:
    year, month, day = int(digits[:4]), int(digits[4:6]), int(digits[6:])
    if 1800 <= year < 2200 and 1 <= month <= 12 and 1 <= day <= 31:
        return Written(year, month, day, "ymd", False, False, False, rest)
    return _numbers(digits[:2], digits[2:4], digits[4:], rest) if 1800 <= int(digits[4:]) < 2200 else None


@lru_cache(maxsize=65536)
def read(text: str, order: Order, latest_year: int) -> Reading:
    """The date the text begins with. latest_year ends the hundred years that two-digit years fall in.

    Findings: date_invalid (no such day, or not a date), date_incomplete (a year or month only), date_ambiguous (several
    readings and no order to choose by; no value), date_order_differs (its only reading is not the column's order),
    two_digit_year (the century is a guess).

    >>> read("05/03/24", "dmy", 2026)
    Reading(day=datetime.date(2024, 3, 5), finding='two_digit_year', rest='')
    >>> read("05/03/2024", "ymd", 2026).finding
    'date_ambiguous'
    """
    found = written(text)
    if found is None:
        incomplete = _INCOMPLETE.fullmatch(bare(text).translate(_DASHES))
        return Reading(None, "date_incomplete" if incomplete else "date_invalid")
    used = found.certain or order
    finding = "two_digit_year" if found.two_digit_year else None
    if found.certain in ("dmy", "mdy") and order in ("dmy", "mdy") and found.certain != order:
        finding = "date_order_differs"
    if found.ambiguous and order == "ymd":
        return Reading(None, "date_ambiguous")
    year, month, day = _ordered(found, used)
    if found.two_digit_year:
        year = latest_year - (latest_year - year) % 100
    try:
        return Reading(date(year, month, day), finding, found.rest)
    except ValueError:
        return Reading(None, "date_invalid")


def _ordered(found: Written, order: Order) -> tuple[int, int, int]:
    if found.named:
        return found.third, found.second, found.first
    if found.certain == "ymd":
        return found.first, found.second, found.third
    if order == "mdy":
        return found.third, found.first, found.second
    return found.third, found.second, found.first

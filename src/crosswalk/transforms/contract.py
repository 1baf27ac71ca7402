"""What a transform is: one text value and the clinic's settings in, one canonical value and at most one finding out."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Literal

Order = Literal["dmy", "mdy", "ymd"]
Output = Literal["text", "integer", "decimal", "boolean", "date", "datetime", "list"]
Value = str | int | Decimal | bool | date | datetime | list[str] | None


@dataclass(frozen=True, slots=True)
class Settings:
    """The clinic's conventions.

    country is an ISO 3166 alpha-2 region, timezone an IANA name, currency an ISO 4217 code. date_order is what the engine
    inferred for the column; "ymd" reads year-first dates and whatever has only one reading, and reports the rest.
    current_year settles two-digit years: this room has no clock, so the engine passes the run's year.
    """

    country: str = "US"
    timezone: str = "UTC"
    currency: str = "USD"
    date_order: Order = "ymd"
    current_year: int = 2026


@dataclass(frozen=True, slots=True)
class Result:
    """A canonical value, and what a person should know about it.

    value: text `str`; integer `int`; decimal an exact `Decimal`; date `datetime.date`; datetime an aware UTC `datetime`;
    list `list[str]`; None for nothing. finding: a stable snake_case code when the text can not be, or not wholly, written
    as mapped; the value is then None or the part that is safe.
    """

    value: Value
    finding: str | None = None


Transform = Callable[[str, Settings], Result]


@dataclass(frozen=True, slots=True)
class PossibleFinding:
    """A code a transform may answer with, and what a person can do about it."""

    code: str
    remedy: str


@dataclass(frozen=True, slots=True)
class TransformSpec:
    """A transform as a map refers to it: by name."""

    name: str
    function: Transform
    output: Output
    summary: str
    findings: tuple[PossibleFinding, ...] = ()

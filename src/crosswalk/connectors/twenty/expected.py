"""What a value reads back as once Twenty has stored it (facts/twenty.md §5 and §6). Pure."""

import re
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any, cast
from urllib.parse import urlsplit

import orjson
import phonenumbers

from crosswalk.connectors.twenty.fields import LARGEST_EXACT_INTEGER, without_nul
from crosswalk.model.destination_schema import DestinationField
from crosswalk.model.values import Value, decimal_text, instant_text
from crosswalk.spi.destination import Expected

_LOWER_CASE = "Twenty keeps e-mail addresses in lower case."  # facts/twenty.md §5
_SPLIT = "Twenty splits an international number into country and national digits."  # facts/twenty.md §6
_DIGITS = "Twenty keeps a phone number's national digits only."  # facts/twenty.md §6
_HOST = "Twenty lower-cases a link's host and drops the closing slash."  # facts/twenty.md §5
_DOUBLE = "Twenty keeps numbers as doubles, some sixteen digits."  # facts/twenty.md §6
_DAY = "Twenty cuts a time off a date."  # facts/twenty.md §6
_UTC = "Twenty answers times in UTC with milliseconds."  # facts/twenty.md §6
_NUL = "The character U+0000 cannot be stored and is left out."  # facts/twenty.md §6
_PARSED = "Twenty reads a text in a JSON field as JSON."  # facts/twenty.md §6
_FOLDED = "Twenty folds identifiers to lower case."  # facts/twenty.md §3
_FILE = "Of a file its id and label are compared; its address changes with every answer."  # facts/twenty.md §7


def expected(field: DestinationField, value: Value) -> Expected:
    """What a canonical value reads back as, with the rule when it differs."""
    if value is None:
        return Expected(None)
    stored, rule = _normalised(field, without_nul(value))
    if stored in ("", []):
        stored = None
    if stored == value and type(stored) is type(value):
        return Expected(value)
    return Expected(stored, rule or _NUL)


def _normalised(field: DestinationField, value: Any) -> tuple[Any, str | None]:
    kind = field.type
    if isinstance(value, str):
        if kind == "email":
            return value.lower(), _LOWER_CASE
        if kind == "phone":
            return national_digits(value)
        if kind == "url":
            return stored_link(value), _HOST
        if kind in {"id", "reference"}:
            return value.lower(), _FOLDED
        if kind == "date":
            return value[:10], _DAY
        if kind == "datetime":
            return _instant(value), _UTC
        if kind == "json":
            return _parsed(value), _PARSED
    if kind in {"decimal", "integer"}:
        return _double(value), _DOUBLE
    if isinstance(value, list):
        return _normalised_list(field, cast(list[Any], value))
    return value, None


def _normalised_list(field: DestinationField, items: list[Any]) -> tuple[Any, str | None]:
    part = field.path.rpartition(".")[2]
    if part == "additionalEmails":
        return [str(item).lower() for item in items], _LOWER_CASE
    if part == "additionalPhones":
        return [_additional_phone(item) for item in items], _SPLIT
    if part == "secondaryLinks":
        return [{**item, "url": stored_link(item["url"])} if item.get("url") else item for item in items], _HOST
    if field.type == "file":
        return [{"fileId": item["fileId"], "label": item.get("label", "")} for item in items], _FILE
    return items, None


def national_digits(number: str) -> tuple[str, str]:
    """The national part Twenty keeps, and the rule that says so.

    >>> national_digits("+919876500001")[0]
    '9876500001'
    """
    if number.startswith("+"):
        try:
            parsed = phonenumbers.parse(number)
            return phonenumbers.national_significant_number(parsed), _SPLIT
        except phonenumbers.NumberParseException:
            return number, _SPLIT
    return re.sub(r"[\s().\-/]", "", number), _DIGITS


def _additional_phone(held: Any) -> Any:
    if not isinstance(held, Mapping):
        return held
    phone = dict(cast(Mapping[str, Any], held))
    number = str(phone.get("number") or "")
    if number.startswith("+"):
        try:
            parsed = phonenumbers.parse(number)
        except phonenumbers.NumberParseException:
            return phone
        phone["number"] = phonenumbers.national_significant_number(parsed)
        phone.setdefault("callingCode", f"+{parsed.country_code}")
        region = phonenumbers.region_code_for_number(parsed)
        if region:
            phone.setdefault("countryCode", region)
    return phone


def stored_link(url: str) -> str:
    """
    >>> stored_link("https://North.Test/"), stored_link("https://North.Test/A/"), stored_link("North.test")
    ('https://north.test', 'https://north.test/A', 'North.test')
    """
    parts = urlsplit(url)
    if not parts.scheme or not parts.netloc:
        return url
    origin = len(parts.scheme) + 3 + len(parts.netloc)
    return (url[:origin].lower() + url[origin:]).removesuffix("/")


def _instant(text: str) -> str:
    try:
        return instant_text(datetime.fromisoformat(text))
    except ValueError:
        return text


def _parsed(text: str) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return text


def _double(value: Any) -> Any:
    """The number nearest to what a double can hold; integers stay integers."""
    if isinstance(value, int):
        return value if abs(value) <= LARGEST_EXACT_INTEGER else int(float(value))
    try:
        return decimal_text(Decimal(repr(float(str(value)))))
    except (InvalidOperation, ValueError):
        return value

"""Phone numbers as the server splits and checks them (facts/twenty.md §6 PHONES; transcripts phone_*, bad_phone_letters)."""

import re
from functools import lru_cache
from typing import Any

from .errors import TwentyError, bad_value, coded
from .inspect import shown
from .schema import Row, is_list, is_row

NATIONAL = re.compile(r"[1-9]\d{3,14}")
PARTS = ("primaryPhoneNumber", "primaryPhoneCountryCode", "primaryPhoneCallingCode")
EXTRA_PARTS = ("number", "countryCode", "callingCode")


@lru_cache(maxsize=512)
def calling_code(country: str) -> str | None:
    """`+91` for `IN`; None for a country that does not exist."""
    import phonenumbers  # a tenth of a second, not needed by every sandbox

    code = phonenumbers.country_code_for_region(country)
    return f"+{code}" if code else None


def _invalid(number: Any) -> TwentyError:
    return coded(f"Provided phone number is invalid {number}", "INVALID_PHONE_NUMBER")


def _parse(number: str, country: str, calling: str) -> tuple[str, str, str]:
    """The national number, country and calling code of a number that needs real parsing."""
    import phonenumbers

    region = country or None
    text = number
    if not number.startswith("+") and region is None:
        if not calling:
            raise _invalid(number)
        text = calling + number
    try:
        parsed = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        raise _invalid(number) from None
    found_calling = f"+{parsed.country_code}"
    regions = phonenumbers.region_codes_for_country_code(parsed.country_code or 0)
    inferred = regions[0] if len(regions) == 1 else phonenumbers.region_code_for_number(parsed)
    if number.startswith("+"):
        if country and inferred and inferred != country:
            raise coded("Provided and inferred country code are conflicting", "CONFLICTING_PHONE_COUNTRY_CODE")
        if calling and calling != found_calling:
            raise coded("Provided and inferred calling code are conflicting", "CONFLICTING_PHONE_CALLING_CODE")
    zeros = "0" * (parsed.number_of_leading_zeros or 1) if parsed.italian_leading_zero else ""
    return f"{zeros}{parsed.national_number}", country or inferred or "", found_calling


def split_number(number: str, country: str, calling: str) -> tuple[str, str, str]:
    """National number, country and calling code of a number as sent.

    Raises INVALID_PHONE_NUMBER for letters, too few digits or a national number without any country, and
    CONFLICTING_PHONE_COUNTRY_CODE when the number's own prefix says another country.
    """
    country = country.upper()
    if country:
        expected = calling_code(country)
        if expected is None:
            raise coded(f"Invalid country code {country}", "INVALID_PHONE_COUNTRY_CODE")
        if calling and calling != expected:
            raise coded("Provided country code and calling code are conflicting", "CONFLICTING_PHONE_CALLING_CODE_AND_COUNTRY_CODE")
        if NATIONAL.fullmatch(number):
            return number, country, expected
    return _parse(number, country, calling)


def _strings(field: str, value: Row, names: tuple[str, str, str]) -> tuple[str, str, str]:
    for name in names:
        if value.get(name) is not None and not isinstance(value[name], str):
            raise bad_value(f'Invalid string value {shown(value[name])} for text field "{field}.{name}"')
    return value.get(names[0]) or "", value.get(names[1]) or "", value.get(names[2]) or ""


def normal_phones(field: str, value: Row, current: Row) -> Row:
    """A PHONES value merged over the current one (facts/twenty.md §6: a composite PATCH merges sub-fields)."""
    merged = {**current, **value}
    number, country, calling = _strings(field, merged, PARTS)
    if number and any(name in value for name in PARTS):
        number, country, calling = split_number(number, country, calling)
    extras: Any = merged.get("additionalPhones") or []
    if not is_list(extras):
        raise bad_value(f'Invalid value {shown(extras)} for field "{field}.additionalPhones"')
    if "additionalPhones" in value:
        items: list[Any] = extras
        extras = [_extra(field, item) for item in items]
    return {
        "primaryPhoneNumber": number,
        "primaryPhoneCountryCode": country,
        "primaryPhoneCallingCode": calling,
        "additionalPhones": extras,
    }


def _extra(field: str, item: Any) -> Row:
    if not is_row(item):
        raise bad_value(f'Invalid object value {shown(item)} for field "{field}.additionalPhones"')
    entry: Row = item
    number, country, calling = _strings(field, entry, EXTRA_PARTS)
    if number:
        number, country, calling = split_number(number, country, calling)
    return {"number": number, "callingCode": calling, "countryCode": country}

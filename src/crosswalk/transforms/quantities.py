"""Numbers, exactly: signs, grouping in the western and the Indian way, decimal points and commas. Never binary floats."""

import re
from decimal import Decimal
from functools import lru_cache

from crosswalk.transforms.blanks import bare, blank_value
from crosswalk.transforms.contract import Result, Settings

# Where "," is the decimal sign. Elsewhere one comma before three digits groups thousands.
_COMMA_DECIMAL = " AR AT BE BG BR CL CO CZ DE DK EE ES FI FR GR HR HU ID IS IT LT LU LV NL NO PL PT RO RS RU SE SI SK TR UA UY VN "
# Longer ones are no amounts, counts or measures; 18 digits are what 64 bits hold.
_MOST_CHARACTERS = 60
_MOST_WHOLE_DIGITS = 18
_GROUPED = {
    sign: re.compile(rf"\d{{1,3}}(?:{mark}\d{{3}})+|\d{{1,2}}(?:{mark}\d{{2}})*{mark}\d{{3}}")
    for sign, mark in ((",", ","), (".", r"\."), (" ", " "), ("'", "'"))
}
_PLAIN = re.compile(r"\d+(?:\.\d*)?|\.\d+")
_SCIENTIFIC = re.compile(r"\d+(?:\.\d+)?[eE][+-]?\d{1,2}")
_SIGNED = re.compile(r"(?P<sign>[+-])?\s*(?P<number>[\d.,' ]+(?:[eE][+-]?\d{1,2})?)(?P<after>-)?")
_LOOKALIKES = str.maketrans({"−": "-", "–": "-", "’": "'", "٬": ",", "٫": ".", "（": "(", "）": ")"})
_BLANKS = re.compile(r"\s+")


def plain_signs(text: str) -> str:
    """The text with one blank for each run of blanks, and the usual characters for minus, apostrophe and brackets."""
    return _BLANKS.sub(" ", bare(text).translate(_LOOKALIKES))


def magnitude(text: str, country: str) -> Decimal | str:
    """The exact number that digits, points, commas, blanks and apostrophes write, or why not.

    "invalid" is no number; "too_large" has more than 18 digits before the point and no database keeps it whole.
    "ambiguous" is "1,5" where the comma groups thousands, and "1.234" or "1,234" where it is the decimal sign.

    >>> magnitude("1,23,456.50", "IN"), magnitude("1.234,56", "US"), magnitude("12,50", "US"), magnitude("12,50", "DE")
    (Decimal('123456.50'), Decimal('1234.56'), 'ambiguous', Decimal('12.50'))
    """
    if len(text) > _MOST_CHARACTERS:
        return "too_large" if _PLAIN.fullmatch(text) else "invalid"
    number = _unbounded(text.strip(), country)
    return "too_large" if isinstance(number, Decimal) and number.adjusted() >= _MOST_WHOLE_DIGITS else number


def _unbounded(text: str, country: str) -> Decimal | str:
    decimal_comma = f" {country} " in _COMMA_DECIMAL
    if _PLAIN.fullmatch(text):
        thousands = decimal_comma and _GROUPED["."].fullmatch(text) and not text.startswith("0")
        return "ambiguous" if thousands else Decimal(text)
    if _SCIENTIFIC.fullmatch(text):
        return Decimal(format(Decimal(text), "f"))
    place = max(text.rfind("."), text.rfind(","))
    if place < 0:
        return _grouped(text)
    whole, sign, fraction = text[:place], text[place], text[place + 1 :]
    if sign in whole or (fraction and not fraction.isdecimal()):
        return _grouped(text)
    if whole.isdecimal():
        # One comma and nothing else; one point was settled above.
        groups = len(whole) <= 3 and len(fraction) == 3 and not whole.startswith("0")
        if decimal_comma != groups:
            return Decimal(f"{whole}.{fraction}") if decimal_comma else _grouped(text)
        return "ambiguous"
    number = _grouped(whole)
    return number if isinstance(number, str) else Decimal(f"{number}.{fraction}")


def _grouped(text: str) -> Decimal | str:
    for sign, pattern in _GROUPED.items():
        if sign in text and pattern.fullmatch(text):
            return Decimal(text.replace(sign, ""))
    return "invalid"


@lru_cache(maxsize=65536)
def signed(text: str, country: str) -> Decimal | str:
    """The exact number a cell holds: "-5", "5-" and "(5)" are minus five; "invalid" or "ambiguous" where it is none.

    >>> signed("(1,250.00)", "US"), signed("1.5E+3", "US"), signed("51 tablets", "US")
    (Decimal('-1250.00'), Decimal('1500'), 'invalid')
    """
    text = plain_signs(text)
    bracketed = text.startswith("(") and text.endswith(")")
    match = _SIGNED.fullmatch(text[1:-1].strip() if bracketed else text)
    if match is None or bool(match["sign"]) + bool(match["after"]) + bracketed > 1:
        return "invalid"
    number = magnitude(match["number"], country)
    if isinstance(number, str):
        return number
    # copy_negate, as "-" would round to the context's 28 digits.
    negative = bracketed or match["sign"] == "-" or match["after"] is not None
    return number.copy_negate() if negative and number else number


def decimal(text: str, settings: Settings) -> Result:
    """An exact decimal.

    >>> decimal("1,234.50", Settings())
    Result(value=Decimal('1234.50'), finding=None)
    """
    answer = blank_value(text)
    if answer is not None:
        return answer
    number = signed(text, settings.country)
    return Result(None, f"number_{number}") if isinstance(number, str) else Result(number)


def integer(text: str, settings: Settings) -> Result:
    """A whole number; "12.00" is one, 12.5 is not and is not rounded (number_not_whole).

    >>> integer("1,00,000", Settings(country="IN")), integer("12.5", Settings())
    (Result(value=100000, finding=None), Result(value=None, finding='number_not_whole'))
    """
    answer = decimal(text, settings)
    if not isinstance(answer.value, Decimal):
        return answer
    whole = int(answer.value)
    return Result(whole) if whole == answer.value else Result(None, "number_not_whole")

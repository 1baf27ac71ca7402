"""Telephone numbers: E.164 and the parts that CRMs ask for, from cells that may hold several and words beside them."""

import re
from dataclasses import dataclass
from functools import lru_cache

import phonenumbers
from phonenumbers import PhoneNumber, PhoneNumberFormat, ValidationResult

from crosswalk.transforms.blanks import bare, blank_value
from crosswalk.transforms.contract import Result, Settings

_SEPARATORS = re.compile(r"[;,|/&\n\r]+|\b(?:or|and)\b", re.IGNORECASE)
_NUMBER = re.compile(
    r"(?P<number>[+＋]?\s?\(?\d[\d().\s\-‐-―−]{4,30}\d)"
    r"(?:\s*(?:\b(?:extension|extn|ext|x)\b[.:\s]*|(?<=\d)x|#\s*)(?P<extension>\d{1,7}))?",
    re.IGNORECASE,
)
# Words beside a number that say nothing a CRM keeps.
_LABELS = re.compile(
    r"\b(?:mob(?:ile)?|cell|tel(?:ephone)?|ph(?:one)?|whats\s?app|contact|call|number|no|nos|[mtp])\b", re.IGNORECASE
)
_LETTER_OR_DIGIT = re.compile(r"[^\W_]")
_SCIENTIFIC = re.compile(r"\d(?:[.,]\d+)?[eE]\+?\d+")
_NOT_DIGIT = re.compile(r"\D")


@dataclass(frozen=True, slots=True)
class Phones:
    """The distinct usable numbers of a cell in writing order, valid ones before merely possible ones.

    first_is_valid is false where the first is merely possible; leftover is true where words or digits are in no number.
    """

    numbers: tuple[PhoneNumber, ...]
    extension: str
    first_is_valid: bool
    leftover: bool
    shortened: bool = False
    """Whether Excel has cut the number's last digits off."""


@lru_cache(maxsize=65536)
def parse(text: str, country: str) -> Phones:
    """Reads a cell: one number or several, with labels, extensions and words beside them.

    >>> [number.national_number for number in parse("022-2345 6789 / +1 617 584 2794", "IN").numbers]
    [2223456789, 6175842794]
    """
    if _SCIENTIFIC.fullmatch(bare(text)):
        return Phones((), "", False, True, shortened=True)
    found: dict[str, tuple[PhoneNumber, bool]] = {}
    extension, leftover = "", False
    # Extensions after a comma ("..., ext 5") belong to the number before it.
    text = re.sub(r",\s*(?=e?xt?\w*\.?\s*\d)", " ", bare(text), flags=re.IGNORECASE)
    for piece in _pieces(text, country):
        match = _NUMBER.search(piece)
        read = _read(match["number"], country) if match else None
        words = piece
        if match and read:
            words = piece[: match.start()] + " " + piece[match.end() :]
            extension = extension or match["extension"] or ""
            found.setdefault(_e164(read[0]), read)
        leftover = leftover or bool(_LETTER_OR_DIGIT.search(_LABELS.sub("", words)))
    # Sorting is stable: the first valid number leads.
    ordered = sorted(found.values(), key=lambda read: not read[1])
    return Phones(tuple(number for number, _ in ordered), extension, bool(ordered and ordered[0][1]), leftover)


def _pieces(text: str, country: str) -> list[str]:
    """The cell cut at separators; at blanks too where every word is a valid number by itself."""
    pieces: list[str] = []
    for piece in _SEPARATORS.split(text):
        words = piece.split()
        reads = [_read(word, country) for word in words] if len(words) > 1 else []
        pieces += words if reads and all(read and read[1] for read in reads) else [piece]
    return pieces


def _read(text: str, country: str) -> tuple[PhoneNumber, bool] | None:
    """The number and whether it is valid; None where it is not even possible, such as without its area code."""
    digits = _NOT_DIGIT.sub("", text)
    # People write "00" for "+" wherever they are. Any other guess at a country makes typing errors foreign numbers.
    for candidate in (text, "+" + digits[2:]) if digits.startswith("00") else (text,):
        try:
            number = phonenumbers.parse(candidate, country)
        except phonenumbers.NumberParseException:
            continue
        if phonenumbers.is_valid_number(number):
            return number, True
        if phonenumbers.is_possible_number_with_reason(number) == ValidationResult.IS_POSSIBLE:
            return number, False
    return None


def _e164(number: PhoneNumber) -> str:
    return phonenumbers.format_number(number, PhoneNumberFormat.E164)


def _first(text: str, settings: Settings) -> tuple[Phones | None, PhoneNumber | None]:
    if blank_value(text) is not None:
        return None, None
    phones = parse(text, settings.country)
    return phones, phones.numbers[0] if phones.numbers else None


def _finding(phones: Phones, *, several_written: bool = False) -> str | None:
    if not phones.numbers:
        return "scientific_notation" if phones.shortened else "phone_invalid"
    if phones.leftover:
        return "phone_words_left"
    if not phones.first_is_valid:
        return "phone_possible"
    if phones.extension:
        return "phone_extension"
    return "phone_several" if len(phones.numbers) > 1 and not several_written else None


def e164(text: str, settings: Settings) -> Result:
    """The first valid number of the cell as +<country><number>.

    A number of a possible length that no carrier uses is kept (phone_possible): fictitious and brand-new ones look so.

    >>> e164("98765 43210", Settings(country="IN")), e164("555-810-7203", Settings())
    (Result(value='+919876543210', finding=None), Result(value='+15558107203', finding='phone_possible'))
    """
    phones, number = _first(text, settings)
    if phones is None:
        return blank_value(text) or Result(None)
    return Result(_e164(number) if number else None, _finding(phones))


def national(text: str, settings: Settings) -> Result:
    """The digits of that number without country code and trunk zero, as Twenty's primaryPhoneNumber (twenty.md §6).

    >>> national("+91 98765-43210", Settings())
    Result(value='9876543210', finding=None)
    """
    phones, number = _first(text, settings)
    if phones is None:
        return blank_value(text) or Result(None)
    return Result(phonenumbers.national_significant_number(number) if number else None, _finding(phones))


def calling_code(text: str, settings: Settings) -> Result:
    """The calling code of that number, "+91"; what is wrong with the cell is told by `phone.national`.

    >>> calling_code("098765 43210", Settings(country="IN"))
    Result(value='+91', finding=None)
    """
    _, number = _first(text, settings)
    return Result(f"+{number.country_code}" if number else None)


def country(text: str, settings: Settings) -> Result:
    """The region of that number, "IN"; it never contradicts the calling code, which Twenty refuses (twenty.md §6).

    >>> country("+1 416 555 0123", Settings()), country("555-810-7203", Settings())
    (Result(value='CA', finding=None), Result(value='US', finding=None))
    """
    _, number = _first(text, settings)
    if number is None:
        return Result(None)
    region = phonenumbers.region_code_for_number(number)
    if region is None:
        regions = phonenumbers.region_codes_for_country_code(number.country_code or 0)
        region = settings.country if settings.country in regions else next(iter(regions), None)
    return Result(region if region and region.isalpha() else None)


def extension(text: str, settings: Settings) -> Result:
    """The first extension written beside a number.

    >>> extension("800-461-8262 X 6500", Settings())
    Result(value='6500', finding=None)
    """
    phones, _ = _first(text, settings)
    return Result(phones.extension or None if phones else None)


def every(text: str, settings: Settings) -> Result:
    """All numbers of the cell, each once, in E.164.

    >>> every("508-580-2730 Or 508-580-2730, 617-584-2794", Settings()).value
    ['+15085802730', '+16175842794']
    """
    phones, _ = _first(text, settings)
    if phones is None:
        return blank_value(text) or Result(None)
    return Result([_e164(number) for number in phones.numbers] or None, _finding(phones, several_written=True))


def others(text: str, settings: Settings) -> Result:
    """The numbers of the cell but the first, in E.164: what `phone.e164` and `phone.national` leave.

    >>> others("508-580-2730 / 617-584-2794", Settings()).value
    ['+16175842794']
    """
    phones, _ = _first(text, settings)
    return Result([_e164(number) for number in phones.numbers[1:]] or None if phones else None)

"""What a column likely is, told from a sample of its distinct values with their counts (A4)."""

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from crosswalk.transforms import date_text, emails, money, phones, quantities
from crosswalk.transforms.blanks import blank_value
from crosswalk.transforms.choices import yes_or_no
from crosswalk.transforms.dates import DateOrder, infer_date_order, zero_date
from crosswalk.transforms.personal import PersonalKind, header_words, personal_kind
from crosswalk.transforms.times import time_of_day

ColumnType = Literal[
    "empty", "identifier", "e-mail", "datetime", "date", "boolean", "phone", "code", "money", "integer", "decimal",
    "enumeration", "name", "text",
]  # fmt: skip

# A column is what nine rows in ten are: real exports hold a few years among dates and words among numbers.
_MOST = 0.9
_MOST_OPTIONS = 40
_LONGEST_OPTION = 60
_LONGEST_MASK = 40
_UUID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}", re.IGNORECASE)
_DIGITS = re.compile(r"\d+")
_LEADING_ZERO = re.compile(r"0\d[\d-]*")
_CODE = re.compile(r"(?=.*\d)[A-Za-z0-9][A-Za-z0-9./_#-]*")
_PHONE_SHAPE = re.compile(r"[+(]?\d[\d\s().+/-]{5,}\d(?:\s*(?:x|ext|or|,|;).*)?", re.IGNORECASE)
_TWO_PLACES = re.compile(r"-?[\d,]+\.\d{2}")
_NAME_SHAPE = re.compile(r"[^\W\d_][\w\u0900-\u0dff.'’-]*(?:,?\s+[(\"]?[^\W\d_][\w\u0900-\u0dff.'’)\"-]*){0,5}")
_PHONE_WORDS = frozenset({"phone", "mobile", "cell", "tel", "telephone", "whatsapp", "fax", "landline", "contact"})
_MONEY_WORDS = frozenset(
    {"amount", "fee", "fees", "cost", "price", "total", "paid", "payable", "balance", "covered", "charge", "charges", "due"}
    | {"bill", "payment", "salary", "discount", "tax", "copay", "revenue", "rate", "outstanding", "remaining", "refund"}
)
_CODE_WORDS = frozenset(
    {"code", "pin", "pincode", "zip", "zipcode", "postcode", "postal", "snomed", "icd", "npi", "policy", "registration"}
)
_KEY_WORDS = frozenset({"id", "key", "uid", "guid", "uuid", "no", "number", "ref", "reference", "mrn"})
_NAME_WORDS = frozenset({"name", "surname", "firstname", "lastname", "fullname", "patientname", "doctorname"})
_NOT_NAMES = frozenset({"company", "clinic", "hospital", "medicine", "drug", "file", "campaign", "insurance", "product", "test"})


@dataclass(frozen=True, slots=True)
class Classification:
    """What a column likely is. share is the part of its filled rows that fit the type (0..1); masks carry no values."""

    type: ColumnType
    share: float
    rows: int
    distinct: int
    leading_zeros: bool
    patterns: tuple[tuple[str, int], ...]
    date_order: DateOrder | None
    personal: PersonalKind | None


@dataclass(frozen=True, slots=True)
class _Column:
    values: list[tuple[str, int]]
    rows: int
    words: frozenset[str]
    country: str

    def share(self, fits: Callable[[str], bool]) -> float:
        return sum(count for text, count in self.values if fits(text)) / self.rows


def mask(text: str) -> str:
    """The shape of a value: 9 for a digit, A and a for letters, everything else as it is; cut after 40 characters.

    >>> mask("KA-01 x"), mask("01905")
    ('AA-99 a', '99999')
    """
    shape = "".join(
        "9" if sign.isdigit() else "A" if sign.isupper() else "a" if sign.isalpha() else sign for sign in text[:_LONGEST_MASK]
    )
    return shape + "…" if len(text) > _LONGEST_MASK else shape


def classify(values: Sequence[tuple[str, int]], header: str = "", country: str = "US") -> Classification:
    """What the column with these distinct values and row counts is; its header breaks ties only values leave open.

    Blank cells and words for nothing do not count. Some thousand distinct values take well under a second.

    >>> found = classify([("01905", 3), ("02472", 1)], "PIN Code")
    >>> found.type, found.leading_zeros, found.patterns, found.personal
    ('code', True, (('99999', 4),), 'address')
    """
    filled = [(text.strip(), count) for text, count in values if blank_value(text) is None and not zero_date(text)]
    rows = sum(count for _, count in filled)
    column = _Column(filled, rows, frozenset(header_words(header)), country)
    kind, share = _kind(column) if rows else ("empty", 1.0)
    masks = Counter[str]()
    for text, count in filled:
        masks[mask(text)] += count
    return Classification(
        type=kind,
        share=round(share, 4),
        rows=rows,
        distinct=len(filled),
        leading_zeros=any(_LEADING_ZERO.fullmatch(text) for text, _ in filled),
        patterns=tuple(masks.most_common(5)),
        date_order=infer_date_order(filled) if kind in ("date", "datetime") else None,
        personal=personal_kind(header, kind, filled),
    )


def _kind(column: _Column) -> tuple[ColumnType, float]:
    for find in (_by_shape, _by_digits, _by_words):
        found = find(column)
        if found:
            return found
    return "text", 1.0


def _by_shape(column: _Column) -> tuple[ColumnType, float] | None:
    """Types whose values tell themselves."""
    shapes: tuple[tuple[ColumnType, Callable[[str], bool]], ...] = (
        ("identifier", lambda text: bool(_UUID.fullmatch(text))),
        ("e-mail", lambda text: "@" in text and bool(emails.parse(text).addresses)),
    )
    for kind, fits in shapes:
        share = column.share(fits)
        if share >= _MOST:
            return kind, share
    timed, dated = column.share(_is_moment), column.share(_is_date)
    if timed + dated >= _MOST:
        return ("datetime" if timed >= dated else "date"), timed + dated
    meanings = {yes_or_no(text) for text, _ in column.values}
    worded = any(len(text) > 1 for text, _ in column.values)
    if None not in meanings and (len(meanings) == 2 or worded) and len(column.values) <= 6:
        return "boolean", 1.0
    return None


def _by_digits(column: _Column) -> tuple[ColumnType, float] | None:
    """Types written in digits, where length, zeros and the header decide between a number and a name of something."""
    share = column.share(lambda text: _is_phone(text, column.country))
    if share >= (0.5 if column.words & _PHONE_WORDS else _MOST):
        return "phone", share
    digits = column.share(lambda text: bool(_DIGITS.fullmatch(text)))
    zeros = any(_LEADING_ZERO.fullmatch(text) for text, _ in column.values)
    # Beyond 15 digits a spreadsheet or a float has lost the end: such a number is a code.
    long = any(len(text) > 15 for text, _ in column.values if _DIGITS.fullmatch(text))
    coded = column.share(lambda text: bool(_CODE.fullmatch(text)))
    if coded >= _MOST and (column.words & _CODE_WORDS or (digits >= _MOST and (zeros or long))):
        return "code", coded
    if coded >= _MOST and column.words & _KEY_WORDS and _unique(column):
        return "identifier", coded
    return _number(column, digits)


def _number(column: _Column, digits: float) -> tuple[ColumnType, float] | None:
    numbers = column.share(lambda text: not isinstance(quantities.signed(text, column.country), str))
    amounts = column.share(lambda text: money.parse(text, column.country).amount is not None)
    if amounts >= _MOST and amounts > numbers:
        return "money", amounts
    if numbers < _MOST:
        return None
    if column.words & _MONEY_WORDS and column.share(lambda text: bool(_TWO_PLACES.fullmatch(text))) >= _MOST:
        return "money", numbers
    return ("integer" if digits >= _MOST or column.share(_is_whole) >= _MOST else "decimal"), numbers


def _by_words(column: _Column) -> tuple[ColumnType, float] | None:
    names = column.share(lambda text: bool(_NAME_SHAPE.fullmatch(text)))
    if column.words & _NAME_WORDS and not column.words & _NOT_NAMES and names >= 0.6:
        return "name", names
    distinct = len(column.values)
    short = all(len(text) <= _LONGEST_OPTION for text, _ in column.values)
    if short and distinct <= _MOST_OPTIONS and (distinct * 2 <= column.rows or (distinct == 1 and column.rows > 1)):
        return "enumeration", 1.0
    coded = column.share(lambda text: bool(_CODE.fullmatch(text)))
    if coded >= _MOST:
        return ("identifier" if _unique(column) else "code"), coded
    return None


def _unique(column: _Column) -> bool:
    return column.rows > 1 and all(count == 1 for _, count in column.values)


def _is_moment(text: str) -> bool:
    found = date_text.written(text)
    return found is not None and bool(found.rest) and time_of_day(found.rest) is not None


def _is_date(text: str) -> bool:
    found = date_text.written(text)
    return found is not None and not found.rest and date_text.read(text, found.certain or "dmy", 2100).day is not None


def _is_whole(text: str) -> bool:
    number = quantities.signed(text, "US")
    return not isinstance(number, str) and number == int(number)


def _is_phone(text: str, country: str) -> bool:
    return bool(_PHONE_SHAPE.fullmatch(text)) and bool(phones.parse(text, country).numbers)

"""Laws that hold for every text, tried with texts nobody thought of."""

import re
import unicodedata
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crosswalk.transforms import names
from crosswalk.transforms.blanks import EXCEL_ERRORS
from crosswalk.transforms.contract import Order, Result, Settings
from crosswalk.transforms.dates import infer_date_order
from crosswalk.transforms.registry import TRANSFORMS, transform

INDIA = Settings("IN", "Asia/Kolkata", "INR", "dmy")
GERMANY = Settings("DE", "Europe/Berlin", "EUR", "mdy")
CLINICS = st.sampled_from([Settings(), INDIA, GERMANY])
# Any text, and texts made of the pieces that values are made of.
PIECES = st.lists(
    st.sampled_from(
        [
            *(
                "12",
                "03",
                "2024",
                "/",
                "-",
                ".",
                ",",
                ":",
                " ",
                "+",
                "(",
                ")",
                "x",
                "@",
                "a",
                "Mar",
                "Rs",
                "₹",
                "$",
                "E",
                "T",
                "Z",
                "0",
            ),
            *(
                "9876543210",
                "Dr.",
                "née",
                "&",
                "lakh",
                "ext",
                "\u200d",
                "\u0915",
                "\n",
                "PM",
                "É",
                "AB",
                "ve",
                "https://",
                "[",
                "#",
            ),
        ]
    ),
    max_size=9,
).map("".join)
TEXTS = st.text(max_size=60) | PIECES
TYPES: dict[str, Any] = {
    "text": str, "integer": int, "decimal": Decimal, "boolean": bool, "date": date, "datetime": datetime, "list": list,
}  # fmt: skip


def value_of(name: str, text: str, clinic: Settings = Settings()) -> Any:
    """The value a transform answers with."""
    return transform(name).function(text, clinic).value


@pytest.mark.parametrize("name", TRANSFORMS)
@settings(max_examples=50, deadline=None)
@given(text=TEXTS, clinic=CLINICS)
def test_answers_every_text(name: str, text: str, clinic: Settings) -> None:
    """A transform raises on no text, answers with its type or nothing, never with an empty value, and only its own findings."""
    spec = transform(name)
    answer = spec.function(text, clinic)
    assert answer.value is None or type(answer.value) is TYPES[spec.output]
    assert answer.value not in ("", [])
    assert answer.finding in {None, *(finding.code for finding in spec.findings)}
    if isinstance(answer.value, datetime):
        assert answer.value.tzinfo is UTC


@pytest.mark.parametrize("name", TRANSFORMS)
@pytest.mark.parametrize("text", ["", "  ", "\ufeff", "\x00", "\xa0", "NULL", r"\N"])
def test_nothing_gives_nothing(name: str, text: str) -> None:
    """Blank cells and the NULLs of databases give nothing, without finding."""
    assert transform(name).function(text, Settings()) == Result(None)


SILENT = {"phone.country", "phone.calling_code", "phone.extension", "phone.others"}


@pytest.mark.parametrize("name", sorted(set(TRANSFORMS) - SILENT))
@pytest.mark.parametrize("text", sorted(EXCEL_ERRORS))
def test_excel_errors_are_findings(name: str, text: str) -> None:
    """An error cell of Excel is never written as text."""
    assert transform(name).function(text, Settings()) == Result(None, "excel_error")


@pytest.mark.parametrize("name", ["text", "text.line", "text.multiline", "lower", "code", "option", "email", "phone.e164", "url"])
@settings(max_examples=80, deadline=None)
@given(text=TEXTS)
def test_doing_it_twice_changes_nothing(name: str, text: str) -> None:
    """What a transform has written it reads as the same value."""
    once = value_of(name, text)
    assert once is None or value_of(name, once) == once


@given(code=st.from_regex(r"[0-9A-Za-z][0-9A-Za-z ./#-]{0,20}[0-9A-Za-z]", fullmatch=True).filter(lambda code: code != "NULL"))
def test_codes_are_untouched(code: str) -> None:
    """Of a code only outer blanks go."""
    assert value_of("code", f" {code}\t") == code


@given(text=st.text(max_size=80))
def test_text_keeps_what_people_see(text: str) -> None:
    """Letters, digits, marks and punctuation all stay; only blanks, controls and format characters may go."""
    seen = unicodedata.normalize("NFC", text)
    kept = value_of("text", text) or ""

    def visible(words: str) -> Counter[str]:
        return Counter(sign for sign in words if unicodedata.category(sign)[0] not in "CZ")

    if text.strip() and transform("text").function(text, Settings()).finding is None and kept:
        assert visible(unicodedata.normalize("NFC", kept)) == visible(seen)


FORMATS: dict[str, Order] = {"%d/%m/%Y": "dmy", "%m/%d/%Y": "mdy", "%Y-%m-%d": "ymd", "%d.%m.%Y": "dmy", "%m-%d-%Y": "mdy"}
DAYS = st.dates(date(1000, 1, 1), date(9999, 12, 31))


@given(
    day=DAYS,
    form=st.sampled_from(sorted(FORMATS)),
    time=st.sampled_from(["", " 23:59", "T00:00:00Z", " 1:05 AM", " 12:00:00-11:00"]),
)
def test_dates_round_trip(day: date, form: str, time: str) -> None:
    """A date written in the column's order is read as that date, whatever time or offset follows it."""
    written = day.strftime(form).replace(f"{day.year}", f"{day.year:04d}") + time
    assert transform("date").function(written, Settings(date_order=FORMATS[form])) == Result(day)


@given(day=DAYS, order=st.sampled_from(["dmy", "mdy", "ymd"]), form=st.sampled_from(["%d-%b-%Y", "%B %d, %Y", "%A, %d %B %Y"]))
def test_month_names_need_no_order(day: date, order: Order, form: str) -> None:
    """A month by its name leaves nothing to decide."""
    assert transform("date").function(day.strftime(form), Settings(date_order=order)) == Result(day)


@given(days=st.lists(st.tuples(DAYS, st.integers(1, 9)), min_size=1, max_size=30), day_first=st.booleans())
def test_the_inferred_order_fits_every_certain_date(days: list[tuple[date, int]], day_first: bool) -> None:
    """From dates written one way the other way is never inferred, and the counts account for every row."""
    form, right = ("%d/%m/%Y", "dmy") if day_first else ("%m/%d/%Y", "mdy")
    found = infer_date_order([(day.strftime(form), count) for day, count in days])
    certain = sum(count for day, count in days if day.day > 12)
    assert found.order == (right if certain else "unknown" if found.ambiguous else "ymd")
    assert (found.deciding, found.contradicting) == (certain, 0)
    assert found.deciding + found.ambiguous + found.neutral + found.unreadable == sum(count for _, count in days)


@given(
    moment=st.builds(datetime.combine, st.dates(date(1900, 1, 2), date(9998, 1, 1)), st.times()),
    minutes=st.integers(-14 * 60, 14 * 60),
    clinic=CLINICS,
    joint=st.sampled_from(["T", " ", "  "]),
)
def test_moments_with_offset_are_exact(moment: datetime, minutes: int, clinic: Settings, joint: str) -> None:
    """A stamp with an offset is the same moment in every clinic."""
    sign, size = ("-" if minutes < 0 else "+"), abs(minutes)
    written = f"{moment.isoformat(joint[0])}{joint[1:]}{sign}{size // 60:02d}:{size % 60:02d}"
    assert transform("datetime").function(written, clinic) == Result((moment - timedelta(minutes=minutes)).replace(tzinfo=UTC))


AMOUNTS = st.decimals(min_value=-(10**15), max_value=10**15, places=2, allow_nan=False, allow_infinity=False)


def indian(amount: Decimal) -> str:
    """The amount with lakh grouping."""
    whole, _, fraction = f"{abs(amount):.2f}".partition(".")
    head, tail = whole[:-3], whole[-3:]
    grouped = re.sub(r"(?<=\d)(?=(?:\d\d)+$)", ",", head)
    return f"{grouped},{tail}.{fraction}" if head else f"{tail}.{fraction}"


@given(amount=AMOUNTS)
def test_money_is_exact(amount: Decimal) -> None:
    """No amount changes by a paisa or a cent, grouped or not, with a minus or in brackets."""
    sign = "-" if amount < 0 else ""
    western = f"{abs(amount):,.2f}"
    dollars = (f"{amount}", f"{sign}${western}", f"(${western})" if amount < 0 else western)
    assert {value_of("money", written) for written in dollars} == {amount}
    assert value_of("money", f"{sign}₹{indian(amount)}", INDIA) == amount
    european = western.translate(str.maketrans(",.", ".,"))
    assert value_of("money", f"{sign}{european} €", GERMANY) == amount


@given(number=st.integers(-(10**18) + 1, 10**18 - 1))
def test_whole_numbers_keep_every_digit(number: int) -> None:
    """Numbers are not rounded to the digits of a float."""
    assert value_of("integer", str(number)) == number
    assert value_of("integer", f"{number:,}") == number


@given(number=st.integers(10**18, 10**80))
def test_numbers_beyond_64_bits_are_told(number: int) -> None:
    """A number that databases would cut is a finding and not a smaller number."""
    assert transform("integer").function(str(number), Settings()) == Result(None, "number_too_large")
    assert transform("money").function(f"{number}", Settings()) == Result(None, "money_too_large")


NAME_WORDS = st.sampled_from(
    [
        *("Dr.", "Mr", "Smt", "Asha", "Rao", "S.", "Krishnan", "de", "la", "Vega", "van", "Jr.", "MD", "MBBS", "María", "del"),
        *("Carmen27", "Mohd.", "(Guddi)", "née", "Prince", "&", "John-Paul", "O'Neil", "श्री", "राम", "王", "김", "Иван", "W/o"),
        *("d/o", "of", "and", "II", ",", "Ma"),
    ]
)


@given(words=st.lists(NAME_WORDS | st.text("abcdé123'-.\"()", min_size=1, max_size=6), max_size=8))
def test_no_word_of_a_name_is_lost(words: list[str]) -> None:
    """Title, given names, family name and suffix together hold exactly the words of the name, order aside."""
    text = " ".join(words)
    name = names.parse(text)
    parts = " ".join((name.title, name.given_all, name.family, name.suffix))

    def letters(text: str) -> Counter[str]:
        return Counter(re.sub(r"[\s,]", "", unicodedata.normalize("NFC", text)))

    assert letters(parts) == letters(text)
    glued = re.match(r"(?i)(dr|mr|mrs|ms|prof|smt|shri|adv)\.\w", text)
    if not glued:
        assert Counter(parts.replace(",", " ").split()) == Counter(text.replace(",", " ").split())


PLAIN_WORDS = st.from_regex(r"[A-Z][a-z]{1,8}[0-9]{0,3}|[A-Z]\.?|[a-z]{1,6}|O'Neil|Rao-Das", fullmatch=True) | st.sampled_from(
    ["Dr.", "Mr", "Smt", "Jr", "MD", "Ma", "van", "Maria", "del", "Md", "Abdul", "Prince", "V", "II", "and", "Kumari", "Sri"]
)


@given(words=st.lists(PLAIN_WORDS, min_size=1, max_size=5))
def test_the_short_way_agrees_with_the_parser(words: list[str]) -> None:
    """Plain names are split without the parser just as the parser splits them."""
    name = " ".join(words)
    assert names.parse(name) == names.split_words(name)

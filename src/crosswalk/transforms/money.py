"""Amounts of money, exactly, with the currency their sign names."""

import re
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache

from crosswalk.transforms.blanks import blank_value
from crosswalk.transforms.contract import Result, Settings
from crosswalk.transforms.quantities import magnitude, plain_signs

# What a sign can mean, the likeliest first.
_SIGNS = {
    "₹": "INR", "rs": "INR LKR PKR NPR MUR", "re": "INR", "rupees": "INR LKR PKR NPR MUR", "rupee": "INR LKR PKR NPR MUR",
    "$": "USD CAD AUD NZD SGD HKD MXN", "us$": "USD", "c$": "CAD", "a$": "AUD", "s$": "SGD", "hk$": "HKD", "r$": "BRL",
    "£": "GBP EGP", "€": "EUR", "¥": "JPY CNY", "৳": "BDT", "dhs": "AED", "dh": "AED MAD", "rm": "MYR", "₱": "PHP",
    "₦": "NGN", "₽": "RUB", "₺": "TRY", "₩": "KRW", "฿": "THB", "₫": "VND", "₪": "ILS", "kr": "SEK NOK DKK ISK",
    "dollars": "USD CAD AUD NZD SGD HKD",
}  # fmt: skip
_CODES = (
    " AED AUD BDT BHD BRL CAD CHF CNY CZK DKK EGP EUR GBP HKD HUF IDR ILS INR ISK JPY KES KRW KWD LKR MAD MUR MXN MYR NGN"
    " NOK NPR NZD OMR PHP PKR PLN QAR RON RUB SAR SEK SGD THB TRY USD VND ZAR "
)
_SIGN = r"(?:[^\W\d_]{0,3}[₹$£€¥৳₱₦₽₺₩฿₫₪]|[^\W\d_]{1,7}\.?)"
_MONEY = re.compile(
    rf"(?P<minus>[+-])?\s?(?P<before>{_SIGN})?\s?(?P<inner>[+-])?\s?(?P<number>[.\d][\d.,' ]*?(?:[eE][+-]?\d{{1,2}})?)"
    rf"\s?(?P<tail>/[-=])?(?P<after_minus>-)?\s?(?P<scale>lakhs?|lacs?|crores?)?\s?(?P<after>(?!only){_SIGN})?"
    r"\s?(?:/[-=])?\s?(?:only)?\.?",
    re.IGNORECASE,
)
_BRACKETS = re.compile(r"([^\d()]*)\(([^()]*\d[^()]*)\)([^\d()]*)")
_POWERS = {"l": 5, "c": 7}


@dataclass(frozen=True, slots=True)
class Money:
    """An exact amount (None if unreadable, and why) and the currencies that its sign can mean (none: no sign)."""

    amount: Decimal | None
    currencies: tuple[str, ...] = ()
    finding: str | None = None


@lru_cache(maxsize=65536)
def parse(text: str, country: str) -> Money:
    """Reads a cell that holds an amount. Findings: money_invalid, money_ambiguous.

    >>> parse("₹1,23,456.50", "IN")
    Money(amount=Decimal('123456.50'), currencies=('INR',), finding=None)
    >>> parse("Rs. 500/-", "IN").amount, parse("($250.00)", "US").amount, parse("1.5 lakh", "IN").amount
    (Decimal('500'), Decimal('-250.00'), Decimal('150000'))
    """
    text = plain_signs(text)
    bracketed = _BRACKETS.fullmatch(text)
    match = _MONEY.fullmatch("".join(bracketed.groups()).strip() if bracketed else text)
    signs = [bracketed, match and match["minus"], match and match["inner"], match and match["after_minus"]]
    if match is None or sum(map(bool, signs)) > 1:
        return Money(None, finding="money_invalid")
    currencies = _currencies(match["before"], match["after"])
    if currencies is None:
        return Money(None, finding="money_invalid")
    amount = magnitude(match["number"], country)
    if isinstance(amount, str):
        return Money(None, currencies, f"money_{amount}")
    if match["scale"]:
        amount = Decimal(format(Decimal(f"{amount}E{_POWERS[match['scale'][0].lower()]}"), "f"))
    negative = bracketed or "-" in (match["minus"], match["inner"], match["after_minus"])
    return Money(amount.copy_negate() if negative and amount else amount, currencies)


def _currencies(before: str | None, after: str | None) -> tuple[str, ...] | None:
    """What the signs before and after the number agree on; None where one is no currency or they contradict."""
    common: tuple[str, ...] = ()
    for sign in (before, after):
        if not sign:
            continue
        word = sign.rstrip(".")
        meant = (word.upper(),) if f" {word.upper()} " in _CODES else tuple(_SIGNS.get(word.lower(), "").split())
        common = tuple(code for code in common if code in meant) if common else meant
        if not common:
            return None
    return common


def amount(text: str, settings: Settings) -> Result:
    """The exact amount whatever its currency; for maps that also take `money.currency`.

    >>> amount("$1,234.50", Settings(currency="INR"))
    Result(value=Decimal('1234.50'), finding=None)
    """
    answer = blank_value(text)
    if answer is not None:
        return answer
    money = parse(text, settings.country)
    return Result(money.amount, money.finding)


def money(text: str, settings: Settings) -> Result:
    """The exact amount in the settings' currency; another currency's sign makes it a finding without value.

    >>> money("$1,234.50", Settings()), money("$1,234.50", Settings(currency="INR"))
    (Result(value=Decimal('1234.50'), finding=None), Result(value=None, finding='currency_differs'))
    """
    answer = blank_value(text)
    if answer is not None:
        return answer
    read = parse(text, settings.country)
    if read.currencies and settings.currency not in read.currencies:
        return Result(None, "currency_differs")
    return Result(read.amount, read.finding)


def currency(text: str, settings: Settings) -> Result:
    """The ISO code of the amount's currency; the settings' one where the cell names none.

    >>> currency("Rs. 500/-", Settings(currency="INR")), currency("€ 5", Settings()), currency("$5", Settings(currency="INR"))
    (Result(value='INR', finding=None), Result(value='EUR', finding=None), Result(value=None, finding='currency_ambiguous'))
    """
    answer = blank_value(text)
    if answer is not None:
        return answer
    read = parse(text, settings.country)
    if read.finding:
        return Result(None, read.finding)
    if not read.currencies or settings.currency in read.currencies:
        return Result(settings.currency)
    return Result(read.currencies[0]) if len(read.currencies) == 1 else Result(None, "currency_ambiguous")

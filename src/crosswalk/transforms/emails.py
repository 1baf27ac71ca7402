"""E-mail addresses, in lower case as CRMs keep and compare them; nothing is looked up in the DNS."""

import re
from dataclasses import dataclass
from functools import lru_cache

from email_validator import EmailNotValidError, validate_email

from crosswalk.transforms.blanks import bare, blank_value
from crosswalk.transforms.contract import Result, Settings

_SEPARATORS = re.compile(r"[;,|/\s]+")
_WRAPPING = "<>()[]'\"."
_CONNECTING = frozenset({"or", "and", "&", "-"})


@dataclass(frozen=True, slots=True)
class Emails:
    """The distinct addresses of a cell in writing order, and whether something in it is none."""

    addresses: tuple[str, ...]
    leftover: bool


@lru_cache(maxsize=65536)
def parse(text: str) -> Emails:
    """Reads a cell that holds one address or several, bare, as links, or as `Name <address>`.

    >>> parse("Asha Rao <Asha.Rao@Example.com>; mailto:front@clinic.example").addresses
    ('asha.rao@example.com', 'front@clinic.example')
    """
    text = bare(text)
    found: dict[str, None] = {}
    leftover = False
    named = "<" in text and ">" in text
    for piece in _SEPARATORS.split(text):
        word = piece.strip(_WRAPPING).removeprefix("mailto:").removeprefix("MAILTO:")
        if not word or word.lower() in _CONNECTING:
            continue
        address = _address(word) if "@" in word else None
        if address:
            found.setdefault(address)
        else:
            # Words are the owner's name in `Name <address>`, and something else anywhere else.
            leftover = leftover or "@" in word or not named
    return Emails(tuple(found), leftover)


def _address(word: str) -> str | None:
    try:
        # Reserved names such as .test and .example are what rehearsals use; a real one is never looked up either.
        checked = validate_email(word, check_deliverability=False, globally_deliverable=False, test_environment=True)
    except (EmailNotValidError, ValueError):
        return None
    return checked.normalized.lower() if "." in checked.domain else None


def email(text: str, settings: Settings) -> Result:
    """The first address of the cell, in lower case: Twenty lower-cases what is written (twenty.md §5).

    >>> email(" Carroll471.Eichmann909@Example.com ", Settings())
    Result(value='carroll471.eichmann909@example.com', finding=None)
    >>> email("a@clinic.example / b@clinic.example", Settings())
    Result(value='a@clinic.example', finding='email_several')
    """
    answer = blank_value(text)
    if answer is not None:
        return answer
    emails = parse(text)
    first = next(iter(emails.addresses), None)
    if first is None:
        return Result(None, "email_invalid")
    finding = "email_words_left" if emails.leftover else "email_several" if len(emails.addresses) > 1 else None
    return Result(first, finding)


def others(text: str, settings: Settings) -> Result:
    """The addresses of the cell but the first: what `email` leaves.

    >>> others("a@clinic.example, b@clinic.example", Settings()).value
    ['b@clinic.example']
    """
    answer = blank_value(text)
    return answer if answer is not None else Result(list(parse(text).addresses[1:]) or None)


def domain(text: str, settings: Settings) -> Result:
    """The domain of the first address.

    >>> domain("Front@North.Example", Settings())
    Result(value='north.example', finding=None)
    """
    first = email(text, settings)
    return Result(first.value.rpartition("@")[2], None) if isinstance(first.value, str) else first

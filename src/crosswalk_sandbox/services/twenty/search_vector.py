"""The read-only searchVector: PostgreSQL's `simple` text search vector of a row's searchable fields.

Which parts of a field are searched is read off the recorded rows (transcripts person_create_full_id_v4, company_create2,
task_create, noteTarget_filter_by_person); how text splits into lexemes is PostgreSQL's default parser, as far as they show it.
"""

import re
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any

from .schema import ObjectType, Row

SIMPLE_EMAIL = re.compile(r"[a-z0-9_.+-]+@[a-z0-9-]+(?:\.[a-z0-9-]+)+")
PLAIN = re.compile(r"[A-Za-z0-9 ]*")
TOKEN = re.compile(
    r"""<[^>]*>|(?P<scheme>https?://)
    |(?P<email>[\w.+-]+@[\w-]+(?:\.[\w-]+)+)
    |(?P<host>[^\W_](?:[\w-]*[^\W_])?(?:\.[^\W_](?:[\w-]*[^\W_])?)+)(?P<path>/[\w./-]*)?
    |(?P<file>/?\w[\w.-]*(?:/[\w.-]+)+|/\w[\w.-]*)
    |(?P<hyphened>\d*[^\W\d_]\w*(?:-[^\W_]+)+)
    |(?P<number>[+-]?\d+(?:\.\d+)?(?![^\W\d_]))
    |(?P<word>[^\W_]+)""",
    re.VERBOSE,
)


@lru_cache(maxsize=4096)
def lexemes(text: str) -> tuple[str, ...]:
    """The lexemes of a text in order, lower-cased."""
    if PLAIN.fullmatch(text):
        return tuple(text.lower().split())
    found: list[str] = []
    for match in TOKEN.finditer(text):
        kind = match.lastgroup
        if kind is None or kind == "scheme":
            continue
        token = match.group(0).lower()
        if kind == "path":
            found += [token, match.group("host").lower(), match.group("path").lower()]
        elif kind == "hyphened":
            found += [token, *token.split("-")]
        else:
            found.append(token)
    return tuple(found)


def _split(texts: Iterable[str | None]) -> list[str]:
    return [lexeme for text in texts if text for lexeme in lexemes(text)]


def _text(value: Any) -> list[str]:
    return list(lexemes(value)) if value else []


def _full_name(value: Row) -> list[str]:
    return [*lexemes(value["firstName"] or ""), *lexemes(value["lastName"] or "")]


def _emails(value: Row) -> list[str]:
    """The address and its domain; further addresses also with their @ as a blank."""
    primary: str = value["primaryEmail"]
    found: list[str] = []
    if SIMPLE_EMAIL.fullmatch(primary):
        found = [primary, primary.rpartition("@")[2]]
    elif primary:
        found = _split((primary, primary.rpartition("@")[2]))
    if value["additionalEmails"]:
        extra = " ".join(value["additionalEmails"])
        found += _split((extra, extra.replace("@", " ")))
    return found


def _phones(value: Row) -> list[str]:
    """National, calling code, and the ways people type the whole number."""
    number: str = value["primaryPhoneNumber"]
    calling: str = value["primaryPhoneCallingCode"] or ""
    found: list[str] = []
    if number.isdigit() and calling:
        found = [number, calling, calling + number, calling[1:] + number, "0" + number]
    elif number:
        found = _split((number, calling, calling + number, calling.lstrip("+") + number, "0" + number))
    extras: list[Row] = value["additionalPhones"] or []
    for extra in extras:
        found += _split((extra.get("number"), extra.get("callingCode"), extra.get("countryCode")))
    return found


def _links(value: Row) -> list[str]:
    found = _split((value["primaryLinkLabel"], value["primaryLinkUrl"]))
    links: list[Row] = value["secondaryLinks"] or []
    for link in links:
        found += _split(((link.get("url") or "").replace(":", " "), link.get("label")))
    return found


def _rich_text(value: Row) -> list[str]:
    return _text(value.get("markdown"))


LEXEMES: dict[str, Callable[[Any], list[str]]] = {
    "TEXT": _text,
    "UUID": _text,
    "FULL_NAME": _full_name,
    "EMAILS": _emails,
    "PHONES": _phones,
    "LINKS": _links,
    "RICH_TEXT": _rich_text,
}


def search_vector(kind: ObjectType, row: Row) -> str:
    """The searchVector of a complete row, lexemes in byte order with their positions."""
    found: list[str] = []
    for name, type_name in kind.searched:
        found += LEXEMES[type_name](row[name])
    pairs = sorted(zip(found, range(1, len(found) + 1), strict=True))
    if len(set(found)) == len(found):
        return " ".join([f"'{lexeme}':{place}" for lexeme, place in pairs])
    places: dict[str, str] = {}
    for lexeme, place in pairs:
        places[lexeme] = f"{places[lexeme]},{place}" if lexeme in places else str(place)
    return " ".join([f"'{lexeme}':{where}" for lexeme, where in places.items()])

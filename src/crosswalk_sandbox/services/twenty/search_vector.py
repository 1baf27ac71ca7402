"""The read-only searchVector: PostgreSQL's `simple` text search vector of a row's searchable fields.

Which parts of a field are searched is read off the recorded rows (transcripts person_create_full_id_v4, company_create2,
task_create, noteTarget_filter_by_person); how text splits into lexemes is PostgreSQL's default parser, as far as they show it.
"""

import re
from functools import lru_cache
from typing import Any

from .schema import ObjectType, Row

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


@lru_cache(maxsize=8192)
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


def _emails(value: Row) -> list[str]:
    primary = value["primaryEmail"]
    if primary and not value["additionalEmails"]:
        return [primary, primary.rpartition("@")[2]]
    texts = [primary, primary.rpartition("@")[2]] if primary else []
    extra = " ".join(value["additionalEmails"] or [])
    return [*texts, extra, extra.replace("@", " ")]


def _phones(value: Row) -> list[str]:
    number, calling = value["primaryPhoneNumber"], value["primaryPhoneCallingCode"] or ""
    texts = [number, calling, calling + number, calling.lstrip("+") + number, "0" + number] if number else []
    for extra in value["additionalPhones"] or []:
        texts += [extra.get("number") or "", extra.get("callingCode") or "", extra.get("countryCode") or ""]
    return texts


def _links(value: Row) -> list[str]:
    texts = [value["primaryLinkLabel"] or "", value["primaryLinkUrl"] or ""]
    for link in value["secondaryLinks"] or []:
        texts += [(link.get("url") or "").replace(":", " "), link.get("label") or ""]
    return texts


def _texts(kind: str, value: Any) -> list[str]:
    if kind in ("TEXT", "UUID"):
        return [value or ""]
    if kind == "FULL_NAME":
        return [value["firstName"] or "", value["lastName"] or ""]
    if kind == "EMAILS":
        return _emails(value)
    if kind == "PHONES":
        return _phones(value)
    if kind == "LINKS":
        return _links(value)
    if kind == "RICH_TEXT":
        return [value.get("markdown") or ""]
    return []


def search_vector(kind: ObjectType, row: Row) -> str:
    """The searchVector of a complete row, lexemes in byte order with their positions."""
    places: dict[str, list[int]] = {}
    position = 0
    for name in kind.search_fields:
        field = kind.fields.get(name)
        if field is None:
            continue
        for text in _texts(field.type, row[name]):
            if text:
                for lexeme in lexemes(text):
                    position += 1
                    places.setdefault(lexeme, []).append(position)
    return " ".join(f"'{lexeme}':{','.join(map(str, where))}" for lexeme, where in sorted(places.items()))

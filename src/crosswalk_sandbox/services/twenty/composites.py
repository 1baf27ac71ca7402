"""Composite values as the server keeps them (facts/twenty.md §6): a null composite changes nothing, a PATCH merges sub-fields."""

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import orjson

from .errors import bad_value, coded
from .inspect import shown
from .phones import normal_phones
from .schema import EMPTY, Field, Row, is_row

EMAIL = re.compile(r"[^\s@,;<>()\"\[\]\\]+@[^\s@,;<>()\"\[\]\\.]+(?:\.[^\s@,;<>()\"\[\]\\.]+)+")
ACTOR_SOURCES = ["EMAIL", "CALENDAR", "WORKFLOW", "AGENT", "API", "IMPORT", "MANUAL", "SYSTEM", "WEBHOOK", "APPLICATION"]
PARTS: dict[str, frozenset[str]] = {kind: frozenset(value) for kind, value in EMPTY.items() if is_row(value)}
KIND_LABEL = {
    "FULL_NAME": "full name",
    "EMAILS": "emails",
    "PHONES": "phones",
    "LINKS": "links",
    "ADDRESS": "address",
    "CURRENCY": "currency",
    "RICH_TEXT": "rich text",
    "ACTOR": "actor",
}


def _text(field: str, part: str, value: Any) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        raise bad_value(f'Invalid string value {shown(value)} for text field "{field}.{part}"', f'Invalid value: "{value}"')
    return value


def _full_name(field: Field, value: Row, current: Row) -> Row:
    merged = {**current, **value}
    return {part: _text(field.name, part, merged[part]) for part in ("firstName", "lastName")}


def _email(path: str, value: Any) -> str:
    if not isinstance(value, str) or not EMAIL.fullmatch(value):
        raise bad_value(f'Invalid string value {shown(value)} for email field "{path}"', f'Invalid value: "{value}"')
    return value.lower()


def _emails(field: Field, value: Row, current: Row) -> Row:
    primary: Any = value["primaryEmail"] if "primaryEmail" in value else current["primaryEmail"]
    extras: Any = value["additionalEmails"] if "additionalEmails" in value else current["additionalEmails"]
    items: list[Any] = orjson.loads(extras or "[]") if isinstance(extras, str) else extras or []
    return {
        "primaryEmail": _email(f"{field.name}.primaryEmail", primary) if primary else "",
        "additionalEmails": [_email(f"{field.name}.additionalEmails", item) for item in items],
    }


def normal_url(value: Any) -> str:
    """A link as stored: host lower-cased, one trailing slash dropped, scheme kept as sent (facts/twenty.md §5)."""
    text = value.strip() if isinstance(value, str) else ""
    parts = urlsplit(text if "://" in text else f"//{text}")
    if not parts.hostname or "." not in parts.hostname or re.search(r"\s", text):
        raise coded("The URL of the link is not valid", "INVALID_URL")
    start = text.index("://") + 3 if "://" in text else 0
    end = start + len(parts.netloc)
    return (text[:start].lower() + text[start:end].lower() + text[end:]).removesuffix("/")


def _links(field: Field, value: Row, current: Row) -> Row:
    merged = {**current, **value}
    others: Any = merged["secondaryLinks"] or []
    if isinstance(others, str):
        others = orjson.loads(others)
    return {
        "primaryLinkLabel": _text(field.name, "primaryLinkLabel", merged["primaryLinkLabel"]),
        "primaryLinkUrl": normal_url(merged["primaryLinkUrl"]) if merged["primaryLinkUrl"] else "",
        "secondaryLinks": [{"url": normal_url(link.get("url")), "label": link.get("label")} for link in others],
    }


def _address(field: Field, value: Row, current: Row) -> Row:
    merged = {**current, **value}
    result: Row = {}
    for part, item in merged.items():
        if part in ("addressLat", "addressLng"):
            if item is not None and (isinstance(item, bool) or not isinstance(item, int | float)):
                raise bad_value(f'Invalid number value {shown(item)} for field "{field.name}.{part}"')
            result[part] = item
        else:
            result[part] = _text(field.name, part, item)
    return result


def _currency(field: Field, value: Row, current: Row) -> Row:
    merged = {**current, **value}
    micros: Any = merged["amountMicros"]
    if isinstance(micros, bool) or not isinstance(micros, int | float | str | None):
        raise bad_value(f'Invalid number value {shown(micros)} for field "{field.name}.amountMicros"')
    if micros is not None:
        try:
            micros = int(float(micros)) if isinstance(micros, float) or not str(micros).lstrip("-").isdigit() else int(micros)
        except (ValueError, OverflowError):
            raise bad_value(f'Invalid number value {shown(micros)} for field "{field.name}.amountMicros"') from None
    return {"amountMicros": micros, "currencyCode": _text(field.name, "currencyCode", merged["currencyCode"]) or None}


def _rich_text(field: Field, value: Row, current: Row) -> Row:
    """Markdown is kept byte for byte; blocknote is made from it when read unless it was sent (transcript val_rich_both)."""
    markdown, blocknote = value.get("markdown"), value.get("blocknote")
    for part, item in (("markdown", markdown), ("blocknote", blocknote)):
        _text(field.name, part, item)
    if blocknote:
        return {"blocknote": blocknote, "markdown": markdown} if markdown else {"blocknote": blocknote}
    return {"markdown": markdown or ""} if "markdown" in value else current


def _actor(field: Field, value: Row, current: Row) -> Row:
    source = value.get("source", current["source"])
    if source not in ACTOR_SOURCES:
        raise bad_value(
            f'Invalid value "{source}" for field "{field.name}.source". Valid values are: {", ".join(ACTOR_SOURCES)}',
            f'Invalid value for field "{field.name}.source"',
        )
    return {**current, **value}


def _phones(field: Field, value: Row, current: Row) -> Row:
    return normal_phones(field.name, value, current)


NORMAL: dict[str, Callable[[Field, Row, Row], Row]] = {
    "FULL_NAME": _full_name,
    "EMAILS": _emails,
    "PHONES": _phones,
    "LINKS": _links,
    "ADDRESS": _address,
    "CURRENCY": _currency,
    "RICH_TEXT": _rich_text,
    "ACTOR": _actor,
}


def normal_composite(field: Field, value: Any, current: Row) -> Row:
    """A composite as stored after this write; `current` is what it holds now (the empty composite on create).

    Raises bad_value for anything but an object and for an unknown sub-field (transcripts wrong_type_name, val_addr_unknown_sub).
    """
    if value is None:
        return current
    if not is_row(value):
        raise bad_value(f'Invalid object value {shown(value)} for field "{field.name}"', f'Invalid value: "{value}"')
    sent: Row = value
    for part in sent:
        if part not in PARTS[field.type]:
            raise bad_value(f'Invalid subfield {part} for {KIND_LABEL[field.type]} field "{field.name}"')
    return NORMAL[field.type](field, sent, current)

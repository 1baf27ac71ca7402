"""Query options of the URL, read once: `$select`, `$filter`, `$expand`, `$orderby`, `$top`, `$count`, `$skiptoken` (facts §8)."""

import re
from dataclasses import dataclass, field
from urllib.parse import quote, unquote

import orjson

from .errors import DataverseError, bad_query
from .filters import Node, parse

KNOWN = frozenset({"$select", "$filter", "$expand", "$orderby", "$top", "$count", "$skiptoken", "$deltatoken", "$apply"})
PAGE_MAXIMUM = 5000
COOKIE = re.compile(r'<cookie pagenumber="(\d+)" pagingcookie="([^"]*)" istracking="False" />')


@dataclass(slots=True)
class Query:
    """What a URL asks. `orderby` holds (path, descending); `after` the sort values and id of the last row of the page before."""

    select: list[str] = field(default_factory=list[str])
    filter: Node | None = None
    expand: dict[str, "Query"] = field(default_factory=dict[str, "Query"])
    orderby: list[tuple[str, bool]] = field(default_factory=list[tuple[str, bool]])
    top: int | None = None
    count: bool = False
    page: int = 1
    after: list[object] | None = None


def split(text: str, mark: str) -> list[str]:
    """Parts of a text between marks that stand outside brackets and quotes; empty ones left out."""
    parts: list[str] = []
    depth, quoted, start = 0, False, 0
    for place, letter in enumerate(text):
        if letter == "'":
            quoted = not quoted
        elif not quoted and letter in "([":
            depth += 1
        elif not quoted and letter in ")]":
            depth -= 1
        elif letter == mark and depth == 0 and not quoted:
            parts.append(text[start:place])
            start = place + 1
    parts.append(text[start:])
    return [part.strip() for part in parts if part.strip()]


def read(parameters: dict[str, str]) -> Query:
    """A URL's query options. Raises DataverseError 400."""
    query = Query()
    aliases = {name: value for name, value in parameters.items() if name.startswith("@")}
    for name, value in parameters.items():
        _option(query, name, value, aliases)
    return query


def _option(query: Query, name: str, value: str, aliases: dict[str, str]) -> None:
    if name == "$select":
        query.select = [part for part in split(value, ",") if part != "*"]
    elif name == "$filter":
        query.filter = parse(value, aliases)
    elif name == "$orderby":
        query.orderby = [_order(part) for part in split(value, ",")]
    elif name == "$expand":
        query.expand = dict(_expand(part, aliases) for part in split(value, ","))
    elif name == "$top":
        query.top = _number(name, value)
    elif name == "$count":
        query.count = value == "true"
    elif name == "$skiptoken":
        query.page, query.after = read_cookie(value)
    elif name == "$skip":
        raise bad_query("Skip Clause is not supported in CRM")
    elif name.startswith("$") and name not in KNOWN:
        raise bad_query(f"The query parameter '{name}' is not supported.")


def _number(name: str, value: str) -> int:
    if not value.isdecimal():
        raise bad_query(f"Invalid value '{value}' for {name} query option found.")
    return int(value)


def _order(part: str) -> tuple[str, bool]:
    path, _, direction = part.partition(" ")
    if direction.strip() not in ("", "asc", "desc"):
        raise bad_query("Syntax error in the $orderby.")
    return path, direction.strip() == "desc"


def _expand(part: str, aliases: dict[str, str]) -> tuple[str, Query]:
    name, bracket, inner = part.partition("(")
    query = Query()
    if bracket:
        for option in split(inner.rstrip()[:-1], ";"):
            key, _, value = option.partition("=")
            _option(query, key.strip(), value, aliases)
    return name.strip().removesuffix("/$ref"), query


def cookie(page: int, last: list[object]) -> str:
    """The `$skiptoken` of the next page, as it stands in a URL; opaque to clients."""
    inner = quote(orjson.dumps(last).decode(), safe="")
    return quote(f'<cookie pagenumber="{page}" pagingcookie="{quote(inner, safe="")}" istracking="False" />', safe="")


def read_cookie(text: str) -> tuple[int, list[object]]:
    """Page number and last row of a `$skiptoken`. Raises DataverseError 400 for one that is not ours."""
    match = COOKIE.fullmatch(text)
    if match is None:
        raise DataverseError(400, "0x80060888", "Invalid page number or malformed paging cookie in $skiptoken.")
    return int(match.group(1)), orjson.loads(unquote(unquote(match.group(2))))

"""REST's query parameters: filter, order_by, limit, depth and cursors (facts/twenty.md §2; transcripts f_*, limit_*, page_0)."""

import re
from dataclasses import dataclass
from typing import Any

from .errors import bad_query
from .filters import OPERATORS
from .schema import Row

BASE = re.compile(r"([\w.]+)\[(\w+)\]:(.*)")
DIRECTIONS = ("AscNullsFirst", "AscNullsLast", "DescNullsFirst", "DescNullsLast")
MAX_LIMIT = 200
DEFAULT_LIMIT = 60


@dataclass(frozen=True, slots=True)
class Order:
    """One sort key: a column or composite part, and the direction."""

    path: tuple[str, ...]
    descending: bool
    nulls_first: bool


def split_top(text: str) -> list[str]:
    """Split at commas outside quotes, parentheses and brackets; a quote inside quotes is literal (facts/twenty.md §2)."""
    parts: list[str] = []
    depth, quoted, start = 0, False, 0
    for place, char in enumerate(text):
        if char == '"':
            quoted = not quoted
        elif quoted:
            continue
        elif char in "([":
            depth += 1
        elif char in ")]":
            depth -= 1
        elif char == "," and depth == 0:
            parts.append(text[start:place])
            start = place + 1
    parts.append(text[start:])
    return [part for part in (part.strip() for part in parts) if part]


def _unquoted(text: str) -> str:
    return text[1:-1] if len(text) >= 2 and text[0] == text[-1] == '"' else text


def _value(operator: str, text: str) -> Any:
    if operator in ("in", "containsAny"):
        inner = text[1:-1] if text.startswith("[") and text.endswith("]") else text
        return [_unquoted(part) for part in split_top(inner)]
    return _unquoted(text)


def _base(text: str) -> Row:
    match = BASE.fullmatch(text)
    if match is None:
        raise bad_query(f"'filter' invalid for '{text}'. eg: price[gte]:10")
    path, operator, value = match.groups()
    if operator not in OPERATORS:
        raise bad_query(f"'filter' invalid for '{text}', comparator {operator} not in {', '.join(OPERATORS)}")
    tree: Row = {operator: _value(operator, value)}
    for name in reversed(path.split(".")):
        tree = {name: tree}
    return tree


def parse_filter(text: str) -> Row:
    """A REST filter as a filter tree. Raises bad_query for what does not follow the grammar."""
    parts = [_node(part) for part in split_top(text)]
    return parts[0] if len(parts) == 1 else {"and": parts}


def _node(text: str) -> Row:
    for conjunction in ("and", "or", "not"):
        if text.startswith(f"{conjunction}(") and text.endswith(")"):
            inner = [_node(part) for part in split_top(text[len(conjunction) + 1 : -1])]
            return {conjunction: inner if conjunction != "not" else {"and": inner}}
    return _base(text)


def parse_order(text: str) -> list[Order]:
    """REST's order_by. Raises bad_query for an unknown direction."""
    orders: list[Order] = []
    for part in split_top(text):
        name, _, rest = part.partition("[")
        orders.append(make_order(tuple(name.split(".")), rest.removesuffix("]") or "AscNullsFirst"))
    return orders


def make_order(path: tuple[str, ...], direction: str) -> Order:
    if direction not in DIRECTIONS:
        allowed = "', '".join(DIRECTIONS)
        raise bad_query(f"'order_by' direction '{direction}' invalid. Allowed values are '{allowed}'.")
    return Order(path, direction.startswith("Desc"), direction.endswith("First"))


def parse_limit(text: str | None) -> int:
    """The page size: 60 unless told, 200 at most and silently so (facts/twenty.md §2)."""
    if text is None:
        return DEFAULT_LIMIT
    try:
        return min(max(int(text), 0), MAX_LIMIT)
    except ValueError:
        raise bad_query(f"limit '{text}' is invalid. Should be an integer") from None


def parse_depth(text: str | None) -> int:
    if text is None or text in ("0", "1"):
        return int(text or 0)
    raise bad_query(f"'depth={text}' parameter invalid. Allowed values are 0, 1")

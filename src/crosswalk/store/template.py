"""Text templates of the map: `{Column}` placeholders and `[optional parts]`, compiled to SQL.

`[· until {End Date}]` vanishes when a column in it is blank. A template whose placeholders are all blank is blank.
Double a brace or bracket to write it: `{{`, `]]`.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from crosswalk.model.errors import UsageError
from crosswalk.store.sql import literal

Resolve = Callable[[str], str]
"""A column's name → the SQL that stands for it."""

WHITE = (
    "\t\n\x0b\x0c\r\x1c\x1d\x1e\x1f \x85\xa0\u1680" + "".join(map(chr, range(0x2000, 0x200B))) + "\u2028\u2029\u202f\u205f\u3000"
)
"""What Python's str.strip takes off; SQL's trim alone would leave tabs and line ends."""

_TOKEN = re.compile(r"\{\{|\}\}|\[\[|\]\]|\{([^{}]+)\}|[\[\]{}]")


@dataclass(frozen=True, slots=True)
class Part:
    """Literal text or a column, inside an optional part (numbered) or outside of one (0)."""

    text: str
    is_column: bool
    optional: int


def parse_template(template: str) -> tuple[Part, ...]:
    """The parts in order. Raises UsageError on unbalanced brackets or braces.

    >>> [(part.text, part.is_column, part.optional) for part in parse_template("{A}[ to {B}]")]
    [('A', True, 0), (' to ', False, 1), ('B', True, 1)]
    """
    parts: list[Part] = []
    position, optional, number = 0, 0, 0
    for token in _TOKEN.finditer(template):
        if token.start() > position:
            parts.append(Part(template[position : token.start()], False, optional))
        position = token.end()
        match token.group():
            case "{{" | "}}" | "[[" | "]]":
                parts.append(Part(token.group()[0], False, optional))
            case "[" if not optional:
                number += 1
                optional = number
            case "]" if optional:
                optional = 0
            case "[" | "]":
                raise UsageError(f"Template {template!r} has unbalanced [ ]", "Close each [ with ], or write [[ for a bracket.")
            case "{" | "}":
                raise UsageError(f"Template {template!r} has a brace without a column", "Write {Column}, or {{ for a brace.")
            case _:
                parts.append(Part(token.group(1), True, optional))
    if optional:
        raise UsageError(f"Template {template!r} has an open [", "Close it with ], or write [[ for a bracket.")
    if position < len(template):
        parts.append(Part(template[position:], False, 0))
    return tuple(parts)


def template_columns(template: str) -> tuple[str, ...]:
    """The columns a template names, `key` (the record's own key) aside."""
    return tuple(dict.fromkeys(part.text for part in parse_template(template) if part.is_column and part.text != "key"))


def template_sql(template: str, resolve: Resolve) -> str:
    """SQL of the rendered text; NULL when every placeholder is blank."""
    parts = parse_template(template)
    columns = {part.text: _filled(resolve(part.text)) for part in parts if part.is_column}
    pieces: list[str] = []
    for number in dict.fromkeys(part.optional for part in parts):
        group = [part for part in parts if part.optional == number]
        if number:
            needed = " AND ".join(f"{columns[part.text]} IS NOT NULL" for part in group if part.is_column) or "TRUE"
            pieces.append(f"CASE WHEN {needed} THEN {_joined(group, columns)} ELSE '' END")
    pieces = _in_order(parts, columns, pieces)
    text = " || ".join(pieces) or "''"
    if not columns:
        return text
    return f"CASE WHEN coalesce({', '.join(columns.values())}) IS NULL THEN NULL ELSE {text} END"


def _filled(sql: str) -> str:
    """The column's words, NULL when blank; NUL characters no destination can store are dropped (facts/twenty.md §6)."""
    return f"nullif(trim(replace({sql}, chr(0), ''), {literal(WHITE)}), '')"


def _joined(parts: list[Part], columns: dict[str, str]) -> str:
    return " || ".join(f"coalesce({columns[part.text]}, '')" if part.is_column else literal(part.text) for part in parts)


def _in_order(parts: tuple[Part, ...], columns: dict[str, str], optionals: list[str]) -> list[str]:
    """Required parts and whole optional parts in the template's order."""
    pieces: list[str] = []
    seen: set[int] = set()
    for part in parts:
        if not part.optional:
            pieces.append(_joined([part], columns))
        elif part.optional not in seen:
            seen.add(part.optional)
            pieces.append(optionals[part.optional - 1])
    return pieces

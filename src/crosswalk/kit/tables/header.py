"""Where a table's header stands among its first rows, and the names its columns get."""

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

_VALUE = re.compile(
    r"[-+(]?[$€£₹]?\s?\d[\d.,\s]*%?\)?"  # a number or an amount
    r"|\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}([T ].*)?"  # a date
    r"|[0-9a-fA-F]{8}-[0-9a-fA-F-]{27}"  # a UUID
    r"|[^@\s]+@[^@\s]+\.[a-zA-Z]+"  # an e-mail
    r"|\+?\d[\d\s()-]{6,}"  # a phone number
)
_RESERVED = frozenset({"_file", "_line", "_row", "_key", "_state", "_folded_into"})
_SEARCHED = 50


@dataclass(frozen=True, slots=True)
class Header:
    """The header's place among the rows (0-based; None when the table has none), its columns' names, and how it was found."""

    index: int | None
    names: tuple[str, ...]
    reason: str


def find_header(rows: Sequence[Sequence[str]]) -> Header | None:
    """The header of a table, from its first rows as cells; None when no row holds anything.

    It is the first row as wide as most rows whose cells are filled, distinct and not values (numbers, dates, addresses). A
    table that begins with values has no header; its columns are named by number. Trailing columns without name and values
    are left out.
    """
    filled = [(index, row) for index, row in enumerate(rows) if any(cell.strip() for cell in row)]
    if not filled:
        return None
    widths = _widths([row for _, row in filled])
    for index, row in filled[:_SEARCHED]:
        if _is_header(row, *widths):
            below = [other for place, other in filled if place > index]
            return Header(index, column_names(_without_tail(row, below)), "named by the first full row")
        if len(row) == widths[1] and _holds_values(row):
            break
    return Header(None, column_names([""] * widths[0]), "no header: the first full row holds values")


def column_names(cells: Sequence[str]) -> tuple[str, ...]:
    """Names for columns: trimmed, on one line, case kept; blank ones `column_N`; repeated ones (case-blind) get `_2`, `_3` …

    >>> column_names([" Patient ID ", "", "Name", "name"])
    ('Patient ID', 'column_2', 'Name', 'name_2')
    """
    taken: set[str] = set(_RESERVED)
    names: list[str] = []
    for number, cell in enumerate(cells, start=1):
        base = _plain(cell) or f"column_{number}"
        name, again = base, 1
        while name.casefold() in taken:
            again += 1
            name = f"{base}_{again}"
        taken.add(name.casefold())
        names.append(name)
    return tuple(names)


def _plain(cell: str) -> str:
    visible = "".join(" " if letter.isspace() else letter for letter in cell)
    return " ".join("".join(letter for letter in visible if unicodedata.category(letter) not in ("Cc", "Cf", "Cs")).split())


def _widths(rows: Sequence[Sequence[str]]) -> tuple[int, int]:
    """How many columns are in use, and the commonest number of cells (of equally common ones the greater)."""
    counts = Counter(len(row) for row in rows)
    usual = max(counts, key=lambda width: (counts[width], width))
    return max(len(_trimmed(row)) for row in rows if len(row) == usual), usual


def _trimmed(row: Sequence[str]) -> Sequence[str]:
    end = len(row)
    while end and not row[end - 1].strip():
        end -= 1
    return row[:end]


def _is_header(row: Sequence[str], used: int, usual: int) -> bool:
    named = [cell.strip() for cell in row if cell.strip()]
    if len(row) != usual and not used <= len(_trimmed(row)) <= usual:
        return False
    if not named or len(named) * 2 < used or max(len(cell) for cell in named) > 200:
        return False
    return len(set(named)) * 2 > len(named) and not _holds_values(row)


def _holds_values(row: Sequence[str]) -> bool:
    named = [cell.strip() for cell in row if cell.strip()]
    return sum(1 for cell in named if _VALUE.fullmatch(cell)) * 4 >= len(named)


def _without_tail(header: Sequence[str], below: Sequence[Sequence[str]]) -> list[str]:
    """The header without trailing unnamed columns in which no sampled row holds anything."""
    cells = list(header)
    used = max((len(_trimmed(row)) for row in below), default=0)
    while len(cells) > max(1, used) and not cells[-1].strip():
        cells.pop()
    return cells

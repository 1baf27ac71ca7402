"""How a file of delimited text is written: delimiter, quoting and line ends, found by parsing its head every likely way."""

import csv
import io
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from crosswalk.kit.tables.encoding import UNDECODABLE, FileBytes, register
from crosswalk.kit.tables.header import Header, find_header

Quoting = Literal["doubled", "backslash", "spaced", "none"]
"""doubled: `""` inside quotes (RFC 4180); backslash: `\\"`; spaced: blanks after the delimiter; none: quotes are plain text."""

MAX_CELL = 1 << 24
"""Characters. A quote that runs on for longer was never closed."""
_DELIMITERS = (",", ";", "\t", "|")
_HEAD = 1 << 18
_HEAD_MAX = 1 << 22
_HINT = re.compile(r"sep=(.)\r?\n?", re.IGNORECASE)
_ESCAPED = re.compile(r'\\([\\"])')
_LINE_END = re.compile("\r\n|\r|\n")
_LINE_END_NAMES = {"\r\n": "CRLF", "\n": "LF", "\r": "CR"}


@dataclass(frozen=True, slots=True)
class Dialect:
    """How to parse a file: delimiter, quoting, `header_line` (physical, 1-based; 0 = none) and the columns' names.

    `first_line` is the physical line records start on, after preamble and header.
    """

    delimiter: str
    quoting: Quoting
    line_end: str
    header_line: int
    first_line: int
    names: tuple[str, ...]
    reason: str


@dataclass(frozen=True, slots=True)
class _Record:
    line: int
    span: int
    cells: list[str]


@dataclass(frozen=True, slots=True)
class _Reading:
    """The head read in one way, and how well that fits (greater is better)."""

    delimiter: str
    quoting: Quoting
    records: list[_Record]
    score: float


def parser(lines: Iterable[str], delimiter: str, quoting: Quoting) -> Iterator[list[str]]:
    """Cells of each record, strictly: csv.Error for a quote that is not closed or is followed by text.

    Its `next` raises; the caller goes on with the line after. Cells up to MAX_CELL characters.
    """
    csv.field_size_limit(MAX_CELL)
    if quoting == "backslash":
        lines = (_ESCAPED.sub(lambda match: '""' if match[1] == '"' else "\\", line) if "\\" in line else line for line in lines)
    if quoting == "none":
        return csv.reader(lines, delimiter=delimiter, quoting=csv.QUOTE_NONE, strict=True)
    return csv.reader(lines, delimiter=delimiter, strict=True, skipinitialspace=quoting == "spaced")


def open_lines(path: Path, written: FileBytes) -> tuple[Any, io.TextIOWrapper]:
    """The file's bytes (for their position) and its physical lines with their ends, decoded, after the byte order mark."""
    register()
    binary = path.open("rb", buffering=1 << 20)
    binary.seek(written.mark)
    return binary, io.TextIOWrapper(binary, encoding=written.encoding, errors=UNDECODABLE, newline="")


def find_dialect(path: Path, written: FileBytes) -> Dialect | None:
    """The dialect of a file, from its head (256 KiB, more when that holds less than three records); None when it is blank."""
    size = _HEAD
    while True:
        lines, whole = _head(path, written, size)
        dialect = _dialect(lines, path.suffix.casefold() in (".tsv", ".tab"))
        if whole or size >= _HEAD_MAX or (dialect is not None and len(lines) > dialect.header_line + 3):
            return dialect
        size *= 4


def _head(path: Path, written: FileBytes, size: int) -> tuple[list[str], bool]:
    _, text = open_lines(path, written)
    with text:
        head = text.read(size)
        whole = not text.read(1)
    lines = list(io.StringIO(head, newline=""))
    return (lines if whole or len(lines) < 2 else lines[:-1]), whole


def _dialect(lines: Sequence[str], tabs_expected: bool) -> Dialect | None:
    hint = _HINT.fullmatch(lines[0]) if lines else None
    skipped = 1 if hint else 0
    readings = list(_readings(lines[skipped:], hint[1] if hint else None, tabs_expected))
    best = max(readings, key=lambda reading: reading.score, default=None)
    if best is None or not best.records:
        return None
    header = find_header([record.cells for record in best.records])
    if header is None:
        return None
    header_line, first_line = _header_lines(best.records, header, skipped)
    why = f"delimiter {'given by sep=' if hint else 'by consistent rows'}, quotes {best.quoting}; {header.reason}"
    line_end = _line_end(lines[skipped:], best.records)
    return Dialect(best.delimiter, best.quoting, line_end, header_line, first_line, header.names, why)


def _header_lines(records: Sequence[_Record], header: Header, skipped: int) -> tuple[int, int]:
    if header.index is not None:
        record = records[header.index]
        return record.line + skipped, record.line + record.span + skipped
    first = next(record for record in records if len(record.cells) >= len(header.names))
    return 0, first.line + skipped


def _readings(lines: Sequence[str], given: str | None, tabs_expected: bool) -> Iterator[_Reading]:
    text = "".join(lines)
    for delimiter in (given,) if given else _DELIMITERS:
        if given is None and delimiter != "," and delimiter not in text:
            continue
        plain = _reading(lines, delimiter, "doubled", tabs_expected)
        yield plain
        if '\\"' in text:
            yield _reading(lines, delimiter, "backslash", tabs_expected)
        if f'{delimiter} "' in text:
            yield _reading(lines, delimiter, "spaced", tabs_expected)
        if delimiter in "\t|" and '"' in text and not _any_quoted(lines, delimiter):
            yield _reading(lines, delimiter, "none", tabs_expected)


def _any_quoted(lines: Sequence[str], delimiter: str) -> bool:
    edge = re.escape(delimiter)
    return any(re.search(f'(^|{edge})"[^"]*"({edge}|\r|\n|$)', line) for line in lines)


def _reading(lines: Sequence[str], delimiter: str, quoting: Quoting, tabs_expected: bool) -> _Reading:
    records = list(_records(lines, delimiter, quoting))
    full = [record for record in records if any(record.cells)]
    widths = Counter[int]()
    for record in full:
        widths[len(record.cells)] += record.span
    if not widths:
        return _Reading(delimiter, quoting, records, -1.0)
    width = max(widths, key=lambda number: (widths[number], number))
    share = widths[width] / max(1, sum(1 for line in lines if line.strip()))
    score = share + (0.02 * min(width, 20) if width > 1 else -0.5) - (0.0 if quoting == "doubled" else 0.001)
    score += 0.05 if tabs_expected and delimiter == "\t" else 0.0
    return _Reading(delimiter, quoting, records, score + _header_bonus(full, width, delimiter))


def _header_bonus(records: Sequence[_Record], width: int, delimiter: str) -> float:
    """Names of columns hold no delimiter: a first full row that does was cut at the wrong one."""
    first = next((record.cells for record in records if len(record.cells) == width), None)
    if first is None or width < 2:
        return 0.0
    others = [other for other in _DELIMITERS if other != delimiter]
    clean = sum(1 for cell in first if not any(other in cell for other in others)) / len(first)
    return 0.3 * clean if records[0].cells == first else 0.15 * clean


def _records(lines: Sequence[str], delimiter: str, quoting: Quoting) -> Iterator[_Record]:
    """Records of the head; where a quote runs away, its line is skipped and reading goes on with the next."""
    start = 0
    while start < len(lines):
        used = 0

        def feed(begin: int = start) -> Iterator[str]:
            nonlocal used
            for line in lines[begin:]:
                used += 1
                yield line

        before = 0
        try:
            for cells in parser(feed(), delimiter, quoting):
                yield _Record(start + before + 1, used - before, cells)
                before = used
            return
        except csv.Error:
            start += before + 1


def _line_end(lines: Sequence[str], records: Sequence[_Record]) -> str:
    """How records end; line ends inside quoted cells do not count."""
    lasts = [lines[record.line + record.span - 2] for record in records]
    ends = Counter(match.group() for line in lasts for match in [_LINE_END.search(line[-2:])] if match)
    names = [_LINE_END_NAMES[end] for end, _ in ends.most_common()]
    return "LF" if not names else names[0] if len(names) == 1 else "mixed"

"""Reading a file of delimited text as batches of rows with their physical lines, damage set apart (A1)."""

import csv
import gc
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa

from crosswalk.kit.tables.dialect import Dialect, open_lines, parser
from crosswalk.kit.tables.encoding import LONE_SURROGATE, FileBytes, shown
from crosswalk.kit.tables.header import column_names
from crosswalk.spi.source import DamagedRow, RawBatch

BATCH_ROWS = 20_000
BATCH_BYTES = 1 << 24
_LOOK = 256
"""Rows between two looks at how many bytes a batch has taken."""

UNCLOSED = "a quote is opened and not closed properly"
UNDECODED = "bytes that are not text in this file's encoding"
REPEATED_HEADER = "repeats the header"


@dataclass(slots=True)
class _Batch:
    """Rows gathered since the last batch."""

    rows: list[list[str]] = field(default_factory=lambda: [])
    lines: list[int] = field(default_factory=lambda: [])
    damaged: list[DamagedRow] = field(default_factory=lambda: [])
    blank: int = 0
    started_at: int = 0


def read_delimited(path: Path, name: str, written: FileBytes, dialect: Dialect) -> Iterator[RawBatch]:
    """All records of a file, in order, as columns `dialect.names` plus `_file` (`name`) and `_line`; about 20,000 rows or
    16 MB at a time.

    Rows with too few or too many cells, with quotes that do not close, with undecodable bytes or repeating the header are
    damaged; after a quote that runs on, reading starts again on the next physical line, so that only the guilty row is lost.
    """
    yield from _Reader(path, name, written, dialect).batches()


class _Reader:
    """One pass over a file. Lines taken since the record began are `held`; after damage they are given back as `pending`."""

    def __init__(self, path: Path, name: str, written: FileBytes, dialect: Dialect) -> None:
        self.name, self.dialect = name, dialect
        self.binary, self.source = open_lines(path, written)
        self.held: list[str] = []
        self.pending: deque[str] = deque()
        self.line = dialect.first_line
        """The physical line the current record starts on."""
        self.batch = _Batch()
        self.fragments_follow = False
        """The row before was broken by a quote: too short lines now are pieces of it."""

    def batches(self) -> Iterator[RawBatch]:
        with self.source:
            for _ in range(self.dialect.first_line - 1):
                next(self.source, None)
            while True:
                records = parser(self._lines(), self.dialect.delimiter, self.dialect.quoting)
                try:
                    while self._fill_batch(records):
                        yield self._take()
                except csv.Error:
                    self._broken_quote()
                if not self.held and not self.pending and self._at_end():
                    break
            yield self._take()

    def _at_end(self) -> bool:
        following = next(self.source, None)
        if following is None:
            return True
        self.pending.append(following)
        return False

    def _lines(self) -> Iterator[str]:
        hold, pending = self.held.append, self.pending
        while True:
            while pending:
                line = pending.popleft()
                hold(line)
                yield line
            for line in self.source:
                hold(line)
                yield line
                if pending:
                    break
            else:
                return

    def _fill_batch(self, records: Iterator[list[str]]) -> bool:
        """`_fill` without Python's cycle collector, which would go through all the rows again and again (a quarter of the time)."""
        collecting = gc.isenabled()
        gc.disable()
        try:
            return self._fill(records)
        finally:
            if collecting:
                gc.enable()

    def _fill(self, records: Iterator[list[str]]) -> bool:
        """Take records until the batch is full (True) or the reader must be made anew or is at its end (False)."""
        batch, held, width = self.batch, self.held, len(self.dialect.names)
        first_name = self.dialect.names[0]
        rows, lines = batch.rows, batch.lines
        for row in records:
            if len(row) == width and row[0] != first_name and (row[0].strip() or "".join(row).strip()):
                rows.append(row)
                lines.append(self.line)
                self.fragments_follow = False
            elif not self._unusual(row, width):
                return False
            self.line += len(held)
            held.clear()
            if len(rows) % _LOOK == 0 and self._full():
                return True
        return False

    def _full(self) -> bool:
        batch = self.batch
        if max(len(batch.rows), len(batch.damaged)) >= BATCH_ROWS:
            return True
        return self.binary.tell() - batch.started_at > BATCH_BYTES

    def _unusual(self, row: list[str], width: int) -> bool:
        """A blank, repeated-header, overlong or short row; False when it must be split again into its lines."""
        if not any(cell.strip() for cell in row):
            self.batch.blank += 1
            return True
        if len(row) > width and not any(cell.strip() for cell in row[width:]):
            row = row[:width]
        if len(row) == width:
            if column_names(row) == self.dialect.names:
                self._damaged(REPEATED_HEADER)
            else:
                self._keep(row)
            return True
        if len(self.held) > 1 and self._holds_good_lines(width):
            self._broken_quote()
            return False
        self._damaged(f"{len(row)} cells where the header has {width}", fragment=len(row) < width)
        return True

    def _keep(self, row: list[str]) -> None:
        self.batch.rows.append(row)
        self.batch.lines.append(self.line)
        self.fragments_follow = False

    def _holds_good_lines(self, width: int) -> bool:
        """Whether a line after the record's first is a whole row by itself: then the first line's quote swallowed it."""
        for line in self.held[1:]:
            try:
                cells = next(parser([line], self.dialect.delimiter, self.dialect.quoting), None)
            except csv.Error:
                continue
            if cells is not None and len(cells) == width:
                return True
        return False

    def _broken_quote(self) -> None:
        """Set the record's first line apart and give the others back to be read again."""
        self.pending.extendleft(reversed(self.held[1:]))
        del self.held[1:]
        self._damaged(UNCLOSED)
        self.fragments_follow = True
        self.line += len(self.held)
        self.held.clear()

    def _damaged(self, reason: str, fragment: bool = False) -> None:
        raw = shown("".join(self.held)).rstrip("\r\n")
        damaged = self.batch.damaged
        if fragment and self.fragments_follow and damaged and damaged[-1].reason == UNCLOSED:
            before = damaged.pop()
            damaged.append(DamagedRow(before.file, before.line, before.reason, f"{before.raw}\n{raw}"))
            return
        self.fragments_follow = False
        damaged.append(DamagedRow(self.name, self.line, reason, raw))

    def _take(self) -> RawBatch:
        batch, self.batch = self.batch, _Batch(started_at=self.binary.tell())
        rows, lines = batch.rows, batch.lines
        columns = _columns(rows, len(self.dialect.names))
        if columns is None:
            rows, lines, undecoded = _without_undecoded(self.name, self.dialect.delimiter, rows, lines)
            batch.damaged.extend(undecoded)
            batch.damaged.sort(key=lambda item: item.line)
            columns = _columns(rows, len(self.dialect.names)) or []
        return RawBatch(_record_batch(self.dialect.names, columns, self.name, lines), tuple(batch.damaged), batch.blank)


def _columns(rows: Sequence[Sequence[str]], width: int) -> list[Any] | None:
    """The rows' cells by column; None when some cell holds undecodable bytes."""
    if not rows:
        return [pa.array([], pa.string()) for _ in range(width)]
    try:
        return [pa.array(cells, pa.string()) for cells in zip(*rows, strict=True)]
    except UnicodeEncodeError:
        return None


def _without_undecoded(
    name: str, delimiter: str, rows: Sequence[list[str]], lines: Sequence[int]
) -> tuple[list[list[str]], list[int], list[DamagedRow]]:
    kept: list[list[str]] = []
    kept_lines: list[int] = []
    damaged: list[DamagedRow] = []
    for row, line in zip(rows, lines, strict=True):
        if any(LONE_SURROGATE.search(cell) for cell in row):
            damaged.append(DamagedRow(name, line, UNDECODED, shown(delimiter.join(row))))
        else:
            kept.append(row)
            kept_lines.append(line)
    return kept, kept_lines, damaged


def _record_batch(names: Sequence[str], columns: list[Any], file: str, lines: Sequence[int]) -> pa.RecordBatch:
    files = pa.array([file] * len(lines), pa.string())
    return pa.RecordBatch.from_arrays([*columns, files, pa.array(lines, pa.int64())], names=[*names, "_file", "_line"])

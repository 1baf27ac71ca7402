"""Reading the sheets of a workbook (xlsx, xlsm, xlsb, xls, ods) as text, without losing what a cell holds (A1)."""

import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pyarrow as pa
from python_calamine import CalamineError, CalamineSheet, CalamineWorkbook, SheetTypeEnum

from crosswalk.kit.tables.header import column_names, find_header
from crosswalk.spi.source import DamagedRow, RawBatch

SUFFIXES = frozenset({".xlsx", ".xlsm", ".xlsb", ".xls", ".ods"})
_BATCH_ROWS = 10_000
_HEAD_ROWS = 500
_MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
_LINK = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"
_PLACE = re.compile(r"([A-Z]+)(\d+)")


@dataclass(frozen=True, slots=True)
class SheetHead:
    """A sheet's header row (1-based; 0 = none), first row of records, columns' names, and how it was found."""

    sheet: str
    header_line: int
    first_line: int
    names: tuple[str, ...]
    reason: str


class UnreadableWorkbookError(Exception):
    """The workbook is damaged, protected by a password, or no workbook; the message says which, without its content."""


def sheet_names(path: Path) -> list[str]:
    """Its worksheets in order, hidden ones too. Raises UnreadableWorkbookError."""
    with _open(path) as book:
        return [sheet.name for sheet in book.sheets_metadata if sheet.typ == SheetTypeEnum.WorkSheet]


def find_sheet_head(path: Path, sheet: str) -> SheetHead | None:
    """Where a sheet's table begins and how its columns are called; None for an empty sheet."""
    with _open(path) as book:
        rows = [[cell_text(cell) for cell in row] for row in islice(book.get_sheet_by_name(sheet).iter_rows(), _HEAD_ROWS)]
    header = find_header(rows)
    if header is None:
        return None
    if header.index is not None:
        return SheetHead(sheet, header.index + 1, header.index + 2, header.names, header.reason)
    first = next(number for number, row in enumerate(rows, start=1) if any(row))
    return SheetHead(sheet, 0, first, header.names, header.reason)


def read_sheet(path: Path, name: str, head: SheetHead) -> Iterator[RawBatch]:
    """All records of a sheet as text columns plus `_file` (`name`) and `_line` (the row's number), 10,000 rows at a time."""
    with _open(path) as book:
        sheet = book.get_sheet_by_name(head.sheet)
        errors = _error_cells(path, head.sheet, sheet)
        batch = _SheetBatch(name, head)
        for number, row in enumerate(sheet.iter_rows(), start=1):
            if number < head.first_line:
                continue
            cells = [cell_text(cell) for cell in row]
            for column, text in errors.get(number, {}).items():
                cells[column] = text
            batch.add(cells, number)
            if len(batch.rows) >= _BATCH_ROWS:
                yield batch.take()
        yield batch.take()


class _SheetBatch:
    """Rows of one sheet gathered since the last batch."""

    def __init__(self, name: str, head: SheetHead) -> None:
        self.name, self.head = name, head
        self.rows: list[list[str]] = []
        self.lines: list[int] = []
        self.damaged: list[DamagedRow] = []
        self.blank = 0

    def add(self, cells: list[str], number: int) -> None:
        width = len(self.head.names)
        if not any(cell.strip() for cell in cells):
            self.blank += 1
        elif any(cell.strip() for cell in cells[width:]):
            self.damaged.append(DamagedRow(self.name, number, f"cells beyond the header's {width}", "\t".join(cells)))
        elif column_names(cells[:width]) == self.head.names:
            self.damaged.append(DamagedRow(self.name, number, "repeats the header", "\t".join(cells)))
        else:
            self.rows.append(cells[:width])
            self.lines.append(number)

    def take(self) -> RawBatch:
        names = self.head.names
        columns = list(zip(*self.rows, strict=True)) if self.rows else [() for _ in names]
        arrays: list[Any] = [pa.array(column, pa.string()) for column in columns]
        arrays += [pa.array([self.name] * len(self.lines), pa.string()), pa.array(self.lines, pa.int64())]
        batch = RawBatch(pa.RecordBatch.from_arrays(arrays, names=[*names, "_file", "_line"]), tuple(self.damaged), self.blank)
        self.rows, self.lines, self.damaged, self.blank = [], [], [], 0
        return batch


def cell_text(value: Any) -> str:
    """A cell's value as text without loss: whole numbers without `.0`, dates and times ISO, booleans as the sheet shows them.

    >>> cell_text(5.0), cell_text(0.25), cell_text(1e22), cell_text(True), cell_text(datetime(2024, 2, 3, 4, 5))
    ('5', '0.25', '10000000000000000000000', 'TRUE', '2024-02-03T04:05:00')
    """
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else format(Decimal(repr(value)), "f")
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, timedelta):
        hours, rest = divmod(value.total_seconds(), 3600)
        return f"{int(hours):02d}:{int(rest // 60):02d}:{int(rest % 60):02d}"
    return "" if value is None else str(value)


def _open(path: Path) -> CalamineWorkbook:
    try:
        return CalamineWorkbook.from_path(str(path))
    except CalamineError as error:
        reason = "protected by a password" if "assword" in type(error).__name__ + str(error) else "damaged, or not a workbook"
        raise UnreadableWorkbookError(reason) from error


def _error_cells(path: Path, sheet: str, area: CalamineSheet) -> dict[int, dict[int, str]]:
    """Excel's error cells (`#N/A` …) by row and by place in the row: calamine reads them as empty text, so the part is read."""
    if path.suffix.casefold() not in (".xlsx", ".xlsm") or area.start is None:
        return {}
    found: dict[int, dict[int, str]] = {}
    with zipfile.ZipFile(path) as archive:
        part = _sheet_part(archive, sheet)
        if part is None or not _mentions(archive, part, b't="e"'):
            return {}
        with archive.open(part) as stream:
            for _, element in ElementTree.iterparse(stream):
                if element.tag == f"{_MAIN}c" and element.get("t") == "e":
                    row, column = _place(element.get("r", ""))
                    found.setdefault(row, {})[column - area.start[1]] = element.findtext(f"{_MAIN}v", "")
                elif element.tag == f"{_MAIN}row":
                    element.clear()
    return found


def _mentions(archive: zipfile.ZipFile, part: str, words: bytes) -> bool:
    """Whether a part holds these bytes: much quicker to see than to parse it."""
    tail = b""
    with archive.open(part) as stream:
        while block := stream.read(1 << 20):
            if words in tail + block:
                return True
            tail = block[-len(words) :]
    return False


def _sheet_part(archive: zipfile.ZipFile, sheet: str) -> str | None:
    book = ElementTree.fromstring(archive.read("xl/workbook.xml"))
    links = ElementTree.fromstring(archive.read("xl/_rels/workbook.xml.rels"))
    link = next((item.get(_LINK) for item in book.iter(f"{_MAIN}sheet") if item.get("name") == sheet), None)
    target = next((item.get("Target") for item in links if item.get("Id") == link), None)
    if target is None:
        return None
    part = target.lstrip("/") if target.startswith("/") else f"xl/{target}"
    return part if part in archive.namelist() else None


def _place(reference: str) -> tuple[int, int]:
    """Row (1-based) and column (0-based) of a reference.

    >>> _place("AB12")
    (12, 27)
    """
    match = _PLACE.fullmatch(reference)
    if match is None:
        return 0, 0
    column = 0
    for letter in match[1]:
        column = column * 26 + ord(letter) - 64
    return int(match[2]), column - 1

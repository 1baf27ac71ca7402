"""Writes the tables as the sheets of one workbook, row by row in constant memory."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, cast

import xlsxwriter
from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet

from crosswalk_sandbox.services.pulse.clinic.tables import TableSpec

WORKBOOK = "pulse_export.xlsx"
ROWS_MAX = 1_048_576
"""Rows of an Excel sheet (Microsoft, "Excel specifications and limits")."""
CELL_MAX = 32_767
"""Characters of an Excel cell (same page)."""


class SheetFullError(Exception):
    """A sheet cannot take another row."""


class Workbook:
    """An open workbook; its sheets are SheetTables."""

    def __init__(self, folder: Path) -> None:
        self._book = xlsxwriter.Workbook(folder / WORKBOOK, {"constant_memory": True, "strings_to_numbers": False})
        # Without fixed document properties the file would carry the time of its making and differ from run to run.
        self._book.set_properties({"created": datetime(2024, 1, 1)})  # noqa: DTZ001 (a workbook has no zone)
        self._stamp = self._book.add_format({"num_format": "yyyy-mm-dd hh:mm"})

    def table(self, spec: TableSpec) -> "SheetTable":
        """Add a sheet with its header row."""
        return SheetTable(self._book.add_worksheet(spec.stem), spec, self._stamp)

    def close(self) -> None:
        """Write the workbook to disk."""
        self._book.close()


class SheetTable:
    """A sheet being written; rows are numbered from 1 as people see them."""

    def __init__(self, sheet: Worksheet, spec: TableSpec, stamp: Format) -> None:
        self.name = f"{WORKBOOK}#{spec.stem}"
        self._sheet = sheet
        self._stamp = stamp
        self._stamp_columns = {spec.position(field) for field in spec.stamps}
        self._next = 0
        if spec.dialect.preamble is not None:
            self._cells((spec.dialect.preamble,))
        self.header_line = self._cells((*spec.headers, "") if spec.dialect.trailing_column else spec.headers)

    def _cells(self, cells: Sequence[str]) -> int:
        if self._next >= ROWS_MAX:
            raise SheetFullError(f"Sheet {self.name} is full at {ROWS_MAX:,} rows. Make fewer patients, or use --format csv.")
        for column, cell in enumerate(cells):
            if cell:
                self._sheet.write_string(self._next, column, cell)
        self._next += 1
        return self._next

    def row(self, cells: Sequence[str]) -> int:
        """Write one record: stamps as real dates, an Excel error as an error cell, all else as text."""
        plain = ["" if column in self._stamp_columns or cell == "#N/A" else cell for column, cell in enumerate(cells)]
        row = self._cells(plain)
        for column, cell in enumerate(cells):
            if cell == "#N/A":
                # The stub says int, the library takes an error's name and writes an error cell.
                self._sheet.write_formula(row - 1, column, "=NA()", None, cast(Any, "#N/A"))
            elif cell and column in self._stamp_columns:
                self._sheet.write_datetime(row - 1, column, datetime.fromisoformat(cell), self._stamp)
        return row

    def blank_line(self) -> int:
        """Leave one row empty."""
        return self._cells(())

    def close(self) -> None:
        """Nothing to do: the workbook writes its sheets."""

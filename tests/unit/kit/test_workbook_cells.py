"""A1: a workbook's cells arrive as text without loss, with the row numbers a person sees."""

from datetime import date, datetime, time
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter

from crosswalk.kit.tables.workbook import UnreadableWorkbookError, find_sheet_head, read_sheet, sheet_names

CELLS: list[tuple[Any, str]] = [
    (5, "5"),
    (5.25, "5.25"),
    (0.1, "0.1"),
    (1e-7, "0.0000001"),
    (9876543210, "9876543210"),
    (True, "TRUE"),
    (date(2024, 2, 3), "2024-02-03"),
    (datetime(2024, 2, 3, 14, 5, 6), "2024-02-03T14:05:06"),  # noqa: DTZ001
    (time(4, 5, 6), "04:05:06"),
    ("00042", "00042"),
    ("  two\nlines ", "  two\nlines "),
    ("=1+1", "=1+1"),
    ("#N/A", "#N/A"),
]


def _write(path: Path) -> None:
    """A sheet with a title, an empty row, a header from column B, one row per cell, an empty row and a stray cell."""
    with xlsxwriter.Workbook(str(path), {"strings_to_formulas": False, "default_date_format": "dd/mm/yyyy"}) as book:
        sheet: Any = book.add_worksheet("Visits & more")
        formats = {date: "dd/mm/yyyy", datetime: "dd/mm/yyyy hh:mm:ss", time: "hh:mm:ss"}
        made = {kind: book.add_format({"num_format": text}) for kind, text in formats.items()}
        sheet.write(0, 1, "Visits of all branches")
        sheet.write_row(2, 1, ["Id", "Value", "Kind"])
        for number, (value, _) in enumerate(CELLS):
            sheet.write_string(3 + number, 1, f"V{number}")
            if isinstance(value, date | time):
                sheet.write_datetime(3 + number, 2, value, made[type(value)])
            elif value == "#N/A":
                sheet.write_formula(3 + number, 2, "=NA()", None, "#N/A")
            else:
                sheet.write(3 + number, 2, value)
            sheet.write_string(3 + number, 3, "k")
        sheet.write_string(4 + len(CELLS), 1, "last")
        sheet.write_string(4 + len(CELLS), 6, "stray")
        book.add_worksheet("Empty")


def test_cells_and_rows(tmp_path: Path) -> None:
    """Whole numbers without `.0`, ISO dates, error cells verbatim; the stray cell's row is damaged, the empty row counted."""
    path = tmp_path / "export.xlsx"
    _write(path)
    assert sheet_names(path) == ["Visits & more", "Empty"]
    assert find_sheet_head(path, "Empty") is None
    head = find_sheet_head(path, "Visits & more")
    assert head is not None
    assert (head.header_line, head.names[:3]) == (3, ("Id", "Value", "Kind"))
    batches = list(read_sheet(path, "export.xlsx#Visits & more", head))
    rows: list[dict[str, Any]] = [row for batch in batches for row in batch.rows.to_pylist()]
    values, lines = [row["Value"] for row in rows], [row["_line"] for row in rows]
    assert values[: len(CELLS)] == [text for _, text in CELLS]
    assert lines[: len(CELLS)] == list(range(4, 4 + len(CELLS)))
    assert [row.line for batch in batches for row in batch.damaged] + lines[len(CELLS) :] == [5 + len(CELLS)]
    assert sum(batch.blank for batch in batches) == 1


def test_a_file_that_is_no_workbook(tmp_path: Path) -> None:
    """It is refused with a reason that shows nothing of its content."""
    path = tmp_path / "x.xlsx"
    path.write_bytes(b"Asha Rao is no workbook")
    with pytest.raises(UnreadableWorkbookError, match="damaged, or not a workbook"):
        sheet_names(path)

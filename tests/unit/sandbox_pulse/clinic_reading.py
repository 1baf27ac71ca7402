"""Reads a generated export back without any of the generator's code, so that the tests compare two opinions."""

import csv
import io
import json
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import Any

from python_calamine import CalamineWorkbook

DIALECTS: dict[str, tuple[str, str, int]] = {
    "Patient Master.csv": ("utf-8-sig", ",", 1),
    "Doctors & Staff.csv": ("utf-8", ";", 1),
    "Appointments.csv": ("utf-8", ";", 1),
    "e-Prescriptions.csv": ("utf-8", "|", 1),
    "Billing Register.csv": ("utf-8", ",", 2),
    "Insurance Policies.csv": ("utf-8", ",", 1),
    "Insurance Companies.csv": ("utf-8", ",", 1),
    "Visit Register.csv": ("cp1252", ",", 1),
    "Clinical Notes.csv": ("utf-8", ",", 1),
    "Message Log.tsv": ("utf-16", "\t", 1),
    "Campaigns.csv": ("utf-8", ",", 1),
    "Campaign Members.csv": ("utf-8", ";", 1),
    "Registration Forms.csv": ("utf-8", ",", 1),
    "documents.csv": ("utf-8", ",", 1),
}
"""File to encoding, delimiter and the header's line."""

csv.field_size_limit(200_000)


@dataclass(frozen=True)
class Record:
    """One record with the physical line it begins on."""

    line: int
    cells: list[str]


@dataclass(frozen=True)
class Sheet:
    """One table read back."""

    header: list[str]
    records: list[Record]

    def at(self, line: int) -> Record:
        """The record that begins on that line."""
        return next(record for record in self.records if record.line == line)

    def values(self, record: Record) -> dict[str, str]:
        """The record's cells by field."""
        return dict(zip(self.header, record.cells, strict=True))


class Folder:
    """A generated folder: what PLANTED.json says and what the tables hold."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.planted: dict[str, Any] = json.loads((path / "PLANTED.json").read_text(encoding="utf-8"))

    def dirt(self, kind: str) -> list[dict[str, Any]]:
        """The entries of one kind."""
        return [entry for entry in self.planted["dirt"] if entry["kind"] == kind]

    def planted_lines(self, file: str, *expected: str) -> set[int]:
        """The lines of a file that are listed with one of these expectations."""
        return {entry["line"] for entry in self.planted["dirt"] if entry["file"] == file and entry["expect"] in expected}

    def listed(self, file: str, field: str) -> set[int]:
        """The lines of a file on which something about this field is listed as a finding."""
        entries = self.planted["dirt"]
        return {e["line"] for e in entries if e["file"] == file and e["field"] == field and e["expect"] == "finding"}

    def text(self, name: str) -> str:
        """A text file, decoded."""
        return (self.path / name).read_bytes().decode(DIALECTS[name][0])

    def lines(self, name: str) -> list[str]:
        """The physical lines of a text file, line ends kept."""
        return io.StringIO(self.text(name), newline="\n").readlines()

    @cached_property
    def sheets(self) -> dict[str, Sheet]:
        """Every table by the name PLANTED.json gives it."""
        if self.planted["format"] == "xlsx":
            return _workbook(self.path / "pulse_export.xlsx")
        return {name: self._delimited(name) for name in DIALECTS}

    def sheet(self, object_name: str) -> tuple[str, Sheet]:
        """The file and table of an object."""
        name = self.planted["files"][object_name]
        return name, self.sheets[name]

    def good(self, object_name: str) -> list[tuple[int, dict[str, str]]]:
        """Line and cells of the distinct records: neither folded, damaged nor blank."""
        name, sheet = self.sheet(object_name)
        gone = self.planted_lines(name, "folded", "quarantined", "excluded")
        return [(record.line, sheet.values(record)) for record in sheet.records if record.line not in gone and any(record.cells)]

    def _delimited(self, name: str) -> Sheet:
        _, delimiter, header_line = DIALECTS[name]
        lines = self.lines(name)
        reader = csv.reader(lines, delimiter=delimiter)
        records: list[Record] = []
        header: list[str] = []
        while True:
            start = reader.line_num + 1
            cells = next(reader, None)
            if cells is None:
                break
            if start == header_line:
                header = [cell.strip() for cell in cells]
            elif start > header_line:
                records.append(Record(start, cells))
        return Sheet(header, records)


def _workbook(path: Path) -> dict[str, Sheet]:
    book = CalamineWorkbook.from_path(str(path))
    sheets: dict[str, Sheet] = {}
    for sheet in book.sheet_names:
        rows = [[str(cell) for cell in row] for row in book.get_sheet_by_name(sheet).to_python(skip_empty_area=False)]
        at = next(place for place, row in enumerate(rows) if row[1] != "")
        records = [Record(place + 1, row) for place, row in enumerate(rows) if place > at]
        sheets[f"{path.name}#{sheet}"] = Sheet([cell.strip() for cell in rows[at]], records)
    return sheets


def rupees(text: str) -> Decimal:
    """An amount as the clinic types it: signs and commas ignored, brackets negative."""
    digits = "".join(sign for sign in text.replace("Rs.", "").replace("/-", "") if sign in "0123456789.-")
    return -Decimal(digits) if text.startswith("(") else Decimal(digits)

"""PLANTED.json tells the truth: each kind of dirt is there, and it sits where the list says."""

import re
import zipfile
from collections.abc import Callable
from typing import Any

import pytest
from clinic_reading import DIALECTS, Folder

Values = dict[str, str]

CELLS: dict[str, Callable[[str], bool]] = {
    "impossible_date": lambda cell: cell.startswith("31/02/") and len(cell) == 10,
    "two_digit_year": lambda cell: len(cell) == 8 and cell.count("/") == 2,
    "phone_too_short": lambda cell: cell.isdigit() and len(cell) < 10,
    "phone_letters": lambda cell: any(sign.isalpha() for sign in cell),
    "phone_two_in_one": lambda cell: " / " in cell and sum(sign.isdigit() for sign in cell) == 20,
    "phone_plus91": lambda cell: cell.startswith("+91"),
    "phone_zero_prefix": lambda cell: cell.startswith("0") and len(cell) == 11,
    "phone_spaced": lambda cell: len(cell) == 11 and cell[5] == " ",
    "phone_missing": lambda cell: cell == "",
    "email_invalid": lambda cell: cell.count("@") == 2,
    "email_missing": lambda cell: cell == "",
    "name_zero_width": lambda cell: "\u200b" in cell,
    "name_nbsp": lambda cell: "\u00a0" in cell,
    "name_title": lambda cell: cell.split()[0].rstrip(".") in {"Smt", "Kum", "Dr", "Shri", "Mr", "Miss", "Baby", "Master"},
    "name_one_word": lambda cell: len(cell.split()) == 1,
    "name_devanagari": lambda cell: "\u0900" <= cell[0] <= "\u097f",
    "name_tamil": lambda cell: "\u0b80" <= cell[0] <= "\u0bff",
    "pin_leading_zero": lambda cell: cell.startswith("0") and len(cell) == 6,
    "blood_group_spelling": lambda cell: cell not in {"O+", "B+", "A+", "AB+", "O-", "B-", "A-", "AB-"},
    "gender_spelling": lambda cell: cell not in {"Female", "Male", "Other"},
    "status_unknown": lambda cell: cell == "Rescheduled??",
    "nul_character": lambda cell: "\x00" in cell,
    "excel_error": lambda cell: cell == "#N/A",
    "policy_blank_number": lambda cell: cell == "",
    "message_without_text": lambda cell: cell == "",
    "code_leading_zero": lambda cell: cell.startswith("0"),
    "quoted_newline": lambda cell: "\n" in cell,
    "ambiguous_date": lambda cell: cell[2] == "/" and cell[:2] <= "12" and cell[3:5] <= "12" and cell[:2] != cell[3:5],
    "amount_negative": lambda cell: cell.startswith(("-", "(")),
    "amount_brackets": lambda cell: cell.startswith("(") and cell.endswith(")"),
    "amount_lakh_grouping": lambda cell: cell.count(",") == 2,
    "amount_currency_sign": lambda cell: cell.startswith(("₹", "Rs.")),
}
"""Kinds that one cell shows by itself."""
SHOWN_BY_NOTHING = {"phone_missing", "email_missing", "policy_blank_number", "message_without_text"}
"""Kinds whose cell is empty."""

BYTES: dict[str, Callable[[bytes], bool]] = {
    "encoding_utf8_bom": lambda data: data.startswith(b"\xef\xbb\xbf") and "सुनीता".encode()[:3] in data,
    "encoding_cp1252": lambda data: b"M\xe9ni\xe8re\x92s" in data,
    "encoding_utf16le_bom": lambda data: data.startswith(b"\xff\xfe"),
    "line_end_crlf": lambda data: b"\r\n" in data or "\r\n".encode("utf-16-le") in data,
    "delimiter_semicolon": lambda data: data.split(b"\n")[0].count(b";") >= 2,
    "delimiter_pipe": lambda data: data.split(b"\n")[0].count(b"|") >= 2,
    "delimiter_tab": lambda data: data[:200].count(b"\t") >= 2,
    "header_trailing_empty_column": lambda data: all(line.endswith(b";") for line in data.split(b"\r\n") if line),
    "header_stray_spaces": lambda data: b", Record Type," in data,
    "header_case": lambda data: b"SEX" in data and b"state" in data,
    "preamble_line": lambda data: b"," not in data.split(b"\n")[0],
}
"""Kinds that a whole file shows."""

ROWS = {
    "too_few_cells", "too_many_cells", "unclosed_quote", "duplicate_row", "duplicate_id_differs", "orphan_appointment",
    "orphan_bill", "blank_line", "blank_cells", "long_cell", "document_missing", "document_empty", "email_shared",
    "duplicate_person", "doctor_email_shared",
}  # fmt: skip
"""Kinds with a test of their own below or in test_clinic_rest.py."""


def test_every_kind_is_planted_and_none_is_unknown(clinic: Folder) -> None:
    """The kinds in the list are exactly the kinds these tests know how to recognise."""
    assert {entry["kind"] for entry in clinic.planted["dirt"]} == CELLS.keys() | BYTES.keys() | ROWS


@pytest.mark.parametrize("kind", sorted(CELLS))
def test_a_listed_cell_shows_its_dirt(clinic: Folder, kind: str) -> None:
    """The record that begins on the listed line has, in the listed field, what the list says."""
    for entry in clinic.dirt(kind):
        sheet = clinic.sheets[entry["file"]]
        assert CELLS[kind](sheet.values(sheet.at(entry["line"]))[entry["field"]]), entry


@pytest.mark.parametrize("kind", sorted(CELLS))
def test_the_count_of_an_everyday_variation_is_exact(clinic: Folder, kind: str) -> None:
    """As many distinct records show a variation as its entry counts, and the listed line is the first of them."""
    for entry in clinic.dirt(kind):
        name = next(key for key, file in clinic.planted["files"].items() if file == entry["file"])
        cells = [(line, values[entry["field"]]) for line, values in clinic.good(name) if _counts(kind, name, values)]
        lines = [line for line, cell in cells if (cell or kind in SHOWN_BY_NOTHING) and CELLS[kind](cell)]
        assert (len(lines), lines[0]) == (entry["count"], entry["line"]), entry


def _counts(kind: str, name: str, values: Values) -> bool:
    """Clinics share the patient file but not the patients' habits; only their dates count."""
    return name != "patients" or values["Record Type"] == "Patient" or kind == "ambiguous_date"


def test_a_listed_file_shows_its_dialect(clinic: Folder) -> None:
    """The bytes of each listed file show the encoding, delimiter, line end or header that the list names."""
    for kind, shows in BYTES.items():
        for entry in clinic.dirt(kind):
            assert shows((clinic.path / entry["file"]).read_bytes()), entry


def test_no_file_has_an_unlisted_dialect(clinic: Folder) -> None:
    """A file without an entry for its encoding, delimiter or line end is UTF-8 with commas and line feeds."""
    kinds: dict[str, set[str]] = {name: set() for name in DIALECTS}
    for entry in clinic.planted["dirt"]:
        kinds[entry["file"]].add(entry["kind"].split("_")[0])
    for name, (encoding, delimiter, _) in DIALECTS.items():
        data = (clinic.path / name).read_bytes()
        assert ("encoding" in kinds[name]) == (encoding != "utf-8")
        assert ("delimiter" in kinds[name]) == (delimiter != ",")
        assert ("line" in kinds[name]) == (b"\r" in data)


def test_damaged_rows_have_the_wrong_number_of_cells(clinic: Folder) -> None:
    """Rows with too few or too many cells are exactly the listed ones."""
    for name, sheet in clinic.sheets.items():
        width = len(sheet.header)
        wrong = {record.line: len(record.cells) for record in sheet.records if len(record.cells) not in (0, width)}
        few = {entry["line"] for entry in clinic.dirt("too_few_cells") if entry["file"] == name}
        many = {entry["line"] for entry in clinic.dirt("too_many_cells") if entry["file"] == name}
        assert {line for line, cells in wrong.items() if cells < width} == few
        assert {line for line, cells in wrong.items() if cells > width} == many


def test_the_unclosed_quote_is_the_end_of_its_file(clinic: Folder) -> None:
    """The last physical line opens a quote and neither closes it nor ends."""
    (entry,) = clinic.dirt("unclosed_quote")
    lines = clinic.lines(entry["file"])
    assert entry["line"] == len(lines)
    assert lines[-1].count('"') == 1
    assert not lines[-1].endswith("\n")


@pytest.mark.parametrize(("kind", "content"), [("blank_line", "\n"), ("blank_cells", ";;\n")])
def test_a_blank_row_is_blank(clinic: Folder, kind: str, content: str) -> None:
    """The listed physical line holds nothing, or delimiters only; no other line does."""
    (entry,) = clinic.dirt(kind)
    lines = clinic.lines(entry["file"])
    assert [number for number, line in enumerate(lines, start=1) if line == content] == [entry["line"]]


def test_the_long_cell_has_its_length(clinic: Folder, workbook: Folder) -> None:
    """A note of exactly 100,000 characters in the text file, of 32,767 in the workbook."""
    for folder, length in ((clinic, 100_000), (workbook, 32_767)):
        (entry,) = folder.dirt("long_cell")
        sheet = folder.sheets[entry["file"]]
        assert len(sheet.values(sheet.at(entry["line"]))["Note"]) == length


def test_a_folded_row_repeats_an_earlier_key(clinic: Folder) -> None:
    """A duplicate row equals an earlier one; a duplicate id differs in the listed field and was updated earlier."""
    for entry in clinic.dirt("duplicate_row") + clinic.dirt("duplicate_id_differs"):
        sheet = clinic.sheets[entry["file"]]
        copy = sheet.values(sheet.at(entry["line"]))
        (first,) = [r for r in sheet.records if r.cells and r.cells[0] == entry["key"] and r.line != entry["line"]]
        original = sheet.values(first)
        assert first.line < entry["line"]
        differing = {field for field in copy if copy[field] != original[field]}
        assert differing == (set() if entry["field"] is None else {entry["field"], "Last Updated"})
        if differing:
            assert _stamp(copy["Last Updated"]) < _stamp(original["Last Updated"])


def _stamp(text: str) -> Any:
    return text[6:10], text[3:5], text[:2], text[11:]


def test_the_workbook_has_the_same_dirt_as_far_as_cells_go(clinic: Folder, workbook: Folder) -> None:
    """A workbook has no encodings, delimiters, damaged lines or NUL; everything else is planted in it too."""
    text_only = {kind for kind in BYTES if not kind.startswith(("header_s", "header_c", "preamble"))}
    text_only |= {"too_few_cells", "too_many_cells", "unclosed_quote", "blank_cells", "nul_character"}
    assert {e["kind"] for e in workbook.planted["dirt"]} == {e["kind"] for e in clinic.planted["dirt"]} - text_only
    for entry in workbook.planted["dirt"]:
        if entry["kind"] in CELLS and entry["kind"] != "excel_error":
            sheet = workbook.sheets[entry["file"]]
            assert CELLS[entry["kind"]](sheet.values(sheet.at(entry["line"]))[entry["field"]]), entry


def test_the_workbook_holds_a_true_error_cell(workbook: Folder) -> None:
    """The listed cell is of Excel's error type. (python-calamine 0.6 reads it as an empty text, so the XML is asked.)"""
    (entry,) = workbook.dirt("excel_error")
    place = list(workbook.sheets).index(entry["file"]) + 1
    with zipfile.ZipFile(workbook.path / "pulse_export.xlsx") as archive:
        xml = archive.read(f"xl/worksheets/sheet{place}.xml").decode()
    column = "ABCDEFGHI"[workbook.sheets[entry["file"]].header.index(entry["field"])]
    found = re.findall(r'<c r="([A-Z]+\d+)"[^>]* t="e"[^>]*><f>NA\(\)</f><v>#N/A</v>', xml)
    assert found == [f"{column}{entry['line']}"]

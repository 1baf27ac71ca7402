"""A1: whatever table is written with csv, in whatever dialect and encoding, is read back cell for cell with its lines."""

import csv
import io
import tempfile
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from table_reading import read_bytes

ENCODINGS = {
    "utf-8": "utf-8",
    "utf-8-sig": "utf-8",
    "utf-16": "utf-16-le",
    "utf-16-le": "utf-16-le",
    "utf-16-be": "utf-16-be",
    "utf-32": "utf-32-le",
}
NAMES: tuple[str, ...] = ("Patient ID", "Name", "Visit Date", "Remarks", "Amount", "City")
TEXT = st.text(st.characters(exclude_categories=("Cs",)), max_size=12) | st.text(",;|\t\"'\n\r ab1", max_size=8)


@st.composite
def tables(draw: st.DrawFn) -> tuple[list[str], list[list[str]]]:
    """Two to six named columns and up to eight rows; no row is blank or repeats the header."""
    width = draw(st.integers(2, len(NAMES)))
    names = list(NAMES[:width])
    row = st.lists(TEXT, min_size=width, max_size=width).filter(lambda cells: any(cell.strip() for cell in cells))
    return names, draw(st.lists(row.filter(lambda cells: [cell.strip() for cell in cells] != names), max_size=8))


@given(
    table=tables(),
    delimiter=st.sampled_from(",;\t|"),
    line_end=st.sampled_from(["\n", "\r\n", "\r"]),
    encoding=st.sampled_from(sorted(ENCODINGS)),
)
def test_written_by_csv_is_read_back(
    table: tuple[list[str], list[list[str]]], delimiter: str, line_end: str, encoding: str
) -> None:
    """Cells verbatim, and the physical line each record starts on."""
    names, rows = table
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=delimiter, lineterminator=line_end, quoting=csv.QUOTE_ALL)
    expected: list[list[int | str]] = []
    writer.writerow(names)
    for row in rows:
        expected.append([_lines(text.getvalue()) + 1, *row])
        writer.writerow(row)
    with tempfile.TemporaryDirectory() as folder:
        reading = read_bytes(Path(folder), text.getvalue().encode(encoding))
    assert reading.written.encoding == ENCODINGS[encoding]
    assert reading.dialect.names == tuple(names)
    assert reading.dialect.delimiter == delimiter
    assert reading.rows == expected
    assert reading.damaged == []


@given(table=tables(), guilty=st.integers(0, 7), broken=st.sampled_from(['x,"y', "x", "a,b,c,d,e,f,g,h", 'x,"y"z']))
def test_one_damaged_line_costs_one_row(table: tuple[list[str], list[list[str]]], guilty: int, broken: str) -> None:
    """Between rows without quotes, a broken line is quarantined alone and every other row arrives."""
    names, rows = table
    plain = [["".join(letter for letter in cell if letter.isalnum()) or "x" for cell in row] for row in rows]
    lines = [",".join(row) for row in [list(names), *plain, *([["p"] * len(names)] * 3)]]
    place = min(guilty, len(plain)) + 1
    lines.insert(place, broken)
    with tempfile.TemporaryDirectory() as folder:
        reading = read_bytes(Path(folder), "\n".join([*lines, ""]).encode())
    assert [row.line for row in reading.damaged] == [place + 1]
    assert [row[1:] for row in reading.rows] == [line.split(",") for number, line in enumerate(lines) if number not in (0, place)]


def _lines(text: str) -> int:
    return len(io.StringIO(text, newline="").readlines())

"""A1: the encoding is found from the bytes: mark, strict UTF-8, then a code page."""

from pathlib import Path

import pytest
from table_reading import read_bytes

WESTERN = "Id,Name\n1,José Müller\n2,Zoë d’Arc – “x”\n3,Ådne\n"
CYRILLIC = "Id,Name\n1,Иван Петров\n2,Мария Сидорова\n3,Алексей Смирнов\n"


@pytest.mark.parametrize(
    ("text", "written_as", "found"),
    [
        (WESTERN, "utf-8", "utf-8"),
        (WESTERN, "utf-8-sig", "utf-8"),
        (WESTERN, "utf-16", "utf-16-le"),
        (WESTERN, "utf-16-be", "utf-16-be"),
        (WESTERN, "cp1252", "cp1252"),
        (CYRILLIC, "utf-16-le", "utf-16-le"),
        (CYRILLIC, "cp1251", "cp1251"),
        ("Id,Name\n1,Rao\n", "ascii", "utf-8"),
    ],
)
def test_encoding(text: str, written_as: str, found: str, tmp_path: Path) -> None:
    """Every letter arrives, whatever it was written in."""
    reading = read_bytes(tmp_path, text.encode(written_as))
    assert reading.written.encoding == found
    assert [row[2] for row in reading.rows] == [line.split(",")[1] for line in text.splitlines()[1:]]


def test_two_encodings_in_one_file(tmp_path: Path) -> None:
    """Where neither clearly prevails, every row is read and the doubt is said."""
    reading = read_bytes(tmp_path, b"Id,Name\n1,Jos\xe9\n2,M\xfcller\n3,Ren\xc3\xa9e\n")
    assert (reading.written.encoding, len(reading.rows)) == ("cp1252", 3)
    assert "1 of 3 lines" in reading.written.reason


def test_a_cut_utf16_file(tmp_path: Path) -> None:
    """Half a character at the end damages the last row only."""
    reading = read_bytes(tmp_path, "Id,Name\n1,Asha\n2,Ravi".encode("utf-16") + b"\x41")
    assert [row[1:] for row in reading.rows] == [["1", "Asha"]]
    assert [row.line for row in reading.damaged] == [3]


def test_long_cells_and_long_files(tmp_path: Path) -> None:
    """A cell of 100,000 characters, and more rows than one batch and than the head that the dialect is found from."""
    lines = ["Id;Note", f"0;{'x' * 100_000}", *(f"{number};n{number}" for number in range(1, 45_000))]
    reading = read_bytes(tmp_path, "\n".join(lines).encode())
    assert len(reading.rows) == 45_000
    assert len(str(reading.rows[0][2])) == 100_000
    assert reading.rows[-1] == [45_001, "44999", "n44999"]


def test_a_quote_that_runs_on_over_batches(tmp_path: Path) -> None:
    """An unclosed quote far before the end of the file costs its own row, not the tens of thousands after it."""
    lines = ["Id,Note", *(f"{number},n" for number in range(30_000))]
    lines[100] = '99,"n'
    reading = read_bytes(tmp_path, "\n".join(lines).encode())
    assert len(reading.rows) == 29_999
    assert [row.line for row in reading.damaged] == [101]

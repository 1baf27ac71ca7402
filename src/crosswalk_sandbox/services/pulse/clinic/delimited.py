"""Writes one table as a delimited text file, counting physical lines as it goes."""

import csv
from collections.abc import Sequence
from pathlib import Path

from crosswalk_sandbox.services.pulse.clinic.tables import TableSpec

_CODECS = {"utf-16-le-bom": "utf-16-le"}


class DelimitedTable:
    """An open text file. Each writing method answers with the physical line (from 1) on which what it wrote begins.

    A line ends at a line feed, so a quoted cell of three lines takes three lines. Nothing is held in memory.
    """

    def __init__(self, folder: Path, spec: TableSpec) -> None:
        dialect = spec.dialect
        self.name = spec.file
        self._dialect = dialect
        self._line = 1
        codec = _CODECS.get(dialect.encoding, dialect.encoding)
        self._file = (folder / spec.file).open("w", encoding=codec, newline="")
        if dialect.encoding == "utf-16-le-bom":
            self._file.write("\ufeff")
        if dialect.preamble is not None:
            self.raw(dialect.preamble + dialect.line_end)
        self._writer = csv.writer(self._file, delimiter=dialect.delimiter, lineterminator=dialect.line_end)
        self.header_line = self.row(spec.headers)

    def row(self, cells: Sequence[str]) -> int:
        """Write one record, whatever its number of cells."""
        line = self._line
        self._writer.writerow([*cells, ""] if self._dialect.trailing_column else cells)
        self._line += 1 + "".join(cells).count("\n")
        return line

    def raw(self, text: str) -> int:
        """Write text as it is, line end included or not."""
        line = self._line
        self._file.write(text)
        self._line += text.count("\n")
        return line

    def blank_line(self) -> int:
        """Write a line with nothing on it."""
        return self.raw(self._dialect.line_end)

    def unclosed(self, cells: Sequence[str]) -> int:
        """Write a last record whose last cell opens a quote and never closes it, without a line end."""
        return self.raw(self._dialect.delimiter.join([*cells[:-1], '"' + cells[-1]]))

    def close(self) -> None:
        """Close the file."""
        self._file.close()

"""Reading a table the way the connectors do, for the tests of this room."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from crosswalk.kit.tables.delimited import read_delimited
from crosswalk.kit.tables.dialect import Dialect, find_dialect
from crosswalk.kit.tables.encoding import FileBytes, inspect_bytes
from crosswalk.spi.source import DamagedRow


@dataclass(frozen=True, slots=True)
class Reading:
    """A file read: rows as [line, cells …]."""

    written: FileBytes
    dialect: Dialect
    rows: list[list[int | str]]
    damaged: list[DamagedRow]
    blank: int


def read_bytes(folder: Path, content: bytes, name: str = "table.csv") -> Reading:
    """Write the bytes to a file and read it with the dialect found."""
    path = folder / name
    path.write_bytes(content)
    written = inspect_bytes(path)
    dialect = find_dialect(path, written)
    assert dialect is not None
    rows: list[list[int | str]] = []
    damaged: list[DamagedRow] = []
    blank = 0
    for batch in read_delimited(path, name, written, dialect):
        columns: list[Any] = [batch.rows.column(column).to_pylist() for column in ("_line", *dialect.names)]
        rows += [list(row) for row in zip(*columns, strict=True)]
        damaged += batch.damaged
        blank += batch.blank
    return Reading(written, dialect, rows, damaged, blank)

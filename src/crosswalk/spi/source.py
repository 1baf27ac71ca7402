"""What a source platform must offer."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import pyarrow as pa

from crosswalk.model.source_schema import SourceSchema


@dataclass(frozen=True, slots=True)
class DamagedRow:
    """A row that cannot be read as a record: quarantined, never dropped (A1). `raw` is its text, kept in the workspace only."""

    file: str
    line: int
    reason: str
    raw: str


@dataclass(frozen=True, slots=True)
class RawBatch:
    """Rows of one file, verbatim: every column is text (`pa.string()`, null = the cell does not exist), plus `_file` and
    `_line` (int64, the physical line the row starts on; the row number for a sheet)."""

    rows: pa.RecordBatch
    damaged: tuple[DamagedRow, ...] = ()
    blank: int = 0
    """Lines that hold nothing at all: skipped, but counted."""


class Source(Protocol):
    """A place records are read from. Sync: files; network sources page inside their iterator."""

    def discover(self) -> SourceSchema:
        """Which objects there are. Raises UnreachableError when the location cannot be read."""
        ...

    def read(self, schema: SourceSchema, object_name: str) -> Iterator[RawBatch]:
        """All rows of an object in source order, in batches of bounded size."""
        ...

    def attachment(self, name: str) -> Path | None:
        """The exported file of that name (a document's), or None when the export does not hold it."""
        ...

"""Read-back files: an object's rows as the destination held them at one moment, one Parquet each."""

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pyarrow as pa
import pyarrow.parquet as pq

from crosswalk.store.files import make_folder, open_bytes

READ_BACK = pa.schema(
    [
        ("id", pa.string()),
        ("values", pa.string()),
        ("deleted", pa.bool_()),
        ("created_by_kind", pa.string()),
        ("created_by_name", pa.string()),
        ("marker", pa.string()),
        ("updated_by_kind", pa.string()),
        ("updated_by_name", pa.string()),
        ("created_at", pa.string()),
        ("updated_at", pa.string()),
        ("fingerprint", pa.string()),
    ]
)
"""`values` is the canonical values as JSON (leaf path → value, nothing left out as null); `fingerprint` the SHA-256 of the
row's state without what the platform itself keeps."""
_GROUP_ROWS = 5_000


def read_back_path(folder: Path, object_name: str) -> Path:
    """Where an object's read-back lies in a folder."""
    return folder / f"{quote(object_name, safe='')}.parquet"


@dataclass(slots=True)
class ParquetRows:
    """Collects rows (as tuples in the schema's order) into row groups of one Parquet file."""

    writer: pq.ParquetWriter
    schema: pa.Schema
    waiting: list[tuple[Any, ...]] = field(default_factory=lambda: [])

    def add(self, rows: Sequence[tuple[Any, ...]]) -> None:
        """Append rows."""
        self.waiting.extend(rows)
        if len(self.waiting) >= _GROUP_ROWS:
            self.flush()

    def flush(self) -> None:
        """Write what waits."""
        cells = {name: [row[number] for row in self.waiting] for number, name in enumerate(self.schema.names)}
        self.writer.write_table(pa.Table.from_pydict(cells, schema=self.schema))
        self.waiting.clear()


@contextmanager
def parquet_rows(path: Path, schema: pa.Schema) -> Generator[ParquetRows, None, None]:
    """A new Parquet file, in place only once it is complete."""
    make_folder(path.parent)
    part = path.with_name(path.name + ".part")
    with open_bytes(part, "wb") as file, pq.ParquetWriter(file, schema, compression="zstd") as writer:
        rows = ParquetRows(writer, schema)
        yield rows
        rows.flush()
    part.replace(path)

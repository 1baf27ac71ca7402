"""Writing extracted rows to Parquet in flat memory."""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from crosswalk.model.source_schema import SourceObject
from crosswalk.spi.source import DamagedRow, RawBatch
from crosswalk.stages._extract_keys import key_sql
from crosswalk.store.files import open_bytes

_GROUP_ROWS = 100_000
_GROUP_BYTES = 1 << 26
QUARANTINE = pa.schema(
    [("object", pa.string()), ("file", pa.string()), ("line", pa.int64()), ("reason", pa.string()), ("raw", pa.string())]
)
FILES = pa.schema([("name", pa.string()), ("path", pa.string()), ("size", pa.int64()), ("sha256", pa.string())])


class ParquetFile:
    """A Parquet file being written: batches are gathered into row groups of about 100,000 rows or 64 MB."""

    def __init__(self, path: Path, schema: pa.Schema) -> None:
        self.schema = schema
        self._path, self._part = path, path.with_name(f".{path.name}.part")
        self._sink = open_bytes(self._part, "wb")
        self._writer = pq.ParquetWriter(self._sink, schema, compression="zstd")
        self._waiting: list[pa.RecordBatch] = []
        self._rows = self._bytes = 0

    def write(self, batch: pa.RecordBatch) -> None:
        """Add rows of exactly the file's schema."""
        self._waiting.append(batch)
        self._rows += batch.num_rows
        self._bytes += batch.nbytes
        if self._rows >= _GROUP_ROWS or self._bytes >= _GROUP_BYTES:
            self._flush()

    def close(self) -> str:
        """Finish the file under its name and answer its SHA-256."""
        self._flush()
        self._writer.close()
        self._sink.close()
        self._part.replace(self._path)
        return file_digest(self._path)

    def _flush(self) -> None:
        if self._waiting:
            self._writer.write_table(pa.Table.from_batches(self._waiting, self.schema))
        self._waiting, self._rows, self._bytes = [], 0, 0


@dataclass(slots=True)
class Counts:
    """Rows read of one object."""

    read: int = 0
    damaged: int = 0
    blank: int = 0


def file_digest(path: Path) -> str:
    """The SHA-256 (hex) of a file's bytes."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def record_batch(rows: Iterable[Sequence[Any]], schema: pa.Schema) -> pa.RecordBatch:
    """Rows, at least one, as a batch of that schema."""
    names = schema.names
    return pa.RecordBatch.from_pylist([dict(zip(names, row, strict=True)) for row in rows], schema=schema)


def raw_schema(item: SourceObject) -> pa.Schema:
    """The columns of an object's raw Parquet, in order."""
    texts = [(field.name, pa.string()) for field in item.fields]
    ours = [("_file", pa.string()), ("_line", pa.int64()), ("_row", pa.int64()), ("_key", pa.string()), ("_state", pa.string())]
    return pa.schema([*texts, *ours, ("_folded_into", pa.int64())])


def write_rows(
    item: SourceObject,
    batches: Iterable[RawBatch],
    file: ParquetFile,
    quarantine: ParquetFile,
    connection: duckdb.DuckDBPyConnection,
    progress: Callable[[str, int], None],
) -> Counts:
    """Write all rows as staged, with their order and their key before occurrences are numbered; set the damaged ones apart."""
    counts = Counts()
    for batch in batches:
        if batch.rows.num_rows:
            file.write(_numbered(item, batch.rows, counts.read + 1, file.schema, connection))
        counts.read += batch.rows.num_rows
        counts.blank += batch.blank
        counts.damaged += len(batch.damaged)
        if batch.damaged:
            quarantine.write(_damaged(item.name, batch.damaged))
        progress(item.name, counts.read)
    return counts


def _numbered(
    item: SourceObject, rows: pa.RecordBatch, first: int, schema: pa.Schema, connection: duckdb.DuckDBPyConnection
) -> pa.RecordBatch:
    count = rows.num_rows
    order = pa.array(range(first, first + count), pa.int64())
    columns: list[Any] = [*rows.columns]
    keyed = pa.Table.from_arrays([*columns, order], names=[*rows.schema.names, "_row"])
    connection.register("_extracted", keyed)
    keys = connection.sql(f"SELECT {key_sql(item)} AS _key FROM _extracted ORDER BY _row").to_arrow_table()
    connection.unregister("_extracted")
    ours: list[Any] = [order, keys.column("_key").combine_chunks().cast(pa.string()), pa.array(["staged"] * count, pa.string())]
    return pa.RecordBatch.from_arrays([*columns, *ours, pa.nulls(count, pa.int64())], schema=schema)


def _damaged(object_name: str, rows: Iterable[DamagedRow]) -> pa.RecordBatch:
    return record_batch([(object_name, row.file, row.line, row.reason, row.raw) for row in rows], QUARANTINE)

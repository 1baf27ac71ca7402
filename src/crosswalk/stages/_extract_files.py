"""The files that records name (documents): which the export holds, how big they are, and their digests."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import duckdb

from crosswalk.model.source_schema import SourceSchema
from crosswalk.stages._extract_write import FILES, ParquetFile, file_digest, record_batch
from crosswalk.store.sql import quoted, staged_rows

_BATCH = 5_000


def write_files(
    schema: SourceSchema, folder: Path, connection: duckdb.DuckDBPyConnection, attachment: Callable[[str], Path | None]
) -> int:
    """Write `_files.parquet`, one row per distinct name (trimmed) in a column with a `….file` concept; answers how many."""
    location = Path(schema.location)
    root = location if location.is_dir() else location.parent
    file, count = ParquetFile(folder / "_files.parquet", FILES), 0
    for names in _names(schema, folder, connection):
        file.write(record_batch([_described(name, attachment(name), root) for name in names], FILES))
        count += len(names)
    file.close()
    return count


def _names(schema: SourceSchema, folder: Path, connection: duckdb.DuckDBPyConnection) -> Iterator[Sequence[str]]:
    selects = [
        f"SELECT trim({quoted(field.name)}) AS name FROM {staged_rows(folder, item.name)}"
        for item in schema.objects
        for field in item.fields
        if field.concept and field.concept.endswith(".file")
    ]
    if selects:
        query = f"SELECT DISTINCT name FROM ({' UNION ALL '.join(selects)}) WHERE name <> '' ORDER BY name"
        found = connection.execute(query).fetchall()
        for start in range(0, len(found), _BATCH):
            yield [name for (name,) in found[start : start + _BATCH]]


def _described(name: str, path: Path | None, root: Path) -> tuple[str, str | None, int | None, str | None]:
    if path is None:
        return name, None, None, None
    return name, path.relative_to(root).as_posix(), path.stat().st_size, file_digest(path)

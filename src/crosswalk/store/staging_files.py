"""Read-back files: an object's rows as the destination held them at one moment, one Parquet each."""

from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from crosswalk.store.files import make_folder, open_bytes
from crosswalk.store.sql import literal, literals, parquet

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


def ordered_fingerprints(connection: duckdb.DuckDBPyConnection, path: Path) -> Iterator[bytes]:
    """The rows' fingerprints in the order of their ids, some thousands joined at a time."""
    with connection.cursor() as cursor:
        query = f"SELECT fingerprint FROM {parquet(path)} ORDER BY id, deleted"
        for batch in cursor.sql(query).to_arrow_reader(_GROUP_ROWS):
            yield "".join(batch.column("fingerprint").to_pylist()).encode()


def count_rows(connection: duckdb.DuckDBPyConnection, path: Path) -> tuple[int, int]:
    """Live and soft-deleted rows of a read-back."""
    found = connection.execute(f"SELECT count(*) FILTER (NOT deleted), count(*) FILTER (deleted) FROM {parquet(path)}").fetchall()
    return found[0]


RowDifference = Literal["added", "removed", "changed"]


def row_differences(
    connection: duckdb.DuckDBPyConnection, before: Path | None, after: Path | None
) -> dict[RowDifference, tuple[str, ...]]:
    """Which ids only one of two read-backs of an object holds, or hold different states; None is no rows."""
    nothing = "(SELECT '' AS id, '' AS fingerprint WHERE false)"
    one, other = (parquet(path) if path else nothing for path in (before, after))
    rows = connection.execute(
        f"""
        SELECT coalesce(b.id, a.id) AS id, CASE WHEN b.id IS NULL THEN 'added' WHEN a.id IS NULL THEN 'removed' ELSE 'changed' END
        FROM {one} b FULL JOIN {other} a ON a.id = b.id
        WHERE a.fingerprint IS DISTINCT FROM b.fingerprint ORDER BY 1"""
    ).fetchall()
    found: dict[RowDifference, list[str]] = {}
    for id, kind in rows:
        found.setdefault(kind, []).append(id)
    return {kind: tuple(ids) for kind, ids in found.items()}


def rows_filled(connection: duckdb.DuckDBPyConnection, path: Path, leaves: Sequence[str]) -> int:
    """Rows (deleted ones too) that hold something in any of these leaf paths."""
    filled = " OR ".join(f'json_exists("values", {json_path(leaf)})' for leaf in leaves) or "false"
    return _counted(connection, f"SELECT count(*) FROM {parquet(path)} WHERE {filled}")


def rows_with_any(connection: duckdb.DuckDBPyConnection, path: Path, leaf: str, options: Sequence[str]) -> int:
    """Rows (deleted ones too) whose option or options leaf holds one of these."""
    wanted = f"[{literals(options)}]"
    held = f'json_extract("values", {json_path(leaf)})'
    return _counted(
        connection,
        f"""
        SELECT count(*) FROM {parquet(path)} WHERE {held} IS NOT NULL AND CASE json_type({held})
            WHEN 'ARRAY' THEN list_has_any(from_json({held}, '["VARCHAR"]'), {wanted})
            ELSE list_contains({wanted}, json_extract_string("values", {json_path(leaf)})) END""",
    )


def reference_ids(values: str, path: str) -> str:
    """SQL list of the ids that a reference leaf (`path`: SQL of its JSON path) of `values` (SQL, JSON) holds: one, several where
    it takes a list, or none."""
    held = f"json_extract({values}, {path})"
    several, one = f"from_json({held}, '[\"VARCHAR\"]')", f"[json_extract_string({values}, {path})]"
    return f"(CASE json_type({held}) WHEN 'ARRAY' THEN {several} WHEN 'VARCHAR' THEN {one} ELSE [] END)"


def json_path(leaf: str) -> str:
    """The JSON path of a leaf in a read-back's `values`, as an SQL literal."""
    return literal(f'$."{leaf}"')


def _counted(connection: duckdb.DuckDBPyConnection, query: str) -> int:
    found = connection.execute(query).fetchall()
    return found[0][0]


def row_actors(connection: duckdb.DuckDBPyConnection, path: Path, ids: Sequence[str]) -> dict[str, tuple[str, str | None, str]]:
    """Id → the kind of actor that created the row, the run marker it carries, and the kind that changed it last."""
    rows = connection.execute(
        f"SELECT id, created_by_kind, marker, updated_by_kind FROM {parquet(path)} WHERE id IN ({literals(ids)})"
    ).fetchall()
    return {id: (created, marker, updated) for id, created, marker, updated in rows}

"""Reading a destination back into Parquet: what compare, reconcile, fingerprint and rollback look at; rows stay in the
database (law 7)."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import orjson

from crosswalk.model.destination_schema import DestinationSchema
from crosswalk.model.record import Row
from crosswalk.model.values import Values
from crosswalk.spi.destination import DestinationReader
from crosswalk.stages._row_state import ignored_paths, row_digest
from crosswalk.store.staging_files import READ_BACK, parquet_rows, read_back_path


async def read_back(
    destination: DestinationReader, object_name: str, folder: Path, *, schema: DestinationSchema, deleted: bool = True
) -> Path:
    """Stream all live (and, with `deleted`, soft-deleted) rows of an object into `folder`; the file. Columns are
    store/staging_files.py's READ_BACK. Raises UnreachableError; an incomplete file is never left in place."""
    ignored = ignored_paths(schema, object_name, destination.capabilities)
    path = read_back_path(folder, object_name)
    with parquet_rows(path, READ_BACK) as writer:
        for only_deleted in (False, True) if deleted else (False,):
            async for page in destination.rows(object_name, deleted=only_deleted):
                writer.add([_cells(row, ignored) for row in page])
    return path


def _cells(row: Row, ignored: Iterable[str]) -> tuple[Any, ...]:
    values: Values = {path: value for path, value in row.values.items() if value is not None}
    text = orjson.dumps(values, option=orjson.OPT_SORT_KEYS).decode()
    by, changed = row.created_by, row.updated_by
    digest = row_digest(row.id, row.deleted, values, ignored)
    return (
        row.id, text, row.deleted, by.kind, by.name, by.marker, changed.kind, changed.name, row.created_at, row.updated_at, digest,
    )  # fmt: skip

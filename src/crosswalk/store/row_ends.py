"""Where every source row and every mapped record ended, from the raw stage, the staged writes and the journal's references."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb

from crosswalk.model.staged_writes import StagedRecord
from crosswalk.store.files import object_file
from crosswalk.store.sql import literal, parquet

PAGE = 10_000


def raw_rows(raw: Path, object_name: str, connection: duckdb.DuckDBPyConnection) -> Iterator[tuple[str, int, str, str]]:
    """(file, line, key, state) of every row that was read, in source order; state is staged or folded."""
    yield from _pages(connection, f"SELECT _file, _line, _key, _state FROM {parquet(object_file(raw, object_name))} ORDER BY _row")


def quarantined_rows(raw: Path, connection: duckdb.DuckDBPyConnection) -> Iterator[tuple[str, str, int, str]]:
    """(object, file, line, reason) of every damaged row; its text stays where it is."""
    path = raw / "_quarantine.parquet"
    if path.exists():
        yield from _pages(connection, f"SELECT object, file, line, reason FROM {parquet(path)} ORDER BY object, file, line")


def record_rows(
    workspace: Path, staged: StagedRecord, connection: duckdb.DuckDBPyConnection, *, only_notable: bool
) -> Iterator[tuple[str, str, str, list[str], list[str]]]:
    """(key, state, reason, findings as `code:path`, places as `file:line`) of every staged write, by the rows that made it.

    `only_notable` leaves out what is simply written, without a finding.
    """
    raw = parquet(object_file(workspace / "raw", staged.source_object))
    notable = "WHERE len(w._findings) > 0 OR w._state NOT IN ('ready', 'existing')" if only_notable else ""
    query = f"""
        WITH made AS (
            SELECT c._key, list(DISTINCT r._file || ':' || r._line) AS places
            FROM {parquet(workspace / staged.contributions)} c JOIN {raw} r ON r._row = c._row
            WHERE c.source_object = {literal(staged.source_object)} AND c.part = 'made' GROUP BY 1)
        SELECT w._key, w._state, coalesce(w._reason, ''), w._findings, coalesce(m.places, [])
        FROM {parquet(workspace / staged.file)} w LEFT JOIN made m ON m._key = w._key {notable} ORDER BY w._row"""
    yield from _pages(connection, query)


def _pages(connection: duckdb.DuckDBPyConnection, query: str) -> Iterator[Any]:
    with connection.cursor() as cursor:
        cursor.execute(query)
        while page := cursor.fetchmany(PAGE):
            yield from page

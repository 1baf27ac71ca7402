"""The staged writes as the loader needs them: what to do with every row, and the rows in order, streamed from Parquet.

Tables of the scratch database: `load_xref` (the journal's cross-references), `load_selection` (the sample's keys) and
`load_plan` (one record's rows with their action). All SQL over staged writes lives in the `staging*` modules of this room.
"""

from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import repeat
from pathlib import Path
from typing import Any, Literal

import duckdb
import orjson
import pyarrow as pa

from crosswalk.model.destination_schema import DestinationObject
from crosswalk.model.staged_writes import StagedColumn, StagedRecord
from crosswalk.model.values import Value, Values, canonical
from crosswalk.store.sql import literal, literals, parquet, quoted

Action = Literal["create", "update", "adopt", "unchanged", "match", "matched", "excluded", "reject", "blocked", "conflict"]
"""What the loader does with a row. adopt: change the destination's own row (policy update); blocked: a required parent is
not loaded; conflict: it was written before and may not be any more; matched, excluded, unchanged: nothing."""

MANY_ROWS = 20_000
"""Above so many rows to create of one record, the journal is the brake: see `planned_rows` and `Journal.expect_many`."""
GONE = ("rejected", "removed", "absent")
"""Cross-reference states whose row does not stand in the destination: it is created (again)."""
ADOPTED = "="
"""Begins the `content` of a row that was the destination's own before we changed it (policy update): never removed."""
OMITTED = "~"
"""Ends the digest in a written row's `content`; the reference paths follow that were left out because their parent was
not loaded. So a later load sees that the row is to be completed, and a finished one is left alone."""
DEFERRED = "+"
"""Stands between the digest and what was omitted; the paths follow that wait for the end of the load, because the destination
takes them by an update only (`DestinationField.on_create`)."""
KEPT = "!"
"""Ends a changed row's `content`; the paths follow whose change was left out, because the destination takes them only when it
creates a row (`DestinationField.on_update`)."""


@dataclass(frozen=True, slots=True)
class PlannedRow:
    """A staged row on its way: `values` are canonical and hold every column but the omitted ones."""

    key: str
    id: str
    content: str
    action: Action
    values: Values
    found: bool
    """It carries findings: loaded with findings."""
    reason: str
    omitted: tuple[str, ...]


def prepare(connection: duckdb.DuckDBPyConnection, selection: Path | None) -> None:
    """Empty tables for a load. `selection` is a Parquet of (record, _key); None takes every row."""
    columns = ", ".join(f"{name} VARCHAR" for name in ("record", "source_key", "destination_id", "state", "content", "last_state"))
    connection.execute(f"CREATE OR REPLACE TABLE load_xref ({columns})")
    source = (
        f"SELECT DISTINCT record, _key FROM {parquet(selection)}" if selection else "SELECT '' AS record, '' AS _key WHERE false"
    )
    connection.execute(f"CREATE OR REPLACE TABLE load_selection AS {source}")


def selected_rows(connection: duckdb.DuckDBPyConnection) -> int:
    """How many rows the selection names."""
    found = connection.execute("SELECT count(*) FROM load_selection").fetchall()
    return found[0][0]


def take_xref(connection: duckdb.DuckDBPyConnection, record: str, batches: Iterable[pa.RecordBatch]) -> None:
    """Replace a record's cross-references by the journal's (`Journal.xref`)."""
    connection.execute("DELETE FROM load_xref WHERE record = ?", [record])
    for batch in batches:
        connection.register("xref_batch", pa.Table.from_batches([batch]))
        connection.execute(
            "INSERT INTO load_xref SELECT ?, source_key, destination_id, state, content, last_state FROM xref_batch", [record]
        )  # fmt: skip
        connection.unregister("xref_batch")


def plan_rows(
    connection: duckdb.DuckDBPyConnection,
    record: StagedRecord,
    file: Path,
    selected: bool,
    deferred: Sequence[str] = (),
    finishing: bool = False,
) -> dict[Action, int]:
    """Fill `load_plan` for one record and count the rows by action.

    The `deferred` columns wait, and a row is then `unchanged` with or without them; with `finishing` they are wanted, too.
    """
    omitted = _paths_of([column for column in record.columns if column.reference and not column.required])
    blocked = _paths_of([column for column in record.columns if column.reference and column.required])
    waiting = _filled_of(deferred)
    chosen = f"SEMI JOIN load_selection p ON p.record = {literal(record.record)} AND p._key = s._key" if selected else ""
    connection.execute(
        f"""
        CREATE OR REPLACE TABLE load_plan AS
        WITH live AS (SELECT record, destination_id FROM load_xref WHERE state NOT IN ({literals(GONE)})),
        staged AS (
            SELECT s._key, s._row, s._id, s._state, coalesce(s._reason, '') AS _reason, len(s._findings) > 0 AS found,
                {omitted} AS omitted, {blocked} AS blocked, {waiting} AS waiting, s._content
            FROM {parquet(file)} s {chosen}),
        joined AS (
            SELECT staged.*, x.state AS before, split_part(x.content, '{KEPT}', 1) AS written, x.destination_id AS written_id,
                if(_state = 'existing', '{ADOPTED}', '') || _content AS digest,
                if(len(omitted) > 0, '{OMITTED}' || array_to_string(omitted, ','), '') AS without
            FROM staged LEFT JOIN load_xref x ON x.record = {literal(record.record)} AND x.source_key = staged._key),
        aimed AS (
            SELECT *, digest || without AS whole,
                digest || if(len(waiting) > 0 AND NOT {finishing}, '{DEFERRED}' || array_to_string(waiting, ','), '') || without
                    AS content
            FROM joined)
        SELECT _key, _row, CASE WHEN {_STANDS} AND _state = 'ready' THEN written_id ELSE _id END AS _id, content, omitted, found,
            CASE WHEN len(blocked) > 0 THEN 'parent_not_loaded:' || blocked[1] ELSE _reason END AS reason,
            len(waiting) > 0 AND coalesce(written, '') <> whole AS waits, {_ACTION} AS action
        FROM aimed
        """
    )
    rows = connection.execute("SELECT action, count(*) FROM load_plan GROUP BY action").fetchall()
    return dict(rows)


_STANDS = f"coalesce(before NOT IN ({literals((*GONE, 'matched'))}), false)"
_ACTION = f"""
    CASE _state
        WHEN 'excluded' THEN if({_STANDS}, 'conflict', 'excluded')
        WHEN 'matched' THEN CASE WHEN {_STANDS} THEN 'conflict'
            WHEN before = 'matched' AND written_id = _id THEN 'matched' ELSE 'match' END
        WHEN 'rejected' THEN if({_STANDS}, 'conflict', 'reject')
        ELSE CASE
            WHEN len(blocked) > 0 THEN if({_STANDS}, 'conflict', 'blocked')
            WHEN {_STANDS} AND written IN (content, whole) THEN 'unchanged'
            WHEN _state = 'existing' THEN 'adopt'
            WHEN {_STANDS} THEN 'update'
            ELSE 'create'
        END
    END"""


def waiting_rows(connection: duckdb.DuckDBPyConnection) -> int:
    """How many of the planned rows have deferred columns that are still to be written."""
    found = connection.execute(
        "SELECT count(*) FROM load_plan WHERE waits AND action IN ('create', 'update', 'adopt', 'unchanged')"
    ).fetchall()
    return found[0][0]


def left_out(content: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The paths a write went without, from its intent's `content`: omitted for want of a parent, and deferred.

    >>> left_out("1f+statecode~pulse_doctorid"), left_out("1f")
    ((('pulse_doctorid',), ('statecode',)), ((), ()))
    """
    written, _, omitted = content.partition(OMITTED)
    deferred = written.partition(DEFERRED)[2]
    return _listed(omitted), _listed(deferred)


def _listed(paths: str) -> tuple[str, ...]:
    return tuple(paths.split(",")) if paths else ()


def _filled_of(paths: Sequence[str]) -> str:
    """A list expression: which of these columns hold something."""
    tests = [f"CASE WHEN s.{quoted(path)} IS NOT NULL THEN {literal(path)} END" for path in paths]
    return f"list_filter([{', '.join(tests)}]::VARCHAR[], lambda path: path IS NOT NULL)"


def _paths_of(columns: Sequence[StagedColumn]) -> str:
    """A list expression: which of these reference columns point at a row that is not loaded."""
    tests = [
        f"CASE WHEN s.{quoted(column.path)} IS NOT NULL AND NOT EXISTS (SELECT 1 FROM live l "
        f"WHERE l.record = {literal(column.reference or '')} AND l.destination_id = s.{quoted(column.path)}) "
        f"THEN {literal(column.path)} END"
        for column in columns
    ]
    return f"list_filter([{', '.join(tests)}]::VARCHAR[], lambda path: path IS NOT NULL)"


def planned_rows(
    connection: duckdb.DuckDBPyConnection,
    record: StagedRecord,
    file: Path,
    actions: Sequence[Action],
    size: int,
    many: bool = False,
) -> Generator[list[PlannedRow], None, None]:
    """The planned rows of these actions in the order of the source, at most `size` at a time.

    They stream on a cursor of their own, so the connection stays free for other queries meanwhile. `many` takes them in the
    order of their keys instead: the journal's trees are then added to at one place, not at one page per row.
    """
    order = "p._key" if many else "p._row, p._key"
    columns = ", ".join(f"{_cell_sql(column)} AS v{number}" for number, column in enumerate(record.columns))
    query = f"""
        SELECT p._key, p._id, p.content, p.action, p.reason, p.found, p.omitted{", " + columns if columns else ""}
        FROM load_plan p JOIN {parquet(file)} s ON s._key = p._key
        WHERE p.action IN ({literals(actions)}) ORDER BY {order}"""
    with connection.cursor() as cursor:
        for batch in cursor.sql(query).to_arrow_reader(size):
            yield list(_planned(batch, record.columns))


def _cell_sql(column: StagedColumn) -> str:
    """A staged cell in canonical form, as far as SQL brings it there: faster than value by value in Python."""
    cell = f"s.{quoted(column.path)}"
    match column.type:
        case "decimal" | "money":
            return rf"regexp_replace({cell}::VARCHAR, '\.?0+$', '')"
        case "datetime":
            return f"strftime({cell}, '%Y-%m-%dT%H:%M:%S.%g') || 'Z'"
        case "date":
            return f"{cell}::VARCHAR"
        case _:
            return cell


def _planned(batch: pa.RecordBatch, columns: Sequence[StagedColumn]) -> Iterator[PlannedRow]:
    cells: list[list[Any]] = list(batch.to_pydict().values())
    keys, ids, contents, actions, reasons, founds, omitteds, *values = cells
    for number, column in enumerate(columns):
        if column.type in ("json", "options", "list"):
            values[number] = [value_of(cell, column) for cell in values[number]]
        else:
            values[number] = [None if cell == "" else cell for cell in values[number]]
    paths = [column.path for column in columns]
    rows = zip(*values, strict=True) if values else repeat((), batch.num_rows)
    for key, id, content, action, reason, found, omitted, row in zip(
        keys, ids, contents, actions, reasons, founds, omitteds, rows, strict=True
    ):
        content_of = dict(zip(paths, row, strict=True))
        for path in omitted:
            del content_of[path]
        yield PlannedRow(key, id, content, action, content_of, found or bool(omitted), reason, tuple(omitted))


def value_of(cell: Any, column: StagedColumn) -> Value:
    """A staged cell's canonical value; JSON columns are parsed."""
    if column.type == "json" and isinstance(cell, str):
        return orjson.loads(cell) or None
    return canonical(cell)


def stale_rows(
    connection: duckdb.DuckDBPyConnection, record: StagedRecord, file: Path, size: int
) -> Iterator[list[tuple[str, str]]]:
    """(key, destination id) of written rows that the staged writes no longer hold, `size` at a time, the latest keys first."""
    states = literals((*GONE, "matched", "kept", "restored"))
    connection.execute(
        f"""
        CREATE OR REPLACE TABLE load_stale AS
        SELECT x.source_key, x.destination_id FROM load_xref x
        WHERE x.record = {literal(record.record)} AND x.state NOT IN ({states}) AND NOT starts_with(x.content, '{ADOPTED}')
          AND NOT EXISTS (SELECT 1 FROM {parquet(file)} s WHERE s._key = x.source_key)
        """
    )
    with connection.cursor() as cursor:
        for batch in cursor.sql("SELECT source_key, destination_id FROM load_stale ORDER BY source_key DESC").to_arrow_reader(size):
            yield [(row["source_key"], row["destination_id"]) for row in batch.to_pylist()]


def columns_of(connection: duckdb.DuckDBPyConnection, file: Path, described: DestinationObject | None) -> tuple[StagedColumn, ...]:
    """The leaf columns of a staged Parquet, with the types the destination gives them (text when it does not know them)."""
    names = connection.sql(f"SELECT * FROM {parquet(file)} LIMIT 0").columns
    leaves = {name: described.field(name) if described else None for name in names if not name.startswith("_")}
    return tuple(StagedColumn(path=name, type=leaf.type if leaf else "text") for name, leaf in leaves.items())


def staged_values(
    connection: duckdb.DuckDBPyConnection, file: Path, columns: Sequence[StagedColumn], keys: Sequence[str]
) -> dict[str, tuple[Values, bool]]:
    """By key: the staged values (of every column), and whether the row carries findings."""
    cells = "".join(f", {quoted(column.path)} AS v{number}" for number, column in enumerate(columns))
    query = f"SELECT _key, len(_findings) > 0 AS found{cells} FROM {parquet(file)} WHERE _key IN ({literals(keys)})"
    return {
        row["_key"]: ({column.path: value_of(row[f"v{number}"], column) for number, column in enumerate(columns)}, row["found"])
        for row in connection.sql(query).to_arrow_table().to_pylist()
    }

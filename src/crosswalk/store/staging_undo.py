"""The undo's working tables in the scratch database.

`undo_entries`: what the journal says we wrote and did not take back. `undo_rows`: every row that undo would remove (ours, and
the automation's side effects), with its verdict, `removed` once that was tried, and the fingerprint of the state that was
`judged`. `undo_now`: the rows as read back. `undo_refs`: who points at whom now.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path

import duckdb
import pyarrow as pa

from crosswalk.model.destination_schema import DestinationSchema
from crosswalk.store.sql import literal, literals, parquet
from crosswalk.store.staging_files import READ_BACK, json_path, reference_ids

ENTRY = pa.schema(
    [
        ("record", pa.string()),
        ("key", pa.string()),
        ("source_object", pa.string()),
        ("object", pa.string()),
        ("id", pa.string()),
        ("operation", pa.string()),
        ("position", pa.int64()),
        ("batch", pa.int64()),
        ("ordinal", pa.int64()),
        ("digest", pa.string()),
        ("before", pa.string()),
        ("after", pa.string()),
        ("in_scope", pa.bool_()),
    ]
)
"""`position` grows with time; `digest` is the row's fingerprint as the destination answered; images as JSON, updates only."""
SIDE_EFFECT = "side effect"
"""The `record` of rows that the platform's automation made."""
LATE_WRITE = "late write"
"""The `record` of rows of ours that the destination stored after reading had found them absent: the journal has no create of
them."""
NOT_JOURNALED = (SIDE_EFFECT, LATE_WRITE)


def prepare(connection: duckdb.DuckDBPyConnection) -> None:
    """Empty tables."""
    empty = {"undo_entries": ENTRY.empty_table(), "undo_now": READ_BACK.empty_table()}
    for name, table in empty.items():
        connection.register("empty_table", table)
        extra = ", '' AS object" if name == "undo_now" else ""
        connection.execute(f"CREATE OR REPLACE TABLE {name} AS SELECT *{extra} FROM empty_table WHERE false")
        connection.unregister("empty_table")
    connection.execute('ALTER TABLE undo_now DROP COLUMN "values"')
    columns = ", ".join(f"{name} VARCHAR" for name in ("object", "id", "path", "to_object", "to_id"))
    connection.execute(f"CREATE OR REPLACE TABLE undo_refs ({columns})")


def add_entries(connection: duckdb.DuckDBPyConnection, entries: Sequence[dict[str, object]]) -> None:
    """Append journal entries."""
    connection.register("more_entries", pa.Table.from_pylist(list(entries), schema=ENTRY))
    connection.execute("INSERT INTO undo_entries SELECT * FROM more_entries")
    connection.unregister("more_entries")


def forget_readings(connection: duckdb.DuckDBPyConnection) -> None:
    """Forget the rows as they were read, and whom they point at, to take newer readings."""
    connection.execute("DELETE FROM undo_now")
    connection.execute("DELETE FROM undo_refs")


def objects_concerned(connection: duckdb.DuckDBPyConnection) -> tuple[str, ...]:
    """The objects that hold rows we wrote."""
    return tuple(row[0] for row in connection.execute("SELECT DISTINCT object FROM undo_entries ORDER BY 1").fetchall())


def take_read_back(connection: duckdb.DuckDBPyConnection, object_name: str, path: Path, schema: DestinationSchema) -> None:
    """Note an object's rows as they are now, and whom they point at."""
    columns = ", ".join(name for name in READ_BACK.names if name != "values")
    connection.execute(f"INSERT INTO undo_now SELECT {columns}, {literal(object_name)} FROM {parquet(path)}")
    described = schema.object(object_name)
    for leaf in described.fields if described else ():
        if leaf.to_object is not None:
            connection.execute(
                f"""
                INSERT INTO undo_refs SELECT {literal(object_name)}, id, {literal(leaf.path)}, {literal(leaf.to_object)},
                    unnest({reference_ids('"values"', json_path(leaf.path))}) FROM {parquet(path)}
                """
            )


def judge_rows(connection: duckdb.DuckDBPyConnection) -> None:
    """Fill `undo_rows`: remove, gone, deleted (softly) or look (it differs from what we wrote)."""
    connection.execute(
        """
        CREATE OR REPLACE TABLE undo_rows AS
        WITH ours AS (
            SELECT object, id, arg_max(record, position) AS record, arg_max(key, position) AS key,
                arg_max(source_object, position) AS source_object, arg_max(digest, position) AS digest
            FROM undo_entries GROUP BY object, id HAVING bool_or(operation = 'create' AND in_scope))
        SELECT o.object, o.id, o.record, o.key, o.source_object, n.updated_by_kind AS changed_by,
            CASE WHEN n.id IS NULL THEN 'gone' WHEN n.deleted THEN 'deleted'
                WHEN n.fingerprint = o.digest THEN 'remove' ELSE 'look' END AS verdict,
            '' AS reason, []::VARCHAR[] AS fields, n.fingerprint AS judged
        FROM ours o LEFT JOIN undo_now n ON n.object = o.object AND n.id = o.id"""
    )


def add_late_writes(
    connection: duckdb.DuckDBPyConnection, before: Mapping[str, Path | None], markers: Collection[str], force: bool
) -> None:
    """Add rows that carry our marker and that the journal does not hold, with the record `late write`: to be removed, or kept
    when a person has edited them since (unless forced). `before` as in `add_side_effects`."""
    edited = "n.updated_by_kind = 'person'" if not force else "false"
    connection.execute(
        f"""
        INSERT INTO undo_rows SELECT n.object, n.id, '{LATE_WRITE}', n.id, '', n.updated_by_kind,
            if({edited}, 'keep', 'remove'), if({edited}, 'edited', ''), [], n.fingerprint
        FROM undo_now n ANTI JOIN ({_known(before)}) k ON k.object = n.object AND k.id = n.id
        WHERE n.marker IN ({literals(markers)}) AND NOT n.deleted AND n.object IN ({literals(before)})"""
    )


def add_side_effects(connection: duckdb.DuckDBPyConnection, before: Mapping[str, Path | None], window: tuple[str, str]) -> None:
    """Add the automation's rows with the record `side effect`: created within the window of instants, not edited by a person,
    in the objects of `before` (object → the rows that stood there before us; None: there were none), and neither among those nor
    noted already."""
    connection.execute(
        f"""
        INSERT INTO undo_rows SELECT n.object, n.id, '{SIDE_EFFECT}', n.id, '', n.updated_by_kind, 'remove', '', [],
            n.fingerprint
        FROM undo_now n ANTI JOIN ({_known(before)}) k ON k.object = n.object AND k.id = n.id
        WHERE n.created_by_kind = 'automation' AND n.updated_by_kind IN ('automation', 'unknown') AND NOT n.deleted
          AND n.object IN ({literals(before)}) AND n.created_at BETWEEN {literal(window[0])} AND {literal(window[1])}"""
    )


def _known(before: Mapping[str, Path | None]) -> str:
    """SQL of the rows that are ours by the journal, judged already, or stood there before us."""
    rows = [f"SELECT {literal(name)} AS object, id FROM {parquet(path)}" for name, path in before.items() if path is not None]
    return " UNION ALL ".join(["SELECT object, id FROM undo_entries", "SELECT object, id FROM undo_rows", *rows])


def rows_with_verdict(
    connection: duckdb.DuckDBPyConnection, verdict: str, size: int, object_name: str | None = None
) -> Iterator[list[dict[str, str]]]:
    """Rows of `undo_rows` by verdict, the latest keys first."""
    where = f"verdict = {literal(verdict)}" + (f" AND object = {literal(object_name)}" if object_name is not None else "")
    with connection.cursor() as cursor:
        query = f"SELECT * FROM undo_rows WHERE {where} ORDER BY record, key DESC, id"
        for batch in cursor.sql(query).to_arrow_reader(size):
            yield batch.to_pylist()


def any_to_remove(connection: duckdb.DuckDBPyConnection, object_name: str) -> bool:
    """Whether rows of this object are to be removed."""
    query = f"SELECT 1 FROM undo_rows WHERE verdict = 'remove' AND object = {literal(object_name)} LIMIT 1"
    return connection.execute(query).fetchone() is not None


def mark_removed(connection: duckdb.DuckDBPyConnection) -> None:
    """The rows to remove were removed, as far as the destination let us."""
    connection.execute("UPDATE undo_rows SET verdict = 'removed' WHERE verdict = 'remove'")


def set_verdicts(connection: duckdb.DuckDBPyConnection, rows: Sequence[tuple[str, str, str, str, Sequence[str]]]) -> None:
    """Set (object, id) → verdict, reason, fields."""
    names = ("object", "id", "verdict", "reason", "fields")
    kinds = [pa.string()] * 4 + [pa.list_(pa.string())]
    arrays = {
        name: pa.array([list(row[number]) if number == 4 else row[number] for row in rows], kind)
        for number, (name, kind) in enumerate(zip(names, kinds, strict=True))
    }
    connection.register("verdicts", pa.table(arrays))
    connection.execute(
        "UPDATE undo_rows SET verdict = v.verdict, reason = v.reason, fields = v.fields FROM verdicts v "
        "WHERE v.object = undo_rows.object AND v.id = undo_rows.id"
    )
    connection.unregister("verdicts")


def current_values(connection: duckdb.DuckDBPyConnection, path: Path, ids: Sequence[str]) -> dict[str, str]:
    """Id → the row's values (JSON) in a read-back."""
    wanted = ", ".join(literal(id) for id in ids) or "NULL"
    return dict(connection.execute(f'SELECT id, "values" FROM {parquet(path)} WHERE id IN ({wanted})').fetchall())


def automation_ids(connection: duckdb.DuckDBPyConnection) -> set[str]:
    """The rows that the automation made because of us."""
    return {row[0] for row in connection.execute(f"SELECT id FROM undo_rows WHERE record = '{SIDE_EFFECT}'").fetchall()}


def verdict_counts(connection: duckdb.DuckDBPyConnection) -> list[tuple[str, str, str, int]]:
    """(record, object, verdict, rows); `remove` whether or not that was done by now."""
    query = """
        SELECT record, object, if(verdict = 'removed', 'remove', verdict), count(*)
        FROM undo_rows GROUP BY ALL ORDER BY 1, 2, 3"""
    return connection.execute(query).fetchall()


def updates_backwards(connection: duckdb.DuckDBPyConnection, size: int) -> Iterator[list[dict[str, object]]]:
    """The updates to put back (of rows that undo does not remove), newest first."""
    query = """
        SELECT e.* FROM undo_entries e WHERE e.operation = 'update' AND e.in_scope
          AND NOT EXISTS (SELECT 1 FROM undo_rows u WHERE u.object = e.object AND u.id = e.id)
        ORDER BY e.position DESC"""
    with connection.cursor() as cursor:
        for batch in cursor.sql(query).to_arrow_reader(size):
            yield batch.to_pylist()


def update_counts(connection: duckdb.DuckDBPyConnection) -> list[tuple[str, str, int]]:
    """(record, object, rows) whose updates are put back."""
    return connection.execute(
        """
        SELECT record, object, count(DISTINCT id) FROM undo_entries e WHERE operation = 'update' AND in_scope
          AND NOT EXISTS (SELECT 1 FROM undo_rows u WHERE u.object = e.object AND u.id = e.id) GROUP BY ALL ORDER BY 1, 2"""
    ).fetchall()


def side_effect_rows(connection: duckdb.DuckDBPyConnection) -> Iterator[dict[str, str]]:
    """Rows that the automation made, and rows of ours that it changed: to be removed, or removed."""
    caused = f"record = '{SIDE_EFFECT}' OR reason = 'side_effect'"
    query = f"SELECT * FROM undo_rows WHERE verdict IN ('remove', 'removed') AND ({caused}) ORDER BY object, id"
    with connection.cursor() as cursor:
        for batch in cursor.sql(query).to_arrow_reader(1000):
            yield from batch.to_pylist()


def kept_reasons(connection: duckdb.DuckDBPyConnection, object_name: str, ids: Sequence[str]) -> dict[str, str]:
    """Id → why undo kept the row, of those it kept."""
    return dict(
        connection.execute(
            f"SELECT id, reason FROM undo_rows "
            f"WHERE verdict = 'keep' AND object = {literal(object_name)} AND id IN ({literals(ids)})"
        ).fetchall()
    )

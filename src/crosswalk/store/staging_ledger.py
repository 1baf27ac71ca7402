"""The balancing ledger in SQL: every source row in exactly one state, the worst of the records it went into.

`ledger_rows` holds (source_object, _row, rank); ranks are the places in STATES. What a record's rows hold and should hold is
read from `diff_rows`, which store/staging_diff.py fills.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import duckdb
import pyarrow as pa

from crosswalk.model.staged_writes import StagedRecord
from crosswalk.store.sql import literal, literals, parquet, quoted
from crosswalk.store.staging import ADOPTED, GONE, KEPT, OMITTED
from crosswalk.store.staging_diff import canonical_sql

STATES = ("matched", "loaded", "loaded_with_findings", "excluded", "conflict", "rejected", "unaccounted")
"""From best to worst: a source row that went into several records has the worst of their states."""
_EXAMPLES = 5


def prepare_ledger(connection: duckdb.DuckDBPyConnection) -> None:
    """Empty tables. `staging.take_xref` of all records comes before `add_record`."""
    connection.execute("CREATE OR REPLACE TABLE ledger_rows (source_object VARCHAR, _row BIGINT, rank INTEGER)")
    connection.execute("CREATE OR REPLACE TABLE ledger_messages (record VARCHAR, key VARCHAR, message VARCHAR)")
    connection.execute("CREATE OR REPLACE TABLE ledger_reasons (source_object VARCHAR, state VARCHAR, code VARCHAR, key VARCHAR)")


def add_messages(connection: duckdb.DuckDBPyConnection, messages: Sequence[tuple[str, str, str]]) -> None:
    """What the destination or the loader said about rows that did not arrive: (record, key, message), the latest each."""
    names = ("record", "key", "message")
    table = pa.table({name: pa.array([item[n] for item in messages], pa.string()) for n, name in enumerate(names)})
    connection.register("messages", table)
    connection.execute("INSERT INTO ledger_messages SELECT * FROM messages")
    connection.unregister("messages")


def add_record(connection: duckdb.DuckDBPyConnection, record: StagedRecord, folder: Path) -> None:
    """Add what became of one record's rows to the source rows they came from."""
    ranks = " ".join(f"WHEN '{state}' THEN {rank}" for rank, state in enumerate(STATES))
    name = literal(record.record)
    connection.execute(
        f"""
        CREATE OR REPLACE TABLE ledger_states AS
        SELECT s._key, list_concat(s._findings, {_KEPT_CODES}) AS _findings, s._reason, {_STATE} AS state
        FROM {parquet(folder / record.file)} s LEFT JOIN load_xref x ON x.record = {name} AND x.source_key = s._key"""
    )
    contributions = f"(SELECT DISTINCT _key, source_object, _row FROM {parquet(folder / record.contributions)})"
    connection.execute(
        f"""
        INSERT INTO ledger_rows SELECT source_object, _row, CASE l.state {ranks} END
        FROM ledger_states l JOIN {contributions} c ON c._key = l._key"""
    )
    connection.execute(
        f"""
        INSERT INTO ledger_reasons
        SELECT {literal(record.source_object)}, state, code, _key FROM (
            SELECT l._key, l.state, unnest(CASE
                WHEN state = 'loaded_with_findings' THEN if(len(l._findings) > 0, list_distinct(l._findings), ['parent_left_out'])
                WHEN state = 'excluded' THEN ['policy_skip']
                ELSE [{_CODE}] END) AS code
            FROM ledger_states l LEFT JOIN ledger_messages m ON m.record = {name} AND m.key = l._key
            WHERE state NOT IN ('loaded', 'matched'))"""
    )


_STATE = f"""
    CASE
        WHEN s._state = 'excluded' THEN 'excluded'
        WHEN x.last_state = 'conflict' THEN 'conflict'
        WHEN s._state = 'rejected' OR x.last_state IN ('rejected', 'failed') THEN 'rejected'
        WHEN s._state = 'matched' THEN if(x.state = 'matched', 'matched', 'unaccounted')
        WHEN x.state IS NULL OR x.state IN ({literals((*GONE, "restored"))}) THEN 'unaccounted'
        WHEN ltrim(split_part(split_part(x.content, '{KEPT}', 1), '{OMITTED}', 1), '{ADOPTED}') <> s._content THEN 'unaccounted'
        WHEN len(s._findings) > 0 OR contains(x.content, '{OMITTED}') OR contains(x.content, '{KEPT}') THEN 'loaded_with_findings'
        ELSE 'loaded'
    END"""
_KEPT_CODES = f"""
    CASE WHEN contains(x.content, '{KEPT}') THEN
        list_transform(string_split(split_part(x.content, '{KEPT}', 2), ','), lambda path: 'kept_from_creation:' || path)
        ELSE [] END"""
_CODE = """
    CASE state WHEN 'unaccounted' THEN 'not_loaded'
        WHEN 'conflict' THEN coalesce(m.message, 'conflict')
        ELSE coalesce(nullif(l._reason, ''), nullif(regexp_extract(m.message, '^[a-z_]+(:[^ ]+)?'), ''), 'rejected') END"""


def object_states(connection: duckdb.DuckDBPyConnection, source_object: str, raw: Path) -> dict[str, int]:
    """State → source rows of an object, from its extracted rows: folded ones, ones no record took (excluded), and the rest by
    the worst of their records."""
    names = literals(STATES)
    rows = connection.execute(
        f"""
        SELECT CASE WHEN r._state = 'folded' THEN 'folded' WHEN l.rank IS NULL THEN 'excluded'
            ELSE [{names}][l.rank + 1] END AS state, count(*)
        FROM {parquet(raw)} r LEFT JOIN (
            SELECT _row, max(rank) AS rank FROM ledger_rows WHERE source_object = {literal(source_object)} GROUP BY _row) l
            ON l._row = r._row
        GROUP BY 1"""
    ).fetchall()
    return dict(rows)


def not_taken(connection: duckdb.DuckDBPyConnection, source_object: str, raw: Path) -> tuple[int, int]:
    """How many extracted rows were folded, and how many no record took."""
    found = connection.execute(
        f"""
        SELECT count(*) FILTER (r._state = 'folded'), count(*) FILTER (r._state <> 'folded' AND l._row IS NULL)
        FROM {parquet(raw)} r
        LEFT JOIN (SELECT DISTINCT _row FROM ledger_rows WHERE source_object = {literal(source_object)}) l ON l._row = r._row"""
    ).fetchall()
    return found[0]


def quarantined(connection: duckdb.DuckDBPyConnection, path: Path) -> list[tuple[str, str, int]]:
    """(source object, reason, rows) of the rows that could not be read as records."""
    if not path.exists():
        return []
    return connection.execute(f"SELECT object, reason, count(*) FROM {parquet(path)} GROUP BY ALL ORDER BY ALL").fetchall()


def reasons(connection: duckdb.DuckDBPyConnection) -> list[tuple[str, str, str, int, list[str]]]:
    """(source object, state, code, records, some keys)."""
    return connection.execute(
        f"""
        SELECT source_object, state, code, count(*), list_slice(list_sort(list(key)), 1, {_EXAMPLES}) FROM ledger_reasons
        GROUP BY ALL ORDER BY ALL"""
    ).fetchall()


def digests(connection: duckdb.DuckDBPyConnection, record: str) -> tuple[str, str, int]:
    """The digest of what a record's rows should hold and of what they hold, and the rows that hold something different."""
    wanted, held, different = hashlib.sha256(), hashlib.sha256(), 0
    query = f"""
        SELECT coalesce(d.id, d.key) AS id, md5(to_json(d.expected)::VARCHAR) AS wanted, md5(to_json(d.actual)::VARCHAR) AS held,
            d.missing, f.key IS NOT NULL AS different
        FROM diff_rows d LEFT JOIN (
            SELECT DISTINCT key FROM diff_fields WHERE record = {literal(record)} AND verdict = 'different') f ON f.key = d.key
        WHERE NOT d.not_written ORDER BY 1"""
    with connection.cursor() as cursor:
        for batch in cursor.sql(query).to_arrow_reader(5_000):
            for row in batch.to_pylist():
                # A field that the platform rewrites holds what was meant: the row stands for itself.
                wanted.update((row["id"] + (row["wanted"] if row["missing"] or row["different"] else row["held"])).encode())
                held.update(b"" if row["missing"] else (row["id"] + row["held"]).encode())
                different += row["different"]
    return wanted.hexdigest(), held.hexdigest(), different


def link_check(
    connection: duckdb.DuckDBPyConnection, record: StagedRecord, path: str, parents: Path | None
) -> tuple[int, int, int]:
    """Of one reference of a record's rows as they are: filled, dangling (nothing live under that id), empty."""
    n = [column.path for column in record.columns].index(path) + 1
    live = f"(SELECT id FROM {parquet(parents)} WHERE NOT deleted)" if parents else "(SELECT '' AS id WHERE false)"
    found = connection.execute(
        f"""
        SELECT count(d.actual[{n}]), count(*) FILTER (d.actual[{n}] IS NOT NULL AND p.id IS NULL),
            count(*) FILTER (d.actual[{n}] IS NULL)
        FROM diff_rows d LEFT JOIN {live} p ON p.id = d.actual[{n}] WHERE NOT d.not_written AND NOT d.missing"""
    ).fetchall()
    return found[0]


def total(
    connection: duckdb.DuckDBPyConnection, record: StagedRecord, file: Path, path: str, kind: str
) -> tuple[dict[str, str], dict[str, str], dict[str, str]]:
    """A business total over all staged rows, over those that were to be written, and over the destination's."""
    column = record.column(path)
    if column is None:
        return {}, {}, {}
    n = record.columns.index(column) + 1
    staged = f"SELECT {canonical_sql(column, 's.' + quoted(path))} AS value FROM {parquet(file)} s"
    written = f"SELECT expected[{n}] AS value FROM diff_rows WHERE NOT not_written"
    held = f"SELECT actual[{n}] AS value FROM diff_rows WHERE NOT not_written AND NOT missing"
    one, other, third = (_group(connection, rows, kind) for rows in (staged, written, held))
    return one, other, third


def _group(connection: duckdb.DuckDBPyConnection, rows: str, kind: str) -> dict[str, str]:
    if kind == "sum":
        number = r"regexp_replace(coalesce(sum(value::DECIMAL(38,6)), 0)::VARCHAR, '\.?0+$', '')"
        query = f"SELECT '', {number} FROM ({rows})"
    else:
        query = f"SELECT coalesce(value, ''), count(*)::VARCHAR FROM ({rows}) GROUP BY 1 ORDER BY 1"
    return dict(connection.execute(query).fetchall())


def leftovers(connection: duckdb.DuckDBPyConnection, record: StagedRecord, file: Path) -> int:
    """Rows of ours that stand although the staged writes no longer hold them."""
    found = connection.execute(
        f"""
        SELECT count(*) FROM load_xref x
        WHERE x.record = {literal(record.record)} AND x.state NOT IN ({literals((*GONE, "matched"))})
          AND NOT starts_with(x.content, '{ADOPTED}')
          AND NOT EXISTS (SELECT 1 FROM {parquet(file)} s WHERE s._key = x.source_key)"""
    ).fetchall()
    return found[0][0]


def side_effects(
    connection: duckdb.DuckDBPyConnection, read_backs: Mapping[str, Path], before: Mapping[str, Path], since: str
) -> Iterator[tuple[str, int, list[str]]]:
    """(object, rows, some ids) that the platform's automation made since an instant and that are not ours."""
    for name, path in read_backs.items():
        known = f"UNION ALL SELECT id FROM {parquet(before[name])}" if name in before else ""
        rows = connection.execute(
            f"""
            SELECT r.id FROM {parquet(path)} r ANTI JOIN (SELECT destination_id AS id FROM load_xref {known}) k ON k.id = r.id
            WHERE r.created_by_kind = 'automation' AND r.created_at >= {literal(since)} ORDER BY r.id"""
        ).fetchall()
        if rows:
            yield name, len(rows), [row[0] for row in rows[:_EXAMPLES]]

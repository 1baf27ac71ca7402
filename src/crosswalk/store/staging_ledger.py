"""The balancing ledger in SQL: every source row in exactly one state, told by the records that it went into.

The records made of a row decide, the worst of them; for a row that only lends values to records, those it is gathered into, the
worst again; for one that is only joined, the best: its values stand where one such record stands.

`ledger_rows` holds a row's part in each record (0 made, 1 gathered, 2 joined) and the rank of what became of it there, a place in
STATES; `ledger_taken` the rows that the map takes, whether they were staged or not. What a record's rows hold and should hold is
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
"""From best to worst."""
_MADE, _GATHERED, _JOINED = range(3)
_EXAMPLES = 5


def prepare_ledger(connection: duckdb.DuckDBPyConnection) -> None:
    """Empty tables. `staging.take_xref` of all records comes before `add_record`, `decide_rows` after the last."""
    connection.execute(
        "CREATE OR REPLACE TABLE ledger_rows"
        " (source_object VARCHAR, _row BIGINT, part INTEGER, rank INTEGER, key VARCHAR, codes VARCHAR[])"
    )
    connection.execute("CREATE OR REPLACE TABLE ledger_messages (record VARCHAR, key VARCHAR, message VARCHAR)")
    connection.execute("CREATE OR REPLACE TABLE ledger_taken (source_object VARCHAR, _row BIGINT)")


def add_taken(connection: duckdb.DuckDBPyConnection, source_object: str, rows: str) -> None:
    """Add the rows of a source object that a record of the map is to be made of: `rows` is SQL of their `_row`."""
    connection.execute(f"INSERT INTO ledger_taken SELECT {literal(source_object)}, _row FROM ({rows})")


def add_messages(connection: duckdb.DuckDBPyConnection, messages: Sequence[tuple[str, str, str]]) -> None:
    """What the destination or the loader said about rows that did not arrive: (record, key, message), the latest each."""
    names = ("record", "key", "message")
    table = pa.table({name: pa.array([item[n] for item in messages], pa.string()) for n, name in enumerate(names)})
    connection.register("messages", table)
    connection.execute("INSERT INTO ledger_messages SELECT * FROM messages")
    connection.unregister("messages")


def add_record(connection: duckdb.DuckDBPyConnection, record: StagedRecord, folder: Path) -> None:
    """Add what became of one record's rows to the source rows they came from."""
    name = literal(record.record)
    connection.execute(
        f"""
        CREATE OR REPLACE TABLE ledger_states AS
        SELECT *, {_CODES} AS codes FROM (
            SELECT s._key, list_concat(s._findings, {_KEPT_CODES}) AS _findings, s._reason, m.message, {_STATE} AS state
            FROM {parquet(folder / record.file)} s LEFT JOIN load_xref x ON x.record = {name} AND x.source_key = s._key
            LEFT JOIN ledger_messages m ON m.record = {name} AND m.key = s._key)"""
    )
    parts = f"CASE c.part WHEN 'made' THEN {_MADE} WHEN 'gathered' THEN {_GATHERED} ELSE {_JOINED} END"
    connection.execute(
        f"""
        INSERT INTO ledger_rows
        SELECT source_object, _row, part, list_position([{literals(STATES)}], state) - 1,
            CASE WHEN state IN {_PLAIN} THEN NULL ELSE _key END, CASE WHEN state IN {_PLAIN} THEN NULL ELSE codes END
        FROM (SELECT source_object, _row, part, _key, codes,
                if(state = 'loaded_with_findings' AND len(codes) = 0, 'loaded', state) AS state
            FROM (SELECT c.source_object, c._row, {parts} AS part, l._key, l.state,
                    if(l.state = 'loaded_with_findings' AND c.part <> 'made', {_LENT_CODES}, l.codes) AS codes
                FROM ledger_states l JOIN {parquet(folder / record.contributions)} c ON c._key = l._key))"""
    )


def decide_rows(connection: duckdb.DuckDBPyConnection) -> None:
    """Table `ledger_decided`: each source row's part that decides, and the rank it ends with."""
    connection.execute(
        f"""
        CREATE OR REPLACE TABLE ledger_decided AS
        SELECT source_object, _row, part, if(part = {_JOINED}, min(rank), max(rank)) AS rank
        FROM ledger_rows JOIN (SELECT source_object, _row, min(part) AS part FROM ledger_rows GROUP BY ALL)
            USING (source_object, _row, part)
        GROUP BY source_object, _row, part"""
    )


_PLAIN = "('loaded', 'matched')"
_LENT_CODES = "list_filter(l.codes, lambda code: list_contains(c.paths, split_part(code, ':', 2)))"
"""Of a record's findings those of the leaves that a gathered or joined row lends its values to."""
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
_CODES = """
    CASE state WHEN 'loaded' THEN [] WHEN 'matched' THEN []
        WHEN 'loaded_with_findings' THEN if(len(_findings) > 0, list_distinct(_findings), ['parent_left_out'])
        WHEN 'excluded' THEN ['policy_skip']
        WHEN 'unaccounted' THEN ['not_loaded']
        WHEN 'conflict' THEN [coalesce(message, 'conflict')]
        ELSE [coalesce(nullif(_reason, ''), nullif(regexp_extract(message, '^[a-z_]+(:[^ ]+)?'), ''), 'rejected')] END"""


def object_states(connection: duckdb.DuckDBPyConnection, source_object: str, raw: Path) -> dict[str, int]:
    """State → source rows of an object, from its extracted rows: folded ones, ones no record of the map takes (excluded), ones
    that the map takes but the staged writes do not hold (unaccounted), and the rest by the records they went into."""
    rows = connection.execute(
        f"SELECT coalesce([{literals(STATES)}][rank + 1], other) AS state, count(*) FROM {_ends(source_object, raw)} GROUP BY 1"
    ).fetchall()
    return dict(rows)


def not_taken(connection: duckdb.DuckDBPyConnection, source_object: str, raw: Path) -> tuple[int, int, int]:
    """How many extracted rows were folded, how many no record of the map takes, and how many one does that were not staged."""
    found = connection.execute(
        f"""
        SELECT count(*) FILTER (other = 'folded'), count(*) FILTER (other = 'excluded'), count(*) FILTER (other = 'unaccounted')
        FROM {_ends(source_object, raw)}"""
    ).fetchall()
    return found[0]


def _ends(source_object: str, raw: Path) -> str:
    """Per extracted row the `rank` that its records decided, or without one, the `other` end it has."""
    name = literal(source_object)
    return f"""(
        SELECT if(r._state = 'folded', NULL, l.rank) AS rank,
            CASE WHEN r._state = 'folded' THEN 'folded' WHEN l.rank IS NOT NULL THEN NULL
                WHEN t._row IS NOT NULL THEN 'unaccounted' ELSE 'excluded' END AS other
        FROM {parquet(raw)} r LEFT JOIN (SELECT _row, rank FROM ledger_decided WHERE source_object = {name}) l ON l._row = r._row
        LEFT JOIN (SELECT DISTINCT _row FROM ledger_taken WHERE source_object = {name}) t ON t._row = r._row)"""


def quarantined(connection: duckdb.DuckDBPyConnection, path: Path) -> list[tuple[str, str, int]]:
    """(source object, reason, rows) of the rows that could not be read as records."""
    if not path.exists():
        return []
    return connection.execute(f"SELECT object, reason, count(*) FROM {parquet(path)} GROUP BY ALL ORDER BY ALL").fetchall()


def reasons(connection: duckdb.DuckDBPyConnection) -> list[tuple[str, str, str, int, list[str]]]:
    """(source object, state, code, rows, some keys of records) of everything that is not plainly loaded."""
    return connection.execute(
        f"""
        SELECT source_object, [{literals(STATES)}][rank + 1], code, count(DISTINCT _row),
            list_slice(list_sort(list(DISTINCT key)), 1, {_EXAMPLES})
        FROM (SELECT l.source_object, l._row, l.rank, l.key, unnest(l.codes) AS code
            FROM ledger_rows l JOIN ledger_decided d USING (source_object, _row, part)
            WHERE l.codes IS NOT NULL AND (part < {_JOINED} OR l.rank = d.rank))
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

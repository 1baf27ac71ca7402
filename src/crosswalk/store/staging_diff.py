"""Staged writes against a read-back, in SQL: `diff_fields` holds every field that is not equal text for text.

What differs is judged afterwards on distinct values (law 7): `unjudged` gives them, `take_judgements` takes the verdicts.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow as pa

from crosswalk.model.staged_writes import StagedColumn, StagedRecord
from crosswalk.store.files import FILE_MODE, make_folder
from crosswalk.store.sql import literal, literals, parquet, quoted
from crosswalk.store.staging import GONE, KEPT, OMITTED
from crosswalk.store.staging_files import json_path

COLUMNS = ("record", "key", "id", "field", "expected", "actual", "verdict", "rule")
REFUSED = ("conflict", "rejected", "failed")
"""What came of the latest attempt when the row stands, but not as staged."""
KEPT_RULE = "A row that stands keeps what the destination takes only when it creates one."
JUDGEMENT = pa.schema([(name, pa.string()) for name in ("field", "expected", "actual", "verdict", "rule")])


@dataclass(frozen=True, slots=True)
class RowCounts:
    """Rows of a record: all selected, those with nothing to compare, those that are not there."""

    rows: int
    not_written: int
    missing: int

    @property
    def compared(self) -> int:
        """Rows whose fields were compared."""
        return self.rows - self.not_written - self.missing


def prepare_diff(connection: duckdb.DuckDBPyConnection) -> None:
    """Empty tables. `staging.prepare` and `take_xref` come before."""
    columns = ", ".join(f"{name} VARCHAR" for name in COLUMNS)
    connection.execute(f"CREATE OR REPLACE TABLE diff_fields ({columns})")


def canonical_sql(column: StagedColumn, cell: str) -> str:
    """The canonical form of a staged cell as text: what `values` in a read-back holds, extracted as text."""
    match column.type:
        case "decimal" | "money":
            return rf"regexp_replace({cell}::VARCHAR, '\.?0+$', '')"
        case "datetime":
            return f"strftime({cell}, '%Y-%m-%dT%H:%M:%S.%g') || 'Z'"
        case "options" | "list":
            return f"if(len({cell}) = 0, NULL, to_json({cell})::VARCHAR)"
        case _:
            return f"nullif({cell}::VARCHAR, '')"


def compare_record(
    connection: duckdb.DuckDBPyConnection, record: StagedRecord, file: Path, read_back: Path | None, selected: bool
) -> RowCounts:
    """Fill `diff_fields` for one record: unequal fields (verdict empty), missing rows, fields we left out or never wrote."""
    chosen = f"SEMI JOIN load_selection p ON p.record = {literal(record.record)} AND p._key = s._key" if selected else ""
    expected = ", ".join(canonical_sql(column, f"s.{quoted(column.path)}") for column in record.columns)
    paths = ", ".join(json_path(column.path) for column in record.columns)
    actual = f'json_extract_string(r."values", [{paths}])' if paths else "[]::VARCHAR[]"
    rows = parquet(read_back) if read_back else "(SELECT '' AS id, '' AS \"values\", false AS deleted WHERE false)"
    connection.execute(
        f"""
        CREATE OR REPLACE TABLE diff_rows AS
        SELECT s._key AS key, x.destination_id AS id,
            s._state NOT IN ('ready', 'existing')
                OR coalesce(x.state IN ({literals(GONE)}) OR x.last_state IN ({literals(REFUSED)}), false) AS not_written,
            r.id IS NULL AS missing, string_split(split_part(split_part(coalesce(x.content, ''), '{KEPT}', 1), '{OMITTED}', 2), ',')
                AS omitted, string_split(split_part(coalesce(x.content, ''), '{KEPT}', 2), ',') AS kept,
            [{expected}]::VARCHAR[] AS expected, {actual} AS actual
        FROM {parquet(file)} s {chosen}
        LEFT JOIN load_xref x ON x.record = {literal(record.record)} AND x.source_key = s._key
        LEFT JOIN {rows} r ON r.id = x.destination_id AND NOT r.deleted"""
    )
    connection.execute(
        f"""
        INSERT INTO diff_fields
        SELECT {literal(record.record)}, key, coalesce(id, ''), '', NULL, NULL, 'missing', NULL
        FROM diff_rows WHERE missing AND NOT not_written"""
    )
    if record.columns:
        _unequal_fields(connection, record)
    found = connection.execute(
        "SELECT count(*), count(*) FILTER (not_written), count(*) FILTER (missing AND NOT not_written) FROM diff_rows"
    ).fetchall()
    return RowCounts(*found[0])


def _unequal_fields(connection: duckdb.DuckDBPyConnection, record: StagedRecord) -> None:
    names = "[" + literals(column.path for column in record.columns) + "]"
    connection.execute(
        f"""
        INSERT INTO diff_fields
        SELECT {literal(record.record)}, key, id, field, expected, actual,
            CASE WHEN omitted OR kept THEN 'left_out' WHEN expected IS NULL THEN 'not_written' ELSE '' END,
            CASE WHEN kept THEN {literal(KEPT_RULE)} END
        FROM (
            SELECT key, id, field, list_contains(omitted, field) AS omitted, list_contains(kept, field) AS kept,
                expected[n] AS expected, actual[n] AS actual
            FROM (SELECT *, unnest({names}) AS field, unnest(range(1, {len(record.columns) + 1})) AS n
                FROM diff_rows WHERE NOT missing AND NOT not_written))
        WHERE expected IS DISTINCT FROM actual"""
    )


def unwritten_fields(
    connection: duckdb.DuckDBPyConnection, record: StagedRecord, read_back: Path, leave_out: Sequence[str]
) -> dict[str, int]:
    """Leaf path → rows: what the compared rows hold in fields that the map does not write, `leave_out` aside."""
    known = literals([*leave_out, *(column.path for column in record.columns)])
    rows = connection.execute(
        f"""
        SELECT path, count(*) FROM (
            SELECT unnest(json_keys(r."values")) AS path
            FROM diff_rows d JOIN {parquet(read_back)} r ON r.id = d.id AND NOT r.deleted
            WHERE NOT d.not_written)
        WHERE path NOT IN ({known}) GROUP BY path ORDER BY path"""
    ).fetchall()
    return dict(rows)


def unjudged(connection: duckdb.DuckDBPyConnection, record: str, size: int) -> Iterator[list[tuple[str, str | None, str | None]]]:
    """Distinct (field, expected, actual) of a record that are not equal as text."""
    query = f"SELECT DISTINCT field, expected, actual FROM diff_fields WHERE record = {literal(record)} AND verdict = ''"
    with connection.cursor() as cursor:
        for batch in cursor.sql(query).to_arrow_reader(size):
            yield [(row["field"], row["expected"], row["actual"]) for row in batch.to_pylist()]


def file_sizes(connection: duckdb.DuckDBPyConnection, workspace: Path, names: Collection[str]) -> dict[str, int]:
    """The bytes of the source's files with these names, as extracted; names without a file are left out."""
    described = workspace / "raw" / "_files.parquet"
    if not names or not described.exists():
        return {}
    query = f"SELECT name, size FROM {parquet(described)} WHERE size IS NOT NULL AND name IN ({literals(names)})"
    return dict(connection.execute(query).fetchall())


def take_judgements(connection: duckdb.DuckDBPyConnection, record: str, judgements: Sequence[Sequence[str | None]]) -> None:
    """Set the verdict and rule of distinct (field, expected, actual, verdict, rule); the equal ones are forgotten."""
    columns = {name: [row[number] for row in judgements] for number, name in enumerate(JUDGEMENT.names)}
    connection.register("judgements", pa.Table.from_pydict(columns, schema=JUDGEMENT))
    same = "j.field = d.field AND j.expected IS NOT DISTINCT FROM d.expected AND j.actual IS NOT DISTINCT FROM d.actual"
    connection.execute(
        f"UPDATE diff_fields d SET verdict = j.verdict, rule = j.rule FROM judgements j "
        f"WHERE d.record = {literal(record)} AND d.verdict = '' AND {same}"
    )
    connection.unregister("judgements")
    connection.execute("DELETE FROM diff_fields WHERE verdict = 'equal'")


def take_automation(connection: duckdb.DuckDBPyConnection, record: str, read_back: Path, made: Sequence[Path]) -> None:
    """Differences of rows that the platform's automation changed last, or that now point at a row it made (as undo tells them,
    `stages/_undo_plan.py`), are its doing. `made` are the read-backs in which to look for such rows."""
    theirs = " UNION ".join(f"SELECT id FROM {parquet(path)} WHERE created_by_kind = 'automation'" for path in made)
    connection.execute(
        f"""
        UPDATE diff_fields SET verdict = 'by_automation' WHERE record = {literal(record)} AND verdict = 'different' AND (
            id IN (SELECT id FROM {parquet(read_back)} WHERE updated_by_kind = 'automation') OR actual IN ({theirs}))"""
    )


def automated_rows(connection: duckdb.DuckDBPyConnection, record: str) -> tuple[int, list[str], list[str]]:
    """Rows of a record that the platform's automation changed: how many, some ids, the fields."""
    found = connection.execute(
        f"""
        SELECT count(DISTINCT id), list_slice(list_sort(list(DISTINCT id)), 1, 5), list_sort(list(DISTINCT field)) FROM diff_fields
        WHERE record = {literal(record)} AND verdict = 'by_automation'"""
    ).fetchall()
    rows, ids, fields = found[0]
    return rows, ids or [], fields or []


def field_verdicts(connection: duckdb.DuckDBPyConnection, record: str) -> list[tuple[str, str, int, list[str]]]:
    """(field, verdict, rows, rules) of a record."""
    return connection.execute(
        f"""
        SELECT field, verdict, count(*), list_filter(list_distinct(list(rule)), lambda name: name IS NOT NULL) FROM diff_fields
        WHERE record = {literal(record)} AND field <> '' GROUP BY field, verdict ORDER BY field, verdict"""
    ).fetchall()


def differences(connection: duckdb.DuckDBPyConnection, limit: int) -> tuple[list[tuple[str, str, str, str, str]], int]:
    """The first (record, key, id, field, verdict) that are different or missing, and how many there are."""
    where = "verdict IN ('different', 'missing')"
    found = connection.execute(f"SELECT count(*) FROM diff_fields WHERE {where}").fetchall()
    rows = connection.execute(
        f"SELECT record, key, id, field, verdict FROM diff_fields WHERE {where} ORDER BY record, key, field LIMIT {limit}"
    ).fetchall()
    return rows, found[0][0]


def save_differences(connection: duckdb.DuckDBPyConnection, path: Path) -> None:
    """All unequal fields with their values, into a Parquet of the workspace."""
    make_folder(path.parent)
    connection.execute(
        f"COPY (SELECT record, key, id AS destination_id, field, verdict, expected, actual FROM diff_fields "
        f"ORDER BY record, key, field) TO {literal(str(path))} (FORMAT parquet)"
    )
    path.chmod(FILE_MODE)

"""Python transforms on distinct values (law 7): each becomes a table (raw, value, finding) that SQL joins."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

import duckdb
import pyarrow as pa

from crosswalk.transforms.contract import Result, Settings
from crosswalk.transforms.registry import transform

CHUNK = 20_000

ARROW = {
    "text": pa.string(),
    "integer": pa.int64(),
    "decimal": pa.decimal128(38, 6),
    "boolean": pa.bool_(),
    "date": pa.date32(),
    "datetime": pa.timestamp("us"),
    "list": pa.list_(pa.string()),
}

FAST = {
    "text": "CASE WHEN regexp_full_match({c}, '[A-Za-z0-9][ -~]{{3,}}[!-~]') THEN {c} END",
    "code": "CASE WHEN regexp_full_match({c}, '[A-Za-z0-9][A-DF-Za-df-z0-9-]{{4,}}') THEN {c} END",
    "date": "CASE WHEN regexp_full_match({c}, '[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}') THEN try_cast({c} AS DATE) END",
    "datetime": "CASE WHEN regexp_full_match({c}, '[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}T[0-9]{{2}}:[0-9]{{2}}:[0-9]{{2}}Z')"
    " THEN try_cast(replace(left({c}, 19), 'T', ' ') AS TIMESTAMP) END",
    "money": "CASE WHEN regexp_full_match({c}, '[0-9]{{1,15}}([.][0-9]{{1,2}})?') THEN try_cast({c} AS DECIMAL(38,6)) END",
    "integer": "CASE WHEN regexp_full_match({c}, '[0-9]{{1,15}}') THEN try_cast({c} AS BIGINT) END",
}
"""Plain spellings that SQL settles by itself, to the same value the Python transform gives (tests/unit/store prove it)."""


@dataclass(frozen=True, slots=True)
class ValueTable:
    """A table of transformed distinct values. `fast` is SQL over the column, NULL where the table has to answer."""

    name: str
    fast: str | None
    kind: str = "VARCHAR"
    """The DuckDB type of its values."""

    def value(self, alias: str) -> str:
        """SQL of the transformed value."""
        return f"coalesce({self.fast}, {alias}.value)" if self.fast else f"{alias}.value"


def fill_value_table(
    connection: duckdb.DuckDBPyConnection, name: str, rows: str, column: str, transform_name: str, settings: Settings
) -> ValueTable:
    """Evaluate a transform on every distinct value of a column of table `rows` that SQL cannot settle."""
    spec = transform(transform_name)
    quoted = f'"{column.replace(chr(34), chr(34) * 2)}"'
    fast = FAST[transform_name].format(c="b." + quoted) if transform_name in FAST else None
    left_over = f"AND {fast} IS NULL" if fast else ""
    kind = _sql_type(spec.output)
    connection.execute(f"CREATE OR REPLACE TABLE {name} (raw VARCHAR, value {kind}, finding VARCHAR)")
    distinct = f"SELECT DISTINCT b.{quoted} AS raw FROM {rows} b WHERE b.{quoted} <> '' {left_over}"
    reader = connection.cursor().execute(distinct)
    while found := reader.fetchmany(CHUNK):
        raw: list[str] = [text for (text,) in found]
        results = [_storable(spec.function(text, settings), spec.output) for text in raw]
        table = pa.table(
            {
                "raw": pa.array(raw, pa.string()),
                "value": pa.array([result.value for result in results], ARROW[spec.output]),
                "finding": pa.array([result.finding for result in results], pa.string()),
            }
        )
        connection.register("chunk", table)
        connection.execute(f"INSERT INTO {name} SELECT raw, value, finding FROM chunk")
        connection.unregister("chunk")
    return ValueTable(name, fast, kind)


def _sql_type(output: str) -> str:
    return {
        "text": "VARCHAR", "integer": "BIGINT", "decimal": "DECIMAL(38,6)", "boolean": "BOOLEAN", "date": "DATE",
        "datetime": "TIMESTAMP", "list": "VARCHAR[]",
    }[output]  # fmt: skip


def _storable(result: Result, output: str) -> Result:
    """The value as Arrow takes it: instants naive in UTC, decimals with at most six places (more is a finding, not a rounding)."""
    value = result.value
    if output == "datetime" and isinstance(value, datetime):
        return Result(value.replace(tzinfo=None), result.finding)
    if isinstance(value, Decimal):
        stored = value.quantize(Decimal("0.000001"))
        return Result(stored, result.finding) if stored == value else Result(None, "too_many_decimals")
    return result

"""Rows that share a key: copies are folded into the newest, and rows of objects without an own key are numbered (A3)."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, cast

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from crosswalk.model.finding import Finding
from crosswalk.model.source_schema import SourceObject
from crosswalk.stages._extract_keys import content_sql, has_key_sql, numbered
from crosswalk.stages._extract_write import ParquetFile
from crosswalk.store.sql import parquet, quoted
from crosswalk.transforms.contract import Settings
from crosswalk.transforms.dates import infer_date_order
from crosswalk.transforms.moments import moment

EXAMPLES = 10
_ORDER_SAMPLE = 50_000


@dataclass(frozen=True, slots=True)
class Folded:
    """How many rows were folded, what there is to say about it, and the digest of the file if it was written anew."""

    rows: int
    findings: tuple[Finding, ...]
    sha256: str = ""


def settle_keys(item: SourceObject, path: Path, connection: duckdb.DuckDBPyConnection) -> Folded:
    """Make the keys of an object's raw Parquet unique among staged rows, rewriting the file only if any repeats.

    With a source key: identical rows are folded into the first; of differing ones the newest by `modified` stays, else the
    last in file order. Without: the second and later rows of a key get `#2`, `#3` … in source order.
    """
    rows = parquet(path)
    connection.execute(f"CREATE OR REPLACE TEMP TABLE _repeated AS SELECT _key FROM {rows} GROUP BY _key HAVING count(*) > 1")
    findings = [*_blank_keys(item, rows, connection)]
    if not _count(connection, "SELECT count(*) FROM _repeated"):
        return Folded(0, tuple(findings))
    copies = "false" if numbered(item) else has_key_sql(item)
    connection.execute(
        f"""CREATE OR REPLACE TEMP TABLE _changed AS
        SELECT _row, _key || '#' || n AS _key, 'staged' AS _state, NULL::BIGINT AS _folded_into FROM (
            SELECT _row, _key, row_number() OVER (PARTITION BY _key ORDER BY _row) AS n
            FROM {rows} SEMI JOIN _repeated USING (_key) WHERE NOT {copies}) WHERE n > 1"""
    )
    if not numbered(item):
        _choose(item, rows, copies, connection)
        findings += _fold_findings(item, rows, connection)
    folded = _count(connection, "SELECT count(*) FROM _changed WHERE _state = 'folded'")
    return Folded(folded, tuple(findings), _rewrite(path, connection))


def _choose(item: SourceObject, rows: str, copies: str, connection: duckdb.DuckDBPyConnection) -> None:
    """Tables `_copies` (rows sharing a key, narrow) and `_winners`, and the folded rows into `_changed`."""
    modified = f"trim(r.{quoted(item.modified)})" if item.modified else "NULL::VARCHAR"
    connection.execute(
        f"""CREATE OR REPLACE TEMP TABLE _copies AS
        SELECT r._row, r._key, {content_sql(item)} AS content, {modified} AS modified
        FROM {rows} r SEMI JOIN _repeated USING (_key) WHERE {copies}"""
    )
    _moments(item, rows, connection)
    connection.execute(
        """CREATE OR REPLACE TEMP TABLE _winners AS
        SELECT _key, count(DISTINCT content) AS versions, CASE WHEN count(DISTINCT content) = 1 THEN min(_row)
            ELSE first(_row ORDER BY m.instant DESC NULLS LAST, _row DESC) END AS winner
        FROM _copies c LEFT JOIN _moments m ON m.written = c.modified GROUP BY _key"""
    )
    connection.execute(
        """INSERT INTO _changed SELECT c._row, c._key, 'folded', w.winner FROM _copies c JOIN _winners w USING (_key)
        WHERE c._row <> w.winner"""
    )


def _moments(item: SourceObject, rows: str, connection: duckdb.DuckDBPyConnection) -> None:
    """Table `_moments`: what the copies' `modified` texts mean, in the day order that the whole column shows."""
    connection.execute("CREATE OR REPLACE TEMP TABLE _moments (written VARCHAR, instant TIMESTAMP)")
    if item.modified is None:
        return
    column = quoted(item.modified)
    sampled = connection.execute(f"SELECT {column}, count(*) FROM {rows} WHERE {column} <> '' GROUP BY 1 LIMIT {_ORDER_SAMPLE}")
    order = infer_date_order(sampled.fetchall()).order
    settings = Settings(date_order="ymd" if order in ("mixed", "unknown") else order)
    texts = connection.execute("SELECT DISTINCT modified FROM _copies WHERE modified <> ''").fetchall()
    read = [(text, found.replace(tzinfo=None)) for (text,) in texts if isinstance(found := moment(text, settings).value, datetime)]
    if read:
        columns = [
            pa.array([text for text, _ in read], pa.string()),
            pa.array([instant for _, instant in read], pa.timestamp("us")),
        ]
        connection.register("_read", pa.Table.from_arrays(columns, names=["written", "instant"]))
        connection.execute("INSERT INTO _moments SELECT * FROM _read")
        connection.unregister("_read")


def _rewrite(path: Path, connection: duckdb.DuckDBPyConnection) -> str:
    """The file again with the changed rows' key, state and target, row group by row group."""
    source = pq.ParquetFile(path)
    target = ParquetFile(path, source.schema_arrow)
    for batch in source.iter_batches(batch_size=50_000):
        target.write(_with_changes(batch, connection))
    source.close()
    return target.close()


def _with_changes(batch: pa.RecordBatch, connection: duckdb.DuckDBPyConnection) -> pa.RecordBatch:
    columns = cast(dict[str, Any], dict(zip(batch.schema.names, batch.columns, strict=True)))  # pyright: ignore[reportUnknownArgumentType]
    first: int = columns["_row"][0].as_py()
    changed = connection.execute(
        "SELECT _row - ?, _key, _state, _folded_into FROM _changed WHERE _row BETWEEN ? AND ?",
        [first, first, first + batch.num_rows - 1],
    ).fetchall()
    if not changed:
        return batch
    for place, name in enumerate(("_key", "_state", "_folded_into"), start=1):
        values: list[Any] = columns[name].to_pylist()
        for row in changed:
            values[row[0]] = row[place]
        columns[name] = pa.array(values, columns[name].type)
    return pa.RecordBatch.from_arrays(list(columns.values()), schema=batch.schema)


def _blank_keys(item: SourceObject, rows: str, connection: duckdb.DuckDBPyConnection) -> Iterator[Finding]:
    if item.key_kind == "content":
        return
    where = f"{rows} WHERE NOT {has_key_sql(item)}"
    count = _count(connection, f"SELECT count(*) FROM {where}")
    if count:
        yield Finding(
            code="blank_key",
            severity="warning",
            message=f"{count} rows of {item.name} have a blank {' + '.join(item.key)}; they are keyed by their content",
            remedy="Fill the key in the source, or accept that a later correction of such a row arrives as another record.",
            object=item.name,
            field=item.key[0],
            count=count,
            examples=_places(connection, f"SELECT _file, _line FROM {where} ORDER BY _row LIMIT {EXAMPLES}"),
        )


def _fold_findings(item: SourceObject, rows: str, connection: duckdb.DuckDBPyConnection) -> Iterator[Finding]:
    same = _count(connection, "SELECT count(*) FROM _changed JOIN _winners USING (_key) WHERE _state = 'folded' AND versions = 1")
    if same:
        query = f"""SELECT r._file, r._line FROM {rows} r JOIN _changed c USING (_row) JOIN _winners w ON w._key = c._key
            WHERE c._state = 'folded' AND w.versions = 1 ORDER BY r._row LIMIT {EXAMPLES}"""
        yield Finding(
            code="duplicate_rows_folded",
            severity="info",
            message=f"{same} rows of {item.name} repeat another row exactly and were folded into it",
            remedy="Nothing to do.",
            object=item.name,
            count=same,
            examples=_places(connection, query),
        )
    differing = _count(connection, "SELECT count(*) FROM _winners WHERE versions > 1")
    if differing:
        how = f"the newest by {item.modified}" if item.modified else "the last in the file"
        yield Finding(
            code="duplicate_key_differs",
            severity="warning",
            message=f"{differing} keys of {item.name} stand on rows that differ; {how} was kept, the others were folded into it",
            remedy="Look at the named lines; correct the source and scan again if the wrong row was kept.",
            object=item.name,
            field=item.key[0],
            count=differing,
            examples=tuple(_differences(item, rows, connection)),
        )


def _differences(item: SourceObject, rows: str, connection: duckdb.DuckDBPyConnection) -> Iterator[str]:
    """`file:line and file:line differ in Field, Field` for some keys; never what they hold."""
    pairs = connection.execute(
        f"""SELECT c._row, c._folded_into FROM _changed c JOIN _winners w USING (_key)
        WHERE c._state = 'folded' AND w.versions > 1 ORDER BY c._row LIMIT {EXAMPLES}"""
    ).fetchall()
    names = [field.name for field in item.fields]
    columns = ", ".join(quoted(name) for name in names)
    for folded, kept in pairs:
        found = connection.execute(
            f"SELECT _row, _file, _line, {columns} FROM {rows} WHERE _row IN (?, ?) ORDER BY _row = ?", [folded, kept, kept]
        ).fetchall()
        other, winner = found
        fields = [name for name, mine, theirs in zip(names, other[3:], winner[3:], strict=True) if mine != theirs]
        yield f"{other[1]}:{other[2]} and {winner[1]}:{winner[2]} (kept) differ in {', '.join(fields) or 'blank cells only'}"


def _places(connection: duckdb.DuckDBPyConnection, query: str) -> tuple[str, ...]:
    return tuple(f"{file}:{line}" for file, line in connection.execute(query).fetchall())


def _count(connection: duckdb.DuckDBPyConnection, query: str) -> int:
    return int(connection.execute(query).fetchall()[0][0])

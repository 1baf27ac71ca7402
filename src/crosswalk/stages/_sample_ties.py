"""Which records belong to a root record of the sample, and what is chosen with it."""

from dataclasses import dataclass
from pathlib import Path

import duckdb

from crosswalk.model.staged_writes import StagedRecord, StagedWrites
from crosswalk.store.sql import literal, parquet, quoted


@dataclass(frozen=True, slots=True)
class Tie:
    """How rows of a record belong to a root: by their own column `path`, which refers to `to`, or (`link`) by that column of a
    link record's rows, which tie them to it (a task through its task target)."""

    path: str
    to: str
    link: StagedRecord | None = None


Ties = dict[str, Tie | None]
"""Record → its tie, in an order in which every record stands after what it is tied through; None for the root itself."""


def selected(record: str) -> str:
    """The table (_key, _id) of a record's chosen rows."""
    return quoted(f"selected {record}")


def tied(record: str) -> str:
    """The table (n, _id): which root record `n` a row belongs to."""
    return quoted(f"tied {record}")


def tie_to_root(root: StagedRecord, staged: StagedWrites, workspace: Path, connection: duckdb.DuckDBPyConnection) -> Ties:
    """The ties of everything that belongs to root records; fills the tables `roots` (n, _id, _key) and `tied`."""
    numbered = f"SELECT row_number() OVER (ORDER BY _row) - 1 AS n, _id, _key FROM {parquet(workspace / root.file)}"
    connection.execute(f"CREATE OR REPLACE TABLE roots AS {numbered}")
    connection.execute(f"CREATE OR REPLACE TABLE {tied(root.record)} AS SELECT n, _id FROM roots")
    ties: Ties = {root.record: None}
    in_order = sorted(staged.records, key=lambda item: item.wave)
    known = 0
    while known < len(ties):
        known = len(ties)
        for record in in_order:
            if record.record not in ties and (own := _own_tie(record, root, ties)):
                ties[record.record] = own
                _fill_tied(record, own, workspace, connection)
        for record in in_order:
            if record.link and record.record in ties:
                for column in record.columns:
                    other = staged.record(column.reference or "")
                    if other is not None and other.record not in ties:
                        ties[other.record] = tie = Tie(column.path, record.record, record)
                        _fill_tied(other, tie, workspace, connection)
    return ties


def _own_tie(record: StagedRecord, root: StagedRecord, ties: Ties) -> Tie | None:
    """By a column that refers to the root, else to a record that belongs to it."""
    references = [(column.path, column.reference) for column in record.columns if column.reference in ties]
    nearest = min(references, key=lambda item: item[1] != root.record, default=None)
    return Tie(nearest[0], nearest[1]) if nearest and nearest[1] else None


def _fill_tied(record: StagedRecord, tie: Tie, workspace: Path, connection: duckdb.DuckDBPyConnection) -> None:
    column = f"w.{quoted(tie.path)}"
    rows = parquet(workspace / (tie.link or record).file)
    row_id, by = (column, "w._id") if tie.link else ("w._id", column)
    connection.execute(
        f"CREATE OR REPLACE TABLE {tied(record.record)} AS SELECT DISTINCT t.n, {row_id} AS _id FROM {rows} w"
        f" JOIN {tied(tie.to)} t ON t._id = {by} WHERE {row_id} IS NOT NULL"
    )


def close(
    staged: StagedWrites, ties: Ties, workspace: Path, selection: Path, connection: duckdb.DuckDBPyConnection
) -> dict[str, int]:
    """Everything that belongs to the chosen roots, and every record those refer to; rows per record. Writes `selection`."""
    for record in staged.records:
        if record.record not in ties:
            connection.execute(f"CREATE OR REPLACE TABLE {selected(record.record)} (_key VARCHAR, _id VARCHAR)")
    for name, tie in ties.items():
        record = staged.record(name)
        if record is not None and tie is not None:
            _select_belonging(record, tie, workspace, connection)
    for record in sorted(staged.records, key=lambda item: -item.wave):
        for column in record.columns:
            target = staged.record(column.reference or "")
            if target is not None:
                connection.execute(
                    f"INSERT INTO {selected(target.record)} SELECT t._key, t._id FROM {parquet(workspace / target.file)} t"
                    f" WHERE t._id IN (SELECT w.{quoted(column.path)} FROM {parquet(workspace / record.file)} w"
                    f" JOIN {selected(record.record)} s ON s._id = w._id)"
                    f" AND t._id NOT IN (SELECT _id FROM {selected(target.record)})"
                )
    union = " UNION ALL ".join(
        f"SELECT {literal(item.record)} AS record, _key FROM {selected(item.record)}" for item in staged.records
    )
    connection.execute(f"COPY (SELECT DISTINCT record, _key FROM ({union})) TO {literal(str(selection))} (FORMAT parquet)")
    counts = connection.execute(f"SELECT record, count(*) FROM {parquet(selection)} GROUP BY 1 ORDER BY 1").fetchall()
    return dict(counts)


def _select_belonging(record: StagedRecord, tie: Tie, workspace: Path, connection: duckdb.DuckDBPyConnection) -> None:
    if tie.link is None:
        chosen = f"w.{quoted(tie.path)} IN (SELECT _id FROM {selected(tie.to)})"
    else:
        links = f"{parquet(workspace / tie.link.file)} l JOIN {selected(tie.to)} s ON s._id = l._id"
        chosen = f"w._id IN (SELECT l.{quoted(tie.path)} FROM {links})"
    connection.execute(
        f"CREATE OR REPLACE TABLE {selected(record.record)} AS"
        f" SELECT w._key, w._id FROM {parquet(workspace / record.file)} w WHERE {chosen}"
    )

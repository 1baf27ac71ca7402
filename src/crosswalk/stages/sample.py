"""sample: a slice that shows as much as its size allows, closed under relations (E5)."""

import heapq
from collections import defaultdict
from collections.abc import Collection
from pathlib import Path

import duckdb
import numpy as np
import numpy.typing as npt

from crosswalk.model.errors import UsageError
from crosswalk.model.mapping import Mapping
from crosswalk.model.sample import Coverage, Sample
from crosswalk.model.staged_writes import StagedColumn, StagedRecord, StagedWrites
from crosswalk.store.template import text_literal
from crosswalk.store.transform_sql import parquet, quoted

Indexes = npt.NDArray[np.int64]
WEIGHT = {"option values": 50, "flagged rows": 50, "null patterns": 20, "extremes": 20}
"""What breaks a map shows first; each physician or clinic (weight 1) comes after."""
NAMED = 20
"""At most so many uncovered things are named per kind; all are counted."""


def choose_sample(
    mapping: Mapping, staged: StagedWrites, size: int, workspace: Path, selection: Path, connection: duckdb.DuckDBPyConnection
) -> Sample:
    """`size` root records that cover the most, with everything that belongs to them, written to `selection` (record, _key).

    Raises UsageError when the map's `sample_root` is no record of it.
    """
    root = staged.record(mapping.sample_root)
    if root is None:
        raise UsageError(
            f"mapping.yaml: sample_root {mapping.sample_root} is no active record", "Name the record of your patients."
        )
    tied = _tie_to_root(root, staged, workspace, connection)
    _collect_features(staged, tied, workspace, connection)
    names, kinds = _feature_names(connection)
    offsets, features, total = _feature_index(connection)
    weights = np.array([WEIGHT.get(kind, 1) for kind in kinds], dtype=np.int64)
    order, covered_after = _greedy(offsets, features, weights)
    chosen = _filled_up(order[:size], size, total)
    covered: set[int] = set()
    for item in chosen:
        covered.update(int(one) for one in features[offsets[item] : offsets[item + 1]])
    connection.register("chosen_rows", {"n": np.array(sorted(chosen), dtype=np.int64)})
    connection.execute(
        f"CREATE OR REPLACE TABLE {_selected(root.record)} AS SELECT _key, _id FROM roots JOIN chosen_rows USING (n)"
    )
    connection.unregister("chosen_rows")
    rows = _close(root, staged, tied, workspace, selection, connection)
    return Sample(
        root=root.record,
        size=len(chosen),
        rows=rows,
        selection=str(selection.relative_to(workspace)),
        coverage=_coverage(names, kinds, covered),
        size_for_everything=covered_after,
        based_on={"staged": staged.digest()},
    )


def _selected(record: str) -> str:
    return quoted(f"selected {record}")


def _tied(record: str) -> str:
    return quoted(f"tied {record}")


def _tie_to_root(
    root: StagedRecord, staged: StagedWrites, workspace: Path, connection: duckdb.DuckDBPyConnection
) -> dict[str, str]:
    """Record → the column by which its rows belong to a root record, directly or through a record that does.

    Empty for the root itself and for records that only a link ties to it (a task through its task target).
    """
    numbered = f"SELECT row_number() OVER (ORDER BY _row) - 1 AS n, _id, _key FROM {parquet(workspace / root.file)}"
    connection.execute(f"CREATE OR REPLACE TABLE roots AS {numbered}")
    connection.execute(f"CREATE OR REPLACE TABLE {_tied(root.record)} AS SELECT n, _id FROM roots")
    tied = {root.record: ""}
    in_order = sorted(staged.records, key=lambda item: item.wave)
    for record in in_order:
        references = [column for column in record.columns if column.reference in tied]
        if references and record.record not in tied:
            column = min(references, key=lambda item: item.reference != root.record)
            tied[record.record] = column.path
            _tie(record, "w._id", record.record, column, workspace, connection)
    for record in in_order:
        if record.link and record.record in tied:
            by = next(column for column in record.columns if column.path == tied[record.record])
            for column in record.columns:
                if column.reference and column.reference not in tied:
                    tied[column.reference] = ""
                    _tie(record, f"w.{quoted(column.path)}", column.reference, by, workspace, connection)
    return tied


def _tie(
    record: StagedRecord, row_id: str, tied: str, by: StagedColumn, workspace: Path, connection: duckdb.DuckDBPyConnection
) -> None:
    """Table (n, _id): which root record `n` a row of `tied` belongs to, found in `record`'s rows through their column `by`."""
    connection.execute(
        f"CREATE OR REPLACE TABLE {_tied(tied)} AS SELECT DISTINCT t.n, {row_id} AS _id FROM {parquet(workspace / record.file)} w"
        f" JOIN {_tied(by.reference or '')} t ON t._id = w.{quoted(by.path)}"
    )


def _collect_features(staged: StagedWrites, tied: dict[str, str], workspace: Path, connection: duckdb.DuckDBPyConnection) -> None:
    """Table features (n, kind, feature): everything a root record and what belongs to it can show."""
    connection.execute("CREATE OR REPLACE TABLE features (n BIGINT, kind VARCHAR, feature VARCHAR)")
    for record in staged.records:
        if record.record not in tied or record.link:
            continue
        source = f"{parquet(workspace / record.file)} w JOIN {_tied(record.record)} t ON t._id = w._id"
        for select in _feature_selects(record, tied, workspace):
            connection.execute(f"INSERT INTO features SELECT DISTINCT t.n, {select} FROM {source}")
    connection.execute("DELETE FROM features WHERE feature IS NULL")
    connection.execute("CREATE OR REPLACE TABLE named AS SELECT kind, feature, row_number() OVER (ORDER BY kind, feature) - 1 AS f"
                       " FROM (SELECT DISTINCT kind, feature FROM features)")  # fmt: skip


def _feature_selects(record: StagedRecord, tied: Collection[str], workspace: Path) -> list[str]:
    """`kind, feature` expressions over a record's rows `w`."""
    name = record.record
    selects: list[str] = []
    for column in record.columns:
        path = f"w.{quoted(column.path)}"
        label = text_literal(f"{name}.{column.path} = ")
        if column.type == "option":
            selects.append(f"'option values', {label} || {path}")
        elif column.type == "options":
            selects.append(f"'option values', {label} || unnest({path})")
        elif column.type == "reference" and column.reference is not None and column.reference not in tied:
            selects.append(f"{text_literal(column.reference or '')}, CASE WHEN {path} IS NOT NULL THEN {label} || {path} END")
        elif column.type in ("date", "datetime", "money", "integer", "decimal", "text", "rich_text") and "." not in column.path[:1]:
            measure = f"length({quoted(column.path)})" if column.type in ("text", "rich_text") else quoted(column.path)
            measured = f"length({path})" if column.type in ("text", "rich_text") else path
            for extreme, word in (("min", "least"), ("max", "greatest")):
                best = f"(SELECT {extreme}({measure}) FROM {parquet(workspace / record.file)})"
                selects.append(f"'extremes', CASE WHEN {measured} = {best} THEN {text_literal(f'{name}.{column.path} {word}')} END")
    filled = " || ".join(f"CASE WHEN w.{quoted(column.path)} IS NULL THEN '0' ELSE '1' END" for column in record.columns)
    selects.append(f"'null patterns', {text_literal(name + ' nulls ')} || md5({filled})")
    selects.append(f"'flagged rows', {text_literal(name + ' ')} || unnest(w._findings)")
    selects.append(f"'flagged rows', CASE WHEN w._state <> 'ready' THEN {text_literal(name + ' ')} || w._state END")
    return selects


def _feature_names(connection: duckdb.DuckDBPyConnection) -> tuple[list[str], list[str]]:
    rows = connection.execute("SELECT feature, kind FROM named ORDER BY f").fetchall()
    return [feature for feature, _ in rows], [kind for _, kind in rows]


def _feature_index(connection: duckdb.DuckDBPyConnection) -> tuple[Indexes, Indexes, int]:
    """The features of root n are `features[offsets[n]:offsets[n + 1]]`."""
    counted = connection.execute("SELECT count(*) FROM roots").fetchone()
    total = counted[0] if counted else 0
    query = "SELECT DISTINCT n, f FROM features JOIN named USING (kind, feature) ORDER BY n, f"
    pairs: dict[str, Indexes] = connection.execute(query).fetchnumpy()  # pyright: ignore[reportUnknownVariableType]
    owners: Indexes = np.asarray(pairs["n"], dtype=np.int64)
    offsets: Indexes = np.searchsorted(owners, np.arange(total + 1)).astype(np.int64)
    return offsets, np.asarray(pairs["f"], dtype=np.int64), total


def _greedy(offsets: Indexes, features: Indexes, weights: Indexes) -> tuple[list[int], int]:
    """Root records in the order in which each adds the most weight that is still uncovered; and how many cover everything.

    Lazy greedy set cover: a candidate's gain only falls, so the top of the heap is re-counted until it stays on top.
    """
    left = weights.copy()
    heap = [(-int(weights[features[offsets[n] : offsets[n + 1]]].sum()), n) for n in range(len(offsets) - 1)]
    heapq.heapify(heap)
    order: list[int] = []
    while heap and left.any():
        _, n = heapq.heappop(heap)
        own = features[offsets[n] : offsets[n + 1]]
        gain = int(left[own].sum())
        if gain == 0:
            continue
        if heap and -heap[0][0] > gain:
            heapq.heappush(heap, (-gain, n))
            continue
        left[own] = 0
        order.append(n)
    return order, len(order)


def _filled_up(chosen: list[int], size: int, total: int) -> list[int]:
    """The cover, filled up to the asked size with records spread evenly over the rest."""
    missing = min(size, total) - len(chosen)
    taken = set(chosen)
    rest = [n for n in range(total) if n not in taken]
    step = max(1, len(rest) // missing) if missing > 0 else 1
    return [*chosen, *rest[::step][: max(0, missing)]]


def _close(
    root: StagedRecord,
    staged: StagedWrites,
    tied: dict[str, str],
    workspace: Path,
    selection: Path,
    connection: duckdb.DuckDBPyConnection,
) -> dict[str, int]:
    """Everything that belongs to the chosen roots, and every record those refer to; rows per record."""
    for record in sorted(staged.records, key=lambda item: item.wave):
        column = next((item for item in record.columns if item.path and item.path == tied.get(record.record)), None)
        if column is not None:
            connection.execute(
                f"CREATE OR REPLACE TABLE {_selected(record.record)} AS"
                f" SELECT w._key, w._id FROM {parquet(workspace / record.file)} w"
                f" WHERE w.{quoted(column.path)} IN (SELECT _id FROM {_selected(column.reference or '')})"
            )
        elif record.record != root.record:
            connection.execute(f"CREATE OR REPLACE TABLE {_selected(record.record)} (_key VARCHAR, _id VARCHAR)")
    for record in sorted(staged.records, key=lambda item: -item.wave):
        for column in record.columns:
            target = staged.record(column.reference or "")
            if target is not None:
                connection.execute(
                    f"INSERT INTO {_selected(target.record)} SELECT t._key, t._id FROM {parquet(workspace / target.file)} t"
                    f" WHERE t._id IN (SELECT w.{quoted(column.path)} FROM {parquet(workspace / record.file)} w"
                    f" JOIN {_selected(record.record)} s ON s._id = w._id)"
                    f" AND t._id NOT IN (SELECT _id FROM {_selected(target.record)})"
                )
    union = " UNION ALL ".join(
        f"SELECT {text_literal(item.record)} AS record, _key FROM {_selected(item.record)}" for item in staged.records
    )
    connection.execute(f"COPY (SELECT DISTINCT record, _key FROM ({union})) TO {text_literal(str(selection))} (FORMAT parquet)")
    counts = connection.execute(f"SELECT record, count(*) FROM {parquet(selection)} GROUP BY 1 ORDER BY 1").fetchall()
    return dict(counts)


def _coverage(names: list[str], kinds: list[str], covered: set[int]) -> tuple[Coverage, ...]:
    by_kind: dict[str, list[int]] = defaultdict(list)
    for index, kind in enumerate(kinds):
        by_kind[kind].append(index)
    return tuple(
        Coverage(
            kind=kind,
            covered=sum(index in covered for index in indexes),
            total=len(indexes),
            uncovered=tuple(names[index] for index in indexes if index not in covered)[:NAMED] if kind in NAMEABLE else (),
        )
        for kind, indexes in sorted(by_kind.items())
    )


NAMEABLE = ("option values", "extremes", "flagged rows")
"""Kinds whose features read as words; the others (ids, patterns) are only counted."""

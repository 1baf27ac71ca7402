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
from crosswalk.model.staged_writes import StagedRecord, StagedWrites
from crosswalk.stages._sample_ties import Ties, close, selected, tie_to_root, tied
from crosswalk.store.sql import literal, parquet, quoted

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
    ties = tie_to_root(root, staged, workspace, connection)
    _collect_features(staged, ties, workspace, connection)
    names, kinds = _feature_names(connection)
    offsets, features, total = _feature_index(connection)
    weights = np.array([WEIGHT.get(kind, 1) for kind in kinds], dtype=np.int64)
    order, covered_after = _greedy(offsets, features, weights)
    chosen = _filled_up(order[:size], size, total)
    covered: set[int] = set()
    for item in chosen:
        covered.update(int(one) for one in features[offsets[item] : offsets[item + 1]])
    connection.register("chosen_rows", {"n": np.array(sorted(chosen), dtype=np.int64)})
    connection.execute(f"CREATE OR REPLACE TABLE {selected(root.record)} AS SELECT _key, _id FROM roots JOIN chosen_rows USING (n)")
    connection.unregister("chosen_rows")
    rows = close(staged, ties, workspace, selection, connection)
    return Sample(
        root=root.record,
        size=len(chosen),
        rows=rows,
        selection=str(selection.relative_to(workspace)),
        coverage=_coverage(names, kinds, covered),
        size_for_everything=covered_after,
        based_on={"staged": staged.digest()},
    )


def _collect_features(staged: StagedWrites, ties: Ties, workspace: Path, connection: duckdb.DuckDBPyConnection) -> None:
    """Table features (n, kind, feature): everything a root record and what belongs to it can show."""
    connection.execute("CREATE OR REPLACE TABLE features (n BIGINT, kind VARCHAR, feature VARCHAR)")
    for record in staged.records:
        if record.record not in ties or record.link:
            continue
        source = f"{parquet(workspace / record.file)} w JOIN {tied(record.record)} t ON t._id = w._id"
        for select in _feature_selects(record, ties, workspace):
            connection.execute(f"INSERT INTO features SELECT DISTINCT t.n, {select} FROM {source}")
    connection.execute("DELETE FROM features WHERE feature IS NULL")
    connection.execute("CREATE OR REPLACE TABLE named AS SELECT kind, feature, row_number() OVER (ORDER BY kind, feature) - 1 AS f"
                       " FROM (SELECT DISTINCT kind, feature FROM features)")  # fmt: skip


def _feature_selects(record: StagedRecord, ties: Collection[str], workspace: Path) -> list[str]:
    """`kind, feature` expressions over a record's rows `w`."""
    name = record.record
    selects: list[str] = []
    for column in record.columns:
        path = f"w.{quoted(column.path)}"
        label = literal(f"{name}.{column.path} = ")
        if column.type == "option":
            selects.append(f"'option values', {label} || {path}")
        elif column.type == "options":
            selects.append(f"'option values', {label} || unnest({path})")
        elif column.type == "reference" and column.reference is not None and column.reference not in ties:
            selects.append(f"{literal(column.reference or '')}, CASE WHEN {path} IS NOT NULL THEN {label} || {path} END")
        elif column.type in ("date", "datetime", "money", "integer", "decimal", "text", "rich_text") and "." not in column.path[:1]:
            measure = f"length({quoted(column.path)})" if column.type in ("text", "rich_text") else quoted(column.path)
            measured = f"length({path})" if column.type in ("text", "rich_text") else path
            for extreme, word in (("min", "least"), ("max", "greatest")):
                best = f"(SELECT {extreme}({measure}) FROM {parquet(workspace / record.file)})"
                selects.append(f"'extremes', CASE WHEN {measured} = {best} THEN {literal(f'{name}.{column.path} {word}')} END")
    filled = " || ".join(f"CASE WHEN w.{quoted(column.path)} IS NULL THEN '0' ELSE '1' END" for column in record.columns)
    selects.append(f"'null patterns', {literal(name + ' nulls ')} || md5({filled})")
    selects.append(f"'flagged rows', {literal(name + ' ')} || unnest(w._findings)")
    selects.append(f"'flagged rows', CASE WHEN w._state <> 'ready' THEN {literal(name + ' ')} || w._state END")
    return selects


def _feature_names(connection: duckdb.DuckDBPyConnection) -> tuple[list[str], list[str]]:
    rows = connection.execute("SELECT feature, kind FROM named ORDER BY f").fetchall()
    return [feature for feature, _ in rows], [kind for _, kind in rows]


def _feature_index(connection: duckdb.DuckDBPyConnection) -> tuple[Indexes, Indexes, int]:
    """The features of root n are `features[offsets[n]:offsets[n + 1]]`."""
    (counted,) = connection.execute("SELECT count(*) FROM roots").fetchall()  # all of it: the connection is busy until the end
    total = int(counted[0])
    query = "SELECT DISTINCT n, f FROM features JOIN named USING (kind, feature) ORDER BY n, f"
    pairs = connection.sql(query).to_arrow_table()
    owners: Indexes = pairs["n"].to_numpy().astype(np.int64)
    offsets: Indexes = np.searchsorted(owners, np.arange(total + 1)).astype(np.int64)
    return offsets, pairs["f"].to_numpy().astype(np.int64), total


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

"""match: rows that already stand in the destination for a source row, and what would collide with ours (E3)."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pyarrow as pa

from crosswalk.model.finding import Finding
from crosswalk.model.mapping import Mapping
from crosswalk.model.ownership import Matched, Matches
from crosswalk.model.record import Row
from crosswalk.model.staged_writes import StagedRecord, StagedWrites
from crosswalk.spi.destination import DestinationReader
from crosswalk.store.sql import parquet, quoted


async def match(
    mapping: Mapping,
    staged: StagedWrites,
    destination: DestinationReader,
    existing_fields: dict[str, set[str]],
    workspace: Path,
    connection: duckdb.DuckDBPyConnection,
) -> tuple[Matches, tuple[Finding, ...]]:
    """Matches by each record's `match` fields. `existing_fields` are the leaf paths each object has already."""
    matches: list[Matched] = []
    findings: list[Finding] = []
    for record in staged.records:
        declared = mapping.records[record.record].match
        paths = [path for path in (declared.by if declared else ()) if path in existing_fields.get(record.object, ())]
        if not paths:
            continue
        held = await _held(destination, record.object, paths)
        found, clashes = _compare(record, paths, held, workspace, connection)
        matches += found
        findings += [*_matched_findings(record, found, mapping.settings.policy), *clashes]
    return Matches(matches=tuple(matches), based_on={"mapping": mapping.digest()}), tuple(findings)


async def _held(destination: DestinationReader, object_name: str, paths: list[str]) -> dict[str, dict[str, list[Row]]]:
    """Path → value → the rows, live and soft-deleted, that hold it."""
    held: dict[str, dict[str, list[Row]]] = {path: defaultdict(list) for path in paths}
    for deleted in (False, True):
        async for page in destination.rows(object_name, deleted=deleted):
            for row in page:
                for path in paths:
                    if isinstance(value := row.values.get(path), str):
                        held[path][value].append(row)
    return held


def _compare(
    record: StagedRecord,
    paths: list[str],
    held: dict[str, dict[str, list[Row]]],
    workspace: Path,
    connection: duckdb.DuckDBPyConnection,
) -> tuple[list[Matched], list[Finding]]:
    """Per staged key the rows it meets by any path. Live, and one for one: a match. Anything else somebody has to settle."""
    file = parquet(workspace / record.file)
    ours = _ids(file, connection) if any(held.values()) else frozenset[str]()
    meetings: dict[str, dict[str, str]] = defaultdict(dict)
    deleted: Counter[str] = Counter()
    for path in paths:
        foreign = {value: [row for row in rows if row.id not in ours] for value, rows in held[path].items()}
        for value, key in _keys_of(file, path, [value for value, rows in foreign.items() if rows], connection):
            live = [row for row in foreign[value] if not row.deleted]
            if not live:
                deleted[path] += 1
            for row in live:
                meetings[key].setdefault(row.id, path)
    claims = Counter(row_id for rows in meetings.values() for row_id in rows)
    matches: list[Matched] = []
    several: Counter[str] = Counter()
    for key, rows in meetings.items():
        row_id, path = next(iter(rows.items()))
        if len(rows) == 1 and claims[row_id] == 1:
            matches.append(Matched(record=record.record, key=key, id=row_id, by=path))
        else:
            several[path] += 1
    return matches, [*_deleted_findings(record, deleted), *_several_findings(record, several)]


def _ids(file: str, connection: duckdb.DuckDBPyConnection) -> frozenset[str]:
    return frozenset(row_id for (row_id,) in connection.execute(f"SELECT _id FROM {file}").fetchall())


def _keys_of(file: str, path: str, values: list[str], connection: duckdb.DuckDBPyConnection) -> list[tuple[str, str]]:
    """(value, key) of the staged rows that hold one of the values, in source order."""
    connection.register("held_values", pa.table({"value": pa.array(values, pa.string())}))
    rows = connection.execute(
        f"SELECT h.value, w._key FROM {file} w JOIN held_values h ON w.{quoted(path)} = h.value ORDER BY w._row"
    ).fetchall()
    connection.unregister("held_values")
    return rows


def _matched_findings(record: StagedRecord, found: list[Matched], policy: str) -> Iterator[Finding]:
    if found:
        does = {"link": "tied to them, unchanged", "update": "written onto them, reversibly", "skip": "left out"}[policy]
        yield Finding(
            code="existing_match", severity="warning", object=record.object, count=len(found),
            message=f"{len(found)} {record.record} already stand in the destination; by policy {policy} ours are {does}.",
            remedy="Choose another policy in mapping.yaml under settings, or merge these rows in the destination first.",
            examples=tuple(item.key for item in found[:5]),
        )  # fmt: skip


def _deleted_findings(record: StagedRecord, deleted: Counter[str]) -> Iterator[Finding]:
    for path, count in deleted.items():
        yield Finding(
            code="soft_deleted_holds_value", severity="blocking", object=record.object, field=path, count=count,
            message=f"{count} soft-deleted rows of {record.object} hold a {path} that ours need: ours would be refused.",
            remedy="Restore these rows or delete them for good in the destination, then plan again.",
        )  # fmt: skip


def _several_findings(record: StagedRecord, several: Counter[str]) -> Iterator[Finding]:
    for path, count in several.items():
        yield Finding(
            code="ambiguous_match", severity="blocking", object=record.object, field=path, count=count,
            message=f"{count} {record.record} match several rows of {record.object}, or share one with each other (by {path}).",
            remedy="Merge these duplicates in the destination or the source, then plan again.",
        )  # fmt: skip

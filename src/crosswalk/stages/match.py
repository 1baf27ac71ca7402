"""match: rows that already stand in the destination for a source row, and what would collide with ours (E3)."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

import duckdb

from crosswalk.model.finding import Finding
from crosswalk.model.mapping import Mapping
from crosswalk.model.ownership import Matched, Matches
from crosswalk.model.record import Row
from crosswalk.model.staged_writes import StagedRecord, StagedWrites
from crosswalk.spi.destination import DestinationReader
from crosswalk.store.transform_sql import parquet, quoted


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
    ours = {row_id for (row_id,) in connection.execute(f"SELECT _id FROM {parquet(workspace / record.file)}").fetchall()} if any(
        held.values()
    ) else set[str]()  # fmt: skip
    matches: dict[str, Matched] = {}
    deleted: Counter[str] = Counter()
    several: Counter[str] = Counter()
    for path in paths:
        for value, rows in held[path].items():
            foreign = [row for row in rows if row.id not in ours]
            if not foreign:
                continue
            keys = connection.execute(
                f"SELECT _key FROM {parquet(workspace / record.file)} WHERE {quoted(path)} = ? ORDER BY _row", [value]
            ).fetchall()
            live = [row for row in foreign if not row.deleted]
            for (key,) in keys[:1]:
                if len(live) == 1:
                    matches.setdefault(key, Matched(record=record.record, key=key, id=live[0].id, by=path))
                elif live:
                    several[path] += 1
                else:
                    deleted[path] += 1
    return list(matches.values()), [*_deleted_findings(record, deleted), *_several_findings(record, several)]


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
            message=f"{count} {record.record} match more than one row of {record.object} by {path}.",
            remedy="Merge these duplicates in the destination, then plan again.",
        )  # fmt: skip

"""Comparing staged writes with a read-back: shared by compare (a selection, in fields) and reconcile (everything, in counts)."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import duckdb
import orjson

from crosswalk.model.destination_schema import DestinationField, DestinationObject, DestinationSchema
from crosswalk.model.field_diff import FieldCount
from crosswalk.model.staged_writes import StagedRecord, StagedWrites
from crosswalk.model.values import Value
from crosswalk.spi.destination import Expected
from crosswalk.store import staging_diff as diff
from crosswalk.store.journal import Journal
from crosswalk.store.staging import prepare, take_xref

JUDGED_AT_ONCE = 10_000
Expect = Callable[[DestinationField, Value], Expected]


@dataclass(frozen=True, slots=True)
class Comparison:
    """The comparison of some records; the fields that are not equal lie in the scratch table `diff_fields`."""

    rows: dict[str, diff.RowCounts]
    fields: tuple[FieldCount, ...]


def compare_records(
    staged: StagedWrites,
    selection: Path | None,
    read_backs: Mapping[str, Path],
    *,
    schema: DestinationSchema,
    expected: Expect,
    journal: Journal,
    connection: duckdb.DuckDBPyConnection,
    folder: Path,
    each: Callable[[StagedRecord, diff.RowCounts], None] = lambda record, counted: None,
) -> Comparison:
    """Every staged row (or those of a selection) against the destination's rows in `read_backs` (by object).

    `each` is called while a record's rows lie in the scratch table `diff_rows`.
    """
    prepare(connection, selection)
    diff.prepare_diff(connection)
    rows: dict[str, diff.RowCounts] = {}
    fields: list[FieldCount] = []
    for record in staged.records:
        take_xref(connection, record.record, journal.xref(record.record))
        read_back = read_backs.get(record.object)
        counted = diff.compare_record(connection, record, folder / record.file, read_back, selection is not None)
        _judge(connection, record, schema.object(record.object), expected, folder)
        if read_back:
            diff.take_automation(connection, record.record, read_back, list(read_backs.values()))
        each(record, counted)
        rows[record.record] = counted
        unwritten = diff.unwritten_fields(connection, record, read_back, _left_out(schema, record)) if read_back else {}
        fields += _counts(connection, record, counted, unwritten)
    return Comparison(rows, tuple(fields))


def _left_out(schema: DestinationSchema, record: StagedRecord) -> list[str]:
    described = schema.object(record.object)
    return [leaf.path for leaf in described.fields if leaf.computed or not leaf.writable] if described else []


def _judge(
    connection: duckdb.DuckDBPyConnection,
    record: StagedRecord,
    described: DestinationObject | None,
    expected: Expect,
    folder: Path,
) -> None:
    """Decide the unequal fields on their distinct values: as the platform rewrites it, or really different."""
    judgements: list[tuple[str, str | None, str | None, str, str | None]] = []
    files = record.files()
    for distinct in diff.unjudged(connection, record.record, JUDGED_AT_ONCE):
        names = {wanted for path, wanted, _ in distinct if path in files and wanted is not None}
        sizes = diff.file_sizes(connection, folder, names)
        for path, wanted, actual in distinct:
            leaf = described.field(path) if described else None
            verdict, rule = ("different", None) if leaf is None else judged(leaf, wanted, actual, expected, sizes)
            judgements.append((path, wanted, actual, verdict, rule))
    diff.take_judgements(connection, record.record, judgements)


def judged(
    leaf: DestinationField, wanted: str | None, actual: str | None, expected: Expect, sizes: Mapping[str, int]
) -> tuple[str, str | None]:
    """The verdict (equal, normalised, different) on one staged value (as text) and what reads back, and the rule.

    `sizes`: the bytes of the source's files by name.
    """
    if leaf.type == "file":
        return ("equal", None) if _holds_file(wanted, actual, sizes) else ("different", None)
    value = _value(leaf, wanted)
    answer = expected(leaf, value)
    if not _same(answer.value, actual):
        return "different", answer.rule
    return ("equal", None) if answer.rule is None and answer.value == value else ("normalised", answer.rule or "rewritten")


def _holds_file(name: str | None, actual: str | None, sizes: Mapping[str, int]) -> bool:
    """What reads back is a file of that name and, where the platform tells its `size`, as big as the source's."""
    if name is None or actual is None or orjson.dumps(name).decode() not in actual:
        return False
    files: Any = orjson.loads(actual)
    held = cast(list[Mapping[str, Any]], files if isinstance(files, list) else [])
    return all(sizes.get(name, item["size"]) == item["size"] for item in held if "size" in item)


def _value(leaf: DestinationField, text: str | None) -> Value:
    """A canonical value from its text."""
    if text is None:
        return None
    if leaf.type in ("options", "list", "json", "boolean", "integer"):
        return orjson.loads(text)
    return text


def _same(value: Value, actual: str | None) -> bool:
    if value is None or actual is None or isinstance(value, str):
        return value == actual
    try:
        return orjson.loads(actual) == value
    except orjson.JSONDecodeError:
        return False


def _counts(
    connection: duckdb.DuckDBPyConnection, record: StagedRecord, counted: diff.RowCounts, unwritten: Mapping[str, int]
) -> list[FieldCount]:
    numbers: dict[str, dict[str, int]] = {column.path: {} for column in record.columns}
    rules: dict[str, set[str]] = {column.path: set() for column in record.columns}
    for path, verdict, rows, named in diff.field_verdicts(connection, record.record):
        numbers[path][verdict] = rows
        rules[path] |= set(named)
    found = [
        FieldCount(
            record=record.record,
            field=path,
            equal=counted.compared - sum(verdicts.values()),
            missing=counted.missing,
            rules=tuple(sorted(rules[path])),
            **verdicts,
        )
        for path, verdicts in numbers.items()
    ]
    return found + [FieldCount(record=record.record, field=path, not_written=rows) for path, rows in unwritten.items()]


def total(rows: Sequence[diff.RowCounts]) -> diff.RowCounts:
    """The counts of several records together."""
    return diff.RowCounts(
        sum(item.rows for item in rows), sum(item.not_written for item in rows), sum(item.missing for item in rows)
    )

"""Which source columns a map reads: checked before anything is computed, and what `unmapped` is told by."""

from collections.abc import Iterator
from pathlib import Path

import duckdb

from crosswalk.model.errors import UsageError
from crosswalk.model.mapping import FieldMapping, Gather, Join, Mapping, RecordMapping
from crosswalk.store.expression import expression_columns
from crosswalk.store.files import object_file
from crosswalk.store.sql import parquet
from crosswalk.store.template import template_columns
from crosswalk.store.transform_sql import field_columns

Read = tuple[str, str, str]
"""Where in the map, the source object, and its column."""


def columns_read(mapping: Mapping) -> Iterator[Read]:
    """Every column an active record reads, with the place that reads it. Raises UsageError on an expression that is not safe."""
    for name, record in mapping.active().items():
        yield from _record(name, record)


def check_columns(mapping: Mapping, raw: Path, connection: duckdb.DuckDBPyConnection) -> None:
    """Raises UsageError naming what the map reads and the scan (the Parquet files in `raw`) does not have."""
    known: dict[str, set[str]] = {}
    for place, source_object, column in columns_read(mapping):
        if source_object not in known:
            known[source_object] = _columns(object_file(raw, source_object), source_object, place, connection)
        if column not in known[source_object]:
            raise UsageError(
                f"mapping.yaml: {place} reads the column {column!r} of {source_object}, which the scan does not have",
                "Write the column as the export's header has it, or scan again.",
            )


def _columns(file: Path, source_object: str, place: str, connection: duckdb.DuckDBPyConnection) -> set[str]:
    if not file.exists():
        raise UsageError(
            f"mapping.yaml: {place} reads {source_object}, which the scan does not have", "Correct `from`, or scan again."
        )
    return {name for name, *_ in connection.execute(f"DESCRIBE SELECT * FROM {parquet(file)}").fetchall()}


def _record(name: str, record: RecordMapping) -> Iterator[Read]:
    for column in (*record.key, *record.order):
        yield _origin(f"{name}.key", record.from_, record.joins, column)
    if record.where is not None:
        for column in expression_columns(record.where, f"mapping.yaml: {name}.where"):
            yield _origin(f"{name}.where", record.from_, record.joins, column)
    for alias, join in record.joins.items():
        yield from _join(f"{name}.joins.{alias}", record.from_, join)
    for path, mapped in record.fields.items():
        yield from _field(f"{name}.{path}", record, mapped)


def _field(place: str, record: RecordMapping, mapped: FieldMapping) -> Iterator[Read]:
    for column in field_columns(mapped, f"mapping.yaml: {place}"):
        yield _origin(place, record.from_, record.joins, column)
    if mapped.gather is not None:
        yield from _gather(place, mapped.gather)


def _gather(place: str, gather: Gather) -> Iterator[Read]:
    named = template_columns(gather.lines) if gather.lines else (gather.items or "",)
    filtered = expression_columns(gather.where, f"mapping.yaml: {place}") if gather.where else ()
    for column in (*named, *filtered, *gather.order, *gather.match):
        yield _origin(place, gather.from_, gather.joins, column)
    for alias, join in gather.joins.items():
        yield from _join(f"{place}.{alias}", gather.from_, join)


def _join(place: str, source_object: str, join: Join) -> Iterator[Read]:
    filtered = expression_columns(join.where, f"mapping.yaml: {place}") if join.where else ()
    for theirs in (*join.match, *join.order, *filtered):
        yield place, join.from_, theirs
    for ours in join.match.values():
        yield place, source_object, ours


def _origin(place: str, source_object: str, joins: dict[str, Join], column: str) -> Read:
    alias, dot, rest = column.partition(".")
    return (place, joins[alias].from_, rest) if dot and alias in joins else (place, source_object, column)

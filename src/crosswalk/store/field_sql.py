"""Compiles one field of a mapped record into SQL, filling the tables of distinct values it needs on the way."""

import difflib
from collections.abc import Callable
from collections.abc import Mapping as Dictionary
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import duckdb

from crosswalk.model.destination_schema import DestinationSchema, FieldType
from crosswalk.model.errors import UsageError
from crosswalk.model.mapping import FALLBACK_OWNER, FieldMapping, Gather, Join, Mapping, RecordMapping
from crosswalk.model.mapping_targets import leaf_type
from crosswalk.store.expression import expression_sql
from crosswalk.store.sql import literal, quoted
from crosswalk.store.template import WHITE, template_sql
from crosswalk.store.transform_sql import DEFAULT_TRANSFORM, Compiled, contribution_sql, gather_lines_sql, gather_rows_sql
from crosswalk.store.value_tables import ValueTable, fill_value_table
from crosswalk.transforms.contract import Settings
from crosswalk.transforms.registry import TRANSFORMS

PART_ROWS = 200_000
"""Rows folded at a time: string_agg does not spill, so folds run in ranges of the key's hash (law 7)."""


@dataclass(slots=True)
class RecordCompiler:
    """The record being compiled: where its rows are and which tables were made for it."""

    connection: duckdb.DuckDBPyConnection
    mapping: Mapping
    schema: DestinationSchema
    name: str
    rows: str
    raw: Path
    settings: Settings
    keys: Dictionary[str, str]
    """Record → table (key, id, state) of the records compiled before."""
    owners: str
    tables: dict[tuple[str, str, str], ValueTable] = field(default_factory=lambda: {})
    gathered: dict[str, str] = field(default_factory=lambda: {})
    """Field path → table of the gathered rows, for their contributions."""
    contributors: list[str] = field(default_factory=lambda: [])

    @property
    def record(self) -> RecordMapping:
        """The mapped record, as far as the destination lets us write it."""
        record = self.mapping.records[self.name]
        return record.without_unwritable(self.schema.object(record.to))

    def table(self, purpose: str) -> str:
        """A fresh table name of this record."""
        return quoted(f"{self.name}_{purpose}_{len(self.tables) + len(self.gathered)}")


def compile_record(compiler: RecordCompiler) -> list[Compiled]:
    """Every leaf of the record, `words_of` fields last (they look at the findings of others)."""
    fields = compiler.record.fields
    compiled = {path: compile_field(compiler, path, mapped) for path, mapped in fields.items() if mapped.words_of is None}
    for path, mapped in fields.items():
        if mapped.words_of is not None:
            compiled[path] = _words_of(compiler, path, mapped, compiled[mapped.words_of])
    for path, mapped in fields.items():
        if mapped.fallback is not None:
            leaf = compiled[path]
            leaf.value = f"coalesce(nullif(CAST({leaf.value} AS VARCHAR), ''), {template_sql(mapped.fallback, _column)})"
            leaf.made = "VARCHAR"
    for path, mapped in fields.items():
        if mapped.beside is not None:
            leaf, other = compiled[path], compiled[mapped.beside]
            leaf.value = f"CASE WHEN {other.value} IS NOT NULL THEN {leaf.value} END"
            leaf.joins += other.joins
        if mapped.wanted:
            leaf = compiled[path]
            leaf.findings.append(f"CASE WHEN nullif(CAST({leaf.value} AS VARCHAR), '') IS NULL THEN 'missing_value' END")
    return [compiled[path] for path in fields]


def compile_field(compiler: RecordCompiler, path: str, mapped: FieldMapping) -> Compiled:
    """One leaf's SQL."""
    kind = leaf_type(mapped, compiler.record, path, compiler.schema)
    place = f"mapping.yaml: {compiler.name}.{path}"
    if mapped.constant is not None:
        constant = mapped.constant
        return Compiled(path, kind, literal(constant) if isinstance(constant, str) else str(constant))
    if mapped.expression is not None:
        return Compiled(path, kind, expression_sql(mapped.expression, lambda column: f"b.{quoted(column)}", place))
    if mapped.template is not None:
        return Compiled(path, kind, template_sql(mapped.template, _column))
    if mapped.lines is not None:
        return Compiled(path, kind, f"b.{quoted('_lines.' + path)}")
    if mapped.lookup is not None:
        return _lookup(compiler, path, mapped.lookup, mapped.from_)
    if mapped.owner is not None:
        return _owner(compiler, path, mapped.owner)
    if mapped.gather is not None:
        return _gather(compiler, path, kind, mapped)
    return _value(compiler, path, kind, mapped)


def _column(name: str) -> str:
    return "b._key" if name == "key" else f"b.{quoted(name)}"


def _value(compiler: RecordCompiler, path: str, kind: FieldType, mapped: FieldMapping) -> Compiled:
    """A column through its transform and value map."""
    column = mapped.from_ or mapped.file or ""
    raw = f"b.{quoted(column)}"
    if mapped.values is not None and mapped.transform is None:
        return _value_map(path, kind, raw, mapped.values, [], [])
    name = mapped.transform or DEFAULT_TRANSFORM[kind]
    table, alias = _transformed(compiler, path, compiler.rows, compiler.record.from_, compiler.record.joins, column, name)
    join = f"LEFT JOIN {table.name} {alias} ON {alias}.raw = {raw}"
    if mapped.values is not None:
        return _value_map(path, kind, table.value(alias), mapped.values, [join], [f"{alias}.finding"])
    return Compiled(path, kind, table.value(alias), [f"{alias}.finding"], [join], table.kind)


def _transformed(
    compiler: RecordCompiler, path: str, rows: str, source_object: str, joins: Dictionary[str, Join], column: str, name: str
) -> tuple[ValueTable, str]:
    """The value table of (column, transform), filled once, and the alias it is joined by."""
    if name not in TRANSFORMS:
        near = difflib.get_close_matches(name, TRANSFORMS, n=3, cutoff=0.5) or sorted(TRANSFORMS)
        raise UsageError(f"mapping.yaml: {compiler.name}.{path}: there is no transform {name}", f"The nearest: {', '.join(near)}.")
    known = compiler.tables.get((rows, column, name))
    if known is None:
        alias, dot, plain = column.partition(".")
        origin, header = (joins[alias].from_, plain) if dot and alias in joins else (source_object, column)
        order = compiler.mapping.date_orders.get(origin, {}).get(header, "ymd")
        settings = replace(compiler.settings, date_order=order)
        known = fill_value_table(compiler.connection, compiler.table("values"), rows, column, name, settings)
        compiler.tables[rows, column, name] = known
    return known, quoted("v_" + known.name.strip('"'))


def _value_map(path: str, kind: FieldType, raw: str, values: dict[str, str], joins: list[str], findings: list[str]) -> Compiled:
    """A value map: what it does not know is a finding (B3), never a guess."""
    alias = quoted(f"m_{path}")
    entries = ", ".join(f"({literal(source)}, {literal(target)})" for source, target in values.items())
    # Both sides are folded by the same SQL, and spellings that differ by case only are one entry: a row must never double.
    key, known = (
        _folded(raw),
        f"SELECT {_folded('raw')} AS raw, min(value) AS value FROM (VALUES {entries}) AS t(raw, value) GROUP BY 1",
    )
    joined = f"LEFT JOIN ({known}) {alias} ON {alias}.raw = {key}" if entries else ""
    value = f"{alias}.value" if entries else "NULL::VARCHAR"
    unmapped = f"CASE WHEN {key} <> '' AND {value} IS NULL THEN 'unmapped_value' END"
    return Compiled(path, kind, value, [*findings, unmapped], [*joins, *([joined] if joined else [])])


def _folded(text: str) -> str:
    """Text as value maps compare it: trimmed, case-blind, without the NUL that no destination can store."""
    return f"lower(trim(replace({text}, chr(0), ''), {literal(WHITE)}))"


def _lookup(compiler: RecordCompiler, path: str, record: str, column: str | None) -> Compiled:
    """Another record's destination id; a source key that leads nowhere is the finding `orphan` (E4)."""
    key = f"trim(b.{quoted(column)})" if column else "b._key"
    alias = quoted(f"k_{path}")
    finding = f"CASE WHEN {key} <> '' AND {alias}.id IS NULL THEN 'orphan' END"
    return Compiled(
        path, "reference", f"{alias}.id", [finding], [f"LEFT JOIN {compiler.keys[record]} {alias} ON {alias}.key = {key}"]
    )


def _owner(compiler: RecordCompiler, path: str, column: str) -> Compiled:
    """The owner an e-mail resolved to, else the fallback (E1)."""
    fallback = f"(SELECT any_value(user_id) FROM {compiler.owners} WHERE email = '')"
    if column == FALLBACK_OWNER:
        return Compiled(path, "reference", fallback)
    alias = quoted(f"o_{path}")
    join = f"LEFT JOIN {compiler.owners} {alias} ON {alias}.email = lower(trim(b.{quoted(column)}))"
    return Compiled(path, "reference", f"coalesce({alias}.user_id, {fallback})", [], [join])


def _gather(compiler: RecordCompiler, path: str, kind: FieldType, mapped: FieldMapping) -> Compiled:
    """Rows of another source object as lines or a list on this record."""
    gather = mapped.gather
    assert gather is not None
    orders: Any = compiler.mapping.date_orders
    gathered, result = compiler.table("gathered"), compiler.table("gather")
    compiler.gathered[path] = gathered
    connection = compiler.connection
    place = f"mapping.yaml: {compiler.name}.{path}"
    connection.execute(
        f"CREATE OR REPLACE TABLE {gathered} AS {gather_rows_sql(gather, compiler.rows, compiler.raw, orders, place)}"
    )
    compiler.contributors.append(contribution_sql(gather.from_, "_row", gathered, "gathered", [path]))
    for joined, join in gather.joins.items():
        compiler.contributors.append(contribution_sql(join.from_, f"_row.{joined}", gathered, "joined", [path]))
    alias = quoted(f"g_{path}")
    join = f"LEFT JOIN {result} {alias} ON {alias}._key = b._key"
    if gather.lines is not None:
        dates = orders.get(gather.from_, {})
        run_in_parts(connection, gathered, result, lambda part: gather_lines_sql(gather, gathered, dates, part))
        return Compiled(path, kind, f"{alias}.value", [], [join])
    item = _gathered_item(compiler, path, kind, mapped, gather, gathered)
    finding = next((f"coalesce({', '.join(item.findings)})" for _ in item.findings[:1]), "NULL")
    items = f"list_sort(list(DISTINCT {item.value}) FILTER (WHERE {item.value} <> '')) AS value, min({finding}) AS finding"
    tables = " ".join(item.joins)
    connection.execute(f"CREATE OR REPLACE TABLE {result} AS SELECT b._key, {items} FROM {gathered} b {tables} GROUP BY b._key")
    return Compiled(path, kind, f"{alias}.value", [f"{alias}.finding"], [join], "VARCHAR[]")


def _gathered_item(
    compiler: RecordCompiler, path: str, kind: FieldType, mapped: FieldMapping, gather: Gather, rows: str
) -> Compiled:
    column = gather.items or ""
    raw = f"b.{quoted(column)}"
    if mapped.values is not None and mapped.transform is None:
        return _value_map(path, kind, raw, mapped.values, [], [])
    table, alias = _transformed(compiler, path, rows, gather.from_, gather.joins, column, mapped.transform or "text")
    join = f"LEFT JOIN {table.name} {alias} ON {alias}.raw = {raw}"
    if mapped.values is not None:
        return _value_map(path, kind, table.value(alias), mapped.values, [join], [f"{alias}.finding"])
    return Compiled(path, kind, table.value(alias), [f"{alias}.finding"], [join])


def _words_of(compiler: RecordCompiler, path: str, mapped: FieldMapping, other: Compiled) -> Compiled:
    """The source's own words of a field that could not be written as mapped."""
    source = compiler.record.fields[other.path]
    raw = f"b.{quoted(source.from_ or '')}"
    kind = leaf_type(mapped, compiler.record, path, compiler.schema)
    found = " OR ".join(f"{finding} IS NOT NULL" for finding in other.all_findings()) or "FALSE"
    return Compiled(path, kind, f"CASE WHEN {found} THEN replace({raw}, chr(0), '') END", [], other.joins)


def run_in_parts(connection: duckdb.DuckDBPyConnection, rows: str, result: str, select: Callable[[str], str]) -> None:
    """Create table `result` from a fold (given the condition of its part), in ranges of the key's hash: memory stays bounded."""
    total = connection.execute(f"SELECT count(*) FROM {rows}").fetchone()
    parts = 1 + (total[0] if total else 0) // PART_ROWS
    for part in range(parts):
        chosen = select(f"hash(b._key) % {parts} = {part}")
        connection.execute(f"CREATE OR REPLACE TABLE {result} AS {chosen}" if part == 0 else f"INSERT INTO {result} {chosen}")

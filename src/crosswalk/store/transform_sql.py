"""Compiles one mapped record into SQL: the rows it is made of, and the typed writes it becomes.

Everything here returns SQL text; stages/transform.py runs it. The rows table `b` holds, per record, `_key`, `_row` and every
column the map names (joined columns as `alias.Column`).
"""

from collections.abc import Iterable
from collections.abc import Mapping as Dictionary
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from crosswalk.model.destination_schema import FieldType
from crosswalk.model.mapping import FALLBACK_OWNER, FieldMapping, Gather, Join, RecordMapping
from crosswalk.store.expression import expression_columns, expression_sql
from crosswalk.store.files import object_file
from crosswalk.store.sql import literal, parquet, quoted
from crosswalk.store.template import Resolve, template_columns, template_sql

SQL_TYPE: dict[FieldType, str] = {
    "integer": "BIGINT", "decimal": "DECIMAL(38,6)", "money": "DECIMAL(38,6)", "boolean": "BOOLEAN", "date": "DATE",
    "datetime": "TIMESTAMP", "options": "VARCHAR[]", "list": "VARCHAR[]",
}  # fmt: skip
"""The DuckDB type of a neutral type; VARCHAR for all others (model/staged_writes.py)."""

DEFAULT_TRANSFORM: dict[FieldType, str] = {
    "text": "text", "rich_text": "text.multiline", "integer": "integer", "decimal": "decimal", "money": "money",
    "boolean": "boolean", "date": "date", "datetime": "datetime", "email": "email", "url": "text", "phone": "text",
    "option": "option", "options": "list.split", "list": "list.split", "json": "text.multiline", "id": "code", "file": "text",
    "reference": "code", "other": "text",
}  # fmt: skip


Part = Literal["made", "gathered", "joined"]
"""How a source row came into a record (model/staged_writes.py)."""


def sql_type(kind: FieldType) -> str:
    """The DuckDB type a leaf is staged as."""
    return SQL_TYPE.get(kind, "VARCHAR")


def moment_sql(column: str, order: str | None) -> str:
    """A sortable instant of a text column, dates read in the column's order; NULL when it is none."""
    patterns = {"dmy": ["%d/%m/%Y", "%d-%m-%Y", "%d.%m.%Y"], "mdy": ["%m/%d/%Y", "%m-%d-%Y"]}.get(order or "", [])
    formats = [f"{day}{time}" for day in patterns for time in (" %H:%M:%S", " %H:%M", " %I:%M %p", "")]
    wanted = f", try_strptime({column}, [{', '.join(literal(item) for item in formats)}])" if formats else ""
    return f"coalesce(try_cast({column} AS TIMESTAMPTZ)::TIMESTAMP{wanted})"


def order_sql(alias: str, columns: tuple[str, ...], orders: Dictionary[str, str]) -> str:
    """ORDER BY terms: by moment, then by text, then by source order."""
    terms = [
        term
        for column in columns
        for term in (moment_sql(f"{alias}.{quoted(column)}", orders.get(column)), f"{alias}.{quoted(column)}")
    ]
    return ", ".join([*terms, f"{alias}._row"])


def key_sql(columns: tuple[str, ...], resolve: str) -> str:
    """The record's key: the source key, or the named columns joined by `|` (inside a part `\\|`, a backslash doubled).

    A row whose single key column is blank keeps its source key.
    """
    if not columns:
        return f"{resolve}._key"
    if len(columns) == 1:
        return f"coalesce(nullif(trim({resolve}.{quoted(columns[0])}), ''), {resolve}._key)"
    parts = (f"trim(coalesce({resolve}.{quoted(column)}, ''))" for column in columns)
    return " || '|' || ".join(f"replace(replace({part}, '\\', '\\\\'), '|', '\\|')" for part in parts)


def name_hash_sql(namespace_hex: str, name: str) -> str:
    """SHA-1 of the namespace's bytes and a name: what a UUIDv5 is cut from."""
    return f"sha1(unhex('{namespace_hex}') || encode({name}))"


def uuid_sql(hashed: str) -> str:
    """UUIDv5 text from `name_hash_sql`, equal to `uuid.uuid5(namespace, name)` (law 5)."""
    variant = f"substr('89ab89ab89ab89ab', strpos('0123456789abcdef', substr({hashed}, 17, 1)), 1)"
    return (
        f"substr({hashed}, 1, 8) || '-' || substr({hashed}, 9, 4) || '-5' || substr({hashed}, 14, 3) || '-' || {variant}"
        f" || substr({hashed}, 18, 3) || '-' || substr({hashed}, 21, 12)"
    )


def field_columns(mapped: FieldMapping, place: str) -> tuple[str, ...]:
    """The columns of `b` a field reads, its fallback's included."""
    spare = template_columns(mapped.fallback) if mapped.fallback else ()
    return (*_value_columns(mapped, place), *spare)


def _value_columns(mapped: FieldMapping, place: str) -> tuple[str, ...]:
    if mapped.expression is not None:
        return expression_columns(mapped.expression, place)
    if mapped.template is not None:
        return template_columns(mapped.template)
    if mapped.lines is not None:
        return template_columns(mapped.lines)
    if mapped.gather is not None:
        return tuple(mapped.gather.match.values())
    named = mapped.from_ or mapped.owner or mapped.file
    return (named,) if named and named != FALLBACK_OWNER else ()


def record_columns(name: str, record: RecordMapping) -> tuple[str, ...]:
    """Every column of `b` a record reads, joined ones as `alias.Column`."""
    columns: dict[str, None] = dict.fromkeys((*record.key, *record.order))
    for path, mapped in record.fields.items():
        columns |= dict.fromkeys(field_columns(mapped, f"{name}.{path}"))
    return tuple(columns)


def joined_paths(name: str, record: RecordMapping, alias: str) -> list[str]:
    """The leaves that read a column of the record's join `alias`."""
    start = alias + "."
    read = {path: field_columns(mapped, f"{name}.{path}") for path, mapped in record.fields.items()}
    return [path for path, columns in read.items() if any(column.startswith(start) for column in columns)]


def contribution_sql(source_object: str, row: str, rows: str, part: Part, paths: Iterable[str] = ()) -> str:
    """Which rows of a source object, numbered in the column `row` of `rows`, ended in which record (model/staged_writes.py)."""
    leaves = "NULL::VARCHAR[]" if part == "made" else f"[{', '.join(literal(path) for path in paths)}]::VARCHAR[]"
    distinct = "DISTINCT " if part == "joined" else ""
    return (
        f"SELECT {distinct}_key, {literal(source_object)} AS source_object, {quoted(row)} AS _row, {literal(part)} AS part,"
        f" {leaves} AS paths FROM {rows} WHERE {quoted(row)} IS NOT NULL"
    )


def taken_rows_sql(name: str, record: RecordMapping, raw: Path, orders: Dictionary[str, Dictionary[str, str]]) -> str:
    """The number of every source row that a record is to be made of, whether it was staged or not."""
    return f"SELECT r._row AS _row {_taken_sql(name, record, raw, orders)}"


def _taken_sql(name: str, record: RecordMapping, raw: Path, orders: Dictionary[str, Dictionary[str, str]]) -> str:
    """FROM and WHERE of the rows `r` that a record is made of, with its joins."""
    joins = " ".join(_join_sql("r", alias, join, raw, orders.get(join.from_, {})) for alias, join in record.joins.items())
    where = f" AND {expression_sql(record.where, _resolver('r', record.joins), f'{name}.where')}" if record.where else ""
    return f"FROM {parquet(object_file(raw, record.from_))} r {joins} WHERE r._state = 'staged'{where}"


def rows_sql(name: str, record: RecordMapping, raw: Path, orders: Dictionary[str, Dictionary[str, str]]) -> str:
    """The source rows of a record with the columns it needs, one row per source row that passes `where`."""
    resolve = _resolver("r", record.joins)
    selected = [f"{resolve(column)} AS {quoted(column)}" for column in record_columns(name, record)]
    selected += [f"{_joined(alias)}._row AS {quoted(f'_row.{alias}')}" for alias in record.joins]
    key = _occurrence(record) if record.key and not record.fold else key_sql(record.key, "r")
    columns = "".join(", " + item for item in selected)
    return f"SELECT {key} AS _key, r._row AS _row{columns} {_taken_sql(name, record, raw, orders)}"


def _resolver(base: str, joins: Dictionary[str, Join]) -> Resolve:
    """Column names → SQL: `alias.Column` of a join, else a column of `base`."""

    def resolve(column: str) -> str:
        alias, dot, rest = column.partition(".")
        return f"{_joined(alias)}.{quoted(rest)}" if dot and alias in joins else f"{base}.{quoted(column)}"

    return resolve


def _joined(alias: str) -> str:
    """The SQL name of a joined object's rows; no name a person may give a join means anything else to SQL."""
    return quoted(f"joined {alias}")


def _tied(theirs: str, ours: str) -> str:
    """Two columns hold the same key. A blank is no key: it ties nothing."""
    return f"trim({theirs}) = trim({ours}) AND trim({ours}) <> ''"


def _occurrence(record: RecordMapping) -> str:
    key = key_sql(record.key, "r")
    number = f"row_number() OVER (PARTITION BY {key} ORDER BY r._row)"
    return f"{key} || CASE WHEN {number} = 1 THEN '' ELSE '#' || {number} END"


def _join_sql(base: str, alias: str, join: Join, raw: Path, orders: Dictionary[str, str]) -> str:
    where = f" AND {expression_sql(join.where, _resolver('j', {}), f'join {alias}')}" if join.where else ""
    keys = ", ".join(f"trim(j.{quoted(theirs)})" for theirs in join.match)
    ties = (_tied(f"{_joined(alias)}.{quoted(theirs)}", f"{base}.{quoted(ours)}") for theirs, ours in join.match.items())
    return f"""LEFT JOIN (SELECT * FROM (
          SELECT j.*, row_number() OVER (PARTITION BY {keys} ORDER BY {_newest_sql(join.order, orders)}) AS _rank
          FROM {parquet(object_file(raw, join.from_))} j WHERE j._state = 'staged'{where}) WHERE _rank = 1) {_joined(alias)}
        ON {" AND ".join(ties)}"""


def _newest_sql(columns: tuple[str, ...], orders: Dictionary[str, str]) -> str:
    terms = [moment_sql(f"j.{quoted(column)}", orders.get(column)) for column in columns]
    terms += [f"j.{quoted(column)}" for column in columns]
    return ", ".join(f"{term} DESC NULLS LAST" for term in (*terms, "j._row"))


def fold_sql(record: RecordMapping, rows: str, orders: Dictionary[str, str], columns: tuple[str, ...], part: str) -> str:
    """Rows with an equal key brought together: first filled value of each column, and the rendered `lines`.

    `part` is the condition (over `b`) of the keys to fold at a time.
    """
    order = order_sql("b", record.order, orders)
    folded = [
        f"first(b.{quoted(column)} ORDER BY {order}) FILTER (WHERE b.{quoted(column)} <> '') AS {quoted(column)}"
        for column in columns
    ]
    for path, mapped in record.fields.items():
        if mapped.lines is not None:
            line = template_sql(mapped.lines, lambda column: f"b.{quoted(column)}")
            folded.append(f"string_agg({line}, chr(10) ORDER BY {order}) AS {quoted('_lines.' + path)}")
    joined = [f"min(b.{quoted('_row.' + alias)}) AS {quoted('_row.' + alias)}" for alias in record.joins]
    selected = "".join(", " + item for item in (*folded, *joined))
    return f"SELECT b._key, min(b._row) AS _row{selected} FROM {rows} b WHERE {part} GROUP BY b._key"


def gather_rows_sql(gather: Gather, rows: str, raw: Path, orders: Dictionary[str, Dictionary[str, str]], place: str) -> str:
    """The gathered rows with the record key they belong to: `_key`, `_row`, the columns the gather names, `_row.alias` of joins."""
    wanted = template_columns(gather.lines) if gather.lines else (gather.items or "",)
    resolve = _resolver("g", gather.joins)
    where = f" AND {expression_sql(gather.where, resolve, place)}" if gather.where else ""
    condition = " AND ".join(_tied(f"g.{quoted(theirs)}", f"b.{quoted(ours)}") for theirs, ours in gather.match.items())
    selected = "".join(f", {_joined(alias)}._row AS {quoted(f'_row.{alias}')}" for alias in gather.joins)
    selected += "".join(f", {resolve(column)} AS {quoted(column)}" for column in dict.fromkeys((*wanted, *gather.order)))
    joins = " ".join(_join_sql("g", alias, join, raw, orders.get(join.from_, {})) for alias, join in gather.joins.items())
    return f"""SELECT b._key AS _key, g._row AS _row{selected} FROM {parquet(object_file(raw, gather.from_))} g
        JOIN {rows} b ON {condition} {joins} WHERE g._state = 'staged'{where}"""


def gather_lines_sql(gather: Gather, gathered: str, orders: Dictionary[str, str], part: str) -> str:
    """Per record key the rendered lines, in order; `part` as in `fold_sql`."""
    line = template_sql(gather.lines or "", lambda column: f"b.{quoted(column)}")
    order = order_sql("b", gather.order, orders)
    return f"SELECT b._key, string_agg({line}, chr(10) ORDER BY {order}) AS value FROM {gathered} b WHERE {part} GROUP BY b._key"


@dataclass(slots=True)
class Compiled:
    """One leaf in SQL: its value, the findings it may raise (SQL of a code or NULL), and the tables it joins."""

    path: str
    kind: FieldType
    value: str
    findings: list[str] = field(default_factory=lambda: [])
    joins: list[str] = field(default_factory=lambda: [])
    made: str = "VARCHAR"
    """The DuckDB type of `value`."""

    def cast(self) -> str:
        """The value as the type it is staged as; NULL for nothing and for what is not of that type."""
        wanted = sql_type(self.kind)
        if wanted == "VARCHAR":
            return f"nullif(CAST({self.value} AS VARCHAR), '')"
        return f"TRY_CAST({self.value} AS {wanted})"

    def all_findings(self) -> list[str]:
        """The findings, and `type_differs` where a value may be lost to its type."""
        wanted = sql_type(self.kind)
        if wanted in ("VARCHAR", self.made):
            return self.findings
        lost = f"nullif(trim(CAST({self.value} AS VARCHAR)), '') IS NOT NULL AND TRY_CAST({self.value} AS {wanted}) IS NULL"
        return [*self.findings, f"CASE WHEN {lost} THEN 'type_differs' END"]


def writes_sql(
    compiled: list[Compiled], rows: str, identity: str, required: tuple[str, ...], matched: tuple[str, str] | None
) -> str:
    """The final SELECT of a record. `identity` is SQL of the id over `b`; `matched` (table, state) holds rows already there."""
    leaves = ", ".join(f"{leaf.cast()} AS {quoted(leaf.path)}" for leaf in compiled)
    findings = [
        f"CASE WHEN {finding} IS NOT NULL THEN {finding} || {literal(':' + leaf.path)} END"
        for leaf in compiled
        for finding in leaf.all_findings()
    ]
    found = f"list_filter([{', '.join(findings)}], lambda x: x IS NOT NULL)" if findings else "[]::VARCHAR[]"
    joins = dict.fromkeys(join for leaf in compiled for join in leaf.joins)
    match = f"LEFT JOIN {matched[0]} _m ON _m.key = b._key" if matched else ""
    identifier = f"coalesce(_m.id, {identity})" if matched else identity
    match_state = f"if(_m.id IS NOT NULL, '{matched[1]}', 'ready')" if matched else "'ready'"
    missing = "".join(f" WHEN {quoted(path)} IS NULL THEN {literal('required_missing:' + path)}" for path in required)
    reason = f"CASE{missing} END" if missing else "NULL::VARCHAR"
    # Each value with its length before it, so that no two rows of different values read the same.
    texts = [f"CAST({quoted(leaf.path)} AS VARCHAR)" for leaf in compiled]
    content = " || ".join(f"coalesce(length({text}) || ':' || {text}, '-')" for text in texts)
    return f"""SELECT _id, _key, _row, md5({content}) AS _content, _findings,
        CASE WHEN _reason IS NOT NULL THEN 'rejected' ELSE _match_state END AS _state, _reason,
        * EXCLUDE (_id, _key, _row, _findings, _match_state, _reason)
        FROM (SELECT *, {reason} AS _reason FROM (SELECT {identifier} AS _id, b._key AS _key, b._row AS _row, {found} AS _findings,
          {match_state} AS _match_state, {leaves} FROM {rows} b {match} {" ".join(joins)}))"""

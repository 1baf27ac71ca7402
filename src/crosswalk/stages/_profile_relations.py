"""Relations found from values: a column whose values are another object's keys, and the rows that point to nothing (A4)."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb

from crosswalk.model.profile import FieldProfile, Relation
from crosswalk.model.source_schema import SourceField, SourceObject, SourceSchema
from crosswalk.store.sql import literal, quoted, staged_rows

_SAMPLED = 500
_LEAST = 0.5
_WORTH_COUNTING = 0.3
_LINES = 5
_LONGEST_KEY = 120
_NO_KEYS = frozenset({"date", "datetime", "money", "decimal", "boolean", "e-mail", "empty"})
_SMALL_NUMBER = r"^\d{1,6}$"
_WORDS = re.compile(r"[A-Za-z][a-z]+|[A-Z]+")
_KEY_WORDS = frozenset({"id", "no", "number", "code", "key", "ref"})

Fields = Mapping[str, Sequence[FieldProfile]]


@dataclass(frozen=True, slots=True)
class _Pair:
    """A column that may hold another object's keys."""

    item: SourceObject
    field: SourceField
    target: SourceObject
    numbers: bool


@dataclass(frozen=True, slots=True)
class _Counted:
    pair: _Pair
    matched: int
    orphans: int
    share: float


def relations(
    schema: SourceSchema, fields: Fields, folder: Path, connection: duckdb.DuckDBPyConnection
) -> dict[str, tuple[Relation, ...]]:
    """Per object its relations, at most one per column: at least half of the column's distinct values are keys of the target.

    Short numbers fit any numbered key by coincidence, so such a column must also be named after its target.
    """
    _take_keys(schema, folder, connection)
    _take_samples(schema, fields, folder, connection)
    best: dict[tuple[str, str], _Counted] = {}
    for pair in _pairs(schema, connection):
        if pair.numbers and not _named_after(pair.field, pair.target):
            continue
        counted = _counted(pair, folder, connection)
        if counted.share < _LEAST or (_is_own_key(pair) and counted.orphans):
            continue
        place = (pair.item.name, pair.field.name)
        if place not in best or _preferred(counted) > _preferred(best[place]):
            best[place] = counted
    return {
        item.name: tuple(
            _relation(best[item.name, field.name], folder, connection) for field in item.fields if (item.name, field.name) in best
        )
        for item in schema.objects
    }


def _take_keys(schema: SourceSchema, folder: Path, connection: duckdb.DuckDBPyConnection) -> None:
    """Table `_keys`: all keys of objects that have their own single-column key."""
    connection.execute("CREATE OR REPLACE TEMP TABLE _keys (object VARCHAR, key VARCHAR)")
    for item in _targets(schema):
        filled = f"{staged_rows(folder, item.name)} WHERE trim({quoted(item.key[0])}) <> ''"
        connection.execute(f"INSERT INTO _keys SELECT {literal(item.name)}, _key FROM {filled}")


def _take_samples(schema: SourceSchema, fields: Fields, folder: Path, connection: duckdb.DuckDBPyConnection) -> None:
    """Table `_samples`: up to 500 distinct values of every column that could be a reference."""
    connection.execute("CREATE OR REPLACE TEMP TABLE _samples (object VARCHAR, field VARCHAR, value VARCHAR)")
    for item in schema.objects:
        for profile in fields[item.name]:
            if profile.type in _NO_KEYS or profile.max_length > _LONGEST_KEY:
                continue
            cell = f"trim({quoted(profile.name)})"
            connection.execute(
                f"""INSERT INTO _samples SELECT {literal(item.name)}, {literal(profile.name)}, v FROM (
                SELECT DISTINCT {cell} AS v FROM {staged_rows(folder, item.name)} WHERE {cell} <> '' AND _row % {_step(profile)} = 0
                LIMIT {_SAMPLED})"""
            )


def _step(profile: FieldProfile) -> int:
    """Every n-th row, so that a long table gives values from all over."""
    return max(1, profile.filled // 20_000)


def _pairs(schema: SourceSchema, connection: duckdb.DuckDBPyConnection) -> Iterator[_Pair]:
    found = connection.execute(
        f"""WITH s AS (
            SELECT object, field, count(*) AS n, count(*) FILTER (WHERE regexp_matches(value, '{_SMALL_NUMBER}')) AS small
            FROM _samples GROUP BY ALL)
        SELECT x.object, x.field, k.object, any_value(s.small) * 2 > any_value(s.n) FROM _samples x
        JOIN _keys k ON k.key = x.value JOIN s ON s.object = x.object AND s.field = x.field
        GROUP BY ALL HAVING count(*) >= {_WORTH_COUNTING} * any_value(s.n) ORDER BY 1, 2, 3"""
    ).fetchall()
    for object_name, field_name, target_name, numbers in found:
        item, target = schema.object(object_name), schema.object(target_name)
        if item is None or target is None or (item is target and field_name in item.key):
            continue
        field = next(field for field in item.fields if field.name == field_name)
        yield _Pair(item, field, target, numbers)


def _counted(pair: _Pair, folder: Path, connection: duckdb.DuckDBPyConnection) -> _Counted:
    cell = f"trim({quoted(pair.field.name)})"
    matched, orphans, share = connection.execute(
        f"""SELECT coalesce(sum(n) FILTER (WHERE found), 0), coalesce(sum(n) FILTER (WHERE NOT found), 0),
            coalesce(avg(found::INTEGER), 0) FROM (
            SELECT v.n, k.key IS NOT NULL AS found FROM (
                SELECT {cell} AS v, count(*) AS n FROM {staged_rows(folder, pair.item.name)} WHERE {cell} <> '' GROUP BY 1) v
            LEFT JOIN (SELECT key FROM _keys WHERE object = ?) k ON k.key = v.v)""",
        [pair.target.name],
    ).fetchall()[0]
    return _Counted(pair, int(matched), int(orphans), float(share))


def _relation(counted: _Counted, folder: Path, connection: duckdb.DuckDBPyConnection) -> Relation:
    pair, lines = counted.pair, ()
    if counted.orphans:
        cell = f"trim(r.{quoted(pair.field.name)})"
        rows = connection.execute(
            f"""SELECT r._file, r._line FROM {staged_rows(folder, pair.item.name)} r
            ANTI JOIN (SELECT key FROM _keys WHERE object = ?) k ON k.key = {cell}
            WHERE {cell} <> '' ORDER BY r._row LIMIT {_LINES}""",
            [pair.target.name],
        ).fetchall()
        lines = tuple(f"{file}:{line}" for file, line in rows)
    return Relation(
        field=pair.field.name,
        to_object=pair.target.name,
        to_field=pair.target.key[0],
        matched=counted.matched,
        orphans=counted.orphans,
        orphan_lines=lines,
    )


def _targets(schema: SourceSchema) -> list[SourceObject]:
    return [item for item in schema.objects if item.key_kind == "source" and len(item.key) == 1]


def _is_own_key(pair: _Pair) -> bool:
    """A key that is another object's key too (a bill numbered like its visit) depends on it only if none is missing."""
    return pair.item.key_kind == "source" and pair.field.name in pair.item.key


def _preferred(counted: _Counted) -> tuple[int, bool]:
    return counted.matched, _named_after(counted.pair.field, counted.pair.target)


def _named_after(field: SourceField, target: SourceObject) -> bool:
    """Whether a column is called after an object: by its concept (`bill.patient`, `patient.id`) or by words they share."""
    key = next(item for item in target.fields if item.name == target.key[0])
    if field.concept and key.concept:
        return field.concept.rpartition(".")[2] == key.concept.partition(".")[0]
    return bool(_words(field.name) & (_words(key.name) | _words(target.name)))


def _words(name: str) -> set[str]:
    found = (word.lower() for word in _WORDS.findall(name.replace("_", " ")))
    return {word.removesuffix("s") for word in found if word not in _KEY_WORDS}

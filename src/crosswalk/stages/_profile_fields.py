"""Profiles of columns: fill, distinct, length, masks, type and likely personal data (A4)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb

from crosswalk.model.extraction import ExtractedObject
from crosswalk.model.profile import FieldProfile
from crosswalk.model.source_schema import SourceField, SourceObject
from crosswalk.store.sql import quoted, staged_rows
from crosswalk.transforms.dates import infer_date_order
from crosswalk.transforms.patterns import Classification, classify
from crosswalk.transforms.personal import PersonalKind, personal_kind

EXACT_ROWS = 100_000
"""Up to here everything is counted exactly; above, distinct values are estimated and masks taken from every n-th row."""
_CLASSIFIED = 600
_LONGEST = 300
_LISTED = 40
_PATTERNS = 5
_LETTERS = "abcdefghijklmnopqrstuvwxyz"
_FROM = _LETTERS + _LETTERS.upper() + "0123456789"
_TO = "a" * 26 + "A" * 26 + "9" * 10
_DAY = r"^\s*\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}"


@dataclass(frozen=True, slots=True)
class Stage:
    """One object's staged rows as SQL: all of them, and the part that is looked at closely."""

    item: SourceObject
    rows: str
    sample: str
    exact: bool


@dataclass(frozen=True, slots=True)
class _Counts:
    filled: int
    distinct: int
    shortest: int
    longest: int


def stage_of(item: SourceObject, extracted: ExtractedObject, folder: Path) -> Stage:
    """The object's rows that are not folded; above EXACT_ROWS every n-th row is the sample."""
    rows = staged_rows(folder, item.name)
    step = -(-max(extracted.staged, 1) // EXACT_ROWS)
    sample = rows if step == 1 else f"(SELECT * FROM {rows} WHERE _row % {step} = 0)"
    return Stage(item, rows, sample, step == 1)


def field_profiles(stage: Stage, connection: duckdb.DuckDBPyConnection, country: str) -> tuple[FieldProfile, ...]:
    """One profile per column, in the source's order. `country` (ISO 3166 alpha-2) decides what reads as a phone number."""
    counts = dict(zip(stage.item.fields, _counts(stage, connection), strict=True))
    return tuple(_profile(stage, field, counts[field], connection, country) for field in stage.item.fields)


def _counts(stage: Stage, connection: duckdb.DuckDBPyConnection) -> Iterator[_Counts]:
    how = "count(DISTINCT {c})" if stage.exact else "approx_count_distinct({c})"
    parts: list[str] = []
    for field in stage.item.fields:
        cell = f"nullif(trim({quoted(field.name)}), '')"
        parts += [f"count({cell})", how.format(c=cell), f"coalesce(min(length({cell})), 0)", f"coalesce(max(length({cell})), 0)"]
    row = connection.execute(f"SELECT {', '.join(parts)} FROM {stage.rows}").fetchall()[0]
    for start in range(0, len(row), 4):
        filled, distinct, shortest, longest = row[start : start + 4]
        yield _Counts(filled, min(distinct, filled), shortest, longest)


def _profile(
    stage: Stage, field: SourceField, counts: _Counts, connection: duckdb.DuckDBPyConnection, country: str
) -> FieldProfile:
    found = classify(_common_values(stage, field.name, connection) if counts.filled else [], field.name, country)
    order, evidence = _date_order(stage, field.name, found, connection)
    personal = found.personal or _told_by_concept(field, found)
    listed = found.type in ("enumeration", "boolean") and personal is None and counts.distinct <= _LISTED
    return FieldProfile(
        name=field.name,
        concept=field.concept,
        type=found.type,
        filled=counts.filled,
        distinct=counts.distinct,
        min_length=counts.shortest,
        max_length=counts.longest,
        patterns=found.patterns if stage.exact and counts.distinct <= _CLASSIFIED else _masks(stage, field.name, connection),
        values=_values(stage, field.name, connection) if listed else (),
        personal=personal,
        date_order=order,
        date_evidence=evidence,
    )


def _told_by_concept(field: SourceField, found: Classification) -> PersonalKind | None:
    """A header may hide what its recognised meaning says ("Bld Grp" is a blood group); whose name or address it is, it tells."""
    meaning = field.concept.rpartition(".")[2].replace("_", " ") if field.concept else "name"
    kind = personal_kind(meaning, found.type, []) if meaning != "name" else None
    return kind if kind != "address" else None


def _common_values(stage: Stage, name: str, connection: duckdb.DuckDBPyConnection) -> Sequence[tuple[str, int]]:
    """The commonest values and, among the equally common, an arbitrary but repeatable choice; long texts are cut."""
    cell = f"left(trim({quoted(name)}), {_LONGEST})"
    query = f"SELECT {cell} AS v, count(*) AS n FROM {stage.sample} WHERE {cell} <> '' GROUP BY 1"
    return connection.execute(f"{query} ORDER BY n DESC, md5(v) LIMIT {_CLASSIFIED}").fetchall()


def _masks(stage: Stage, name: str, connection: duckdb.DuckDBPyConnection) -> tuple[tuple[str, int], ...]:
    """The commonest shapes (transforms/patterns.mask), counted over the sample."""
    cell = f"trim({quoted(name)})"
    plain = shape = f"translate(left({cell}, 40), '{_FROM}', '{_TO}')"
    for letters, sign in ((r"\p{Lu}", "A"), (r"[\p{Ll}\p{Lt}\p{Lm}\p{Lo}\p{M}]", "a"), (r"\p{Nd}", "9")):
        shape = f"regexp_replace({shape}, '{letters}', '{sign}', 'g')"
    more = f"CASE WHEN length({cell}) > 40 THEN '…' ELSE '' END"
    whole = f"CASE WHEN strlen({cell}) = length({cell}) THEN {plain} ELSE {shape} END || {more}"
    query = f"SELECT {whole} AS shape, count(*) AS n FROM {stage.sample} WHERE {cell} <> '' GROUP BY 1 ORDER BY n DESC, shape"
    return tuple(connection.execute(f"{query} LIMIT {_PATTERNS}").fetchall())


def _values(stage: Stage, name: str, connection: duckdb.DuckDBPyConnection) -> tuple[tuple[str, int], ...]:
    cell = f"trim({quoted(name)})"
    query = f"SELECT {cell} AS v, count(*) AS n FROM {stage.rows} WHERE {cell} <> '' GROUP BY 1 ORDER BY n DESC, v"
    return tuple(connection.execute(query).fetchall())


def _date_order(stage: Stage, name: str, found: Classification, connection: duckdb.DuckDBPyConnection) -> tuple[str | None, str]:
    """Told by all rows, not by a sample: one row may decide it. Only the day is looked at, so that moments stay few."""
    if found.type not in ("date", "datetime"):
        return None, ""
    cell = f"trim({quoted(name)})"
    day = f"coalesce(nullif(regexp_extract({cell}, '{_DAY}'), ''), {cell})"
    order = infer_date_order(
        connection.execute(f"SELECT {day}, count(*) FROM {stage.rows} WHERE {cell} <> '' GROUP BY 1").fetchall()
    )
    return order.order, order.evidence

"""What the profile has to say to a person: orphans, duplicates, shared addresses, damage, doubtful dates, missing files (A4)."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import duckdb

from crosswalk.model.finding import Finding
from crosswalk.model.profile import ObjectProfile
from crosswalk.model.source_schema import SourceObject, SourceSchema
from crosswalk.stages._profile_absent import absent_findings
from crosswalk.store.sql import parquet, quoted, staged_rows

_EXAMPLES = 10
_REASONS = 5


def profile_findings(
    schema: SourceSchema, objects: Sequence[ObjectProfile], folder: Path, connection: duckdb.DuckDBPyConnection
) -> Iterator[Finding]:
    """All findings beside those of the extraction. Examples are lines of files, never values (law 8)."""
    for profiled in objects:
        item = schema.object(profiled.name)
        if item is None:
            continue
        rows = staged_rows(folder, item.name)
        yield from _quarantined(item, folder, connection)
        yield from _orphans(profiled)
        yield from _duplicate_persons(item, rows, connection)
        yield from _shared_emails(item, rows, connection)
        yield from _doubtful_dates(profiled)
        yield from _personal(profiled)
        yield from _files(item, rows, folder, connection)
    yield from absent_findings(schema, objects, folder, connection)
    yield from _of_the_source(schema)


def _quarantined(item: SourceObject, folder: Path, connection: duckdb.DuckDBPyConnection) -> Iterator[Finding]:
    rows = f"{parquet(folder / '_quarantine.parquet')} WHERE object = ?"
    reasons = connection.execute(f"SELECT reason, count(*) AS n FROM {rows} GROUP BY 1 ORDER BY n DESC, 1", [item.name]).fetchall()
    if reasons:
        count = sum(number for _, number in reasons)
        said = "; ".join(f"{reason} ({number})" for reason, number in reasons[:_REASONS])
        yield Finding(
            code="rows_quarantined",
            severity="warning",
            message=f"{count} rows of {item.name} cannot be read as records: {said}",
            remedy="Correct the named lines in the export and scan again, or accept that these rows do not move.",
            object=item.name,
            count=count,
            examples=_places(connection, f"SELECT file, line FROM {rows} ORDER BY file, line", [item.name]),
        )


def _orphans(profiled: ObjectProfile) -> Iterator[Finding]:
    for relation in profiled.relations:
        if relation.orphans:
            target = relation.to_object
            yield Finding(
                code="orphans",
                severity="warning",
                message=f"{relation.orphans} rows of {profiled.name} name a {relation.field} that no row of {target} has",
                remedy=f"Add the missing rows of {target} to the export, or accept that these rows move without that link.",
                object=profiled.name,
                field=relation.field,
                count=relation.orphans,
                examples=relation.orphan_lines,
            )


def _duplicate_persons(item: SourceObject, rows: str, connection: duckdb.DuckDBPyConnection) -> Iterator[Finding]:
    """The same name and birth date under two keys."""
    whose = next((field.concept or "" for field in item.fields if (field.concept or "").endswith(".date_of_birth")), "")
    name, born = item.by_concept(whose.partition(".")[0] + ".name"), item.by_concept(whose)
    if not name or not born:
        return
    same = f"lower(regexp_replace(trim({quoted(name)}), '\\s+', ' ', 'g')), trim({quoted(born)})"
    where = f"trim({quoted(name)}) <> '' AND trim({quoted(born)}) <> ''"
    yield from _shared(
        item,
        _grouped(rows, where, same),
        connection,
        code="duplicate_persons",
        field=name,
        message="{groups} persons in {object} stand on {rows} rows with the same name and birth date under different keys",
        remedy="Decide in the source whether they are one person; each moves as a record of its own.",
    )


def _shared_emails(item: SourceObject, rows: str, connection: duckdb.DuckDBPyConnection) -> Iterator[Finding]:
    """E1: an address shared by several doctors is a finding, never a match."""
    email = item.by_concept("doctor.email")
    if not email:
        return
    cell = f"lower(trim({quoted(email)}))"
    yield from _shared(
        item,
        _grouped(rows, f"{cell} <> ''", cell),
        connection,
        code="doctor_email_shared",
        field=email,
        message="{groups} e-mail addresses are shared by {rows} rows of {object}; none of them is matched to an owner",
        remedy="Give every doctor an address of their own, or name the owner in the map.",
    )


def _grouped(rows: str, where: str, by: str) -> str:
    """Each row's place with its group's size n and first row g."""
    window = f"WINDOW w AS (PARTITION BY {by})"
    return f"SELECT _file, _line, _row, count(*) OVER w AS n, min(_row) OVER w AS g FROM {rows} WHERE {where} {window}"


def _shared(
    item: SourceObject, marked: str, connection: duckdb.DuckDBPyConnection, *, code: str, field: str, message: str, remedy: str
) -> Iterator[Finding]:
    """A finding over groups of rows that share something; `marked` has _file, _line, _row, the group's size n and first row g."""
    groups, count = connection.execute(f"SELECT count(DISTINCT g), count(*) FROM ({marked}) WHERE n > 1").fetchall()[0]
    if groups:
        yield Finding(
            code=code,
            severity="warning",
            message=message.format(groups=groups, rows=count, object=item.name),
            remedy=remedy,
            object=item.name,
            field=field,
            count=groups,
            examples=_places(connection, f"SELECT _file, _line FROM ({marked}) WHERE n > 1 ORDER BY g, _row", []),
        )


def _doubtful_dates(profiled: ObjectProfile) -> Iterator[Finding]:
    told = {
        "mixed": ("date_order_mixed", "some rows are day first and some month first"),
        "unknown": ("date_order_unknown", "no row shows whether the day or the month comes first"),
    }
    for field in profiled.fields:
        if field.date_order in told:
            code, what = told[field.date_order]
            yield Finding(
                code=code,
                severity="warning",
                message=f"{profiled.name}.{field.name}: {what} ({field.date_evidence})",
                remedy="State the date order of this field in the map.",
                object=profiled.name,
                field=field.name,
                count=field.filled,
            )


def _personal(profiled: ObjectProfile) -> Iterator[Finding]:
    fields = [field for field in profiled.fields if field.personal and field.filled]
    if fields:
        yield Finding(
            code="personal_data",
            severity="info",
            message=f"{profiled.name} likely holds personal data: " + ", ".join(f"{f.name} ({f.personal})" for f in fields),
            remedy="Check that each of these may be moved; values of these fields are shown nowhere.",
            object=profiled.name,
            count=len(fields),
        )


def _files(item: SourceObject, rows: str, folder: Path, connection: duckdb.DuckDBPyConnection) -> Iterator[Finding]:
    name = next((field.name for field in item.fields if field.concept and field.concept.endswith(".file")), None)
    if name is None:
        return
    joined = f"{rows} r JOIN {parquet(folder / '_files.parquet')} f ON f.name = trim(r.{quoted(name)})"
    kinds = (
        ("document_missing", "f.path IS NULL", "name a file that the export does not hold", "Add the files to the export."),
        ("document_empty", "f.size = 0", "name a file of no bytes", "Export these files again."),
    )
    for code, condition, what, remedy in kinds:
        count = connection.execute(f"SELECT count(*) FROM {joined} WHERE {condition}").fetchall()[0][0]
        if count:
            yield Finding(
                code=code,
                severity="warning",
                message=f"{count} rows of {item.name} {what}",
                remedy=f"{remedy} Without them these records move without their file, or not at all, as the map says.",
                object=item.name,
                field=name,
                count=count,
                examples=_places(connection, f"SELECT r._file, r._line FROM {joined} WHERE {condition} ORDER BY r._row", []),
            )


def _of_the_source(schema: SourceSchema) -> Iterator[Finding]:
    for file in (file for item in schema.objects for file in item.files if "two encodings in one file" in file.confidence):
        yield Finding(
            code="encoding_mixed",
            severity="warning",
            message=f"{file.path} is read as {file.encoding}, but: {file.confidence.partition('; ')[0]}",
            remedy="Export the file again in one encoding, or check names with accents in the sample.",
            examples=(file.path,),
        )
    if schema.not_exportable:
        yield Finding(
            code="not_exportable",
            severity="info",
            message="What the source cannot hand over: " + "; ".join(schema.not_exportable),
            remedy="Keep access to the source for these, or rebuild them by hand.",
            count=len(schema.not_exportable),
        )


def _places(connection: duckdb.DuckDBPyConnection, query: str, values: list[str]) -> tuple[str, ...]:
    return tuple(f"{file}:{line}" for file, line in connection.execute(f"{query} LIMIT {_EXAMPLES}", values).fetchall())

"""What the export lacks although it speaks of it: objects that rows refer to, and files that could not be read as anything (A4)."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import duckdb

from crosswalk.model.finding import Finding
from crosswalk.model.profile import ObjectProfile
from crosswalk.model.source_schema import SourceObject, SourceSchema
from crosswalk.store.sql import quoted, staged_rows

_UNREAD = "cannot be read"
_EMPTY = ("empty file", "holds no rows")
Referring = tuple[str, str, int]
"""An object, a column of it, and how many of its rows name there what the export lacks."""


def absent_findings(
    schema: SourceSchema, objects: Sequence[ObjectProfile], folder: Path, connection: duckdb.DuckDBPyConnection
) -> Iterator[Finding]:
    """Findings about what is not there. An object that nothing refers to may be missing without a word."""
    yield from _absent_objects(schema, objects, folder, connection)
    yield from _unread_files(schema)
    for item in schema.objects:
        if item.recognised_by.startswith("not recognised"):
            yield _unrecognised(item)


def _absent_objects(
    schema: SourceSchema, objects: Sequence[ObjectProfile], folder: Path, connection: duckdb.DuckDBPyConnection
) -> Iterator[Finding]:
    present = {item.name for item in objects if item.staged}
    absent: dict[str, list[Referring]] = {}
    for profiled in objects:
        item = schema.object(profiled.name)
        related = {relation.field for relation in profiled.relations}
        for field in item.fields if item else ():
            if field.refers is None or field.refers in present or field.name in related:
                continue
            if rows := _rows_with_keys(profiled.name, field.name, folder, connection):
                absent.setdefault(field.refers, []).append((profiled.name, field.name, rows))
    for name, referring in absent.items():
        told = ", ".join(f"{rows} of {of} ({column})" for of, column, rows in referring)
        yield Finding(
            code="object_absent",
            severity="warning",
            message=f"The export has no {name}, but rows refer to them: {told}",
            remedy=f"Export the {name}, too, and scan again; without them these rows move without that link, or not at all.",
            object=name,
            count=sum(rows for _, _, rows in referring),
        )


def _rows_with_keys(object_name: str, column: str, folder: Path, connection: duckdb.DuckDBPyConnection) -> int:
    """How many rows hold a key there: none when most of the column's cells are words, such as a doctor's name."""
    cell = f"trim({quoted(column)})"
    rows = f"{staged_rows(folder, object_name)} WHERE {cell} <> ''"
    counts = f"SELECT count(*), count(*) FILTER (regexp_matches({cell}, '\\s')) FROM {rows}"
    filled, words = connection.execute(counts).fetchall()[0]
    return 0 if 2 * words > filled else filled


def _unread_files(schema: SourceSchema) -> Iterator[Finding]:
    """A blank sheet is how workbooks are made; a file without a row was meant to hold some."""
    for path, reason in schema.ignored:
        if reason.startswith(_UNREAD):
            yield _of_file(path, "file_unreadable", reason, "Export it again, or without a password.")
        elif reason in _EMPTY and "#" not in path:
            yield _of_file(
                path, "file_empty", "holds nothing: no record of it will move",
                "Export it again, or take it out of the export if there is nothing to move.",
            )  # fmt: skip


def _of_file(path: str, code: str, what: str, remedy: str) -> Finding:
    return Finding(code=code, severity="warning", message=f"{path} {what}", remedy=remedy, examples=(path,))


def _unrecognised(item: SourceObject) -> Finding:
    path = item.files[0].path
    if item.called_like is None:
        return Finding(
            code="object_unrecognised",
            severity="info",
            message=f"{path} is none of the source's known objects; it is staged as {item.name}",
            remedy="Map it by hand if it shall move.",
            object=item.name,
        )
    return Finding(
        code="object_unrecognised",
        severity="warning",
        message=f"{path} is called like {item.called_like}, but its columns are not theirs: the export has no {item.called_like}",
        remedy="Look whether it is the exported table with its header line, export it again and scan, or map it by hand.",
        object=item.name,
        examples=(path,),
    )

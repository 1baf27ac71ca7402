"""An export on disk: its tables (files and sheets) with their dialects, what is ignored and why, and its attached files."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import Any, cast

import pyarrow as pa

from crosswalk.kit.tables import workbook
from crosswalk.kit.tables.delimited import read_delimited
from crosswalk.kit.tables.dialect import Dialect, find_dialect
from crosswalk.kit.tables.encoding import FileBytes, inspect_binary, inspect_bytes
from crosswalk.model.errors import RefusedError, UnreachableError, UsageError
from crosswalk.model.source_schema import SourceFile, SourceSchema
from crosswalk.spi.source import RawBatch

TEXT_SUFFIXES = frozenset({".csv", ".tsv", ".tab", ".txt", ".psv"})
_SAMPLE_ROWS = 2_000
_WITHDRAWN = "cannot be read: "


@dataclass(frozen=True, slots=True)
class Table:
    """One table of an export: its columns' names and the first rows as cells, by column (absent cells are None)."""

    file: SourceFile
    names: tuple[str, ...]
    sample: dict[str, list[str]]

    @property
    def stem(self) -> str:
        """What the file or sheet is called, without folder and suffix."""
        before, mark, sheet = self.file.path.rpartition("#")
        return sheet if mark and PurePosixPath(before).suffix else PurePosixPath(self.file.path).stem


@dataclass(frozen=True, slots=True)
class _Located:
    """A table's file and how to read it."""

    path: Path
    written: FileBytes
    dialect: Dialect | None
    head: workbook.SheetHead | None


class Export:
    """A folder, one file of text, or a workbook, read without changing it. Raises UnreachableError when it is not there."""

    def __init__(self, location: str) -> None:
        if "://" in location:
            raise UsageError(f"{location} is a URL; this source reads files", "Give the path of the exported folder or workbook.")
        self.location = Path(location).expanduser()
        if not self.location.exists():
            raise UnreachableError(f"There is no file or folder at {location}", "Check the path given as --from.")
        self.root = self.location if self.location.is_dir() else self.location.parent
        self.ignored: list[tuple[str, str]] = []
        self._located: dict[str, _Located] = {}
        self._written: dict[Path, FileBytes] = {}

    @cached_property
    def tables(self) -> tuple[Table, ...]:
        """Every table with its sample of up to 2,000 rows, in the order of their paths; fills `ignored`."""
        return tuple(self._tables())

    def read(self, file: SourceFile, columns: tuple[str, ...]) -> Iterator[RawBatch]:
        """All records of one table under the given columns; a column the table does not have is null."""
        located = self._located.get(file.path) or self._locate(file.path)
        if located.written.sha256 != file.sha256:
            raise RefusedError(f"{file.path} has changed since it was scanned", "Run `crosswalk scan` again.")
        for batch in self._batches(file.path, located):
            yield RawBatch(_under(batch.rows, columns), batch.damaged, batch.blank)

    def attachment(self, name: str) -> Path | None:
        """The exported file of that name: its path below the root, else its bare name where only one file has it.

        Names are looked up among the files found, so one that points outside the export finds nothing.
        """
        wanted = name.strip().replace("\\", "/").removeprefix("./").casefold()
        if not wanted or ".." in wanted.split("/"):
            return None
        by_path, by_name = self._attachments
        return by_path.get(wanted) or by_name.get(wanted.rsplit("/", 1)[-1])

    def names_files(self, cells: Sequence[str]) -> bool:
        """Whether most of a column's filled cells name files of this export."""
        filled = [cell for cell in cells if cell.strip()][:200]
        return bool(filled) and 2 * sum(1 for cell in filled if self.attachment(cell)) >= len(filled)

    @cached_property
    def _attachments(self) -> tuple[dict[str, Path], dict[str, Path | None]]:
        by_path: dict[str, Path] = {}
        by_name: dict[str, Path | None] = {}
        for path in self._files if self.location.is_dir() else ():
            by_path[path.relative_to(self.root).as_posix().casefold()] = path
            by_name[path.name.casefold()] = None if path.name.casefold() in by_name else path
        return by_path, by_name

    @cached_property
    def _files(self) -> tuple[Path, ...]:
        """All files below the root, links that lead outside left out."""
        if not self.location.is_dir():
            return (self.location,)
        root = self.root.resolve()
        return tuple(path for path in sorted(self.root.rglob("*")) if path.is_file() and path.resolve().is_relative_to(root))

    def _tables(self) -> Iterator[Table]:
        for path in self._files:
            name = path.relative_to(self.root).as_posix()
            reason = self._not_a_table(path)
            if reason is None:
                yield from self._tables_of(path, name)
            else:
                self.ignored.append((name, reason))

    def _not_a_table(self, path: Path) -> str | None:
        if path.name.startswith((".", "~$")) or "__MACOSX" in path.parts:
            return "hidden or temporary file"
        if path.suffix.casefold() not in TEXT_SUFFIXES | workbook.SUFFIXES:
            return "no table; available as an attached file"
        if path.parent != self.root and path.parent in self._document_folders:
            return "stands among documents; available as an attached file"
        return None if path.stat().st_size else "empty file"

    @cached_property
    def _document_folders(self) -> frozenset[Path]:
        """Folders below the root that hold anything but tables."""
        tables = TEXT_SUFFIXES | workbook.SUFFIXES
        others = (path for path in self._files if path.suffix.casefold() not in tables and not path.name.startswith("."))
        return frozenset(path.parent for path in others if path.parent != self.root)

    def _tables_of(self, path: Path, name: str) -> Iterator[Table]:
        try:
            names = [f"{name}#{sheet}" for sheet in workbook.sheet_names(path)] if _is_workbook(path) else [name]
            for table in names:
                located = self._locate(table)
                if located.dialect or located.head:
                    yield self._table(table, located)
                else:
                    self.ignored.append((table, "holds no rows"))
        except (workbook.UnreadableWorkbookError, OSError) as error:
            reason = str(error) if isinstance(error, workbook.UnreadableWorkbookError) else (error.strerror or "unreadable")
            self.ignored.append((name, _WITHDRAWN + reason))

    def _locate(self, name: str) -> _Located:
        path, sheet = self._path_and_sheet(name)
        written = self._written.get(path) or (inspect_binary(path) if _is_workbook(path) else inspect_bytes(path))
        self._written[path] = written
        if _is_workbook(path):
            located = _Located(path, written, None, workbook.find_sheet_head(path, sheet))
        else:
            located = _Located(path, written, find_dialect(path, written), None)
        self._located[name] = located
        return located

    def _path_and_sheet(self, name: str) -> tuple[Path, str]:
        """A file's own name may hold a `#`, and so may a sheet's."""
        pieces = name.split("#")
        for count in range(len(pieces), 0, -1):
            path = self.root / "#".join(pieces[:count])
            if path.is_file():
                return path, "#".join(pieces[count:])
        raise UnreachableError(f"{name} is no longer in the export", "Put the file back or scan again.")

    def _table(self, name: str, located: _Located) -> Table:
        names = located.dialect.names if located.dialect else located.head.names if located.head else ()
        sample: dict[str, list[str]] = {column: [] for column in names}
        rows = 0
        for batch in islice(self._batches(name, located), 1):
            rows = min(batch.rows.num_rows, _SAMPLE_ROWS)
            for column in names:
                sample[column] = cast(list[str], batch.rows.column(column).slice(0, rows).to_pylist())
        return Table(_source_file(name, located), names, sample)

    def _batches(self, name: str, located: _Located) -> Iterator[RawBatch]:
        if located.head:
            return workbook.read_sheet(located.path, name, located.head)
        if located.dialect:
            return read_delimited(located.path, name, located.written, located.dialect)
        return iter(())


def read_object(export: Export, schema: SourceSchema, object_name: str) -> Iterator[RawBatch]:
    """All rows of an object, file after file, under the object's columns. Raises UsageError for an object not in the schema."""
    item = schema.object(object_name)
    if item is None:
        raise UsageError(f"The source has no object {object_name}", "Run `crosswalk scan` to list its objects.")
    columns = tuple(field.name for field in item.fields)
    for file in item.files:
        yield from export.read(file, columns)


def _is_workbook(path: Path) -> bool:
    return path.suffix.casefold() in workbook.SUFFIXES


def _source_file(name: str, located: _Located) -> SourceFile:
    written, dialect, head = located.written, located.dialect, located.head
    found = SourceFile(path=name, sha256=written.sha256, size=written.size)
    if dialect:
        how: dict[str, Any] = {
            "encoding": written.encoding,
            "delimiter": dialect.delimiter,
            "line_end": dialect.line_end,
            "header_line": dialect.header_line,
            "confidence": f"{written.encoding}: {written.reason}; {dialect.reason}",
        }
        return found.model_copy(update=how)
    return found.model_copy(update={"header_line": head.header_line, "confidence": f"sheet; {head.reason}"} if head else {})


def _under(rows: pa.RecordBatch, columns: tuple[str, ...]) -> pa.RecordBatch:
    """The rows under exactly these columns, `_file` and `_line`."""
    if tuple(rows.schema.names[:-2]) == columns:
        return rows
    present = set(rows.schema.names)
    arrays: list[Any] = [rows.column(name) if name in present else pa.nulls(rows.num_rows, pa.string()) for name in columns]
    return pa.RecordBatch.from_arrays([*arrays, rows.column("_file"), rows.column("_line")], names=[*columns, "_file", "_line"])

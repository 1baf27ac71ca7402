"""Any folder of tables or workbook as a source: every file or sheet is an object, nothing about its content is assumed."""

from collections.abc import Iterator
from pathlib import Path

from crosswalk.kit.tables.export import Export, Table, read_object
from crosswalk.kit.tables.keys import likely_key
from crosswalk.kit.tables.naming import object_name, without_numbers
from crosswalk.model.source_schema import SourceField, SourceObject, SourceSchema
from crosswalk.spi.connector import Connector
from crosswalk.spi.source import RawBatch


class FilesSource:
    """Tables as they stand. Raises UsageError for a URL and UnreachableError for a location that is not there."""

    def __init__(self, location: str) -> None:
        self._export = Export(location)

    def discover(self) -> SourceSchema:
        """One object per table; tables with the same columns and the same name but for a number are one object."""
        groups: dict[tuple[str, tuple[str, ...]], list[Table]] = {}
        for table in self._export.tables:
            groups.setdefault((without_numbers(table.stem).casefold(), table.names), []).append(table)
        objects: dict[str, SourceObject] = {}
        for (stem, _), tables in groups.items():
            name = object_name(tables[0].stem if len(tables) == 1 else stem, objects)
            objects[name] = self._object(name, tables)
        location = str(self._export.location)
        return SourceSchema(source="files", location=location, objects=tuple(objects.values()), ignored=tuple(self._export.ignored))

    def read(self, schema: SourceSchema, object_name: str) -> Iterator[RawBatch]:
        """All rows of an object in source order. Raises UsageError for an unknown object, RefusedError for a changed file."""
        return read_object(self._export, schema, object_name)

    def attachment(self, name: str) -> Path | None:
        """The file of that name inside the folder, or None."""
        return self._export.attachment(name)

    def _object(self, name: str, tables: list[Table]) -> SourceObject:
        names = tables[0].names
        sample = {column: [cell for table in tables for cell in table.sample[column]] for column in names}
        key = likely_key(names, sample)
        return SourceObject(
            name=name,
            recognised_by="its file's name",
            files=tuple(table.file for table in tables),
            fields=tuple(self._field(name, column, sample[column]) for column in names),
            key=(key,) if key else (),
            key_kind="source" if key else "content",
        )

    def _field(self, object_name: str, column: str, cells: list[str]) -> SourceField:
        if self._export.names_files(cells):
            return SourceField(name=column, concept=f"{object_name}.file", reason="its values name files of the export")
        return SourceField(name=column)


CONNECTOR = Connector(name="files", title="A folder of CSV files or a workbook", open_source=FilesSource)

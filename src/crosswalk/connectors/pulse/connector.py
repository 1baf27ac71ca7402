"""Pulse Digital Clinic as a source: an exported folder or workbook whose objects are recognised, not assumed (A1)."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from crosswalk.connectors.pulse.recognition import Group, Recognition, groups_of, recognise
from crosswalk.connectors.pulse.vocabulary import Match, load_vocabulary
from crosswalk.kit.tables.export import Export, read_object
from crosswalk.kit.tables.keys import holds_lines, is_key, likely_key
from crosswalk.kit.tables.naming import object_name, without_numbers
from crosswalk.model.source_schema import SourceField, SourceObject, SourceSchema
from crosswalk.spi.connector import Connector
from crosswalk.spi.source import RawBatch


class PulseSource:
    """A Pulse export. Raises UsageError for a URL and UnreachableError for a location that is not there."""

    def __init__(self, location: str) -> None:
        self._export = Export(location)
        self._words = load_vocabulary()

    def discover(self) -> SourceSchema:
        """Pulse's objects in the order of the vocabulary, then what was not recognised, under its file's name."""
        recognised = recognise(groups_of(self._export.tables), self._words)
        found = recognised.objects
        objects = {name: self._object(found[name]) for name in self._words.objects if name in found}
        for group in recognised.unrecognised:
            for part in _by_stem(group):
                stem = part.tables[0].stem
                name = object_name(stem if len(part.tables) == 1 else without_numbers(stem), {*objects, *self._words.objects})
                objects[name] = self._unrecognised(name, part, found)
        return SourceSchema(
            source="pulse",
            location=str(self._export.location),
            objects=tuple(objects.values()),
            ignored=tuple(self._export.ignored),
            not_exportable=self._words.not_exportable,
        )

    def read(self, schema: SourceSchema, object_name: str) -> Iterator[RawBatch]:
        """All rows of an object in source order. Raises UsageError for an unknown object, RefusedError for a changed file."""
        return read_object(self._export, schema, object_name)

    def attachment(self, name: str) -> Path | None:
        """The exported file of that name (a document's), or None."""
        return self._export.attachment(name)

    def _object(self, found: Recognition) -> SourceObject:
        words = self._words.objects[found.object]
        fields = tuple(self._field(found, name) for name in found.group.names)
        columns = {field.concept: field.name for field in fields if field.concept}
        key = tuple(columns[concept] for concept in words.key if concept in columns)
        business = tuple(columns[concept] for concept in words.business_key if concept in columns)
        kind = "content"
        cells = {name: [cell for table in found.group.tables for cell in table.sample.get(name, ())] for name in (*key, *business)}
        if key and is_key(cells[key[0]]) and not holds_lines(cells[key[0]], [cells[name] for name in business]):
            kind = "source"
        elif business and len(business) == len(words.business_key):
            kind, key = "business", business
        return SourceObject(
            name=found.object,
            recognised_by="; ".join(found.reasons),
            files=tuple(table.file for table in found.group.tables),
            fields=fields,
            key=key if kind != "content" else (),
            key_kind=kind,
            modified=columns.get(words.modified) if words.modified else None,
        )

    def _field(self, found: Recognition, name: str) -> SourceField:
        match = found.fields.get(name) or self._file_names(found, name)
        if match is None:
            return SourceField(name=name)
        told = self._words.objects[found.object].concepts.get(match.concept)
        return SourceField(name=name, concept=match.concept, reason=match.reason, refers=told.refers if told else None)

    def _file_names(self, found: Recognition, name: str) -> Match | None:
        noun = next(iter(self._words.objects[found.object].concepts)).partition(".")[0]
        held = any(match.concept == f"{noun}.file" for match in found.fields.values())
        if held or not self._export.names_files(found.group.values(name)):
            return None
        return Match(f"{noun}.file", 0.5, "its values name files of the export")

    def _unrecognised(self, name: str, group: Group, found: Mapping[str, Recognition]) -> SourceObject:
        absent = (known for known in self._words.objects if known not in found)
        called_like = next((known for known in absent if self._words.file_fits(known, group.tables[0].stem)), None)
        sample = {column: [cell for table in group.tables for cell in table.sample.get(column, ())] for column in group.names}
        key = likely_key(group.names, sample)
        return SourceObject(
            name=name,
            recognised_by="not recognised: kept under its file's name",
            files=tuple(table.file for table in group.tables),
            fields=tuple(SourceField(name=column) for column in group.names),
            key=(key,) if key else (),
            key_kind="source" if key else "content",
            called_like=called_like,
        )


def _by_stem(group: Group) -> list[Group]:
    """Unknown tables with the same columns are one object only if their names are the same but for a number."""
    found: dict[str, list[int]] = {}
    for index, table in enumerate(group.tables):
        found.setdefault(without_numbers(table.stem).casefold(), []).append(index)
    return [Group(tuple(group.tables[index] for index in members)) for members in found.values()]


CONNECTOR = Connector(name="pulse", title="Pulse Digital Clinic", open_source=PulseSource)

"""What a source offers: objects, their fields, and how they were recognised."""

from crosswalk.model.artefact import Artefact, Frozen


class SourceFile(Frozen):
    """A file or sheet an object is read from, with the dialect that was found (not assumed)."""

    path: str
    """Relative to the export's root; `book.xlsx#Sheet` for a sheet."""
    sha256: str
    size: int
    """Bytes."""
    encoding: str | None = None
    delimiter: str | None = None
    line_end: str | None = None
    header_line: int = 1
    """The physical line (1-based) of the header; lines before it are a preamble."""
    confidence: str = ""
    """How the dialect was decided, in a few words."""


class SourceField(Frozen):
    """A column as it stands in the file. `concept` is the vocabulary's name for it, such as `patient.id`, when recognised."""

    name: str
    concept: str | None = None
    reason: str = ""
    """Why this concept: the header's alias, or what the values look like."""
    refers: str | None = None
    """The object whose key the column holds by its concept, whether the export has that object or not."""


class SourceObject(Frozen):
    """One kind of record. `key` names the columns that identify a record: the source key, else a business key, else none."""

    name: str
    recognised_by: str = ""
    files: tuple[SourceFile, ...]
    fields: tuple[SourceField, ...]
    key: tuple[str, ...] = ()
    key_kind: str = "content"
    """`source` (the source's own id), `business` (a declared natural key + occurrence) or `content` (hash + occurrence)."""
    called_like: str | None = None
    """Of an object that was not recognised: the known object that its file's name speaks of and that the export lacks."""
    modified: str | None = None
    """The column that tells which of two rows with one key is the newer."""

    def by_concept(self, concept: str) -> str | None:
        """The column that carries a concept, or None."""
        return next((field.name for field in self.fields if field.concept == concept), None)


class SourceSchema(Artefact):
    """Everything a source offers. `ignored` are files that hold no records, with the reason."""

    source: str
    location: str
    objects: tuple[SourceObject, ...]
    ignored: tuple[tuple[str, str], ...] = ()
    not_exportable: tuple[str, ...] = ()
    """What the source cannot hand over at all (A4): said, not omitted."""

    def object(self, name: str) -> SourceObject | None:
        """The object of that name, or None."""
        return next((item for item in self.objects if item.name == name), None)

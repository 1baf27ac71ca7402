"""What the extracted rows look like (A4): counts, keys, types, patterns, relations, orphans, likely personal data."""

from crosswalk.model.artefact import Artefact, Frozen
from crosswalk.model.finding import Finding


class FieldProfile(Frozen):
    """One column, over its non-folded rows."""

    name: str
    concept: str | None = None
    type: str
    """integer, decimal, money, date, datetime, boolean, identifier, e-mail, phone, code, enumeration, name, text or empty."""
    filled: int
    distinct: int
    min_length: int = 0
    max_length: int = 0
    patterns: tuple[tuple[str, int], ...] = ()
    """The commonest character masks (`99999`, `AAA-999`) with their counts; masks, never values."""
    values: tuple[tuple[str, int], ...] = ()
    """The values of an enumeration with their counts; empty for everything else and for personal data."""
    personal: str | None = None
    """The kind of personal data it likely is, else None."""
    date_order: str | None = None
    """dmy, mdy, ymd, mixed or unknown for dates, and why in `date_evidence`."""
    date_evidence: str = ""


class Relation(Frozen):
    """A column whose values are another object's key, found from the values."""

    field: str
    to_object: str
    to_field: str
    matched: int
    orphans: int
    orphan_lines: tuple[str, ...] = ()
    """Examples as `file:line`."""


class ObjectProfile(Frozen):
    """One object. rows = staged + folded + quarantined."""

    name: str
    rows: int
    staged: int
    folded: int
    quarantined: int
    key: tuple[str, ...]
    key_kind: str
    key_unique: bool
    fields: tuple[FieldProfile, ...]
    relations: tuple[Relation, ...] = ()


class Profile(Artefact):
    """The profile of one extraction."""

    objects: tuple[ObjectProfile, ...]
    findings: tuple[Finding, ...] = ()

    def object(self, name: str) -> ObjectProfile | None:
        """The object of that name, or None."""
        return next((item for item in self.objects if item.name == name), None)

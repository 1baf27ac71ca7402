"""The map: what becomes what. Written as YAML (`mapping.yaml`), read by people, approved by digest (B1, B4)."""

from collections.abc import Iterable
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from crosswalk.model.artefact import Artefact, Frozen
from crosswalk.model.destination_schema import DestinationObject
from crosswalk.model.schema_plan import FieldCreation, ObjectCreation
from crosswalk.model.values import Scalar

FALLBACK_OWNER = "@fallback"
"""In place of an owner's column: everything of this kind goes to the fallback owner."""


def _as_tuple(value: object) -> object:
    return (value,) if isinstance(value, str) else value


VALUE_SOURCES = ("from_", "constant", "expression", "template", "lookup", "owner", "gather", "lines", "file", "words_of")


def _one_source(field: "FieldMapping") -> "FieldMapping":
    given = [name for name in VALUE_SOURCES if getattr(field, name) is not None]
    if "lookup" in given and "from_" in given:
        given.remove("from_")
    if len(given) != 1:
        wanted = ", ".join(name.strip("_") for name in VALUE_SOURCES)
        found = ", ".join(name.strip("_") for name in given) or "none"
        raise ValueError(f"a field needs exactly one of {wanted}; this one has {found}")
    if isinstance(field.constant, int) and not -(2**63) <= field.constant < 2**63:
        raise ValueError("a constant number has at most 64 bits; write a longer one in quotes")
    return field


def _told_apart(values: dict[str, str]) -> dict[str, str]:
    """Refuse a value map that says two things of one value."""
    known: dict[str, str] = {}
    for source, target in values.items():
        if known.setdefault(source.strip().lower(), target) != target:
            raise ValueError(f"{source} stands there twice (case aside) and becomes different things")
    return values


def _named_once(names: Iterable[str]) -> None:
    """Refuse names that differ by case only: to the database they are one."""
    known: dict[str, str] = {}
    for name in names:
        if known.setdefault(name.lower(), name) != name:
            raise ValueError(f"{known[name.lower()]} and {name} differ by case only")


Values = Annotated[dict[str, str], AfterValidator(_told_apart)]
Name = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_]*$")]
"""What a map calls a record or a join."""
Columns = Annotated[tuple[str, ...], BeforeValidator(_as_tuple)]


class Join(Frozen):
    """One row of another source object beside this record, its columns addressed `alias.Column`; the last by `order` wins."""

    from_: str = Field(alias="from")
    match: dict[str, str]
    where: str | None = None
    order: tuple[str, ...] = ()


class Gather(Frozen):
    """Rows of another source object brought together on this record: `match` pairs their column with ours.

    `lines` is a template rendered per row and joined by newlines; `items` a column collected as a list of distinct values.
    """

    from_: str = Field(alias="from")
    match: dict[str, str]
    where: str | None = None
    order: tuple[str, ...] = ()
    joins: dict[Name, Join] = {}
    lines: str | None = None
    items: str | None = None

    @model_validator(mode="after")
    def _one_result(self) -> "Gather":
        if (self.lines is None) == (self.items is None):
            raise ValueError("a gather needs either lines or items")
        return self


class Unique(Frozen):
    """A value only one record may hold: the first keeps it, the others put it into the list field `overflow`, with a finding."""

    overflow: str | None = None


class FieldMapping(Frozen):
    """Where one destination field's value comes from, and what is done to it on the way."""

    from_: str | None = Field(default=None, alias="from")
    constant: Scalar | None = None
    expression: str | None = None
    """A safe subset of SQL over the record's columns (quoted names): no file, network or system functions."""
    template: str | None = None
    """`{Column}` text; `[optional part {Column}]` vanishes when a column in it is blank; `{key}` is the source key."""
    lookup: str | None = None
    """A record of this map; `from` holds its source key (left out: this record's own key). Becomes that record's destination id."""
    owner: str | None = None
    """A column holding the owner's e-mail; resolved against the destination's users (E1). `@fallback`: the fallback owner."""
    gather: Gather | None = None
    lines: str | None = None
    """Folded records only: a template rendered per folded row, joined by newlines."""
    file: str | None = None
    """A column holding the name of an exported file; its bytes are uploaded."""
    words_of: str | None = None
    """Another field's path: keeps the source's own words when that field cannot be written as mapped."""
    transform: str | None = None
    """Named in crosswalk/transforms; by default the one that fits the destination field's type."""
    values: Values | None = None
    """Value map: source value (compared trimmed, case-blind) → destination value. What is missing is a finding, never a guess."""
    fallback: str | None = None
    """A template used where the value is blank."""
    beside: str | None = None
    """Another field's path: this one is written only where that one has a value (a currency beside its amount)."""
    unique: Unique | None = None
    wanted: bool = False
    """A blank is a finding (`missing_value`), though the record is written."""
    required: bool = False
    """Without a value the record is not written but rejected."""
    if_writable: bool = False
    """Left out, with a finding, where the destination does not let us write it (a privilege is missing)."""
    create: FieldCreation | None = None


class Match(Frozen):
    """How rows that already stand in the destination are recognised: by any of these fields."""

    by: tuple[str, ...]


class RecordMapping(Frozen):
    """One kind of destination record. Several may feed one object, and one source object may feed several."""

    to: str
    from_: str = Field(alias="from")
    title: str = ""
    where: str | None = None
    key: Columns = ()
    """Columns that identify the record; empty: the source object's own key."""
    fold: bool = False
    """Rows with an equal key become one record."""
    order: tuple[str, ...] = ()
    link: bool = False
    """Rows that only tie two records together; they live and die with the first record they look up."""
    enabled: bool = True
    joins: dict[Name, Join] = {}
    match: Match | None = None
    fields: dict[str, Annotated[FieldMapping, AfterValidator(_one_source)]]

    @model_validator(mode="after")
    def _fields_know_each_other(self) -> "RecordMapping":
        _named_once(self.fields)
        for path, mapped in self.fields.items():
            for other in (mapped.words_of, mapped.beside, mapped.unique.overflow if mapped.unique else None):
                if other is not None and (other == path or other not in self.fields):
                    raise ValueError(f"{path} names {other}, which is no other field of this record")
            if mapped.words_of is not None and self.fields[mapped.words_of].from_ is None:
                raise ValueError(f"{path}: words_of needs a field with `from`, which {mapped.words_of} has not")
            if mapped.lines is not None and not self.fold:
                raise ValueError(f"{path}: lines needs a record with `fold: true`")
        if self.match is not None and (unknown := [path for path in self.match.by if path not in self.fields]):
            raise ValueError(f"match by {unknown[0]}, which is no field of this record")
        return self

    def without_unwritable(self, target: DestinationObject | None) -> "RecordMapping":
        """The record without the `if_writable` fields that the destination does not let us write."""
        fields = {
            path: mapped
            for path, mapped in self.fields.items()
            if not (mapped.if_writable and target and (leaf := target.field(path)) and not leaf.writable)
        }
        return self if len(fields) == len(self.fields) else self.model_copy(update={"fields": fields})


def _records_named_once(records: dict[str, RecordMapping]) -> dict[str, RecordMapping]:
    _named_once(records)
    return records


class Total(Frozen):
    """A business total compared between source and destination (E9): a sum of `column`, or counts by it."""

    name: str
    record: str
    kind: Literal["sum", "count_by"]
    field: str


class Unmapped(Frozen):
    """A source field that goes nowhere, and why: said, so that nothing is lost in silence."""

    object: str
    field: str
    reason: str


class Settings(Frozen):
    """The clinic's conventions, part of what is approved."""

    country: str = "US"
    timezone: str = "UTC"
    currency: str = "USD"
    policy: Literal["link", "update", "skip"] = "link"


class Mapping(Artefact):
    """The whole map of one migration."""

    version: Literal[1] = 1
    source: str
    destination: str
    settings: Settings = Settings()
    sample_root: str
    """The record a sample is chosen by (people)."""
    objects: tuple[ObjectCreation, ...] = ()
    """Destination objects to create."""
    date_orders: dict[str, dict[str, Literal["dmy", "mdy", "ymd"]]] = {}
    """Source object → column → the order its dates are written in, inferred from all its values; correct it here."""
    records: Annotated[dict[Name, RecordMapping], AfterValidator(_records_named_once)]
    totals: tuple[Total, ...] = ()
    unmapped: tuple[Unmapped, ...] = ()
    notes: tuple[str, ...] = ()
    """What a person should know before approving: parts of the shipped map that found no source, alternatives."""

    def active(self) -> dict[str, RecordMapping]:
        """The records that are switched on."""
        return {name: record for name, record in self.records.items() if record.enabled}

"""What a Dataverse organisation holds, as the files of this folder see it: tables, columns, lookups, options.

The neutral schema (`Description.schema`) is what the engine sees; beside it stands what talking to the Web API needs:
entity set names, navigation names with their case, the integers behind option symbols (facts/dataverse.md §3.4, §6).
"""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, cast

from crosswalk.model.destination_schema import DestinationObject, DestinationSchema
from crosswalk.model.errors import RejectedError
from crosswalk.model.record import ActorKind

Raw = Mapping[str, Any]

ENGLISH = 1033
"""Language code of the labels that symbols are made from, and of ours where the organisation does not tell its own."""
NOTE = "annotation"
"""The table of notes, which hold documents (§9)."""
DOCUMENT = "documentbody"
"""The column of a note for the bytes of its document, sent and never read: its leaf is `[{"name": file name, "size": bytes}]`."""

MARKER_COLUMN = "importsequencenumber"
"""Holds the number that stands for a run marker (§4.8)."""

KeyStatus = Literal["Pending", "InProgress", "Active", "Failed"]
_SYMBOL = re.compile(r"[A-Z][A-Z0-9_]*")


@dataclass(frozen=True, slots=True)
class Options:
    """The options of one column. A symbol stands in maps, the integer on the wire."""

    values: Mapping[str, int]
    """Symbol → integer, in the order of the integers."""
    symbols: Mapping[int, str]
    default_status: Mapping[int, int] = field(default_factory=lambda: {})
    """For a state column: its integer → the integer of its default status."""


NO_OPTIONS = Options({}, {})


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table. `kind` is the attribute type name without “Type”: String, Memo, Picklist, MultiSelectPicklist …"""

    logical: str
    schema_name: str
    kind: str
    metadata_id: str
    custom: bool
    creatable: bool
    """Valid for create: a value that is not is silently ignored by the platform (§0.5)."""
    updatable: bool
    required_level: str
    """None, Recommended, ApplicationRequired or SystemRequired; only the last is enforced by the Web API (§3.10)."""
    options: Options
    readable: bool
    raw: Raw
    """The attribute's metadata as answered (MaxLength, MinValue, Precision, Format, Targets …)."""

    @property
    def format(self) -> str:
        """FormatName of a text (Email, Phone, Url, TextArea …), Format of a date; "" when there is none."""
        named = self.raw.get("FormatName")
        return str((self.raw.get("Format") if named is None else value_of(named)) or "")


@dataclass(frozen=True, slots=True)
class Lookup:
    """One way a lookup column can point: a polymorphic column has one for each target (`parentcustomerid.account`)."""

    path: str
    """The leaf's path."""
    column: str
    target: str
    """Logical name of the table pointed to."""
    navigation: str
    """Single-valued navigation property, with its case: bound as `<navigation>@odata.bind` (§3.4)."""
    entity_set: str
    """Of the target."""
    polymorphic: bool = False

    @property
    def value_name(self) -> str:
        """What an answer, a `$select` and a filter call the id that the lookup holds (§8)."""
        return f"_{self.column}_value"


@dataclass(frozen=True, slots=True)
class Party:
    """One way an activity's party list can point: `requiredattendees.contact` (§3.8)."""

    path: str
    column: str
    target: str
    navigation: str
    """Of the party's own lookup: `partyid_contact`."""
    entity_set: str
    mask: int
    """participationtypemask."""


@dataclass(frozen=True, slots=True)
class Key:
    """An alternate key; usable once its index is Active (§6.6)."""

    name: str
    """Logical name."""
    columns: tuple[str, ...]
    status: KeyStatus
    metadata_id: str


@dataclass(frozen=True, slots=True)
class Relationship:
    """A one-to-many relationship, seen from the referenced table."""

    referencing: str
    column: str
    """The lookup column on the referencing table."""
    cascade: Mapping[str, str]
    """Delete, Assign …: Cascade, RemoveLink, Restrict, NoCascade (§6.4)."""
    metadata_id: str


@dataclass(frozen=True, slots=True)
class Details:
    """A table's metadata as answered."""

    definition: Raw
    attributes: tuple[Raw, ...]
    options: tuple[Raw, ...]
    """The choice columns with their option sets."""
    keys: tuple[Raw, ...]
    many_to_one: tuple[Raw, ...]
    one_to_many: tuple[Raw, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """One table, with everything that addressing its rows needs."""

    logical: str
    entity_set: str
    primary_id: str
    metadata_id: str
    is_custom: bool
    is_activity: bool
    columns: Mapping[str, Column]
    """By logical name; shadow columns (`AttributeOf`) left out."""
    lookups: Mapping[str, Lookup]
    """By leaf path."""
    parties: Mapping[str, Party]
    """By leaf path; empty for what is no activity."""
    keys: tuple[Key, ...]
    referenced_by: tuple[Relationship, ...]
    """One-to-many relationships that point to this table, with their cascades."""
    details: Details

    @property
    def raw(self) -> Raw:
        """The table's definition as answered."""
        return self.details.definition

    @property
    def party_list(self) -> str | None:
        """The collection that an activity's parties are written in and expanded from, or None (§3.8)."""
        return f"{self.logical}_activity_parties" if self.parties else None

    def options(self, path: str) -> Options:
        """The options of the column at this leaf path; none when it is no choice."""
        column = self.columns.get(path)
        return NO_OPTIONS if column is None else column.options


@dataclass(frozen=True, slots=True)
class Description:
    """An organisation's schema in neutral form, beside the tables by logical name."""

    schema: DestinationSchema
    tables: Mapping[str, Table]
    """The tables of the schema, by logical name."""
    entity_sets: Mapping[str, str]
    """Logical name → entity set name of every table of the organisation, described or not."""
    own_user: str
    """The systemuserid we write as."""
    automations: Mapping[str, str]
    """systemuserid → name of application users, support users and the platform's own (SYSTEM, INTEGRATION)."""
    may_set_created_on: bool
    """We hold prvOverrideCreatedOnCreatedBy (§3.6)."""

    def table(self, name: str) -> Table:
        """The table of that logical name. RejectedError when there is none."""
        table = self.tables.get(name)
        if table is None:
            raise RejectedError(f"Dataverse has no table “{name}”.", "unknown_object", "Apply the schema plan, then try again.")
        return table

    def object(self, name: str) -> DestinationObject:
        """The neutral object of that logical name. RejectedError when there is none."""
        self.table(name)
        item = self.schema.object(name)
        assert item is not None
        return item

    def actor_kind(self, user: str | None, *, with_our_number: bool = False) -> ActorKind:
        """What kind of actor a user is: ourselves, the platform's own automation, or a person."""
        if user is None:
            return "unknown"
        if user == self.own_user:
            return "import" if with_our_number else "integration"
        return "automation" if user in self.automations else "person"


def value_of(held: Any) -> Any:
    """What a piece of metadata says, whether it stands bare or in an object of its own.

    >>> value_of({"Value": "DateOnly"}), value_of("DateOnly"), value_of(None)
    ('DateOnly', 'DateOnly', None)
    """
    return cast(Raw, held).get("Value") if isinstance(held, Mapping) else held


def upper_snake(label: str) -> str:
    """The symbol a label stands for when its option has no description of that form.

    >>> upper_snake("Out of Office"), upper_snake("Co-branding"), upper_snake("1st visit"), upper_snake("A+")
    ('OUT_OF_OFFICE', 'CO_BRANDING', 'OPTION_1ST_VISIT', 'A')
    >>> upper_snake("Männlich"), upper_snake("男")
    ('MANNLICH', 'OPTION')
    """
    plain = unicodedata.normalize("NFKD", label).encode("ascii", "ignore").decode()
    words = re.sub(r"[^A-Z0-9]+", "_", plain.upper()).strip("_")
    return words if _SYMBOL.fullmatch(words) else f"OPTION_{words}".rstrip("_")


def is_symbol(text: str) -> bool:
    """Whether an option's description is a symbol to be used as it is.

    >>> is_symbol("A_POSITIVE"), is_symbol("A positive")
    (True, False)
    """
    return _SYMBOL.fullmatch(text) is not None

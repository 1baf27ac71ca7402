"""The organisation's metadata as plain dataclasses: tables, columns, choices, keys, relationships (facts/dataverse.md §6)."""

from dataclasses import dataclass, field
from typing import Any

Row = dict[str, Any]
LOOKUP_KINDS = frozenset({"Lookup", "Customer", "Owner"})


@dataclass(slots=True)
class Option:
    """One choice. `state` is the state that a status belongs to; `default_status` the status that a state sets.

    `translations` are labels by language code besides English.
    """

    value: int
    label: str
    description: str = ""
    state: int | None = None
    default_status: int | None = None
    translations: dict[int, str] = field(default_factory=dict[int, str])


@dataclass(slots=True)
class OptionSet:
    """The choices of one column, or of many when `is_global`. Options that were added or deleted count once published."""

    name: str
    metadata_id: str
    options: list[Option] = field(default_factory=list[Option])
    is_global: bool = False
    is_custom: bool = False
    display: str = ""
    added: list[Option] = field(default_factory=list[Option])
    deleted: list[int] = field(default_factory=list[int])

    def publish(self) -> None:
        """Make additions and deletions count."""
        self.options = [option for option in [*self.options, *self.added] if option.value not in self.deleted]
        self.added, self.deleted = [], []

    def values(self) -> list[int]:
        return [option.value for option in self.options]

    def find(self, value: int) -> Option | None:
        return next((option for option in self.options if option.value == value), None)


@dataclass(slots=True)
class Column:
    """One column. `kind` is Dataverse's AttributeType; a multi-select is "MultiSelectPicklist", a file "File"."""

    logical: str
    schema: str
    kind: str
    metadata_id: str
    display: str = ""
    description: str = ""
    required: str = "None"
    create: bool = True
    update: bool = True
    read: bool = True
    is_custom: bool = False
    max_length: int | None = None
    format: str | None = None
    format_name: str | None = None
    behavior: str | None = None
    minimum: float | None = None
    maximum: float | None = None
    precision: int | None = None
    precision_source: int | None = None
    targets: list[str] = field(default_factory=list[str])
    options: OptionSet | None = None
    attribute_of: str | None = None
    primary_id: bool = False
    primary_name: bool = False
    max_size_kb: int | None = None
    default: Any = None

    @property
    def is_lookup(self) -> bool:
        return self.kind in LOOKUP_KINDS

    @property
    def property_name(self) -> str:
        """The name in answers and filters: `_ownerid_value` for a lookup."""
        return f"_{self.logical}_value" if self.kind in LOOKUP_KINDS else self.logical


@dataclass(slots=True)
class Key:
    """An alternate key; its index is built in the background (facts §6.6). Statuses: Pending, InProgress, Active, Failed."""

    schema: str
    logical: str
    metadata_id: str
    columns: list[str]
    display: str = ""
    status: str = "Pending"
    made_at: float = 0.0


@dataclass(slots=True)
class Relationship:
    """A one-to-many relationship: the lookup `column` of `referencing` points at `referenced`.

    `navigation` is the single-valued name on the referencing side, `collection` the name on the referenced side.
    `cascade` says Delete, Assign, … → Cascade | RemoveLink | Restrict | NoCascade.
    """

    schema: str
    metadata_id: str
    referenced: str
    referenced_column: str
    referencing: str
    column: str
    navigation: str
    collection: str
    cascade: dict[str, str]
    is_custom: bool = False


@dataclass(slots=True)
class ManyToMany:
    """A many-to-many relationship; its pairs are the rows of the intersect table."""

    schema: str
    metadata_id: str
    first: str
    second: str
    intersect: str
    first_navigation: str
    second_navigation: str
    is_custom: bool = True


@dataclass(slots=True)
class Navigation:
    """A single-valued navigation name: the lookup column, and the table it binds to (None: any target of the column)."""

    column: str
    target: str | None


@dataclass(slots=True)
class Table:
    """One table. `navigations` and `collections` are filled by Schema.refresh."""

    logical: str
    schema: str
    entity_set: str
    metadata_id: str
    primary_id: str
    primary_name: str
    display: str = ""
    display_collection: str = ""
    description: str = ""
    object_type_code: int = 0
    ownership: str = "UserOwned"
    is_custom: bool = False
    is_activity: bool = False
    is_intersect: bool = False
    has_notes: bool = False
    has_activities: bool = False
    change_tracking: bool = False
    duplicate_detection: bool = False
    columns: dict[str, Column] = field(default_factory=dict[str, Column])
    keys: dict[str, Key] = field(default_factory=dict[str, Key])
    navigations: dict[str, Navigation] = field(default_factory=dict[str, Navigation])
    collections: dict[str, Relationship] = field(default_factory=dict[str, Relationship])
    properties: dict[str, Column] = field(default_factory=dict[str, Column])

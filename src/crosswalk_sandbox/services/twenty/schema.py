"""The workspace's schema: objects and fields, and what follows from them for rows (defaults, unique keys, relations)."""

from dataclasses import dataclass, field
from typing import Any, TypeGuard

Row = dict[str, Any]


def is_row(value: object) -> TypeGuard[Row]:
    """Whether a JSON value is an object."""
    return isinstance(value, dict)


def is_list(value: object) -> TypeGuard[list[Any]]:
    """Whether a JSON value is an array."""
    return isinstance(value, list)


# facts/twenty.md §8 and transcript meta_create_field_bad_type, in the server's own order.
FIELD_TYPES = [
    "ACTOR",
    "ADDRESS",
    "ARRAY",
    "BOOLEAN",
    "CURRENCY",
    "DATE",
    "DATE_TIME",
    "EMAILS",
    "FILES",
    "FULL_NAME",
    "LINKS",
    "MORPH_RELATION",
    "MULTI_SELECT",
    "NUMBER",
    "NUMERIC",
    "PHONES",
    "POSITION",
    "RATING",
    "RAW_JSON",
    "RELATION",
    "RICH_TEXT",
    "SELECT",
    "TEXT",
    "TS_VECTOR",
    "UUID",
]

# What an unset column reads back as, per type (transcripts empty_body, val_bool_null, task_custom_status).
EMPTY: dict[str, Any] = {
    "TEXT": "",
    "ARRAY": [],
    "MULTI_SELECT": [],
    "TS_VECTOR": "",
    "FULL_NAME": {"firstName": "", "lastName": ""},
    "EMAILS": {"primaryEmail": "", "additionalEmails": []},
    "PHONES": {
        "primaryPhoneNumber": "",
        "primaryPhoneCountryCode": "",
        "primaryPhoneCallingCode": "",
        "additionalPhones": [],
    },
    "LINKS": {"primaryLinkLabel": "", "primaryLinkUrl": "", "secondaryLinks": []},
    "ADDRESS": {
        "addressStreet1": "",
        "addressStreet2": "",
        "addressCity": "",
        "addressPostcode": "",
        "addressState": "",
        "addressCountry": "",
        "addressLat": None,
        "addressLng": None,
    },
    "CURRENCY": {"amountMicros": None, "currencyCode": None},
    "RICH_TEXT": {"blocknote": None, "markdown": ""},
    "ACTOR": {"source": "MANUAL", "workspaceMemberId": None, "name": "System", "context": None},
}
COMPOSITE = ("FULL_NAME", "EMAILS", "PHONES", "LINKS", "ADDRESS", "CURRENCY", "RICH_TEXT", "ACTOR")

ACTOR_FIELDS = ("createdBy", "updatedBy")

# The sub-field that a unique composite is unique by (facts/twenty.md §5).
UNIQUE_PART = {"EMAILS": "primaryEmail", "LINKS": "primaryLinkUrl", "PHONES": "primaryPhoneNumber", "FULL_NAME": "firstName"}


@dataclass(slots=True)
class Field:
    """One field of an object, as the metadata API shows it."""

    id: str
    universal_id: str
    object_id: str
    type: str
    name: str
    label: str
    created_at: str
    updated_at: str
    application_id: str
    description: str | None = None
    icon: str | None = None
    active: bool = True
    system: bool = False
    editable: bool = True
    nullable: bool = True
    unique: bool = False
    custom: bool = False
    label_synced: bool = False
    default: Any = None
    options: list[dict[str, Any]] | None = None
    settings: dict[str, Any] | None = None
    target_object_id: str | None = None
    target_field_id: str | None = None

    @property
    def is_relation(self) -> bool:
        return self.type in ("RELATION", "MORPH_RELATION")

    @property
    def join_column(self) -> str | None:
        """The column that holds the other row's id, for the many-to-one side of a relation."""
        return (self.settings or {}).get("joinColumnName") if self.is_relation else None

    @property
    def on_delete(self) -> str:
        return (self.settings or {}).get("onDelete", "SET_NULL")

    def empty(self) -> Any:
        """What the field reads back as when it was never written."""
        if self.default is not None and self.type != "UUID":
            return declared_default(self.type, self.default)
        return EMPTY.get(self.type)


def declared_default(kind: str, default: Any) -> Any:
    """A metadata default as a value: strings carry their own quotes (facts/twenty.md §8: `"'x'"`)."""
    if isinstance(default, str):
        if default in ("now", "uuid"):
            return None
        return default[1:-1] if len(default) >= 2 and default[0] == default[-1] == "'" else default
    if is_row(default):
        parts: dict[str, Any] = default
        return {**EMPTY.get(kind, {}), **{key: declared_default("TEXT", part) for key, part in parts.items()}}
    if is_list(default) and kind == "MULTI_SELECT":
        items: list[Any] = default
        return [declared_default("TEXT", item) for item in items]
    return default


@dataclass(slots=True)
class ObjectType:
    """One object of the workspace with its fields by name; `columns` maps every writable name to its field."""

    id: str
    universal_id: str
    name: str
    plural: str
    label: str
    label_plural: str
    created_at: str
    updated_at: str
    application_id: str
    description: str | None = None
    icon: str | None = None
    shortcut: str | None = None
    system: bool = False
    custom: bool = False
    active: bool = True
    creatable: bool = True
    searchable: bool = True
    label_synced: bool = False
    label_identifier_id: str | None = None
    image_identifier_id: str | None = None
    duplicate_criteria: list[list[str]] | None = None
    search_fields: tuple[str, ...] = ()
    fields: dict[str, Field] = field(default_factory=dict[str, Field])
    columns: dict[str, Field] = field(default_factory=dict[str, Field])
    template: Row = field(default_factory=dict[str, Any])
    unique: list[Field] = field(default_factory=list[Field])
    joins: dict[str, Field] = field(default_factory=dict[str, Field])
    now_fields: tuple[str, ...] = ()
    file_fields: tuple[str, ...] = ()
    rich_fields: tuple[str, ...] = ()
    searched: tuple[tuple[str, str], ...] = ()

    def refresh(self, actor: Row) -> None:
        """Recompute what rows need after a schema change: the empty row, unique fields and join columns."""
        self.columns, self.joins, self.template = {}, {}, {}
        joins: Row = {}
        for item in self.fields.values():
            self.columns[item.name] = item
            if item.join_column is not None:
                self.columns[item.join_column] = item
                self.joins[item.join_column] = item
                joins[item.join_column] = None
            elif not item.is_relation:
                self.template[item.name] = actor if item.name in ACTOR_FIELDS else item.empty()
        self.template.update(joins)
        scalars = [item for item in self.fields.values() if not item.is_relation]
        self.now_fields = tuple(
            item.name for item in scalars if item.default == "now" and item.name not in ("createdAt", "updatedAt")
        )
        self.file_fields = tuple(item.name for item in scalars if item.type == "FILES")
        self.rich_fields = tuple(item.name for item in scalars if item.type == "RICH_TEXT")
        self.searched = tuple((name, self.fields[name].type) for name in self.search_fields if name in self.fields)
        self.unique = [item for item in self.fields.values() if item.unique and not item.is_relation]

    def pascal(self) -> str:
        return self.name[0].upper() + self.name[1:]

    def pascal_plural(self) -> str:
        return self.plural[0].upper() + self.plural[1:]


def unique_value(item: Field, row: Row) -> Any:
    """The value that a unique index holds for a row; None never collides (facts/twenty.md §5)."""
    value = row.get(item.name)
    part = UNIQUE_PART.get(item.type)
    if part is not None and is_row(value):
        composite: Row = value
        value = composite.get(part)
    return None if value in ("", None) else value


def unique_path(item: Field) -> str:
    """How the server names a unique index's column: `emails.primaryEmail` (transcript upsert_id_and_email_conflict)."""
    part = UNIQUE_PART.get(item.type)
    return item.name if part is None else f"{item.name}.{part}"

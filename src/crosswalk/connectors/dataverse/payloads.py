"""The bodies that create tables, columns, lookups and keys (facts/dataverse.md §6.2 to §6.6). Pure."""

from collections.abc import Mapping, Sequence
from typing import Any

from crosswalk.connectors.dataverse.naming import prefix_of, schema_name
from crosswalk.model.destination_schema import FieldType
from crosswalk.model.errors import RejectedError
from crosswalk.model.schema_plan import FieldCreation, ObjectCreation

PRIMARY_NAME_LENGTH = 850
"""The length the maker portal gives primary name columns, the most they take."""
STRING_LENGTH, KEY_LENGTH, KEY_LENGTH_MOST = 4000, 100, 450
"""The longest String; the length of a unique one unless asked otherwise, and the most an index of 900 bytes holds (§6.6)."""
MEMO_LENGTH = 1_048_576
_NAMESPACE = "Microsoft.Dynamics.CRM."
_TEXT_FORMATS: Mapping[FieldType, tuple[str, int]] = {"email": ("Email", 100), "phone": ("Phone", 50), "url": ("Url", 200)}
_NUMBERS: Mapping[FieldType, Mapping[str, Any]] = {
    "integer": {"MinValue": -2_147_483_648, "MaxValue": 2_147_483_647, "Format": "None"},
    "decimal": {"MinValue": -100_000_000_000, "MaxValue": 100_000_000_000, "Precision": 10},
    "money": {"MinValue": -922_337_203_685_477, "MaxValue": 922_337_203_685_477, "Precision": 4, "PrecisionSource": 0},
}
_KINDS: Mapping[FieldType, str] = {
    "integer": "Integer", "decimal": "Decimal", "money": "Money", "boolean": "Boolean", "date": "DateTime",
    "datetime": "DateTime", "option": "Picklist", "options": "MultiSelectPicklist",
}  # fmt: skip
_KIND_TYPES: Mapping[str, str] = {"MultiSelectPicklist": "Virtual"}
"""The AttributeType of kinds that have no name of their own in that older list."""
_MERGEABLE = frozenset({"account", "contact", "lead"})
"""Tables whose records people can merge."""
FIELD_TYPES: frozenset[FieldType] = frozenset({"text", "rich_text", "reference", *_TEXT_FORMATS, *_KINDS})
"""What can be created. JSON columns exist only in stores other than SQL, lists not at all, and files are annotations."""


def label(text: str, language: int) -> dict[str, Any]:
    """A text in the organisation's base language."""
    localized = {"@odata.type": f"{_NAMESPACE}LocalizedLabel", "Label": text, "LanguageCode": language}
    return {"@odata.type": f"{_NAMESPACE}Label", "LocalizedLabels": [localized]}


def table_body(asked: ObjectCreation, language: int) -> dict[str, Any]:
    """A user-owned table with its primary name column `<prefix>_name`.

    Notes and activities stay off: each would add a column to tables we do not own. Change tracking is on for what else may
    follow the table's rows (an export, say); Crosswalk itself does not use it (docs/adr/0006).
    """
    name = primary_name(asked.name)
    primary = {
        **_column("String", name, schema_name(name, "Name"), "Name", "", language),
        "IsPrimaryName": True,
        "MaxLength": PRIMARY_NAME_LENGTH,
        "FormatName": {"Value": "Text"},
    }
    return {
        "@odata.type": f"{_NAMESPACE}EntityMetadata",
        "SchemaName": schema_name(asked.name, asked.label),
        "DisplayName": label(asked.label, language),
        "DisplayCollectionName": label(asked.label_plural, language),
        **_description(asked.description, language),
        "OwnershipType": "UserOwned",
        "IsActivity": False,
        "HasActivities": False,
        "HasNotes": False,
        "ChangeTrackingEnabled": True,
        "Attributes": [primary],
    }


def primary_name(table: str) -> str:
    """The primary name column of a table of ours.

    >>> primary_name("pulse_practitioner")
    'pulse_name'
    """
    return f"{prefix_of(table)}_name"


def column_body(name: str, asked: FieldCreation, first_value: int, language: int) -> dict[str, Any]:
    """A column of any type but reference; options are numbered from `first_value`.

    RejectedError `validation` for types Dataverse does not have.
    """
    if asked.type not in FIELD_TYPES or asked.type == "reference":
        raise RejectedError(
            f"Dataverse has no column type for “{asked.type}” ({name}).", "validation", "Choose another type in the mapping."
        )
    prefix_of(name)
    kind, settings = _settings(asked, first_value, language)
    return {**_column(kind, name, schema_name(name, asked.label), asked.label, asked.description, language), **settings}


def _column(kind: str, name: str, schema: str, title: str, description: str, language: int) -> dict[str, Any]:
    return {
        "@odata.type": f"{_NAMESPACE}{kind}AttributeMetadata",
        "AttributeType": _KIND_TYPES.get(kind, kind),
        "AttributeTypeName": {"Value": f"{kind}Type"},
        "SchemaName": schema,
        "LogicalName": name,
        "DisplayName": label(title, language),
        **_description(description, language),
        "RequiredLevel": {"Value": "None", "CanBeChanged": True},
    }


def _settings(asked: FieldCreation, first_value: int, language: int) -> tuple[str, dict[str, Any]]:
    """The kind of a column and what only this kind says."""
    if asked.type == "rich_text":
        return "Memo", {"MaxLength": MEMO_LENGTH, "FormatName": {"Value": "RichText"}}
    if asked.type == "text" or asked.type in _TEXT_FORMATS:
        return _text(asked)
    settings: dict[str, Any] = dict(_NUMBERS.get(asked.type, {}))
    if asked.type == "boolean":
        sides = {"TrueOption": option(1, "", "Yes", language), "FalseOption": option(0, "", "No", language)}
        settings["OptionSet"] = {"@odata.type": f"{_NAMESPACE}BooleanOptionSetMetadata", "OptionSetType": "Boolean", **sides}
    elif asked.type == "date":
        settings |= {"Format": "DateOnly", "DateTimeBehavior": {"Value": "DateOnly"}}
    elif asked.type == "datetime":
        settings |= {"Format": "DateAndTime", "DateTimeBehavior": {"Value": "UserLocal"}}
    elif asked.type in {"option", "options"}:
        listed = [option(first_value + place, symbol, title, language) for place, (symbol, title) in enumerate(asked.options)]
        settings["OptionSet"] = {
            "@odata.type": f"{_NAMESPACE}OptionSetMetadata",
            "IsGlobal": False,
            "OptionSetType": "Picklist",
            "Options": listed,
        }
    return _KINDS[asked.type], settings


def _text(asked: FieldCreation) -> tuple[str, dict[str, Any]]:
    """A String where the length is known and fits one, else a Memo."""
    form, length = _TEXT_FORMATS.get(asked.type, ("Text", None))
    length = asked.max_length or length
    if asked.unique:
        length = min(length or KEY_LENGTH, KEY_LENGTH_MOST)
    if length is not None and length <= STRING_LENGTH:
        return "String", {"MaxLength": length, "FormatName": {"Value": form}}
    return "Memo", {"MaxLength": min(length or MEMO_LENGTH, MEMO_LENGTH), "FormatName": {"Value": "TextArea"}}


def option(value: int, symbol: str, title: str, language: int) -> dict[str, Any]:
    """An option; its symbol is kept as its description, so that it stays what it is when somebody changes the label."""
    return {"Value": value, "Label": label(title, language), **_description(symbol, language)}


def _description(text: str, language: int) -> dict[str, Any]:
    return {"Description": label(text, language)} if text else {}


def relationship_body(table: str, name: str, asked: FieldCreation, target: str, target_id: str, language: int) -> dict[str, Any]:
    """A lookup from `table` to `target` whose deletion takes the link away and nothing else (§6.4, a trap of §0.7). When people
    merge two patients, what was one's becomes the other's, as in Microsoft's own example of a lookup to contact."""
    prefix = prefix_of(name)
    lookup = _column("Lookup", name, schema_name(name, asked.label), asked.label, asked.description, language)
    kept = ("Assign", "Reparent", "Share", "Unshare", "RollupView")
    merged = "Cascade" if target in _MERGEABLE else "NoCascade"
    return {
        "@odata.type": f"{_NAMESPACE}OneToManyRelationshipMetadata",
        "SchemaName": relationship_name(prefix, target, table, name),
        "ReferencedEntity": target,
        "ReferencedAttribute": target_id,
        "ReferencingEntity": table,
        "Lookup": lookup,
        "CascadeConfiguration": {**dict.fromkeys(kept, "NoCascade"), "Merge": merged, "Delete": "RemoveLink"},
        "AssociatedMenuConfiguration": {
            "Behavior": "UseCollectionName",
            "Group": "Details",
            "Label": label(asked.reverse_label or table, language),
            "Order": 10000,
        },
    }


def relationship_name(prefix: str, target: str, table: str, column: str) -> str:
    """
    >>> relationship_name("pulse", "contact", "pulse_payment", "pulse_patientid")
    'pulse_contact_payment_patientid'
    """
    own = f"{prefix}_"
    return own + "_".join(part.removeprefix(own) for part in (target, table, column))


def key_body(column: str, schema: str, title: str, language: int) -> dict[str, Any]:
    """An alternate key on one column, called after the column's schema name."""
    return {
        "SchemaName": key_name(schema),
        "DisplayName": label(f"{title} key", language),
        "KeyAttributes": [column],
    }


def key_name(column: str) -> str:
    """The name of the key on a column, schema or logical alike.

    >>> key_name("pulse_SourceSystemId")
    'pulse_SourceSystemIdKey'
    """
    return f"{column}Key" if column != column.lower() else f"{column}key"


def missing_options(
    asked: Sequence[tuple[str, str]], present: Mapping[str, int], first_value: int, language: int
) -> list[dict[str, Any]]:
    """The options of `asked` that are not there yet, numbered after the highest of the publisher's own."""
    own = [value for value in present.values() if first_value <= value < first_value + 10_000]
    start = max(own, default=first_value - 1) + 1
    absent = [pair for pair in asked if pair[0] not in present]
    return [option(start + place, symbol, title, language) for place, (symbol, title) in enumerate(absent)]

"""A table's raw metadata, turned into a `Table` (facts/dataverse.md §6.10). Pure."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, cast

from crosswalk.connectors.dataverse.description import (
    ENGLISH,
    NO_OPTIONS,
    Column,
    Details,
    Key,
    KeyStatus,
    Lookup,
    Options,
    Party,
    Raw,
    Relationship,
    Table,
    is_symbol,
    upper_snake,
    value_of,
)

_LOOKUP_KINDS = frozenset({"Lookup", "Customer"})
"""An owner is a lookup too, but points to users and teams by one navigation property, `ownerid` (§3.7)."""
_POLYMORPHIC = frozenset({"regardingobjectid", "objectid"})
"""Named after their target even in an organisation where they have only one (§3.5)."""
_PARTY_MASKS: Mapping[str, int] = {
    "from": 1, "to": 2, "cc": 3, "bcc": 4, "requiredattendees": 5, "optionalattendees": 6, "organizer": 7, "customers": 11,
    "customer": 11,
}  # fmt: skip
"""participationtypemask of the party lists we know (§3.8)."""
_PARTY_TARGETS = ("account", "contact", "lead", "systemuser")


def entity_set_of(details: Details) -> str:
    """The name a table's rows are addressed with; never guessed from the logical name (§6.10)."""
    return str(details.definition["EntitySetName"])


def to_table(details: Details, entity_sets: Mapping[str, str], described: frozenset[str]) -> Table:
    """One table. Lookups get a leaf for each target that is `described` itself."""
    definition = details.definition
    options = {str(item["LogicalName"]): to_options(item) for item in details.options}
    columns = {column.logical: column for column in _columns(details.attributes, options)}
    logical = str(definition["LogicalName"])
    lookups = {item.path: item for item in _lookups(columns, details.many_to_one, entity_sets, described)}
    parties = _parties(columns, entity_sets, described) if definition.get("IsActivity") else ()
    return Table(
        logical=logical,
        entity_set=entity_set_of(details),
        primary_id=str(definition["PrimaryIdAttribute"]),
        metadata_id=str(definition.get("MetadataId", "")),
        is_custom=bool(definition.get("IsCustomEntity")),
        is_activity=bool(definition.get("IsActivity")),
        columns=columns,
        lookups=lookups,
        parties={item.path: item for item in parties},
        keys=tuple(_key(item) for item in details.keys),
        referenced_by=tuple(_relationship(item) for item in details.one_to_many),
        details=details,
    )


def label_of(held: Any) -> str:
    """The English text of a label, else the user's own, else the first there is; "" when there is none."""
    if not isinstance(held, Mapping):
        return ""
    label = cast(Raw, held)
    localized = cast(list[Raw], label.get("LocalizedLabels") or [])
    user = cast(Raw, label.get("UserLocalizedLabel") or {})
    english = [item for item in localized if item.get("LanguageCode") == ENGLISH]
    return next((str(item["Label"]) for item in (*english, user, *localized) if item.get("Label")), "")


def to_options(attribute: Raw) -> Options:
    """Symbols and integers of a choice column, local or global, in the order of the integers.

    A symbol is the option's description where that has the form of one, else made from its label; later options whose symbol
    is taken get their integer behind it.
    """
    held = cast(Raw, attribute.get("OptionSet") or attribute.get("GlobalOptionSet") or {})
    values: dict[str, int] = {}
    default_status: dict[int, int] = {}
    for option in sorted(cast(list[Raw], held.get("Options") or []), key=lambda item: int(item["Value"])):
        number = int(option["Value"])
        description = label_of(option.get("Description"))
        symbol = description if is_symbol(description) else upper_snake(label_of(option.get("Label")))
        values[f"{symbol}_{number}" if symbol in values else symbol] = number
        if option.get("DefaultStatus") is not None:
            default_status[number] = int(option["DefaultStatus"])
    return Options(values, {number: symbol for symbol, number in values.items()}, default_status)


def _columns(attributes: Iterable[Raw], options: Mapping[str, Options]) -> Iterator[Column]:
    """The columns, by name; shadows of others (names of lookups and choices) are no columns of their own."""
    for raw in sorted(attributes, key=lambda item: str(item["LogicalName"])):
        if raw.get("AttributeOf"):
            continue
        logical = str(raw["LogicalName"])
        yield Column(
            logical=logical,
            schema_name=str(raw.get("SchemaName") or logical),
            kind=_kind(raw),
            metadata_id=str(raw.get("MetadataId", "")),
            custom=bool(raw.get("IsCustomAttribute")),
            creatable=bool(raw.get("IsValidForCreate")),
            updatable=bool(raw.get("IsValidForUpdate")),
            required_level=str(value_of(raw.get("RequiredLevel"))),
            options=options.get(logical, NO_OPTIONS),
            readable=raw.get("IsValidForRead") is not False and raw.get("IsValidODataAttribute") is not False,
            raw=raw,
        )


def _kind(raw: Raw) -> str:
    """AttributeTypeName tells multi-select choices and files apart, which the older AttributeType calls Virtual."""
    return str(value_of(raw.get("AttributeTypeName")) or "").removesuffix("Type") or str(raw.get("AttributeType") or "")


def _lookups(
    columns: Mapping[str, Column], relationships: Iterable[Raw], entity_sets: Mapping[str, str], described: frozenset[str]
) -> Iterator[Lookup]:
    for raw in relationships:
        column = columns.get(str(raw["ReferencingAttribute"]))
        target = str(raw["ReferencedEntity"])
        if column is None or column.kind not in _LOOKUP_KINDS or target not in entity_sets:
            continue
        polymorphic = _is_polymorphic(column)
        if polymorphic and target not in described:
            continue
        yield Lookup(
            path=f"{column.logical}.{target}" if polymorphic else column.logical,
            column=column.logical,
            target=target,
            navigation=str(raw.get("ReferencingEntityNavigationPropertyName") or column.schema_name),
            entity_set=entity_sets[target],
            polymorphic=polymorphic,
        )
    owner = columns.get("ownerid")
    if owner is not None and owner.kind == "Owner" and "systemuser" in entity_sets:
        yield Lookup("ownerid", "ownerid", "systemuser", "ownerid", entity_sets["systemuser"])


def _is_polymorphic(column: Column) -> bool:
    """Whether a lookup can point to several tables, so that its navigation names bear the target's (§3.5)."""
    targets = cast(list[str], column.raw.get("Targets") or [])
    return column.kind == "Customer" or len(targets) > 1 or column.logical in _POLYMORPHIC


def _parties(columns: Mapping[str, Column], entity_sets: Mapping[str, str], described: frozenset[str]) -> Iterator[Party]:
    for column in columns.values():
        mask = _PARTY_MASKS.get(column.logical)
        if column.kind != "PartyList" or mask is None:
            continue
        allowed = cast(list[str], column.raw.get("Targets") or _PARTY_TARGETS)
        for target in _PARTY_TARGETS:
            if target in allowed and target in described:
                path = f"{column.logical}.{target}"
                yield Party(path, column.logical, target, f"partyid_{target}", entity_sets[target], mask)


def _key(raw: Raw) -> Key:
    status = cast(KeyStatus, str(raw.get("EntityKeyIndexStatus") or "Active"))
    columns = tuple(cast(list[str], raw.get("KeyAttributes") or []))
    return Key(str(raw.get("LogicalName") or ""), columns, status, str(raw.get("MetadataId", "")))


def _relationship(raw: Raw) -> Relationship:
    cascade = cast(Mapping[str, Any], raw.get("CascadeConfiguration") or {})
    return Relationship(
        referencing=str(raw["ReferencingEntity"]),
        column=str(raw["ReferencingAttribute"]),
        cascade={name: str(rule) for name, rule in cascade.items()},
        metadata_id=str(raw.get("MetadataId", "")),
    )

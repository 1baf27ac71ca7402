"""The relationships that the fact files do not list: made for every lookup whose target is known, with the platform's names."""

from collections.abc import Iterator

from .clock import stable_id
from .metadata import Column, Relationship, Table
from .schema import Schema

# What happens to a child when its parent goes; "" is every other lookup (facts/dataverse.md §0.7, §7).
CASCADES = {
    "objectid": {"Delete": "Cascade", "Assign": "Cascade"},
    "regardingobjectid": {"Delete": "Cascade", "Assign": "Cascade"},
    "activityid": {"Delete": "Cascade"},
    "transactioncurrencyid": {"Delete": "Restrict"},
    "publisherid": {"Delete": "Restrict"},
    "solutionid": {"Delete": "Cascade"},
    "partyid": {},
}
# Lookups at authors and owners: nothing follows from deleting what they point at.
AUTHORS = frozenset({"createdby", "modifiedby", "createdonbehalfby", "modifiedonbehalfby"})
QUIET = AUTHORS | {"ownerid", "owninguser", "owningteam", "owningbusinessunit"}


def navigation_name(table: Table, column: Column, target: str) -> str:
    """The single-valued navigation name of a lookup to a target (facts/dataverse.md §3.5)."""
    if column.logical == "regardingobjectid" and table.is_activity:
        suffix = "" if table.logical == "activitypointer" else f"_{table.logical}"
        return f"regardingobjectid_{target}{suffix}"
    if column.logical == "objectid" and table.logical == "annotation":
        return f"objectid_{target}"
    if column.logical in ("partyid", "activityid") and table.logical == "activityparty":
        return f"{column.logical}_{target}"
    if len(column.targets) > 1:
        return f"{column.logical}_{target}"
    return column.logical


def between(table: Table, column: Column, target: Table) -> Relationship:
    """The relationship of one lookup and one target, with the platform's own names and cascades."""
    name = f"{target.schema}_{table.schema}_{column.schema}"
    collection = name
    if table.logical == "activityparty" and column.logical == "activityid":
        name = collection = f"{target.logical}_activity_parties"
    elif column.logical == "objectid" and table.logical == "annotation":
        name = collection = f"{target.schema}_Annotation" + ("s" if target.is_custom else "")
    elif column.logical == "regardingobjectid" and table.is_activity:
        name = collection = f"{target.schema}_{table.schema}s"
    cascade = {} if column.logical in QUIET else CASCADES.get(column.logical, {"Delete": "RemoveLink"})
    if column.logical == "regardingobjectid" and not table.is_activity:
        cascade = {"Delete": "RemoveLink"}
    return Relationship(
        schema=name,
        metadata_id=stable_id("relationship", name),
        referenced=target.logical,
        referenced_column=target.primary_id,
        referencing=table.logical,
        column=column.logical,
        navigation=navigation_name(table, column, target.logical),
        collection=collection,
        cascade=dict(cascade),
    )


def lookup_relationships(schema: Schema, table: Table) -> Iterator[Relationship]:
    """A relationship for every lookup of the table and known target that has none yet."""
    known = {(item.column, item.referenced) for item in schema.relationships.values() if item.referencing == table.logical}
    for column in table.columns.values():
        if not column.is_lookup or column.attribute_of:
            continue
        for target in column.targets:
            if target in schema.tables and (column.logical, target) not in known and column.kind != "Owner":
                yield between(table, column, schema.tables[target])

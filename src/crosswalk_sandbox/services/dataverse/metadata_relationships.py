"""Creating and deleting relationships; lookups are made by them (facts/dataverse.md §6.4)."""

from typing import Any, cast

from . import metadata_names
from .clock import new_id
from .errors import not_found
from .metadata import Column, ManyToMany, Relationship, Row, Table
from .metadata_bodies import invalid, text_of, value_of
from .metadata_shapes import CASCADES
from .metadata_writes import MetadataWrites

RULES = frozenset({"Cascade", "Active", "UserOwned", "RemoveLink", "Restrict", "NoCascade"})
NOT_FOR_DELETE = frozenset({"Active", "UserOwned"})


class RelationshipWrites:
    """The writes of relationships."""

    def __init__(self, writes: MetadataWrites) -> None:
        self.writes = writes
        self.organization = writes.organization
        self.schema = writes.schema

    def create(self, body: Row, solution: str | None) -> str:
        """A new relationship of either kind. Returns its MetadataId. Raises DataverseError 400."""
        kind = str(body.get("@odata.type", ""))
        schema_name = str(body.get("SchemaName", ""))
        metadata_names.check(self.organization, "EntityRelationship", schema_name)
        if schema_name in self.schema.relationships or schema_name in self.schema.many_to_many:
            raise metadata_names.exists("An entity relationship", schema_name)
        if kind.endswith("ManyToManyRelationshipMetadata"):
            return self._create_pair(body, schema_name, solution)
        return self._create_lookup(body, schema_name, solution)

    def _create_lookup(self, body: Row, schema_name: str, solution: str | None) -> str:
        lookup = cast("Row", body.get("Lookup") or {})
        referenced = self._table(body, "ReferencedEntity")
        referencing = self._table(body, "ReferencingEntity")
        name = str(lookup.get("SchemaName", ""))
        self.writes.check_column_name(referencing, name)
        column = Column(name.lower(), name, "Lookup", new_id(), is_custom=True, targets=[referenced.logical])
        column.display, column.description = text_of(lookup.get("DisplayName")), text_of(lookup.get("Description"))
        column.required = str(value_of(lookup.get("RequiredLevel")) or "None")
        relationship = Relationship(
            schema=schema_name,
            metadata_id=new_id(),
            referenced=referenced.logical,
            referenced_column=referenced.primary_id,
            referencing=referencing.logical,
            column=column.logical,
            navigation=str(body.get("ReferencingEntityNavigationPropertyName") or name),
            collection=str(body.get("ReferencedEntityNavigationPropertyName") or schema_name),
            cascade=cascade(cast("Row", body.get("CascadeConfiguration") or {})),
            is_custom=True,
        )
        referencing.columns[column.logical] = column
        self.schema.relationships[schema_name] = relationship
        self.schema.refresh()
        self.writes.note_column(referencing, column, solution)
        self.writes.components.note(solution, "EntityRelationship", relationship.metadata_id)
        return relationship.metadata_id

    def _table(self, body: Row, name: str) -> Table:
        return self.organization.table(str(body.get(name, "")).lower())

    def _create_pair(self, body: Row, schema_name: str, solution: str | None) -> str:
        first, second = self._table(body, "Entity1LogicalName"), self._table(body, "Entity2LogicalName")
        name = str(body.get("IntersectEntityName") or schema_name).lower()
        if name in self.schema.tables:
            raise metadata_names.exists("An entity", name)
        intersect = Table(name, name, metadata_names.entity_set(name), new_id(), f"{name}id", "", is_custom=True, is_intersect=True)
        other = second.primary_id + ("two" if first is second else "")
        for column in (intersect.primary_id, first.primary_id, other):
            intersect.columns[column] = Column(column, column, "Uniqueidentifier", new_id(), update=False)
        intersect.columns[intersect.primary_id].primary_id = True
        pair = ManyToMany(
            schema=schema_name,
            metadata_id=new_id(),
            first=first.logical,
            second=second.logical,
            intersect=name,
            first_navigation=str(body.get("Entity1NavigationPropertyName") or schema_name),
            second_navigation=str(body.get("Entity2NavigationPropertyName") or schema_name),
        )
        self.schema.tables[name] = intersect
        self.schema.many_to_many[schema_name] = pair
        self.schema.refresh()
        self.writes.components.note(solution, "EntityRelationship", pair.metadata_id)
        return pair.metadata_id

    def find(self, name: str) -> Relationship | ManyToMany:
        """A relationship by schema name or id. Raises DataverseError 404."""
        for item in (*self.schema.relationships.values(), *self.schema.many_to_many.values()):
            if item.schema == name or item.metadata_id == name.lower():
                return item
        raise not_found("EntityRelationship", name)

    def change(self, item: Relationship | ManyToMany, body: Row) -> None:
        """Take over a changed cascade configuration."""
        given = body.get("CascadeConfiguration")
        if isinstance(item, Relationship) and given is not None:
            item.cascade = cascade(cast("Row", given))
            self.schema.refresh()

    def delete(self, item: Relationship | ManyToMany) -> None:
        """Remove a relationship, with its lookup. Raises DataverseError 400 for a system one or a lookup in a key."""
        if not item.is_custom:
            raise invalid(f"The relationship {item.schema} is part of the system and cannot be deleted.", "0x80048403")
        if isinstance(item, ManyToMany):
            self.writes.delete_pair(item.schema)
            return
        table = self.organization.table(item.referencing)
        used = [key for key in table.keys.values() if item.column in key.columns]
        if used:
            raise metadata_names.in_use("Attribute", item.column, len(used))
        del self.schema.relationships[item.schema]
        self.writes.remove_column(table, table.columns[item.column])
        self.writes.components.forget(item.metadata_id)


def cascade(given: dict[str, Any]) -> dict[str, str]:
    """A CascadeConfiguration; what is not said is NoCascade, Delete RemoveLink. Raises DataverseError 400."""
    found = {name: str(rule) for name, rule in given.items() if name in CASCADES and rule is not None}
    for name, rule in found.items():
        if rule not in RULES or (name == "Delete" and rule in NOT_FOR_DELETE):
            raise invalid(f"The cascade rule for {name} is not valid.")
    found.setdefault("Delete", "RemoveLink")
    return found

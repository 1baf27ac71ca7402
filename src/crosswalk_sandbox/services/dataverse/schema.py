"""All metadata of an organisation, looked up by the names that requests use."""

from .clock import Clock
from .metadata import Column, ManyToMany, Navigation, OptionSet, Relationship, Table


class Schema:
    """Tables by logical name and by entity set; relationships and global choices by name.

    `incoming` lists, per table, the relationships in which it is referenced and whose deletion does something.
    """

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.tables: dict[str, Table] = {}
        self.sets: dict[str, Table] = {}
        self.relationships: dict[str, Relationship] = {}
        self.many_to_many: dict[str, ManyToMany] = {}
        self.option_sets: dict[str, OptionSet] = {}
        self.by_lookup: dict[tuple[str, str, str], Relationship] = {}
        self.version = 0

    def refresh(self) -> None:
        """Bring the look-ups (entity sets, navigation names, property names) in line with tables and relationships."""
        self.version += 1
        self.sets = {table.entity_set: table for table in self.tables.values()}
        self.by_lookup = {(item.referencing, item.column, item.referenced): item for item in self.relationships.values()}
        for table in self.tables.values():
            table.navigations = {}
            table.collections = {}
            table.properties = {column.property_name: column for column in table.columns.values() if _is_property(column)}
            for column in table.columns.values():
                if column.kind == "Owner":
                    table.navigations[column.logical] = Navigation(column.logical, None)
        for item in self.relationships.values():
            if item.referencing in self.tables and item.referenced in self.tables:
                child = self.tables[item.referencing]
                if item.column in child.columns:
                    child.navigations[item.navigation] = Navigation(item.column, item.referenced)
                    self.tables[item.referenced].collections[item.collection] = item

    def relationship_of(self, table: str, column: str, target: str) -> Relationship | None:
        """The relationship by which a lookup points at a target table."""
        return self.by_lookup.get((table, column, target))

    def table_by_id(self, metadata_id: str) -> Table | None:
        return next((table for table in self.tables.values() if table.metadata_id == metadata_id), None)


def _is_property(column: Column) -> bool:
    """Whether rows show the column: parties, the shadow names of lookups and choices and unreadable ones do not (facts §3.8)."""
    if not column.read or column.kind in ("PartyList", "Virtual", "CalendarRules", "ManagedProperty"):
        return False
    return not (column.attribute_of and column.kind in ("String", "EntityName", "Picklist", "Virtual"))

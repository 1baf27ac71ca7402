"""Creating, changing and deleting tables and columns (facts/dataverse.md §6). No HTTP here."""

from typing import cast

from . import custom_tables, metadata_bodies, metadata_names
from .cascades import delete
from .clock import new_id
from .components import Components
from .errors import DataverseError
from .messages import sync
from .metadata import Column, Row, Table
from .metadata_bodies import invalid, text_of
from .metadata_choices import Choices
from .metadata_keys import KeyWrites
from .organization import Organization

COLUMN_MAXIMUM = 1024
LOCKED = {
    "0x80071151": "The solution installation or removal failed due to the installation or removal of another solution at the same "
    "time. Please try again later.",
    "0x80071154": "The current operation failed due to another concurrent operation running at the same time. Please try again "
    "later.",
    "0x8004ed47": "Timeout expired before applock could be acquired.",
}


class MetadataWrites:
    """The writes. A test sets `lock` to let the next so many writes meet a lock; `keys.build_s` is how long an index takes."""

    def __init__(self, organization: Organization) -> None:
        self.organization = organization
        self.schema = organization.schema
        self.lock_code = "0x80071151"
        self.lock_times = 0
        self.next_object_type = 10_000 + sum(table.is_custom for table in self.schema.tables.values())
        self.components = Components(organization)
        self.keys = KeyWrites(organization, self.components)
        self.choices = Choices(organization, self.components)

    def lock(self, times: int, code: str = "0x80071151") -> None:
        """Let the next `times` metadata writes be refused as if another operation were running (facts §6.8)."""
        if code not in LOCKED:
            raise ValueError(f"no such lock code; there are {', '.join(LOCKED)}")
        self.lock_code, self.lock_times = code, times

    def check_lock(self) -> None:
        if self.lock_times > 0:
            self.lock_times -= 1
            raise DataverseError(400, self.lock_code, LOCKED[self.lock_code])

    # -- tables -------------------------------------------------------------------------------------------------------

    def create_table(self, body: Row, solution: str | None) -> Table:
        """A new table with its first column. Raises DataverseError 400."""
        schema_name = str(body.get("SchemaName", ""))
        metadata_names.check(self.organization, "Entity", schema_name)
        logical = schema_name.lower()
        if logical in self.schema.tables:
            raise metadata_names.exists("An entity", schema_name)
        columns = cast("list[Row]", body.get("Attributes") or [])
        if sum(bool(item.get("IsPrimaryName")) for item in columns) != 1:
            raise invalid("A table needs exactly one attribute with IsPrimaryName, of type String.")
        entity_set = str(body.get("EntitySetName") or metadata_names.entity_set(logical)).lower()
        if entity_set in self.schema.sets:
            raise metadata_names.exists("An entity set", entity_set)
        table = Table(logical, schema_name, entity_set, new_id(), f"{logical}id", "", is_custom=True)
        self.next_object_type += 1
        table.object_type_code = self.next_object_type
        table.ownership = str(body.get("OwnershipType") or "UserOwned")
        table.is_activity = bool(body.get("IsActivity"))
        if table.is_activity:
            raise invalid("This sandbox does not make custom activity tables.")
        table.display = text_of(body.get("DisplayName"))
        if not table.display:
            raise invalid("A table needs a DisplayName.")
        custom_tables.add_system_columns(table)
        first = metadata_names.first_option(self.organization, solution)
        for item in columns:
            self._add_column(table, item, first)
        self.schema.tables[logical] = table
        self.change_table(table, body)
        self.components.note(solution, "Entity", table.metadata_id)
        sync(self.organization)
        return table

    def change_table(self, table: Table, body: Row) -> None:
        """What may be changed later: labels, notes, activities, change tracking, duplicate detection. Notes stay once on."""
        table.display = text_of(body.get("DisplayName")) or table.display
        table.display_collection = text_of(body.get("DisplayCollectionName")) or table.display_collection or table.display + "s"
        if "Description" in body:
            table.description = text_of(body["Description"])
        table.has_notes = table.has_notes or bool(body.get("HasNotes"))
        table.has_activities = table.has_activities or bool(body.get("HasActivities"))
        table.change_tracking = bool(body.get("ChangeTrackingEnabled", table.change_tracking))
        detection = body.get("IsDuplicateDetectionEnabled")
        if detection is not None:
            table.duplicate_detection = bool(metadata_bodies.value_of(detection))
        if table.is_custom:
            custom_tables.add_author_relationships(self.schema, table)
            custom_tables.add_places(self.schema, table)
        self.schema.refresh()

    def delete_table(self, table: Table) -> None:
        """Remove a table with its rows, columns and relationships. Raises DataverseError 400 while another table refers to it."""
        if not table.is_custom:
            raise invalid(f"The entity {table.logical} is part of the system and cannot be deleted.", "0x80044363")
        referring = [
            item
            for item in self.schema.relationships.values()
            if item.referenced == table.logical and item.referencing != table.logical and item.is_custom
        ]
        if referring:
            raise metadata_names.in_use("Entity", table.logical, len(referring))
        self._empty(table)
        for name, item in list(self.schema.relationships.items()):
            if table.logical in (item.referenced, item.referencing):
                child = self.schema.tables.get(item.referencing)
                if child is not None and child is not table and table.logical in child.columns[item.column].targets:
                    targets = child.columns[item.column].targets
                    child.columns[item.column].targets = [target for target in targets if target != table.logical]
                del self.schema.relationships[name]
                self.components.forget(item.metadata_id)
        for pair in [item for item in self.schema.many_to_many.values() if table.logical in (item.first, item.second)]:
            self.delete_pair(pair.schema)
        for part in (*table.columns.values(), *table.keys.values()):
            self.components.forget(part.metadata_id)
        self.components.forget(table.metadata_id)
        del self.schema.tables[table.logical]
        self.organization.rows.pop(table.logical, None)
        self.schema.refresh()
        sync(self.organization)

    def _empty(self, table: Table) -> None:
        """Rows go as if deleted one by one."""
        for row in list(self.organization.scan(table.logical)):
            if self.organization.find(table.logical, row[table.primary_id]) is not None:
                delete(self.organization, table.logical, row[table.primary_id])

    def delete_pair(self, schema_name: str) -> None:
        """Remove a many-to-many relationship with its pairs."""
        pair = self.schema.many_to_many.pop(schema_name)
        for row_id in list(self.organization.rows.get(pair.intersect, {})):
            self.organization.put(pair.intersect, row_id, None)
        self.schema.tables.pop(pair.intersect, None)
        self.components.forget(pair.metadata_id)
        self.schema.refresh()

    # -- columns ------------------------------------------------------------------------------------------------------

    def create_column(self, table: Table, body: Row, solution: str | None) -> Column:
        """A new column of any kind but lookup. Raises DataverseError 400."""
        if body.get("IsPrimaryName"):
            raise invalid("A table has one primary name only.")
        column = self._add_column(table, body, metadata_names.first_option(self.organization, solution))
        self.schema.refresh()
        self.note_column(table, column, solution)
        return column

    def note_column(self, table: Table, column: Column, solution: str | None) -> None:
        self.components.note(solution, "Entity", table.metadata_id, 2)
        self.components.note(solution, "Attribute", column.metadata_id)

    def _add_column(self, table: Table, body: Row, first_option: int) -> Column:
        self.check_column_name(table, str(body.get("SchemaName", "")))
        column = metadata_bodies.column(table.logical, body, first_option)
        if column.primary_name:
            if column.kind != "String" or table.primary_name:
                raise invalid("A table needs exactly one attribute with IsPrimaryName, of type String.")
            table.primary_name = column.logical
        self._bind_choices(column, body)
        table.columns[column.logical] = column
        if column.kind == "Money":
            custom_tables.add_currency(self.schema, table)
            table.columns[f"{column.logical}_base"] = custom_tables.base_amount(column)
        if column.kind == "File":
            name = Column(f"{column.logical}_name", f"{column.schema}_Name", "String", new_id(), create=False, update=False)
            name.max_length, name.is_custom = 200, True
            table.columns[name.logical] = name
        return column

    def check_column_name(self, table: Table, schema_name: str) -> None:
        """Raise DataverseError 400 for a bad prefix, a name that is taken, or one column too many (facts §6.9)."""
        metadata_names.check(self.organization, "Attribute", schema_name)
        if schema_name.lower() in table.columns:
            raise DataverseError(
                400, "0x80047013", f"An attribute with the specified name {schema_name} already exists for entity {table.logical}"
            )
        if len(table.columns) >= COLUMN_MAXIMUM:
            raise DataverseError(
                400,
                "0x8004841a",
                "The maximum number of attributes allowed for an entity has already been reached. The attribute cannot be created.",
            )

    def _bind_choices(self, column: Column, body: Row) -> None:
        """Use a global choice where the body binds one: by `GlobalOptionSet@odata.bind`, or by name (facts §6.3)."""
        address = body.get("GlobalOptionSet@odata.bind")
        given = cast("Row", body.get("OptionSet") or {})
        if address is None and not (given.get("IsGlobal") and given.get("Name")):
            return
        name = str(address or given["Name"]).rpartition("(")[2].rstrip(")").removeprefix("Name=").strip("'")
        column.options = self.choices.find_set(name)

    def delete_column(self, table: Table, column: Column) -> None:
        """Remove a column with its values. Raises DataverseError 400 for a system column, a lookup, or one in a key."""
        if not column.is_custom or column.primary_name:
            raise invalid(f"The attribute {column.logical} cannot be deleted.", "0x80048403")
        used = [key for key in table.keys.values() if column.logical in key.columns]
        if used:
            raise metadata_names.in_use("Attribute", column.logical, len(used))
        if column.is_lookup:
            raise invalid(f"The lookup {column.logical} is deleted with its relationship.", "0x80048403")
        self.remove_column(table, column)

    def remove_column(self, table: Table, column: Column) -> None:
        """Take a column and what hangs on it away, from the rows too."""
        gone = {column.logical, f"{column.logical}_base", f"{column.logical}@target"}
        if column.kind == "File":
            gone.add(f"{column.logical}_name")
        for row in list(self.organization.scan(table.logical)):
            if gone & row.keys():
                kept = {name: value for name, value in row.items() if name not in gone}
                self.organization.put(table.logical, row[table.primary_id], kept)
        for name in gone & table.columns.keys():
            del table.columns[name]
        self.components.forget(column.metadata_id)
        self.schema.refresh()

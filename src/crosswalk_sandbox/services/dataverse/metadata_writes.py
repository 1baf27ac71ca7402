"""Creating, changing and deleting tables, columns, keys and choices (facts/dataverse.md §6). No HTTP here."""

from typing import Any, cast

from . import custom_tables, metadata_bodies, metadata_names
from .clock import new_id
from .errors import DataverseError, not_found
from .messages import sync
from .metadata import Column, Key, OptionSet, Row, Table
from .metadata_bodies import invalid, text_of
from .organization import Organization

COLUMN_MAXIMUM = 1024
KEY_MAXIMUM, KEY_COLUMNS, KEY_TEXT = 10, 16, 450  # facts §6.6: 10 keys, 16 columns, 900 bytes
KEY_KINDS = frozenset({"Decimal", "Integer", "BigInt", "String", "DateTime", "Lookup", "Picklist", "Customer", "Owner"})
COMPONENTS = {"Entity": 1, "Attribute": 2, "OptionSet": 9, "EntityRelationship": 10, "EntityKey": 14}
LOCKED = {
    "0x80071151": "The solution installation or removal failed due to the installation or removal of another solution at the same "
    "time. Please try again later.",
    "0x80071154": "The current operation failed due to another concurrent operation running at the same time. Please try again "
    "later.",
    "0x8004ed47": "Timeout expired before applock could be acquired.",
}


class MetadataWrites:
    """The writes. A test sets `lock` to let the next so many writes meet a lock; `key_build_s` is how long an index takes."""

    def __init__(self, organization: Organization) -> None:
        self.organization = organization
        self.schema = organization.schema
        self.lock_code = "0x80071151"
        self.lock_times = 0
        self.key_build_s = 0.5
        self.next_object_type = 10_000 + sum(table.is_custom for table in self.schema.tables.values())
        self.pending: list[tuple[str, Key]] = [
            (table.logical, key)
            for table in self.schema.tables.values()
            for key in table.keys.values()
            if key.status in ("Pending", "InProgress")
        ]

    def lock(self, times: int, code: str = "0x80071151") -> None:
        """Let the next `times` metadata writes be refused as if another operation were running (facts §6.8)."""
        if code not in LOCKED:
            raise ValueError(f"no such lock code; there are {', '.join(LOCKED)}")
        self.lock_code, self.lock_times = code, times

    def check_lock(self) -> None:
        if self.lock_times > 0:
            self.lock_times -= 1
            raise DataverseError(400, self.lock_code, LOCKED[self.lock_code])

    # -- solutions ----------------------------------------------------------------------------------------------------

    def check_solution(self, name: str | None) -> None:
        """Raise DataverseError 404 for a solution that does not exist."""
        if name is not None and all(row.get("uniquename") != name for row in self.organization.scan("solution")):
            raise DataverseError(404, "0x80040217", f"solution With UniqueName = {name} Does Not Exist")

    def note(self, solution: str | None, kind: str, metadata_id: str, behavior: int = 0) -> None:
        """Write a component down in its solution; once."""
        row = next((row for row in self.organization.scan("solution") if row.get("uniquename") == solution), None)
        if row is None:
            return
        for item in self.organization.scan("solutioncomponent"):
            if item["objectid"] == metadata_id and item["solutionid"] == row["solutionid"]:
                return
        values = {"objectid": metadata_id, "componenttype": COMPONENTS[kind], "rootcomponentbehavior": behavior}
        row_id = new_id()
        values |= {"solutioncomponentid": row_id, "solutionid": row["solutionid"], "ismetadata": True}
        self.organization.put("solutioncomponent", row_id, values)

    def forget(self, metadata_id: str) -> None:
        """Take a deleted component out of all solutions."""
        for item in list(self.organization.scan("solutioncomponent")):
            if item["objectid"] == metadata_id:
                self.organization.put("solutioncomponent", item["solutioncomponentid"], None)

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
        self.note(solution, "Entity", table.metadata_id)
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
                self.forget(item.metadata_id)
        for pair in [item for item in self.schema.many_to_many.values() if table.logical in (item.first, item.second)]:
            self.delete_pair(pair.schema)
        for part in (*table.columns.values(), *table.keys.values()):
            self.forget(part.metadata_id)
        self.forget(table.metadata_id)
        del self.schema.tables[table.logical]
        self.organization.rows.pop(table.logical, None)
        self.schema.refresh()
        sync(self.organization)

    def _empty(self, table: Table) -> None:
        from .cascades import delete  # rows go as if deleted one by one

        for row in list(self.organization.scan(table.logical)):
            if self.organization.find(table.logical, row[table.primary_id]) is not None:
                delete(self.organization, table.logical, row[table.primary_id])

    def delete_pair(self, schema_name: str) -> None:
        """Remove a many-to-many relationship with its pairs."""
        pair = self.schema.many_to_many.pop(schema_name)
        for row_id in list(self.organization.rows.get(pair.intersect, {})):
            self.organization.put(pair.intersect, row_id, None)
        self.schema.tables.pop(pair.intersect, None)
        self.forget(pair.metadata_id)
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
        self.note(solution, "Entity", table.metadata_id, 2)
        self.note(solution, "Attribute", column.metadata_id)

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
        column.options = self.option_set(name)

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
        self.forget(column.metadata_id)
        self.schema.refresh()

    # -- choices ------------------------------------------------------------------------------------------------------

    def create_option_set(self, body: Row, solution: str | None) -> OptionSet:
        """A new global choice (facts §6.5). Raises DataverseError 400."""
        name = str(body.get("Name", ""))
        metadata_names.check(self.organization, "OptionSet", name)
        if name.lower() in self.schema.option_sets:
            raise metadata_names.exists("An option set", name)
        first = metadata_names.first_option(self.organization, solution)
        options = list(metadata_bodies.options(body.get("Options") or [], first))
        made = OptionSet(name, new_id(), options, is_global=True, is_custom=True, display=text_of(body.get("DisplayName")))
        self.schema.option_sets[name.lower()] = made
        self.note(solution, "OptionSet", made.metadata_id)
        return made

    def option_set(self, name: str) -> OptionSet:
        """A global choice by name or id. Raises DataverseError 404."""
        found = self.schema.option_sets.get(name.lower())
        found = found or next((item for item in self.schema.option_sets.values() if item.metadata_id == name.lower()), None)
        if found is None:
            raise not_found("OptionSet", name)
        return found

    def delete_option_set(self, options: OptionSet) -> None:
        """Remove a global choice that no column uses. Raises DataverseError 400."""
        users = sum(column.options is options for table in self.schema.tables.values() for column in table.columns.values())
        if users:
            raise metadata_names.in_use("OptionSet", options.name, users)
        del self.schema.option_sets[options.name.lower()]
        self.forget(options.metadata_id)

    # -- keys ---------------------------------------------------------------------------------------------------------

    def create_key(self, table: Table, body: Row, solution: str | None) -> Key:
        """A new alternate key, Pending (facts §6.6). Raises DataverseError 400."""
        schema_name = str(body.get("SchemaName", ""))
        metadata_names.check(self.organization, "EntityKey", schema_name)
        if schema_name.lower() in table.keys:
            raise invalid(f"An entity key with the name {schema_name} already exists on entity {table.logical}.", "0x80060893")
        columns = [str(name).lower() for name in cast("list[Any]", body.get("KeyAttributes") or [])]
        if any(set(key.columns) == set(columns) for key in table.keys.values()):
            raise invalid("An entity key with the selected attributes already exists on entity.", "0x80060894")
        if len(table.keys) >= KEY_MAXIMUM or not 1 <= len(columns) <= KEY_COLUMNS:
            raise _bad_key(f"A table has at most {KEY_MAXIMUM} keys of 1 to {KEY_COLUMNS} columns.")
        for name in columns:
            column = table.columns.get(name)
            if column is None or column.kind not in KEY_KINDS:
                raise _bad_key(f"The attribute {name} does not exist or cannot be part of a key.")
        if sum(table.columns[name].max_length or 0 for name in columns) > KEY_TEXT:
            raise _bad_key("The key is larger than the maximum index size of 900 bytes.")
        key = Key(schema_name, schema_name.lower(), new_id(), columns, text_of(body.get("DisplayName")))
        table.keys[key.logical] = key
        self.start_key(table, key)
        self.note(solution, "Entity", table.metadata_id, 2)
        self.note(solution, "EntityKey", key.metadata_id)
        self.schema.refresh()
        return key

    def start_key(self, table: Table, key: Key) -> None:
        """Begin to build a key's index."""
        key.status, key.made_at = "Pending", self.organization.clock.seconds()
        self.pending.append((table.logical, key))

    def advance(self) -> None:
        """Let the indexes that are being built come as far as the sandbox's clock says."""
        now = self.organization.clock.seconds()
        for logical, key in list(self.pending):
            age = now - key.made_at
            if age >= self.key_build_s:
                self.pending.remove((logical, key))
                if logical in self.schema.tables and key.logical in self.schema.tables[logical].keys:
                    key.status = "Active" if self.organization.build_key(logical, key) else "Failed"
                    self.schema.version += 1
            elif age >= self.key_build_s / 3:
                key.status = "InProgress"

    def delete_key(self, table: Table, key: Key) -> None:
        del table.keys[key.logical]
        self.forget(key.metadata_id)
        self.schema.refresh()


def _bad_key(reason: str) -> DataverseError:
    return invalid(f"Invalid EntityKey Operation performed : {reason}", "0x8006088f")

"""Alternate keys and their indexes, which are built in the background (facts/dataverse.md §6.6)."""

from typing import Any, cast

from . import metadata_names
from .clock import new_id
from .components import Components
from .errors import DataverseError
from .metadata import Key, Row, Table
from .metadata_bodies import invalid, text_of
from .organization import Organization

KEY_MAXIMUM, KEY_COLUMNS, KEY_TEXT = 10, 16, 450  # facts §6.6: 10 keys, 16 columns, 900 bytes
KEY_KINDS = frozenset({"Decimal", "Integer", "BigInt", "String", "DateTime", "Lookup", "Picklist", "Customer", "Owner"})


class KeyWrites:
    """The writes of keys. `build_s` is how long an index takes, in seconds of the sandbox's clock."""

    def __init__(self, organization: Organization, components: Components) -> None:
        self.organization = organization
        self.schema = organization.schema
        self.components = components
        self.build_s = 0.5
        self.pending: list[tuple[str, Key]] = [
            (table.logical, key)
            for table in self.schema.tables.values()
            for key in table.keys.values()
            if key.status in ("Pending", "InProgress")
        ]

    def create(self, table: Table, body: Row, solution: str | None) -> Key:
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
        self.start(table, key)
        self.components.note(solution, "Entity", table.metadata_id, 2)
        self.components.note(solution, "EntityKey", key.metadata_id)
        self.schema.refresh()
        return key

    def start(self, table: Table, key: Key) -> None:
        """Begin to build a key's index."""
        key.status, key.made_at = "Pending", self.organization.clock.seconds()
        self.pending.append((table.logical, key))

    def advance(self) -> None:
        """Let the indexes that are being built come as far as the sandbox's clock says."""
        now = self.organization.clock.seconds()
        for logical, key in list(self.pending):
            age = now - key.made_at
            if age >= self.build_s:
                self.pending.remove((logical, key))
                if logical in self.schema.tables and key.logical in self.schema.tables[logical].keys:
                    key.status = "Active" if self.organization.build_key(logical, key) else "Failed"
                    self.schema.version += 1
            elif age >= self.build_s / 3:
                key.status = "InProgress"

    def delete(self, table: Table, key: Key) -> None:
        del table.keys[key.logical]
        self.components.forget(key.metadata_id)
        self.schema.refresh()


def _bad_key(reason: str) -> DataverseError:
    return invalid(f"Invalid EntityKey Operation performed : {reason}", "0x8006088f")

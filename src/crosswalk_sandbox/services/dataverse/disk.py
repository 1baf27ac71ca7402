"""A sandbox that survives its process: rows and metadata in a directory. What a test switched on is not kept."""

import pickle
from pathlib import Path

import orjson

from crosswalk_sandbox.control.state_file import StateFile

from .metadata import Row
from .organization import Change, Organization

PUT = "INSERT INTO row (object, id, data) VALUES (?, ?, ?) ON CONFLICT (object, id) DO UPDATE SET data = excluded.data"
SCHEMA_PARTS = ("tables", "relationships", "many_to_many", "option_sets", "version")


class Disk:
    """The directory. It listens to an organisation's changes; `save` is called after every request that may have written."""

    def __init__(self, directory: Path) -> None:
        self.file = StateFile(directory / "dataverse.sqlite")
        self.changed: dict[tuple[str, str], Row | None] = {}
        self.saved_schema: int | None = None

    def attach(self, organization: Organization) -> bool:
        """Bring an organisation back as it was saved and listen to it from now on. False when nothing was saved yet."""
        found = self.file.parts()
        if "schema" in found:
            for name, part in pickle.loads(found["schema"]).items():  # our own file, not anybody's
                setattr(organization.schema, name, part)
            organization.schema.refresh()
            for table in organization.schema.tables.values():
                for key in table.keys.values():
                    if key.status == "Active":
                        organization.build_key(table.logical, key)
            rows = self.file.connection.execute("SELECT object, id, data FROM row ORDER BY number")
            organization.restore((name, row_id, orjson.loads(data)) for name, row_id, data in rows)
            extra = orjson.loads(found["extra"])
            organization.version = extra["version"]
            organization.withheld = {user: set(names) for user, names in extra["withheld"].items()}
        self.changed.clear()
        organization.listeners.append(self.note)
        return "schema" in found

    def note(self, change: Change) -> None:
        self.changed[change.table, change.row_id] = change.after

    def save(self, organization: Organization) -> None:
        """Commit the rows that changed, and the metadata if it did."""
        withheld = {user: sorted(names) for user, names in organization.withheld.items()}
        self.file.keep("extra", orjson.dumps({"version": organization.version, "withheld": withheld}))
        if self.saved_schema != organization.schema.version:
            self.file.keep("schema", pickle.dumps({name: getattr(organization.schema, name) for name in SCHEMA_PARTS}))
            self.saved_schema = organization.schema.version
        gone = [key for key, row in self.changed.items() if row is None]
        kept = [(*key, orjson.dumps(row)) for key, row in self.changed.items() if row is not None]
        self.file.connection.executemany("DELETE FROM row WHERE object = ? AND id = ?", gone)
        self.file.connection.executemany(PUT, kept)
        self.file.commit()
        self.changed.clear()

    def wipe(self) -> None:
        """Forget everything."""
        self.file.wipe()
        self.changed.clear()
        self.saved_schema = None

    def close(self) -> None:
        self.file.close()

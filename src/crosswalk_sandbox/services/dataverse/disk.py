"""A sandbox that survives its process: rows and metadata in a directory. What a test switched on is not kept."""

import pickle
import sqlite3
from pathlib import Path

import orjson

from .metadata import Row
from .organization import Change, Organization

TABLES = """
CREATE TABLE IF NOT EXISTS row (number INTEGER PRIMARY KEY, object TEXT NOT NULL, id TEXT NOT NULL, data BLOB NOT NULL);
CREATE UNIQUE INDEX IF NOT EXISTS row_id ON row (object, id);
CREATE TABLE IF NOT EXISTS part (name TEXT PRIMARY KEY, data BLOB NOT NULL);
"""
PUT = "INSERT INTO row (object, id, data) VALUES (?, ?, ?) ON CONFLICT (object, id) DO UPDATE SET data = excluded.data"
SCHEMA_PARTS = ("tables", "relationships", "many_to_many", "option_sets", "version")


class Disk:
    """The directory. It listens to an organisation's changes; `save` is called after every request that may have written."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.connection = sqlite3.connect(directory / "dataverse.sqlite", check_same_thread=False)
        self.connection.execute("PRAGMA journal_mode = WAL")
        self.connection.execute("PRAGMA synchronous = OFF")  # it must survive the process, not the machine
        self.connection.executescript(TABLES)
        self.changed: dict[tuple[str, str], Row | None] = {}
        self.saved: dict[str, bytes] = {}
        self.saved_schema: int | None = None

    def attach(self, organization: Organization) -> bool:
        """Bring an organisation back as it was saved and listen to it from now on. False when nothing was saved yet."""
        found: dict[str, bytes] = dict(self.connection.execute("SELECT name, data FROM part").fetchall())
        if "schema" in found:
            for name, part in pickle.loads(found["schema"]).items():  # our own file, not anybody's
                setattr(organization.schema, name, part)
            organization.schema.refresh()
            for table in organization.schema.tables.values():
                for key in table.keys.values():
                    if key.status == "Active":
                        organization.build_key(table.logical, key)
            rows = self.connection.execute("SELECT object, id, data FROM row ORDER BY number")
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
        self._part("extra", orjson.dumps({"version": organization.version, "withheld": withheld}))
        if self.saved_schema != organization.schema.version:
            self._part("schema", pickle.dumps({name: getattr(organization.schema, name) for name in SCHEMA_PARTS}))
            self.saved_schema = organization.schema.version
        gone = [key for key, row in self.changed.items() if row is None]
        kept = [(*key, orjson.dumps(row)) for key, row in self.changed.items() if row is not None]
        self.connection.executemany("DELETE FROM row WHERE object = ? AND id = ?", gone)
        self.connection.executemany(PUT, kept)
        self.connection.commit()
        self.changed.clear()

    def _part(self, name: str, data: bytes) -> None:
        if self.saved.get(name) != data:
            self.connection.execute("INSERT OR REPLACE INTO part (name, data) VALUES (?, ?)", (name, data))
            self.saved[name] = data

    def wipe(self) -> None:
        """Forget everything."""
        self.connection.execute("DELETE FROM row")
        self.connection.execute("DELETE FROM part")
        self.connection.commit()
        self.changed.clear()
        self.saved.clear()
        self.saved_schema = None

    def close(self) -> None:
        self.connection.close()

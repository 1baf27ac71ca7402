"""What a sandbox keeps so that it survives its process: rows, and parts such as its schema."""

import sqlite3
from pathlib import Path

TABLES = """
CREATE TABLE IF NOT EXISTS row (number INTEGER PRIMARY KEY, object TEXT NOT NULL, id TEXT NOT NULL, data BLOB NOT NULL);
CREATE UNIQUE INDEX IF NOT EXISTS row_id ON row (object, id);
CREATE TABLE IF NOT EXISTS part (name TEXT PRIMARY KEY, data BLOB NOT NULL);
"""


class StateFile:
    """A SQLite file with the tables `row` and `part`; what is written stands in it from the next `commit` on."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.connection = sqlite3.connect(path, check_same_thread=False)
        self.connection.execute("PRAGMA journal_mode = WAL")
        self.connection.execute("PRAGMA synchronous = OFF")  # it must survive the process, not the machine
        self.connection.executescript(TABLES)
        self._kept: dict[str, bytes] = {}

    def parts(self) -> dict[str, bytes]:
        """All parts by name; empty when nothing was saved yet."""
        return dict(self.connection.execute("SELECT name, data FROM part").fetchall())

    def keep(self, name: str, data: bytes) -> None:
        """Write a part, unless it stands there already."""
        if self._kept.get(name) != data:
            self.connection.execute("INSERT OR REPLACE INTO part (name, data) VALUES (?, ?)", (name, data))
            self._kept[name] = data

    def commit(self) -> None:
        self.connection.commit()

    def wipe(self) -> None:
        """Forget everything."""
        self.connection.execute("DELETE FROM row")
        self.connection.execute("DELETE FROM part")
        self.connection.commit()
        self._kept.clear()

    def close(self) -> None:
        self.connection.commit()
        self.connection.close()

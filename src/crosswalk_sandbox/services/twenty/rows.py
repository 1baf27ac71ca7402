"""Where rows are kept: in memory, or in SQLite for a sandbox with a state directory."""

import sqlite3
from collections.abc import Iterable
from typing import Protocol


class RowStore(Protocol):
    """Where a table's rows are kept: id to JSON bytes, in the order of their last write."""

    def get(self, key: str) -> bytes | None: ...
    def put(self, key: str, value: bytes) -> None: ...
    def drop(self, key: str) -> None: ...
    def items(self) -> Iterable[tuple[str, bytes]]: ...
    def clear(self) -> None: ...
    def __contains__(self, key: object) -> bool: ...
    def __len__(self) -> int: ...


class MemoryRows:
    """Rows in a dictionary."""

    def __init__(self) -> None:
        self.rows: dict[str, bytes] = {}

    def get(self, key: str) -> bytes | None:
        return self.rows.get(key)

    def put(self, key: str, value: bytes) -> None:
        self.rows.pop(key, None)
        self.rows[key] = value

    def drop(self, key: str) -> None:
        del self.rows[key]

    def items(self) -> Iterable[tuple[str, bytes]]:
        return self.rows.items()

    def clear(self) -> None:
        self.rows.clear()

    def __contains__(self, key: object) -> bool:
        return key in self.rows

    def __len__(self) -> int:
        return len(self.rows)


class DiskRows:
    """Rows of one object in a SQLite table that all objects share; the caller commits."""

    def __init__(self, connection: sqlite3.Connection, name: str) -> None:
        self.connection = connection
        self.name = name
        self.count: int = connection.execute("SELECT count(*) FROM row WHERE object = ?", (name,)).fetchone()[0]

    def get(self, key: str) -> bytes | None:
        found = self.connection.execute("SELECT data FROM row WHERE object = ? AND id = ?", (self.name, key)).fetchone()
        return None if found is None else found[0]

    def put(self, key: str, value: bytes) -> None:
        self.count += key not in self
        self.connection.execute("INSERT OR REPLACE INTO row (object, id, data) VALUES (?, ?, ?)", (self.name, key, value))

    def drop(self, key: str) -> None:
        self.connection.execute("DELETE FROM row WHERE object = ? AND id = ?", (self.name, key))
        self.count -= 1

    def items(self) -> Iterable[tuple[str, bytes]]:
        """In the order of the last write: a replaced row gets a new rowid."""
        query = "SELECT id, data FROM row WHERE object = ? ORDER BY number"
        yield from self.connection.execute(query, (self.name,))

    def clear(self) -> None:
        self.connection.execute("DELETE FROM row WHERE object = ?", (self.name,))
        self.count = 0

    def __contains__(self, key: object) -> bool:
        query = "SELECT 1 FROM row WHERE object = ? AND id = ?"
        return self.connection.execute(query, (self.name, key)).fetchone() is not None

    def __len__(self) -> int:
        return self.count

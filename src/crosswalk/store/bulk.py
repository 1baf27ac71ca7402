"""Many rows per INSERT.

Python's sqlite3 gives up the interpreter lock at every step and must win it back: row by row, beside a busy event loop,
that was 3,100 records/s where statements of 200 rows did 63,000 (two cores). SQLAlchemy writes the SQL, once per size.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Dialect, Table, bindparam, insert

_SIZES = (256, 32, 4, 1)


class BulkInsert:
    """Inserts tuples, in the table's column order, in as few statements as possible."""

    def __init__(self, table: Table, dialect: Dialect) -> None:
        self._table = table
        self._dialect = dialect
        self._statements: dict[int, tuple[str, list[str], bool]] = {}

    def insert(self, connection: Connection, rows: Sequence[tuple[Any, ...]]) -> None:
        """Insert all rows within the connection's transaction."""
        start = 0
        for size in _SIZES:
            while len(rows) - start >= size:
                self._insert_exactly(connection, rows[start : start + size])
                start += size

    def _insert_exactly(self, connection: Connection, rows: Sequence[tuple[Any, ...]]) -> None:
        text, names, positional = self._statements.get(len(rows)) or self._compile(len(rows))
        flat = [value for row in rows for value in row]
        connection.exec_driver_sql(text, tuple(flat) if positional else dict(zip(names, flat, strict=True)))

    def _compile(self, size: int) -> tuple[str, list[str], bool]:
        columns = [column.name for column in self._table.columns]
        names = [f"{name}_{row}" for row in range(size) for name in columns]
        values: list[dict[str, Any]] = [{name: bindparam(f"{name}_{row}") for name in columns} for row in range(size)]
        compiled = insert(self._table).values(values).compile(dialect=self._dialect)
        order = list(compiled.positiontup or [])
        if order and order != names:
            raise AssertionError("SQLAlchemy numbers the values of a multi-row INSERT in another order than expected")
        self._statements[size] = (str(compiled), names, bool(order))
        return self._statements[size]

"""Many rows per statement.

Python's sqlite3 gives up the interpreter lock at every step and must win it back: row by row, beside a busy event loop,
that was 3,100 records/s where statements of 200 rows did 63,000 (two cores). SQLAlchemy writes the SQL, once per size.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import ClauseElement, Connection, CursorResult, Dialect, Row, Table, bindparam, insert, select

_SIZES = (256, 32, 4, 1)


class _Statements:
    """Statements of one kind, compiled once per number of rows."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        self._compiled: dict[int, tuple[str, list[str], bool]] = {}

    def has(self, size: int) -> bool:
        return size in self._compiled

    def add(self, size: int, statement: ClauseElement, names: list[str]) -> None:
        compiled = statement.compile(dialect=self._dialect)
        order: list[str] = list(getattr(compiled, "positiontup", None) or [])
        if order and order != names:
            raise AssertionError("SQLAlchemy numbers a statement's values in another order than they were given")
        self._compiled[size] = (str(compiled), names, bool(order))

    def run(self, connection: Connection, size: int, values: list[Any]) -> CursorResult[*tuple[Any, ...]]:
        text, names, positional = self._compiled[size]
        return connection.exec_driver_sql(text, tuple(values) if positional else dict(zip(names, values, strict=True)))


class BulkInsert:
    """Inserts tuples, in the table's column order, in as few statements as possible."""

    def __init__(self, table: Table, dialect: Dialect) -> None:
        self._table = table
        self._statements = _Statements(dialect)

    def insert(self, connection: Connection, rows: Sequence[tuple[Any, ...]]) -> None:
        """Insert all rows within the connection's transaction."""
        start = 0
        for size in _SIZES:
            while len(rows) - start >= size:
                if not self._statements.has(size):
                    self._compile(size)
                self._statements.run(connection, size, [value for row in rows[start : start + size] for value in row])
                start += size

    def _compile(self, size: int) -> None:
        columns = [column.name for column in self._table.columns]
        values: list[dict[str, Any]] = [{name: bindparam(f"{name}_{row}") for name in columns} for row in range(size)]
        names = [f"{name}_{row}" for row in range(size) for name in columns]
        self._statements.add(size, insert(self._table).values(values), names)


class BulkLookup:
    """Finds rows by one column's value and any of many values of another.

    SQLAlchemy's own IN list is expanded anew at every call, which costs more than finding the rows.
    """

    def __init__(self, table: Table, first: str, second: str, dialect: Dialect) -> None:
        self._table = table
        self._first = first
        self._second = second
        self._statements = _Statements(dialect)

    def find(self, connection: Connection, first: str, seconds: Sequence[str]) -> Iterator[Row[*tuple[Any, ...]]]:
        """The rows; one that is asked for twice may come twice."""
        for start in range(0, len(seconds), _SIZES[0]):
            some = seconds[start : start + _SIZES[0]]
            size = min(size for size in _SIZES if size >= len(some))
            if not self._statements.has(size):
                self._compile(size)
            yield from self._statements.run(connection, size, [first, *some, *[some[-1]] * (size - len(some))])

    def _compile(self, size: int) -> None:
        names = ["first", *(f"second_{number}" for number in range(size))]
        columns = self._table.c
        query = select(self._table).where(columns[self._first] == bindparam(names[0]))
        self._statements.add(size, query.where(columns[self._second].in_([bindparam(name) for name in names[1:]])), names)

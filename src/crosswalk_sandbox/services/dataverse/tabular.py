"""SQL, FetchXML and QueryExpressions are answered by SQLite, over a copy of the columns that they name."""

import sqlite3
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from .errors import no_property
from .metadata import Row, Table
from .organization import Organization


def quoted(name: str) -> str:
    """A name as SQL takes it."""
    return '"' + name.replace('"', '""') + '"'


def select(
    organization: Organization,
    sql: str,
    parameters: Sequence[Any],
    needed: Mapping[str, Collection[str]],
    binned: Mapping[str, Mapping[str, Row]] | None = None,
) -> tuple[list[str], list[tuple[Any, ...]]]:
    """Column names and rows of a SELECT in SQLite's words over tables named by logical name.

    `needed` names the columns of each table that the query uses; text compares without regard to case (facts/dataverse.md §8).
    `binned` are the rows to ask instead of the live ones. Raises DataverseError 400 for a column that the table does not have.
    """
    connection = sqlite3.connect(":memory:")
    try:
        for table, columns in needed.items():
            rows = organization.scan(table) if binned is None else binned.get(table, {}).values()
            _copy(connection, organization.table(table), rows, list(columns))
        cursor = connection.execute(sql, list(parameters))
        return [item[0] for item in cursor.description], cursor.fetchall()
    finally:
        connection.close()


def _copy(connection: sqlite3.Connection, table: Table, rows: Iterable[Row], columns: list[str]) -> None:
    for column in columns:
        if column not in table.columns:
            raise no_property(column, table.logical)
    shape = ", ".join(f"{quoted(column)} COLLATE NOCASE" for column in columns)
    connection.execute(f"CREATE TABLE {quoted(table.logical)} ({shape})")
    marks = ", ".join("?" * len(columns))
    cells = ([_plain(row.get(column)) for column in columns] for row in rows)
    connection.executemany(f"INSERT INTO {quoted(table.logical)} VALUES ({marks})", cells)


def _plain(value: Any) -> Any:
    """A cell as SQLite stores it."""
    if isinstance(value, bool):
        return int(value)
    return value if value is None or isinstance(value, (str, int, float)) else str(value)

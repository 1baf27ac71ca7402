"""The emulated organisation: its metadata, its rows, who is who, and the one way in which a row changes. No HTTP here."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from .clock import Clock
from .errors import denied, no_resource, no_table, not_found
from .metadata import Row, Table
from .schema import Schema


@dataclass(slots=True)
class Change:
    """One row's change: `before` is None for a creation, `after` for a deletion. Rows are never changed in place."""

    table: str
    row_id: str
    before: Row | None
    after: Row | None


class Organization:
    """Rows by table and id. A row is a dict from a column's logical name to its value as answers show it.

    Columns without a value are absent. A lookup holds the GUID; its target is in `row[column + "@target"]` when the column has
    several targets (`target_of` tells). `versionnumber` is in every row. Rows are replaced, never changed in place.
    """

    def __init__(self) -> None:
        self.clock = Clock()
        self.schema = Schema(self.clock)
        self.rows: dict[str, dict[str, Row]] = {}
        self.version = 1_000_000
        self.listeners: list[Callable[[Change], None]] = []
        self.withheld: dict[str, set[str]] = {}
        self._undo: list[Change] | None = None
        self._children: dict[str, dict[tuple[str, str], None]] = {}
        self._keyed: dict[tuple[str, str], dict[tuple[object, ...], str]] = {}

    # -- tables -----------------------------------------------------------------------------------------------------

    def table(self, logical: str) -> Table:
        """A table by its logical name. Raises DataverseError 404."""
        table = self.schema.tables.get(logical)
        if table is None:
            raise no_table(logical)
        return table

    def by_set(self, entity_set: str) -> Table:
        """A table by its entity set name. Raises DataverseError 404 (facts/dataverse.md §8)."""
        table = self.schema.sets.get(entity_set)
        if table is None:
            raise no_resource(entity_set)
        return table

    # -- rows -------------------------------------------------------------------------------------------------------

    def find(self, table: str, row_id: str) -> Row | None:
        return self.rows.get(table, {}).get(row_id)

    def get(self, table: str, row_id: str) -> Row:
        """A row. Raises DataverseError 404."""
        row = self.find(table, row_id)
        if row is None:
            raise not_found(table, row_id)
        return row

    def scan(self, table: str) -> Iterator[Row]:
        """The rows of a table in the order of their creation."""
        return iter(list(self.rows.get(table, {}).values()))

    def target_of(self, table: Table, column: str, row: Row) -> str | None:
        """The table that a lookup of this row points at; None when it is empty."""
        if row.get(column) is None:
            return None
        return row.get(column + "@target") or table.columns[column].targets[0]

    def children(self, row_id: str) -> list[tuple[str, str, str]]:
        """(table, id, lookup column) of every row that points at this one."""
        raise NotImplementedError

    def put(self, table: str, row_id: str, row: Row | None) -> None:
        """Store a row, or remove it (None): the only place where rows change. Gives it the next row version."""
        raise NotImplementedError

    @contextmanager
    def atomic(self) -> Iterator[None]:
        """Everything inside happens or nothing does: an exception takes back every `put` (changesets, Multiple messages)."""
        if self._undo is not None:
            yield
            return
        self._undo = []
        try:
            yield
        except BaseException:
            changes, self._undo = self._undo, None
            for change in reversed(changes):
                self.put(change.table, change.row_id, change.before)
            raise
        finally:
            self._undo = None

    # -- rights -----------------------------------------------------------------------------------------------------

    def holds(self, user_id: str, privilege: str) -> bool:
        """Whether a user has a privilege such as prvCreateContact; everybody has all that is not in `withheld`."""
        return privilege not in self.withheld.get(user_id, ())

    def demand(self, user_id: str, privilege: str) -> None:
        """Raise DataverseError 403 when the user lacks the privilege (facts §10)."""
        if not self.holds(user_id, privilege):
            raise denied(privilege, user_id)

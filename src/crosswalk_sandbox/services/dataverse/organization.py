"""The emulated organisation: its metadata, its rows, who is who, and the one way in which a row changes. No HTTP here."""

from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from .clock import Clock
from .errors import denied, no_resource, no_table, not_found
from .metadata import Key, Row, Table
from .relations import QUIET
from .schema import Schema

POINTER = "activitypointer"
UNINDEXED = QUIET | {"transactioncurrencyid"}
# The values of a key, case folded (facts/dataverse.md §8: compares ignore case).
KeyValue = tuple[object, ...]


@dataclass(slots=True)
class Change:
    """One row's change: `before` is None for a creation, `after` for a deletion. Rows are never changed in place."""

    table: str
    row_id: str
    before: Row | None
    after: Row | None


@dataclass(slots=True)
class People:
    """The ids that the rules need: our own application user, the SYSTEM user, the root business unit, the base currency."""

    application: str = ""
    system: str = ""
    business_unit: str = ""
    currency: str = ""
    organization: str = ""
    names: dict[str, str] = field(default_factory=dict[str, str])


class Organization:
    """Rows by table and id. A row is a dict from a column's logical name to its value as answers show it.

    Columns without a value are absent. A lookup holds the GUID; its target is in `row[column + "@target"]` when the column has
    several targets (`target_of` tells). `versionnumber` is in every row. Rows are replaced, never changed in place.
    `activitypointer` has no rows of its own: it shows the rows of every activity table.
    """

    def __init__(self) -> None:
        self.clock = Clock()
        self.schema = Schema(self.clock)
        self.people = People()
        self.rows: dict[str, dict[str, Row]] = {}
        self.version = 1_000_000
        self.listeners: list[Callable[[Change], None]] = []
        self.withheld: dict[str, set[str]] = {}
        self._undo: list[Change] | None = None
        self._children: dict[str, dict[tuple[str, str, str], None]] = {}
        self._keyed: dict[tuple[str, str], dict[KeyValue, str]] = {}
        self._lookups: dict[str, tuple[int, list[str], list[Key]]] = {}

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
        if table == POINTER:
            found = (self.rows.get(name, {}).get(row_id) for name in self.activities())
            return next((row for row in found if row is not None), None)
        return self.rows.get(table, {}).get(row_id)

    def get(self, table: str, row_id: str) -> Row:
        """A row. Raises DataverseError 404."""
        row = self.find(table, row_id)
        if row is None:
            raise not_found(table, row_id)
        return row

    def scan(self, table: str) -> Iterator[Row]:
        """The rows of a table in the order of their creation."""
        names = self.activities() if table == POINTER else [table]
        return iter([row for name in names for row in self.rows.get(name, {}).values()])

    def count(self, table: str) -> int:
        return sum(len(self.rows.get(name, {})) for name in (self.activities() if table == POINTER else [table]))

    def activities(self) -> list[str]:
        """The activity tables that have rows of their own."""
        return [table.logical for table in self.schema.tables.values() if table.is_activity and table.logical != POINTER]

    def target_of(self, table: Table, column: str, row: Row) -> str | None:
        """The table that a lookup of this row points at; None when it is empty."""
        if row.get(column) is None:
            return None
        return row.get(column + "@target") or table.columns[column].targets[0]

    def children(self, row_id: str) -> list[tuple[str, str, str]]:
        """(table, id, lookup column) of every row that points at this one, owners and authors aside."""
        return list(self._children.get(row_id, ()))

    def put(self, table: str, row_id: str, row: Row | None) -> None:
        """Store a row, or remove it (None): the only place where rows change. Gives it the next row version."""
        self.version += 1
        if row is not None:
            row["versionnumber"] = self.version
        self._store(Change(table, row_id, self.rows.get(table, {}).get(row_id), row))

    def restore(self, rows: Iterable[tuple[str, str, Row]]) -> None:
        """Put back rows that were kept elsewhere: (table, id, row with its row version)."""
        for table, row_id, row in rows:
            self._store(Change(table, row_id, None, row))

    def _store(self, change: Change) -> None:
        table, row_id, before, after = change.table, change.row_id, change.before, change.after
        if self._undo is not None:
            self._undo.append(change)
        rows = self.rows.setdefault(table, {})
        if after is None:
            rows.pop(row_id, None)
        else:
            rows[row_id] = after
        self._index(table, row_id, before or {}, after or {})
        for listener in self.listeners:
            listener(change)

    def _index(self, table: str, row_id: str, before: Row, after: Row) -> None:
        lookups, keys = self._indexed(table)
        for column in lookups:
            old, new = before.get(column), after.get(column)
            if old != new:
                mark = (table, row_id, column)
                if old is not None:
                    self._children[old].pop(mark, None)
                if new is not None:
                    self._children.setdefault(new, {})[mark] = None
        for key in keys:
            index = self._keyed[table, key.logical]
            old_value, new_value = key_value(key.columns, before), key_value(key.columns, after)
            if old_value != new_value:
                if old_value is not None:
                    index.pop(old_value, None)
                if new_value is not None:
                    index[new_value] = row_id

    def _indexed(self, table: str) -> tuple[list[str], list[Key]]:
        """The lookups and Active keys of a table, remembered until the schema changes."""
        held = self._lookups.get(table)
        if held is None or held[0] != self.schema.version:
            shape = self.schema.tables[table]
            lookups = [name for name, column in shape.columns.items() if column.is_lookup and name not in UNINDEXED]
            keys = [key for key in shape.keys.values() if key.status == "Active"]
            held = (self.schema.version, lookups, keys)
            self._lookups[table] = held
        return held[1], held[2]

    # -- alternate keys ---------------------------------------------------------------------------------------------

    def build_key(self, table: str, key: Key) -> bool:
        """Index the rows by a key that is about to become Active. False when two rows share a value (facts §6.6)."""
        index: dict[KeyValue, str] = {}
        for row_id, row in self.rows.get(table, {}).items():
            value = key_value(key.columns, row)
            if value is not None and index.setdefault(value, row_id) != row_id:
                return False
        self._keyed[table, key.logical] = index
        return True

    def by_key(self, table: str, key: Key, row: Row) -> str | None:
        """The id of the row with the same key values."""
        value = key_value(key.columns, row)
        return None if value is None else self._keyed.get((table, key.logical), {}).get(value)

    # -- all or nothing ---------------------------------------------------------------------------------------------

    @contextmanager
    def atomic(self) -> Generator[None]:
        """Everything inside happens or nothing does: an exception takes back every `put` (changesets, Multiple messages).

        Listeners hear of the taking back as of any other change.
        """
        if self._undo is not None:
            yield
            return
        changes: list[Change] = []
        self._undo = changes
        try:
            yield
        except BaseException:
            self._undo = None
            for change in reversed(changes):
                self._store(Change(change.table, change.row_id, change.after, change.before))
            raise
        finally:
            self._undo = None

    # -- rights -----------------------------------------------------------------------------------------------------

    def holds(self, user_id: str, privilege: str) -> bool:
        """Whether a user has a privilege such as prvCreateContact; everybody has all that is not in `withheld`."""
        return privilege not in self.withheld.get(user_id, ())

    def demand(self, user_id: str, privilege: str) -> None:
        """Raise DataverseError 403 when the user lacks the privilege (facts §10)."""
        if self.withheld and not self.holds(user_id, privilege):
            raise denied(privilege, user_id)


def key_value(columns: list[str], row: Row) -> KeyValue | None:
    """A row's values of a key, folded as the database compares; None when one is empty, which is never checked (facts §6.6)."""
    found: list[object] = []
    for column in columns:
        value = row.get(column)
        if value is None:
            return None
        found.append(value.casefold() if isinstance(value, str) else value)
    return tuple(found)

"""Rows of one object: kept as JSON bytes without their empty columns, with dictionaries for unique values and join columns.

A clinic of 100,000 patients is some millions of rows, so a row costs its bytes plus index entries, never a Python object per cell.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from typing import Any

import orjson

from .errors import duplicate
from .rows import RowStore
from .schema import EMPTY, ObjectType, Row, is_list, unique_value
from .values import clean_row

# Composites whose parts are kept as a bare list, in this order, to save their keys in every row.
PACKED: dict[str, tuple[str, ...]] = {
    kind: tuple(EMPTY[kind]) for kind in ("FULL_NAME", "EMAILS", "PHONES", "LINKS", "ADDRESS", "CURRENCY")
}


class JoinIndex:
    """For one join column: the ids of the rows that point at an id. One child is kept bare, several as a set."""

    def __init__(self) -> None:
        self.children: dict[str, str | set[str]] = {}

    def add(self, target: str, row: str) -> None:
        held = self.children.get(target)
        if held is None:
            self.children[target] = row
        elif isinstance(held, set):
            held.add(row)
        elif held != row:
            self.children[target] = {held, row}

    def discard(self, target: str, row: str) -> None:
        held = self.children.get(target)
        if isinstance(held, set):
            held.discard(row)
            if not held:
                del self.children[target]
        elif held == row:
            del self.children[target]

    def of(self, target: str) -> list[str]:
        held = self.children.get(target)
        if held is None:
            return []
        return [held] if isinstance(held, str) else list(held)


class Table:
    """One object's rows with their indexes. Unique values stay taken by soft-deleted rows (facts/twenty.md §5)."""

    def __init__(self, kind: ObjectType, rows: RowStore) -> None:
        self.kind = kind
        self.rows = rows
        self.version = 0
        self.packed: list[tuple[str, tuple[str, ...]]] = []
        self.soft_deleted: set[str] = set()
        self.unique: dict[str, dict[Any, str]] = {}
        self.joins: dict[str, JoinIndex] = {}
        self.lowest: float | None = None
        self._ordered: list[str] = []
        self._fresh: list[str] = []
        self._removed: set[str] = set()
        self.reindex()

    def adapt(self) -> None:
        """Follow a schema change; rows are gone through again only if unique fields or join columns changed."""
        if set(self.unique) == {field.name for field in self.kind.unique} and set(self.joins) == set(self.kind.joins):
            self._pack()
            self.version += 1
        else:
            self.reindex()

    def _pack(self) -> None:
        fields = self.kind.fields.values()
        self.packed = [(field.name, PACKED[field.type]) for field in fields if field.type in PACKED]

    def reindex(self) -> None:
        """Rebuild every index, after a schema change or when rows come from disk."""
        self.unique = {field.name: {} for field in self.kind.unique}
        self.joins = {column: JoinIndex() for column in self.kind.joins}
        self._pack()
        self.soft_deleted, self.lowest = set(), None
        self._ordered, self._fresh, self._removed = [], [], set()
        for key, data in self.rows.items():
            self._index(key, self.complete(key, data))
        self.version += 1

    def clear(self) -> None:
        """Forget every row."""
        self.rows.clear()
        self.reindex()

    def _index(self, key: str, row: Row) -> None:
        for field in self.kind.unique:
            value = unique_value(field, row)
            if value is not None:
                self.unique[field.name][value] = key
        for column, index in self.joins.items():
            if row[column] is not None:
                index.add(row[column], key)
        if row["deletedAt"] is not None:
            self.soft_deleted.add(key)
        position = row["position"]
        if isinstance(position, int | float) and (self.lowest is None or position < self.lowest):
            self.lowest = position
        self._fresh.append(key)

    def __len__(self) -> int:
        return len(self.rows)

    def __contains__(self, key: object) -> bool:
        return key in self.rows

    @property
    def live(self) -> int:
        return len(self.rows) - len(self.soft_deleted)

    def get(self, key: str) -> Row | None:
        """A complete row, or None."""
        data = self.rows.get(key)
        return None if data is None else self.complete(key, data)

    def complete(self, key: str, data: bytes) -> Row:
        row = self.kind.template.copy()
        row.update(orjson.loads(data))
        row["id"] = key
        for name, parts in self.packed:
            value = row[name]
            if is_list(value):
                row[name] = dict(zip(parts, value, strict=True))
        return row

    def scan(self) -> Iterator[tuple[str, Row]]:
        """Every row, soft-deleted ones included, in the order of their last write."""
        for key, data in list(self.rows.items()):
            yield key, self.complete(key, data)

    def owner(self, field: str, value: Any) -> str | None:
        """The id of the row that holds a unique value."""
        return self.unique[field].get(value)

    def next_position(self) -> float:
        """New rows go to the top of the list (facts/twenty.md §3)."""
        return 0 if self.lowest is None else self.lowest - 1

    def check_unique(self, key: str, row: Row, claimed: dict[str, dict[Any, str]]) -> None:
        """Raise duplicate() when another row, stored or `claimed` by the same batch, holds one of the row's unique values."""
        for field in self.kind.unique:
            value = unique_value(field, row)
            if value is None:
                continue
            taken = claimed.setdefault(field.name, {})
            if self.unique[field.name].get(value, key) != key or taken.setdefault(value, key) != key:
                raise duplicate()

    def insert(self, key: str, row: Row) -> None:
        if key in self._removed:
            self._settle()
        self._write(key, row)
        self._index(key, row)

    def replace(self, key: str, old: Row, row: Row) -> None:
        """Write a row over an existing one. `old` is what `get` gave before."""
        for field in self.kind.unique:
            before, after = unique_value(field, old), unique_value(field, row)
            if before != after:
                if before is not None and self.unique[field.name].get(before) == key:
                    del self.unique[field.name][before]
                if after is not None:
                    self.unique[field.name][after] = key
        for column, index in self.joins.items():
            if old[column] != row[column]:
                if old[column] is not None:
                    index.discard(old[column], key)
                if row[column] is not None:
                    index.add(row[column], key)
        (self.soft_deleted.discard if row["deletedAt"] is None else self.soft_deleted.add)(key)
        self._write(key, row)

    def _write(self, key: str, row: Row) -> None:
        stored = clean_row(row, self.kind.template)
        stored.pop("id", None)
        for name, parts in self.packed:
            value = stored.get(name)
            if value is not None:
                stored[name] = [value.get(part) for part in parts]
        # orjson leaves its buffer's slack in the bytes it returns; a copy has none
        self.rows.put(key, memoryview(orjson.dumps(stored)).tobytes())
        self.version += 1

    def remove(self, key: str, row: Row) -> None:
        """Take a row out for good. `row` is what `get` gave."""
        self.rows.drop(key)
        for field in self.kind.unique:
            value = unique_value(field, row)
            if value is not None and self.unique[field.name].get(value) == key:
                del self.unique[field.name][value]
        for column, index in self.joins.items():
            if row[column] is not None:
                index.discard(row[column], key)
        self.soft_deleted.discard(key)
        self._removed.add(key)
        if not len(self.rows):
            self.lowest = None
        self.version += 1

    def _settle(self) -> None:
        if self._removed:
            removed = self._removed
            self._ordered = [key for key in self._ordered if key not in removed]
            self._fresh = [key for key in self._fresh if key not in removed]
            self._removed = set()
        if self._fresh:
            self._ordered += self._fresh
            self._ordered.sort()
            self._fresh = []

    def ordered(self) -> list[str]:
        """All ids, ascending: the default order of a list (facts/twenty.md §2)."""
        if self._fresh or self._removed:
            self._settle()
        return self._ordered

    def after(self, key: str) -> int:
        return bisect_right(self.ordered(), key)

    def before(self, key: str) -> int:
        return bisect_left(self.ordered(), key)

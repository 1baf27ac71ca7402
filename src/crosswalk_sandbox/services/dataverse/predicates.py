"""What a filter means: a function over rows of a table, or over metadata (facts/dataverse.md §8)."""

import re
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any

from .errors import bad_query, no_property
from .filters import And, Compare, Function, Match, Node, Not, Or, Some
from .metadata import Row, Table
from .organization import UNINDEXED, Organization
from .values import GUID

Predicate = Callable[[Any], bool]
Get = Callable[[Any], Any]


def fold(value: Any) -> Any:
    """A value as it is compared: text without its case."""
    return value.casefold() if isinstance(value, str) else value


def comparison(get: Get, operator: str, value: Any) -> Predicate:
    """`get(x) operator value`; as in SQL nothing but `ne` holds for an empty value, and `eq null` for that alone."""
    wanted = fold(value)
    if wanted is None:
        if operator == "ne":
            return lambda item: get(item) is not None
        return lambda item: get(item) is None
    if operator == "eq":
        return lambda item: fold(get(item)) == wanted
    if operator == "ne":
        return lambda item: fold(get(item)) != wanted
    tests: dict[str, Callable[[Any], bool]] = {
        "gt": lambda found: found > wanted,
        "ge": lambda found: found >= wanted,
        "lt": lambda found: found < wanted,
        "le": lambda found: found <= wanted,
    }
    test = tests[operator]

    def holds(item: Any) -> bool:
        found = fold(get(item))
        try:
            return found is not None and test(found)
        except TypeError:
            raise bad_query("A binary operator with incompatible types was detected.") from None

    return holds


def matching(get: Get, function: str, value: str) -> Predicate:
    """contains, startswith, endswith; `%` is a wildcard as in the database."""
    parts = ".*".join(re.escape(part) for part in value.split("%"))
    pattern = re.compile(
        ("" if function == "startswith" else ".*") + parts + ("" if function == "endswith" else ".*"), re.IGNORECASE | re.DOTALL
    )
    return lambda item: isinstance(found := get(item), str) and pattern.fullmatch(found) is not None


def combined(node: Node, leaf: Callable[[Node], Predicate]) -> Predicate:
    """The boolean part of a tree; `leaf` gives the meaning of what is not and, or, not."""
    if isinstance(node, And):
        parts = [combined(part, leaf) for part in node.parts]
        return lambda item: all(part(item) for part in parts)
    if isinstance(node, Or):
        parts = [combined(part, leaf) for part in node.parts]
        return lambda item: any(part(item) for part in parts)
    if isinstance(node, Not):
        part = combined(node.part, leaf)
        return lambda item: not part(item)
    return leaf(node)


def function_test(get: Get, node: Function) -> Predicate:
    """A Dataverse query function. Raises DataverseError 400 for one that the sandbox does not have."""
    values = [fold(value) for value in node.values]
    if node.name in ("In", "NotIn"):
        texts = {str(value) for value in values}
        wanted = node.name == "In"
        return lambda item: ((found := get(item)) is not None and str(fold(found)) in texts) == wanted
    if node.name == "Between" and len(values) == 2:
        low, high = values
        return lambda item: (found := get(item)) is not None and str(low) <= str(fold(found)) <= str(high)
    if node.name == "ContainValues":
        wanted_values = {str(value) for value in values}
        return lambda item: bool(wanted_values & set(str(get(item) or "").split(",")))
    raise bad_query(f"The query function '{node.name}' is not supported by this sandbox.")


def _anything(_item: Any) -> bool:
    return True


class RowFilter:
    """Filters over the rows of an organisation's tables."""

    def __init__(self, organization: Organization) -> None:
        self.organization = organization

    def predicate(self, table: Table, node: Node) -> Predicate:
        return combined(node, lambda leaf: self._leaf(table, leaf))

    def _leaf(self, table: Table, node: Node) -> Predicate:
        if isinstance(node, Some):
            return self._some(table, node)
        if isinstance(node, Function):
            return function_test(self.getter(table, node.path), node)
        if isinstance(node, Match):
            return matching(self.getter(table, node.path), node.function, node.value)
        assert isinstance(node, Compare)
        return comparison(self.getter(table, node.path), node.operator, self._literal(table, node))

    def _literal(self, table: Table, node: Compare) -> Any:
        """The value in the form in which rows keep it: moments in UTC and whole seconds."""
        value = node.value
        column = table.properties.get(node.path)
        if column is not None and column.kind == "DateTime" and isinstance(value, str) and "T" in value:
            try:
                return datetime.fromisoformat(value).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
            except ValueError:
                raise bad_query("The time zone information or the date is missing on the DateTimeOffset value.") from None
        is_guid = column is not None and (column.is_lookup or column.kind == "Uniqueidentifier")
        if is_guid and value is not None and not GUID.fullmatch(str(value)):
            # A bare GUID is the documented form (facts §8); one in quotes is taken too, as clients of the real thing send it.
            raise bad_query(
                "A binary operator with incompatible types was detected. Found operand types 'Edm.Guid' and 'Edm.String' for "
                f"operator kind '{node.operator}'."
            )
        return value

    def getter(self, table: Table, path: str) -> Get:
        """What reads a path from a row. Raises DataverseError 400 for an unknown property."""
        column = table.properties.get(path)
        if column is not None:
            name = column.logical
            return lambda row: row.get(name)
        head, _, rest = path.partition("/")
        navigation = table.navigations.get(head)
        if navigation is None or not rest:
            raise no_property(head, table.logical)
        lookup = navigation.column
        target = self.organization.table(navigation.target or "systemuser")
        inner = self.getter(target, rest)

        def read(row: Row) -> Any:
            row_id = row.get(lookup)
            found = self.organization.find(target.logical, row_id) if row_id else None
            return None if found is None else inner(found)

        return read

    def _some(self, table: Table, node: Some) -> Predicate:
        relationship = table.collections.get(node.path)
        if relationship is None:
            raise no_property(node.path, table.logical)
        child = self.organization.table(relationship.referencing)
        test = self.predicate(child, node.part) if node.part is not None else _anything
        over = all if node.every else any

        def holds(row: Row) -> bool:
            return over(test(item) for item in self.related(relationship.referencing, relationship.column, row[table.primary_id]))

        return holds

    def related(self, table: str, column: str, row_id: str) -> Iterable[Row]:
        """The rows of a table whose lookup points at a row."""
        if column in UNINDEXED:
            return [row for row in self.organization.scan(table) if row.get(column) == row_id]
        names = [(name, child) for name, child, lookup in self.organization.children(row_id) if lookup == column]
        wanted = self.organization.activities() if table == "activitypointer" else [table]
        return [self.organization.rows[name][child] for name, child in names if name in wanted]

    # -- which rows need to be looked at ------------------------------------------------------------------------------

    def candidates(self, table: Table, node: Node | None) -> Iterable[Row]:
        """The rows among which a filter's matches are; found by index where the filter allows."""
        ids = None if node is None else self._ids(table, node)
        if ids is None:
            return self.organization.scan(table.logical)
        return [row for row_id in ids if (row := self.organization.find(table.logical, row_id)) is not None]

    def _ids(self, table: Table, node: Node) -> dict[str, None] | None:
        if isinstance(node, And):
            found = [ids for part in node.parts if (ids := self._ids(table, part)) is not None]
            return min(found, key=len) if found else None
        if isinstance(node, Or):
            total: dict[str, None] = {}
            for part in node.parts:
                ids = self._ids(table, part)
                if ids is None:
                    return None
                total |= ids
            return total
        if isinstance(node, Compare) and node.operator == "eq" and isinstance(node.value, str):
            return self._equal(table, node.path, [node.value])
        if isinstance(node, Function) and node.name == "In":
            return self._equal(table, node.path, [str(value) for value in node.values])
        return None

    def _equal(self, table: Table, path: str, values: list[str]) -> dict[str, None] | None:
        """The ids of the rows in which a column has one of the values, None where there is no index for it."""
        column = table.properties.get(path)
        if column is None:
            return None
        if column.logical == table.primary_id:
            return {value.lower(): None for value in values}
        if column.is_lookup and column.logical not in UNINDEXED and table.logical != "activitypointer":
            rows = [row for value in values for row in self.related(table.logical, column.logical, value.lower())]
            return {row[table.primary_id]: None for row in rows}
        for key in table.keys.values():
            if key.status == "Active" and key.columns == [column.logical]:
                found = [self.organization.by_key(table.logical, key, {column.logical: value}) for value in values]
                return {row_id: None for row_id in found if row_id is not None}
        return None

"""Reading rows: matching, ordering, keyset cursors, and rows as answers show them."""

import base64
from dataclasses import dataclass
from functools import cmp_to_key
from typing import Any

import orjson

from .errors import TwentyError, bad_query, unknown_field
from .filters import candidates, compile_filter, mentions_deleted
from .rest_query import Order
from .schema import ObjectType, Row, is_row
from .state import Workspace
from .tables import Table

CHILDREN_SHOWN = 60  # facts/twenty.md §2: one-to-many is silently cut at 60

# Rows without a channel association are counted but not listed (facts/twenty.md §6; transcript calendarEvents_list).
HIDDEN = ("calendarEvent", "message")


@dataclass(slots=True)
class Page:
    """One page of rows, with the cursors of its first and last row (also of hidden ones)."""

    rows: list[Row]
    total: int
    start: str | None
    end: str | None
    has_next: bool
    has_previous: bool

    def info(self) -> Row:
        return {
            "startCursor": self.start,
            "endCursor": self.end,
            "hasNextPage": self.has_next,
            "hasPreviousPage": self.has_previous,
        }


@dataclass(frozen=True, slots=True)
class Window:
    """What part of the matching rows is wanted; `after` and `before` are cursors."""

    limit: int
    after: str | None = None
    before: str | None = None


def part_of(row: Row, path: tuple[str, ...]) -> Any:
    """A column or a composite's part."""
    value: Any = row
    for name in path:
        value = value.get(name) if is_row(value) else None
    return value


def check_order(kind: ObjectType, orders: list[Order]) -> None:
    for order in orders:
        if order.path[0] not in kind.columns:
            raise unknown_field(kind.name, order.path[0])


def _compare(left: tuple[Any, ...], right: tuple[Any, ...], orders: list[Order]) -> int:
    for order, first, second in zip(orders, left, right, strict=True):
        if first == second:
            continue
        if first is None or second is None:
            return -1 if (first is None) == order.nulls_first else 1
        smaller = first < second
        return -1 if smaller != order.descending else 1
    return 0


def _keys(row: Row, orders: list[Order]) -> tuple[Any, ...]:
    return tuple(None if (value := part_of(row, order.path)) == "" else value for order in orders)


ID_ORDER = Order(("id",), False, False)


def matching(workspace: Workspace, kind: ObjectType, tree: Row) -> list[tuple[str, Row]]:
    """All rows that a filter takes, with their ids, in the order in which they were last written."""
    table = workspace.table(kind.name)
    predicate = compile_filter(tree, kind, workspace)
    with_deleted = mentions_deleted(tree)
    named = candidates(tree, table)
    source = table.scan() if named is None else ((key, row) for key in sorted(named) if (row := table.get(key)) is not None)
    return [(key, row) for key, row in source if (with_deleted or row["deletedAt"] is None) and predicate(row)]


def _sorted_ids(workspace: Workspace, kind: ObjectType, tree: Row, orders: list[Order]) -> list[tuple[Any, ...]]:
    """The matching rows as sort keys (the id last), in order; remembered until the table changes."""
    table = workspace.table(kind.name)
    signature = (workspace.version, orjson.dumps(tree), tuple(orders))
    held = workspace.results.get(kind.name)
    if held is not None and held[0] == signature:
        return held[1]
    full = [*orders, ID_ORDER]
    found = [_keys(row, full) for _, row in matching(workspace, kind, tree)]
    if orders:

        def order(left: tuple[Any, ...], right: tuple[Any, ...]) -> int:
            return _compare(left, right, full)

        found.sort(key=cmp_to_key(order))
    else:
        found.sort()
    if table.live > 1000:
        workspace.results[kind.name] = (signature, found)
    return found


def encode_cursor(keys: tuple[Any, ...], orders: list[Order]) -> str:
    """Base64 JSON of the order keys and the id (facts/twenty.md §2)."""
    content = {".".join(order.path): key for order, key in zip(orders, keys, strict=True)}
    return base64.b64encode(orjson.dumps(content)).decode()


def decode_cursor(text: str, orders: list[Order]) -> tuple[Any, ...]:
    """The keys in a cursor. Raises bad_query for anything else (transcript cursor_garbage)."""
    try:
        content: Any = orjson.loads(base64.b64decode(text))
        return tuple(content[".".join(order.path)] for order in orders)
    except (ValueError, KeyError, TypeError):
        raise bad_query(f"Invalid cursor: {text}") from None


def _plain_page(table: Table, window: Window) -> tuple[list[tuple[Any, ...]], bool]:
    """A page in id order without a filter: a slice of the sorted ids, found by bisection."""
    ids = table.ordered()
    soft = table.soft_deleted
    wanted = window.limit + 1
    found: list[tuple[Any, ...]] = []
    if window.before is not None:
        place = table.before(decode_cursor(window.before, [ID_ORDER])[0]) - 1
        while place >= 0 and len(found) < wanted:
            if ids[place] not in soft:
                found.append((ids[place],))
            place -= 1
    else:
        place = 0 if window.after is None else table.after(decode_cursor(window.after, [ID_ORDER])[0])
        while place < len(ids) and len(found) < wanted:
            if ids[place] not in soft:
                found.append((ids[place],))
            place += 1
    more = len(found) > window.limit
    found = found[: window.limit]
    return (found[::-1] if window.before is not None else found), more


def _cut(found: list[tuple[Any, ...]], orders: list[Order], window: Window) -> tuple[list[tuple[Any, ...]], bool]:
    if window.before is not None:
        mark = decode_cursor(window.before, orders)
        left = [keys for keys in found if _compare(keys, mark, orders) < 0]
        return left[max(0, len(left) - window.limit) :], len(left) > window.limit
    if window.after is not None:
        mark = decode_cursor(window.after, orders)
        found = [keys for keys in found if _compare(keys, mark, orders) > 0]
    return found[: window.limit], len(found) > window.limit


def find_page(workspace: Workspace, kind: ObjectType, tree: Row, orders: list[Order], window: Window) -> Page:
    """One page of matching rows, forwards from `after` or backwards from `before`, not both (transcript both_cursors)."""
    if window.after is not None and window.before is not None:
        raise bad_query("Cannot provide both before and after")
    check_order(kind, orders)
    table = workspace.table(kind.name)
    full = [*orders, ID_ORDER]
    if not tree and not orders:
        chosen, more = _plain_page(table, window)
        total = table.live
    else:
        found = _sorted_ids(workspace, kind, tree, orders)
        total = len(found)
        chosen, more = _cut(found, full, window)
    rows = [row for keys in chosen if (row := table.get(keys[-1])) is not None]
    start, end = (encode_cursor(chosen[0], full), encode_cursor(chosen[-1], full)) if chosen else (None, None)
    backwards = window.before is not None
    hidden = kind.name in HIDDEN
    return Page([] if hidden else rows, total, start, end, more and not backwards, more and backwards)


def children(workspace: Workspace, kind: ObjectType, column: str, parent: str) -> list[Row]:
    """The live rows that point at a parent, in the order they were made, 60 at most."""
    table = workspace.table(kind.name)
    rows = [row for key in table.joins[column].of(parent) if (row := table.get(key)) and row["deletedAt"] is None]
    rows.sort(key=lambda row: (row["createdAt"], -(row["position"] or 0)))
    return rows[:CHILDREN_SHOWN]


def parent(workspace: Workspace, kind: ObjectType, key: str | None) -> Row | None:
    """The live row that a join column points at."""
    row = workspace.table(kind.name).get(key) if key is not None else None
    return row if row is not None and row["deletedAt"] is None else None


def with_relations(workspace: Workspace, kind: ObjectType, row: Row) -> Row:
    """A row as depth=1 shows it: parents whole, children cut at 60 (transcripts get_one_depth1, task_depth1)."""
    result = workspace.shown(kind, row)
    for field in kind.fields.values():
        if not field.is_relation or field.target_object_id is None or not field.active:
            continue
        target = workspace.kind_by_id(field.target_object_id)
        if field.join_column is not None:
            found = parent(workspace, target, row[field.join_column])
            result[field.name] = None if found is None else workspace.shown(target, found)
        else:
            reverse = workspace.field_by_id(field.target_field_id or "")
            if reverse is not None and reverse.join_column is not None:
                found_rows = children(workspace, target, reverse.join_column, row["id"])
                result[field.name] = [workspace.shown(target, child) for child in found_rows]
    return result


def group_by(workspace: Workspace, kind: ObjectType, dimensions: list[Row], aggregates: list[str], tree: Row) -> list[Row]:
    """Groups with their counts, the empty group first (transcripts groupBy, groupBy_agg).

    Only count aggregates over groups are implemented; another one raises a refusal that says so.
    """
    groups: dict[tuple[Any, ...], list[Row]] = {}
    paths = [_path(dimension) for dimension in dimensions]
    for _, row in matching(workspace, kind, tree):
        values = tuple(None if (value := part_of(row, path)) == "" else value for path in paths)
        groups.setdefault(values, []).append(row)
    result: list[Row] = []
    for values, rows in groups.items():
        entry: Row = {name: aggregate(kind, name, rows) for name in aggregates}
        result.append({**entry, "groupByDimensionValues": list(values)})
    return result


def _path(dimension: Row) -> tuple[str, ...]:
    path: list[str] = []
    node: Any = dimension
    while is_row(node) and node:
        name, node = next(iter(node.items()))
        path.append(str(name))
    return tuple(path)


AGGREGATES = ("countNotEmpty", "countEmpty", "countUniqueValues", "max", "min", "sum", "avg")


def aggregate(kind: ObjectType, name: str, rows: list[Row]) -> Any:
    """An aggregate such as countNotEmptyId, maxUpdatedAt or minCreatedAt; counts come as text as in groupBy_agg."""
    if name == "totalCount":
        return len(rows)
    prefix = next((prefix for prefix in AGGREGATES if name.startswith(prefix)), None)
    column = name[len(prefix or "") :][:1].lower() + name[len(prefix or "") + 1 :]
    if prefix is None or column not in kind.columns:
        raise TwentyError(f'Cannot query field "{name}" on type "{kind.pascal()}Connection".')
    values = [row[column] for row in rows]
    filled = [value for value in values if value not in (None, "", [])]
    if prefix == "countNotEmpty":
        return str(len(filled))
    if prefix == "countEmpty":
        return str(len(values) - len(filled))
    if prefix == "countUniqueValues":
        return str(len({orjson.dumps(value) for value in filled}))
    if not filled:
        return None
    if prefix in ("max", "min"):
        return max(filled) if prefix == "max" else min(filled)
    return sum(filled) if prefix == "sum" else sum(filled) / len(filled)


def duplicates(workspace: Workspace, kind: ObjectType, row: Row, own_id: str | None) -> list[Row]:
    """Rows that agree with a row on one of the object's duplicate criteria, every part of it filled (facts/twenty.md §2)."""
    found: list[Row] = []
    wanted = [[_criterion(kind, row, column) for column in group] for group in kind.duplicate_criteria or []]
    wanted = [group for group in wanted if all(value not in (None, "") for _, value in group)]
    for key, other in matching(workspace, kind, {}):
        if key != own_id and any(all(part_of(other, path) == value for path, value in group) for group in wanted):
            found.append(other)
    return found


def _criterion(kind: ObjectType, row: Row, column: str) -> tuple[tuple[str, ...], Any]:
    """A flat column name such as nameFirstName as the path name.firstName, and the row's value there."""
    for field in kind.fields.values():
        rest = column[len(field.name) :]
        if column.startswith(field.name) and rest and is_row(field.empty()):
            path = (field.name, rest[0].lower() + rest[1:])
            return path, part_of(row, path)
    return (column,), row.get(column)

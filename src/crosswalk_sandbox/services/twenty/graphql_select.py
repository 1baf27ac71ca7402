"""What a GraphQL query asks of rows: checking it against the schema, and taking it from a row."""

from typing import Any

from .errors import TwentyError
from .graphql_document import Asked, InvalidDocument, pick, unknown_query
from .queries import Page, Window, aggregate, encode_cursor, find_page, matching, parent
from .rest_query import DEFAULT_LIMIT, MAX_LIMIT, Order, make_order
from .schema import COMPOSITE, Field, ObjectType, Row, is_list, is_row
from .state import Workspace

CHILDREN_SHOWN = 60


def _reverse(workspace: Workspace, field: Field) -> tuple[ObjectType, str] | None:
    """For a one-to-many field: the child object and its join column."""
    other = workspace.field_by_id(field.target_field_id or "")
    target = workspace.find_kind(field.target_object_id or "")
    if other is None or target is None or other.join_column is None:
        return None
    return target, other.join_column


def check_row(workspace: Workspace, kind: ObjectType, asked: tuple[Asked, ...], *, in_children: bool = False) -> None:
    """Raise InvalidDocument for an unknown field and TwentyError for one-to-many inside one-to-many (transcript gql_deep)."""
    for item in asked:
        field = kind.fields.get(item.name)
        if item.name == "__typename" or item.name in kind.joins:
            continue
        if field is None:
            raise unknown_query(item, kind.pascal())
        if field.is_relation and field.join_column is not None:
            check_row(workspace, workspace.kind_by_id(field.target_object_id or ""), item.below, in_children=in_children)
        elif field.is_relation:
            found = _reverse(workspace, field)
            if found is not None:
                if in_children:
                    raise too_complex("One-to-Many relation cannot be nested in another One-to-Many relation.")
                check_connection(workspace, found[0], item.below, in_children=True)
        elif field.type in COMPOSITE and not item.below:
            message = f'Field "{item.name}" of type "{field.type}" must have a selection of subfields.'
            raise InvalidDocument([{"message": message, "locations": [{"line": item.line, "column": item.column}]}])


def too_complex(detail: str) -> TwentyError:
    return TwentyError(f"Query complexity is too high. {detail}", sub_code="TOO_COMPLEX_QUERY")


def check_connection(workspace: Workspace, kind: ObjectType, asked: tuple[Asked, ...], *, in_children: bool = False) -> None:
    for item in asked:
        for below in item.below if item.name == "edges" else ():
            if below.name == "node":
                check_row(workspace, kind, below.below, in_children=in_children)


def take_row(workspace: Workspace, kind: ObjectType, row: Row, asked: tuple[Asked, ...]) -> Row:
    """The asked parts of a row. The row comes as stored; what is shown is computed only when asked for."""
    result: Row = {}
    shown: Row | None = None
    for item in asked:
        field = kind.columns.get(item.name)
        if item.name == "__typename":
            result[item.key] = kind.pascal()
        elif field is None or (field.is_relation and item.name == field.join_column):
            result[item.key] = row.get(item.name)
        elif field.is_relation:
            result[item.key] = _take_relation(workspace, field, row, item)
        else:
            value = row[item.name]
            if field.type in ("RICH_TEXT", "FILES", "TS_VECTOR"):
                shown = shown or workspace.shown(kind, row)
                value = shown[item.name]
            result[item.key] = pick(value, item.below)
    return result


def _take_relation(workspace: Workspace, field: Field, row: Row, item: Asked) -> Any:
    target = workspace.kind_by_id(field.target_object_id or "")
    if field.join_column is not None:
        found = parent(workspace, target, row[field.join_column])
        return None if found is None else take_row(workspace, target, found, item.below)
    reverse = _reverse(workspace, field)
    if reverse is None:
        return None
    child, column = reverse
    tree: Row = {"and": [{column: {"eq": row["id"]}}, item.arguments.get("filter") or {}]}
    limit = min(item.arguments.get("first") or CHILDREN_SHOWN, CHILDREN_SHOWN)
    orders = orders_of(item.arguments.get("orderBy"))
    page = find_page(workspace, child, tree, orders, Window(limit, item.arguments.get("after")))
    return take_connection(workspace, child, tree, orders, page, item.below)


def orders_of(given: Any) -> list[Order]:
    """GraphQL's orderBy: [{createdAt: DescNullsLast}, {name: {firstName: AscNullsFirst}}]."""
    items: list[Row] = given if is_list(given) else [given] if given else []
    orders: list[Order] = []
    for item in items:
        for name, direction in item.items():
            if is_row(direction):
                parts: dict[str, str] = direction
                orders += [make_order((name, part), way) for part, way in parts.items()]
            else:
                orders.append(make_order((name,), str(direction)))
    return orders


def window_of(arguments: Row) -> Window:
    """first, last, limit, after and before of a connection; 200 rows at most."""
    wanted = arguments.get("first") or arguments.get("last") or arguments.get("limit")
    limit = DEFAULT_LIMIT if wanted is None else min(int(wanted), MAX_LIMIT)
    return Window(limit, arguments.get("after"), arguments.get("before"))


def take_connection(
    workspace: Workspace, kind: ObjectType, tree: Row, orders: list[Order], page: Page, asked: tuple[Asked, ...]
) -> Row:
    """A connection's asked parts: edges, pageInfo, totalCount and aggregates over all matching rows (transcript gql_agg)."""
    result: Row = {}
    everything: list[Row] | None = None
    for item in asked:
        if item.name == "edges":
            result[item.key] = [_edge(workspace, kind, row, orders, item) for row in page.rows]
        elif item.name == "pageInfo":
            result[item.key] = pick(page.info(), item.below)
        elif item.name == "totalCount":
            result[item.key] = page.total
        elif item.name == "__typename":
            result[item.key] = f"{kind.pascal()}Connection"
        else:
            everything = everything or [row for _, row in matching(workspace, kind, tree)]
            result[item.key] = aggregate(kind, item.name, everything)
    return result


def _edge(workspace: Workspace, kind: ObjectType, row: Row, orders: list[Order], item: Asked) -> Row:
    edge: Row = {}
    for below in item.below:
        if below.name == "node":
            edge[below.key] = take_row(workspace, kind, row, below.below)
        elif below.name == "cursor":
            full = [*orders, Order(("id",), False, False)]
            keys = tuple(_part(row, order.path) for order in full)
            edge[below.key] = encode_cursor(keys, full)
    return edge


def _part(row: Row, path: tuple[str, ...]) -> Any:
    value: Any = row
    for name in path:
        value = value.get(name) if is_row(value) else None
    return None if value == "" else value

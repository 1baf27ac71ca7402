"""Filters: the tree that GraphQL sends (and REST is parsed into) as a predicate over complete rows.

Predicates answer as SQL does: None for unknown, so `neq` and `not(...)` leave out empty cells (transcripts f_neq, f_not).
"""

import re
from collections.abc import Callable
from typing import Any, Protocol

import orjson

from .dates import normal_moment
from .errors import bad_query, bad_value, unknown_field
from .ids import LOOSE_UUID
from .inspect import shown
from .schema import COMPOSITE, Field, ObjectType, Row, is_list, is_row
from .tables import Table

OPERATORS = ["eq", "neq", "in", "containsAny", "is", "gt", "gte", "lt", "lte", "startsWith", "endsWith", "like", "ilike"]
Predicate = Callable[[Row], bool | None]
Check = Callable[[Any], bool | None]


class Related(Protocol):
    """What a filter needs of the workspace: the other objects and their rows."""

    def kind_by_id(self, object_id: str) -> ObjectType: ...
    def table(self, name: str) -> Table: ...


def _pattern(text: str, *, ignore_case: bool) -> re.Pattern[str]:
    source = "".join(".*" if char == "%" else "." if char == "_" else re.escape(char) for char in text)
    return re.compile(source, re.DOTALL | (re.IGNORECASE if ignore_case else 0))


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else orjson.dumps(value).decode()


def _expected(field: Field, kind: str, value: Any) -> Any:
    """The compared value in the form that rows hold it."""
    if value is None:
        return None
    if kind == "DATE_TIME":
        return normal_moment(field.name, value)
    if kind == "UUID":
        if not isinstance(value, str) or not LOOSE_UUID.fullmatch(value):
            raise bad_value(f'Invalid UUID value {shown(value)} for field "{field.name}"')
        return value.lower()
    if kind in ("NUMBER", "POSITION") and isinstance(value, str):
        try:
            return float(value)
        except ValueError:
            raise bad_value(f'Invalid number value {shown(value)} for field "{field.name}"') from None
    if kind == "BOOLEAN" and isinstance(value, str):
        return value.lower() == "true"
    return value


def _text_check(operator: str, value: Any) -> Check:
    if operator == "startsWith":
        return lambda actual: _as_text(actual).startswith(value)
    if operator == "endsWith":
        return lambda actual: _as_text(actual).endswith(value)
    pattern = _pattern(str(value), ignore_case=operator == "ilike")
    return lambda actual: pattern.fullmatch(_as_text(actual)) is not None


def _set_check(operator: str, values: list[Any]) -> Check:
    wanted = set(values)
    if operator == "in":
        return lambda actual: actual in wanted
    return lambda actual: not wanted.isdisjoint(actual if is_list(actual) else [actual])


def _order_check(operator: str, value: Any) -> Check:
    if operator == "gt":
        return lambda actual: actual > value
    if operator == "gte":
        return lambda actual: actual >= value
    if operator == "lt":
        return lambda actual: actual < value
    return lambda actual: actual <= value


def _compare(operator: str, expected: Any) -> Check:
    if operator == "eq":
        return lambda actual: actual == expected
    if operator == "neq":
        return lambda actual: actual != expected
    if operator in ("startsWith", "endsWith", "like", "ilike"):
        return _text_check(operator, expected)
    return _order_check(operator, expected)


def _check(field: Field, kind: str, operator: str, value: Any) -> Check:
    """One comparison. Empty cells (null, "") are unknown to every operator but `is` and to a comparison with ""."""
    if operator not in OPERATORS:
        raise bad_query(f"'filter' invalid, comparator {operator} not in {', '.join(OPERATORS)}")
    if operator == "is":
        wants_null = value == "NULL"
        return lambda actual: (actual in (None, "", [])) == wants_null
    if operator in ("in", "containsAny"):
        items: list[Any] = value if is_list(value) else [value]
        inner = _set_check(operator, [_expected(field, kind, item) for item in items])
        return lambda actual: inner(actual) if actual not in (None, "") else ("" in items or None)
    if value == "" and operator in ("eq", "neq"):
        return lambda actual: (actual in (None, "")) == (operator == "eq")
    inner = _compare(operator, _expected(field, kind, value))
    return lambda actual: None if actual in (None, "") else inner(actual)


def _all(parts: list[Predicate]) -> Predicate:
    if len(parts) == 1:
        return parts[0]

    def run(row: Row) -> bool | None:
        unknown = False
        for part in parts:
            answer = part(row)
            if answer is False:
                return False
            unknown = unknown or answer is None
        return None if unknown else True

    return run


def _any(parts: list[Predicate]) -> Predicate:
    def run(row: Row) -> bool | None:
        unknown = False
        for part in parts:
            answer = part(row)
            if answer:
                return True
            unknown = unknown or answer is None
        return None if unknown else False

    return run


def _negate(part: Predicate) -> Predicate:
    def run(row: Row) -> bool | None:
        answer = part(row)
        return None if answer is None else not answer

    return run


def _column(field: Field, name: str, kind: str, tests: Row) -> Predicate:
    checks = [_check(field, kind, operator, value) for operator, value in tests.items()]
    return _all([lambda row, check=check: check(row[name]) for check in checks])


def _composite(field: Field, tests: Row) -> Predicate:
    parts: list[Predicate] = []
    empty: Row = field.empty() or {}
    for part, comparisons in tests.items():
        if part not in empty:
            raise bad_query(f'Sub field "{part}" not found in "{field.name}"')
        kind = "NUMBER" if part in ("amountMicros", "addressLat", "addressLng") else "TEXT"
        for operator, value in comparisons.items():
            check = _check(field, kind, operator, value)
            parts.append(lambda row, check=check, part=part: check(row[field.name].get(part)))
    return _all(parts)


def _through(field: Field, tests: Row, related: Related) -> Predicate:
    """A filter on the row that a many-to-one relation points to (transcript f_relation_field)."""
    column = field.join_column
    if column is None or field.target_object_id is None:
        raise bad_query(f'Cannot filter by one-to-many relation "{field.name}"')
    target = related.kind_by_id(field.target_object_id)
    inner = compile_filter(tests, target, related)
    table = related.table(target.name)

    def run(row: Row) -> bool | None:
        parent = table.get(row[column]) if row[column] is not None else None
        return None if parent is None else inner(parent)

    return run


def compile_filter(tree: Row, kind: ObjectType, related: Related) -> Predicate:
    """A predicate for a filter tree.

    Raises TwentyError for an unknown field or operator and for a value that the field cannot be compared with.
    """
    parts: list[Predicate] = []
    for name, value in tree.items():
        if value is None:
            continue
        if name in ("and", "or"):
            inner = [compile_filter(item, kind, related) for item in (value if is_list(value) else [value])]
            if inner:
                parts.append(_all(inner) if name == "and" else _any(inner))
        elif name == "not":
            parts.append(_negate(compile_filter(value, kind, related)))
        else:
            parts.append(_field(name, value, kind, related))
    return _all(parts) if parts else lambda _row: True


def _field(name: str, tests: Any, kind: ObjectType, related: Related) -> Predicate:
    field = kind.columns.get(name)
    if field is None or not is_row(tests):
        raise unknown_field(kind.name, name)
    comparisons: Row = tests
    if field.is_relation:
        if name == field.join_column:
            return _column(field, name, "UUID", comparisons)
        return _through(field, comparisons, related)
    return _composite(field, comparisons) if field.type in COMPOSITE else _column(field, name, field.type, comparisons)


def mentions_deleted(tree: Any) -> bool:
    """Whether a filter names deletedAt, which makes soft-deleted rows visible (facts/twenty.md §2)."""
    if is_list(tree):
        items: list[Any] = tree
        return any(mentions_deleted(item) for item in items)
    if is_row(tree):
        parts: Row = tree
        return "deletedAt" in parts or any(mentions_deleted(part) for part in parts.values())
    return False


def candidates(tree: Row, table: Table) -> list[str] | None:
    """The ids that an index names for a filter's conjunction, or None when every row has to be looked at."""
    for name, value in tree.items():
        if name == "and" and is_list(value):
            items: list[Row] = value
            for item in items:
                found = candidates(item, table)
                if found is not None:
                    return found
        if is_row(value):
            found = _indexed(name, value, table)
            if found is not None:
                return found
    return None


def _indexed(name: str, tests: Row, table: Table) -> list[str] | None:
    if name == "deletedAt" and any(value != "NULL" for value in tests.values()):
        return list(table.soft_deleted)  # every other comparison leaves out rows without a deletedAt
    wanted: Any = tests["in"] if is_list(tests.get("in")) else [tests["eq"]] if "eq" in tests else None
    if wanted is not None and name == "id":
        return [key for key in dict.fromkeys(str(item).lower() for item in wanted) if key in table]
    if wanted is not None and name in table.joins:
        index = table.joins[name]
        return [key for target in dict.fromkeys(str(item).lower() for item in wanted) for key in index.of(target)]
    if wanted is not None and name in table.unique and "" not in wanted and None not in wanted:
        owners = table.unique[name]
        return [owners[item] for item in wanted if item in owners] if all(isinstance(item, str) for item in wanted) else None
    part = tests.get("primaryEmail") if name in table.unique else None
    return _indexed(name, part, table) if is_row(part) else None

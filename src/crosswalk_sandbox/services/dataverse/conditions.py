"""Conditions of FetchXML and QueryExpression as SQL with parameters."""

from typing import Any

from .errors import bad_query
from .tabular import quoted

# FetchXML's operator → the same in a QueryExpression (ConditionOperator), and as SQL.
COMPARISONS = {
    "eq": ("equal", "= ?"),
    "ne": ("notequal", "<> ?"),
    "gt": ("greaterthan", "> ?"),
    "ge": ("greaterequal", ">= ?"),
    "lt": ("lessthan", "< ?"),
    "le": ("lessequal", "<= ?"),
    "like": ("like", "LIKE ?"),
    "not-like": ("notlike", "NOT LIKE ?"),
    "null": ("null", "IS NULL"),
    "not-null": ("notnull", "IS NOT NULL"),
    "in": ("in", "IN"),
    "not-in": ("notin", "NOT IN"),
    "between": ("between", "BETWEEN ? AND ?"),
    "begins-with": ("beginswith", "LIKE ? || '%'"),
    "ends-with": ("endswith", "LIKE '%' || ?"),
    "on-or-after": ("onorafter", ">= ?"),
    "on-or-before": ("onorbefore", "<= ?"),
}
BY_NAME = {name: sql for fetch, (expression, sql) in COMPARISONS.items() for name in (fetch, expression)}


def condition(place: str, operator: str, values: list[Any]) -> tuple[str, list[Any]]:
    """One condition on `place` (SQL naming the column). Raises DataverseError 400 for an operator that is not emulated."""
    sql = BY_NAME.get(operator.lower())
    if sql is None:
        raise bad_query(f"The condition operator '{operator}' is not supported by this sandbox.")
    if sql in ("IN", "NOT IN"):
        return f"{place} {sql} ({', '.join('?' * len(values))})", values
    wanted = sql.count("?")
    if len(values) < wanted:
        raise bad_query(f"The condition operator '{operator}' needs {wanted} value(s), not {len(values)}.")
    return f"{place} {sql}", values[:wanted]


def joined(parts: list[tuple[str, list[Any]]], operator: str) -> tuple[str, list[Any]]:
    """Conditions under one "and" or "or"; no parts are always true."""
    if not parts:
        return "1", []
    word = " OR " if operator.lower() == "or" else " AND "
    return "(" + word.join(sql for sql, _ in parts) + ")", [value for _, values in parts for value in values]


def column(alias: str, name: str) -> str:
    return f"{quoted(alias)}.{quoted(name)}"

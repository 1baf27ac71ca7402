"""`?sql=SELECT …` on an entity set, as far as Microsoft's Python client uses it (facts/dataverse.md §8, §12)."""

import sqlite3
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import sqlglot
from sqlglot import exp
from sqlglot.errors import ParseError

from .errors import bad_query
from .http import Answer, Call
from .tabular import select

if TYPE_CHECKING:
    from .app import Server

PAGE = 5000


def register(server: "Server") -> None:
    """Answer lists that are asked for in SQL."""
    server.gates.append(lambda call: gate(server, call))


def gate(server: "Server", call: Call) -> Answer | None:
    """Rows of a SELECT in T-SQL's words; other requests pass."""
    if call.method != "GET" or "sql=" not in call.query_string or call.resource not in server.organization.schema.sets:
        return None
    parameters = call.parameters()
    text = parameters.get("sql")
    if text is None:
        return None
    query = _parsed(text)
    needed = _needed(server, query)
    try:
        names, rows = select(server.organization, query.sql(dialect="sqlite"), [], needed)
    except sqlite3.Error:
        raise bad_query("The SQL statement cannot be run; only what Microsoft's client documents is known here.") from None
    first = int(parameters.get("$skiptoken", "0"))
    flags = _flags(server, needed)
    shown = [_shown(names, row, flags) for row in rows[first : first + PAGE]]
    body: dict[str, Any] = {"@odata.context": f"{call.base_url}/api/data/v9.2/$metadata#{call.resource}", "value": shown}
    if len(rows) > first + PAGE:
        body["@odata.nextLink"] = f"{call.base_url}{call.path}?sql={quote(text, safe='')}&$skiptoken={first + PAGE}"
    return Answer(200, body)


def _parsed(text: str) -> exp.Select:
    """One SELECT with named columns. Raises DataverseError 400 for anything else."""
    try:
        query = sqlglot.parse_one(text, read="tsql")
    except ParseError:
        raise bad_query("The SQL statement cannot be parsed.") from None
    if not isinstance(query, exp.Select) or query.find(exp.Subquery, exp.With, exp.Having):
        raise bad_query("Only a single SELECT without subqueries, WITH or HAVING is supported.")
    if any(isinstance(item, exp.Star) for item in query.expressions):
        raise bad_query("SELECT * is not supported; name the columns.")
    return query


def _needed(server: "Server", query: exp.Select) -> dict[str, set[str]]:
    """The columns of each table that the query names. Raises DataverseError for a table or a column that does not exist."""
    tables = list(query.find_all(exp.Table))
    by_alias = {table.alias_or_name.lower(): server.organization.table(table.name.lower()) for table in tables}
    needed = {table.logical: {table.primary_id} for table in by_alias.values()}
    made = {item.alias.lower() for item in query.expressions if item.alias}
    for column in query.find_all(exp.Column):
        name, alias = column.name.lower(), column.table.lower()
        owners = [by_alias[alias]] if alias in by_alias else [table for table in by_alias.values() if name in table.columns]
        if alias and alias not in by_alias:
            raise bad_query(f"The multi-part identifier '{column.table}.{column.name}' could not be bound.")
        if not owners and name not in made:
            raise bad_query(f"Invalid column name '{column.name}'.")
        for owner in owners:
            needed[owner.logical].add(name)
    return needed


def _flags(server: "Server", needed: dict[str, set[str]]) -> set[str]:
    """The names of columns whose numbers stand for yes and no."""
    columns = {name: server.organization.table(table).columns for table, names in needed.items() for name in names}
    return {name for name, known in columns.items() if name in known and known[name].kind == "Boolean"}


def _shown(names: list[str], row: tuple[Any, ...], flags: set[str]) -> dict[str, Any]:
    return {name: bool(value) if name in flags and value is not None else value for name, value in zip(names, row, strict=True)}

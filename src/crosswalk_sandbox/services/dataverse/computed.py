"""Columns that the platform computes: full names, composite addresses, base amounts, what an activity or note always has."""

from typing import Any

from .metadata import Row, Table

PEOPLE = frozenset({"contact", "lead", "systemuser"})
ADDRESS_LINES = ("line1", "line2", "line3")


def fill(table: Table, row: Row, changed: "dict[str, Any]") -> None:
    """Bring the computed columns in line; `changed` are the columns just written."""
    if table.logical in PEOPLE and ("firstname" in changed or "lastname" in changed):
        _set(row, "fullname", " ".join(filter(None, (row.get("firstname"), row.get("lastname")))))
    for prefix in ("address1_", "address2_"):
        if prefix + "composite" in table.columns and any(name.startswith(prefix) for name in changed):
            _set(row, prefix + "composite", composite(row, prefix))
    for name in changed:
        if name + "_base" in table.columns:
            amount = row.get(name)
            _set(row, name + "_base", None if amount is None else round(amount / row.get("exchangerate", 1.0), 4))
    if table.logical == "annotation":
        _note(row)


def _set(row: Row, name: str, value: Any) -> None:
    if value is None or value == "":
        row.pop(name, None)
    else:
        row[name] = value


def composite(row: Row, prefix: str) -> str:
    """An address on several lines, as the platform joins it."""
    place = " ".join(filter(None, (row.get(prefix + "stateorprovince"), row.get(prefix + "postalcode"))))
    city = ", ".join(filter(None, (row.get(prefix + "city"), place)))
    lines = [row.get(prefix + line) for line in ADDRESS_LINES]
    return "\r\n".join(filter(None, (*lines, city, row.get(prefix + "country"))))


def _note(row: Row) -> None:
    """A note's size and kind follow from its document (facts §7: isdocument, unverified)."""
    body: str | None = row.get("documentbody")
    row["isdocument"] = body is not None
    if body is None:
        row.pop("filesize", None)
    else:
        row["filesize"] = len(body) * 3 // 4 - body[-2:].count("=")
    _set(row, "objecttypecode", row.get("objectid@target"))


def money_columns(table: Table) -> bool:
    """Whether the table keeps amounts, so that its rows need a currency (facts §3.12)."""
    return "transactioncurrencyid" in table.columns and any(column.kind == "Money" for column in table.columns.values())

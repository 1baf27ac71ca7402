"""Duplicate detection: published rules that a write obeys only when it asks for it (facts/dataverse.md §2, §7, §10)."""

from typing import TYPE_CHECKING, cast

from .clock import stable_id
from .errors import DataverseError
from .http import Answer, Call
from .metadata import Row, Table
from .organization import Organization

if TYPE_CHECKING:
    from .app import Server

PUBLISHED = 2

# The rules that ship, published (facts §7): name, table, columns that must all be equal.
SHIPPED = (
    ("Accounts with the same Account Name", "account", ("name",)),
    ("Accounts with the same e-mail address", "account", ("emailaddress1",)),
    ("Contacts with the same e-mail address", "contact", ("emailaddress1",)),
    ("Contacts with the same first name and last name", "contact", ("firstname", "lastname")),
    ("Leads with the same e-mail address", "lead", ("emailaddress1",)),
)
HEADER = "mscrm.suppressduplicatedetection"


def register(server: "Server") -> None:
    """Write the shipped rules into a new organisation, and look at every single create and update."""
    organization = server.organization
    if not organization.count("duplicaterule"):
        for name, table, columns in SHIPPED:
            _publish(organization, name, table, columns)
    server.gates.append(lambda call: gate(server, call))


def _publish(organization: Organization, name: str, table: str, columns: tuple[str, ...]) -> None:
    rule = stable_id("duplicaterule", name)
    states: Row = {"statecode": 1, "statuscode": PUBLISHED, "iscasesensitive": False}
    tables: Row = {"baseentityname": table, "matchingentityname": table}
    organization.put("duplicaterule", rule, {"duplicateruleid": rule, "name": name, **tables, **states})
    for column in columns:
        condition = stable_id(rule, column)
        compared: Row = {"baseattributename": column, "matchingattributename": column, "regardingobjectid": rule}
        organization.put("duplicaterulecondition", condition, {"duplicateruleconditionid": condition, **compared})


def rules(organization: Organization, table: str) -> list[tuple[str, ...]]:
    """The columns of each published rule of a table: rows with the same values in all of them are duplicates."""
    found: list[tuple[str, ...]] = []
    for rule in organization.scan("duplicaterule"):
        if rule.get("baseentityname") == table and rule.get("statuscode") == PUBLISHED:
            conditions = organization.scan("duplicaterulecondition")
            mine = [item["baseattributename"] for item in conditions if item.get("regardingobjectid") == rule["duplicateruleid"]]
            found.append(tuple(mine))
    return found


def asked_for(call: Call) -> bool:
    """Whether the caller wants the rules obeyed: on the Web API they are suppressed unless the header says false (facts §2)."""
    return (call.header(HEADER) or "").lower() == "false"


def gate(server: "Server", call: Call) -> Answer | None:
    """Refuse a single create or update that would make a duplicate. The Multiple messages call `refuse` for each target."""
    if call.method in ("POST", "PATCH") and asked_for(call):
        entity_set, bracket, key = call.resource.partition("(")
        table = server.organization.schema.sets.get(entity_set)
        if table is not None and (call.method == "PATCH") == bool(bracket):
            refuse(server, table, cast("Row", call.json()), key.rstrip(")").lower())
    return None


def refuse(server: "Server", table: Table, values: Row, row_id: str) -> None:
    """Raise the refusal, HTTP 500 as documented (facts §7), when another row matches the row that the values would make."""
    organization = server.organization
    before = organization.find(table.logical, row_id) or {}
    for columns in rules(organization, table.logical):
        wanted = [_folded(values.get(column, before.get(column))) for column in columns]
        if None in wanted or not any(column in values for column in columns):  # empty values are not compared
            continue
        for row in organization.scan(table.logical):
            if row[table.primary_id] != row_id and [_folded(row.get(column)) for column in columns] == wanted:
                message = "A record was not created or updated because a duplicate of the current record already exists."
                raise DataverseError(500, "0x80040333", message)


def _folded(value: object) -> str | None:
    return value.strip().casefold() or None if isinstance(value, str) else None

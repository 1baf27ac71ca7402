"""Duplicate detection: published rules that a write obeys only when it asks for it (facts/dataverse.md §2, §7, §10)."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from .clock import stable_id
from .errors import DataverseError
from .http import Answer, Call
from .metadata import Row, Table

if TYPE_CHECKING:
    from .app import Server

PUBLISHED = 2
HEADER = "mscrm.suppressduplicatedetection"


@dataclass(frozen=True, slots=True)
class Rule:
    """Rows of a table with the same values in all these columns are duplicates; a rule does not look at empty values."""

    name: str
    table: str
    columns: tuple[str, ...]

    @property
    def rule_id(self) -> str:
        return stable_id("duplicaterule", self.name)


# The rules that ship, published (facts §7); their names as Microsoft's sample rules are called.
SHIPPED = (
    Rule("Accounts with the same Account Name", "account", ("name",)),
    Rule("Accounts with the same e-mail address", "account", ("emailaddress1",)),
    Rule("Contacts with the same e-mail address", "contact", ("emailaddress1",)),
    Rule("Contacts with the same first name and last name", "contact", ("firstname", "lastname")),
    Rule("Leads with the same e-mail address", "lead", ("emailaddress1",)),
)


def register(server: "Server") -> None:
    """Write the shipped rules into duplicaterule and look at every single create and update."""
    organization = server.organization
    for rule in SHIPPED:
        if "duplicaterule" in organization.schema.tables and organization.find("duplicaterule", rule.rule_id) is None:
            row = {
                "duplicateruleid": rule.rule_id,
                "name": rule.name,
                "baseentityname": rule.table,
                "matchingentityname": rule.table,
                "statecode": 1,
                "statuscode": PUBLISHED,
            }
            organization.put("duplicaterule", rule.rule_id, row)
    server.gates.append(lambda call: gate(server, call))


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
    for rule in SHIPPED:
        if rule.table != table.logical or not any(column in values for column in rule.columns) or not _published(server, rule):
            continue
        wanted = [_folded(values.get(column, before.get(column))) for column in rule.columns]
        if None in wanted:
            continue
        for row in organization.scan(table.logical):
            if row[table.primary_id] != row_id and [_folded(row.get(column)) for column in rule.columns] == wanted:
                message = "A record was not created or updated because a duplicate of the current record already exists."
                raise DataverseError(500, "0x80040333", message)


def _published(server: "Server", rule: Rule) -> bool:
    if "duplicaterule" not in server.organization.schema.tables:
        return True
    row = server.organization.find("duplicaterule", rule.rule_id)
    return row is not None and row.get("statuscode") == PUBLISHED


def _folded(value: object) -> str | None:
    return value.strip().casefold() or None if isinstance(value, str) else None

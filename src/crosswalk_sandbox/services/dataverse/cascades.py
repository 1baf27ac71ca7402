"""What follows from deleting a row or giving it another owner (facts/dataverse.md §0.7, §6.4)."""

from dataclasses import dataclass, field

from .errors import DataverseError
from .metadata import Row
from .organization import Organization


@dataclass(slots=True)
class Fall:
    """Everything that goes with a row, leaf first, and the links that are emptied."""

    rows: dict[tuple[str, str], None] = field(default_factory=dict[tuple[str, str], None])
    links: list[tuple[str, str, str]] = field(default_factory=list[tuple[str, str, str]])


def _rule(organization: Organization, child: str, column: str, parent: str, action: str) -> str:
    relationship = organization.schema.relationship_of(child, column, parent)
    return "NoCascade" if relationship is None else relationship.cascade.get(action, "NoCascade")


def plan_deletion(organization: Organization, table: str, row_id: str) -> Fall:
    """What a deletion takes along. Raises DataverseError 405 when a relationship restricts it (facts §10)."""
    fall = Fall()
    _collect(organization, table, row_id, fall, {(table, row_id)})
    return fall


def _collect(organization: Organization, table: str, row_id: str, fall: Fall, seen: set[tuple[str, str]]) -> None:
    if table == "transactioncurrency" and _currency_used(organization, row_id):
        raise restricted()
    for child, child_id, column in organization.children(row_id):
        rule = _rule(organization, child, column, table, "Delete")
        if rule == "Restrict" and (child, child_id) not in seen:
            raise restricted()
        if rule == "RemoveLink":
            fall.links.append((child, child_id, column))
        elif rule == "Cascade" and (child, child_id) not in seen:
            seen.add((child, child_id))
            _collect(organization, child, child_id, fall, seen)
    fall.rows[table, row_id] = None


def _currency_used(organization: Organization, currency: str) -> bool:
    tables = list(organization.schema.tables)
    return any(row.get("transactioncurrencyid") == currency for table in tables for row in organization.scan(table))


def restricted() -> DataverseError:
    return DataverseError(
        405,
        "0x80040227",
        "The object you tried to delete is associated with another object and cannot be deleted. To do this, remove the "
        "associations first.",
    )


def delete(organization: Organization, table: str, row_id: str) -> list[tuple[str, Row]]:
    """Delete a row with all that goes with it. Returns (table, row) of what went, leaf first."""
    fall = plan_deletion(organization, table, row_id)
    for child, child_id, column in fall.links:
        row = organization.find(child, child_id)
        if row is not None and (child, child_id) not in fall.rows:
            kept = {name: value for name, value in row.items() if name not in (column, column + "@target")}
            organization.put(child, child_id, kept)
    gone: list[tuple[str, Row]] = []
    for name, gone_id in fall.rows:
        row = organization.find(name, gone_id)
        if row is not None:
            _leave(organization, name, gone_id, fall)
            organization.put(name, gone_id, None)
            gone.append((name, row))
    return gone


def _leave(organization: Organization, table: str, row_id: str, fall: Fall) -> None:
    """Mark the parties that a row took and take it out of its many-to-many pairs."""
    for child, child_id, column in organization.children(row_id):
        if child == "activityparty" and column == "partyid" and (child, child_id) not in fall.rows:
            party = organization.rows[child][child_id]
            organization.put(child, child_id, party | {"ispartydeleted": True})
    for pair in organization.schema.many_to_many.values():
        if table in (pair.first, pair.second):
            for item in organization.scan(pair.intersect):
                if row_id in item.values():
                    organization.put(pair.intersect, item[organization.table(pair.intersect).primary_id], None)


def assigned(organization: Organization, table: str, row_id: str) -> list[tuple[str, str]]:
    """(table, id) of every row that gets a new owner with this one, this one left out."""
    found: dict[tuple[str, str], None] = {}
    waiting = [(table, row_id)]
    while waiting:
        parent, parent_id = waiting.pop()
        for child, child_id, column in organization.children(parent_id):
            mark = (child, child_id)
            if mark not in found and _rule(organization, child, column, parent, "Assign") == "Cascade" and mark != (table, row_id):
                found[mark] = None
                waiting.append(mark)
    return list(found)

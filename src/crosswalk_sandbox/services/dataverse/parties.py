"""Activity parties: who takes part in an activity, written through the activity alone (facts/dataverse.md §3.8)."""

from typing import Any

from . import bodies
from .clock import new_id
from .errors import DataverseError, bad_payload
from .metadata import Row, Table
from .organization import Organization

TABLE = "activityparty"
SENDER, TO, CC, BCC, REQUIRED, OPTIONAL, ORGANIZER, REGARDING, OWNER = range(1, 10)
CUSTOMER = 11
ALLOWED = {
    "appointment": {REQUIRED, OPTIONAL, ORGANIZER},
    "phonecall": {SENDER, TO},
    "email": {SENDER, TO, CC, BCC},
    "task": set[int](),
    "campaignresponse": {CUSTOMER, 12, 13},
}
KEPT = (REGARDING, OWNER)  # the platform's own rows


def write(organization: Organization, table: Table, row: Row, given: list[dict[str, Any]] | None) -> None:
    """Bring the parties of an activity in line with its owner, its regarding row and, unless None, the given list.

    Raises DataverseError 400 for a party whose mask the activity does not know.
    """
    activity = row[table.primary_id]
    held = [
        organization.rows[TABLE][row_id]
        for name, row_id, column in organization.children(activity)
        if name == TABLE and column == "activityid"
    ]
    wanted = {OWNER: (row["ownerid"], row.get("ownerid@target"))}
    if row.get("regardingobjectid"):
        wanted[REGARDING] = (row["regardingobjectid"], row["regardingobjectid@target"])
    for party in held:
        mask = party["participationtypemask"]
        if mask in KEPT:
            if wanted.get(mask) == (party["partyid"], party["partyid@target"]):
                del wanted[mask]
            else:
                organization.put(TABLE, party["activitypartyid"], None)
        elif given is not None:
            organization.put(TABLE, party["activitypartyid"], None)
    for mask, (party_id, target) in wanted.items():
        _put(organization, table, activity, {"partyid": party_id, "partyid@target": target, "participationtypemask": mask})
    for item in given or ():
        _put(organization, table, activity, _checked(organization, table, item))


def _checked(organization: Organization, table: Table, item: dict[str, Any]) -> Row:
    values = bodies.read(organization, organization.table(TABLE), item, creating=True).values
    mask = values.get("participationtypemask")
    if mask is None:
        raise bad_payload(table.entity_set, "An activity party needs a participationtypemask.")
    if mask not in ALLOWED.get(table.logical, {mask}):
        raise DataverseError(
            400, "0x80040203", f"Invalid argument: participation type {mask} is not valid for a party of {table.logical}."
        )
    target = values.get("partyid@target")
    if target is None and not values.get("addressused"):
        raise bad_payload(table.entity_set, "An activity party needs a partyid or an addressused.")
    if mask == ORGANIZER and target != "systemuser":
        raise DataverseError(400, "0x80040203", "Invalid argument: the organizer of an appointment must be a systemuser.")
    return values


def _put(organization: Organization, table: Table, activity: str, values: Row) -> None:
    party_id = new_id()
    row = {name: value for name, value in values.items() if value is not None}
    row |= {"activitypartyid": party_id, "activityid": activity, "activityid@target": table.logical}
    row |= {"instancetypecode": 0, "ispartydeleted": False, "donotemail": False, "donotphone": False}
    organization.put(TABLE, party_id, row)

"""Who a row belongs to (facts/dataverse.md §3.7)."""

from .errors import DataverseError
from .metadata import Row, Table
from .organization import Organization


def check(organization: Organization, table: Table, owner_id: str, target: str) -> None:
    """Raise DataverseError for an owner that is disabled or lacks rights on the table (status 400 and 403: unverified, §13)."""
    owner = organization.get(target, owner_id)
    if target != "systemuser":
        return
    if owner.get("isdisabled"):
        raise DataverseError(400, "0x8004022b", "The specified owner has been disabled.")
    if organization.withheld and not organization.holds(owner_id, f"prvRead{table.schema}"):
        raise DataverseError(403, "0x80040231", "Target user or team does not hold required privileges.")


def stamp(organization: Organization, row: Row) -> None:
    """Fill the columns that follow from the owner."""
    if row.get("ownerid@target") == "team":
        row["owningteam"] = row["ownerid"]
        row.pop("owninguser", None)
    else:
        row["owninguser"] = row["ownerid"]
        row.pop("owningteam", None)
    row["owningbusinessunit"] = organization.people.business_unit

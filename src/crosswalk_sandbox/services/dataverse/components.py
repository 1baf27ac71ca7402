"""Which solution a component was made in: the rows of solutioncomponent (facts/dataverse.md §6.1)."""

from .clock import new_id
from .errors import DataverseError
from .organization import Organization

COMPONENTS = {"Entity": 1, "Attribute": 2, "OptionSet": 9, "EntityRelationship": 10, "EntityKey": 14}


class Components:
    """Writes components down and forgets them."""

    def __init__(self, organization: Organization) -> None:
        self.organization = organization

    def check(self, name: str | None) -> None:
        """Raise DataverseError 404 for a solution that does not exist."""
        if name is not None and all(row.get("uniquename") != name for row in self.organization.scan("solution")):
            raise DataverseError(404, "0x80040217", f"solution With UniqueName = {name} Does Not Exist")

    def note(self, solution: str | None, kind: str, metadata_id: str, behavior: int = 0) -> None:
        """Write a component down in its solution; once."""
        row = next((row for row in self.organization.scan("solution") if row.get("uniquename") == solution), None)
        if row is None:
            return
        for item in self.organization.scan("solutioncomponent"):
            if item["objectid"] == metadata_id and item["solutionid"] == row["solutionid"]:
                return
        values = {"objectid": metadata_id, "componenttype": COMPONENTS[kind], "rootcomponentbehavior": behavior}
        row_id = new_id()
        values |= {"solutioncomponentid": row_id, "solutionid": row["solutionid"], "ismetadata": True}
        self.organization.put("solutioncomponent", row_id, values)

    def forget(self, metadata_id: str) -> None:
        """Take a deleted component out of all solutions."""
        for item in list(self.organization.scan("solutioncomponent")):
            if item["objectid"] == metadata_id:
                self.organization.put("solutioncomponent", item["solutioncomponentid"], None)

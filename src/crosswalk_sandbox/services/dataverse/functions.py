"""Functions about the caller and the server: WhoAmI, privileges, record counts, the version (facts §1, §5.3, §8)."""

import re
from typing import TYPE_CHECKING

import orjson

from .clock import stable_id
from .errors import DataverseError
from .http import Answer, Call
from .seed import PRIVILEGES

if TYPE_CHECKING:
    from .app import Server

# The degree of parallelism that the server recommends; a real organisation says between 4 and 52 (facts §5.3).
PARALLELISM = 4
GUID = r"([0-9a-fA-F-]{36})"


def register(server: "Server") -> None:
    """Route the functions."""
    functions = Functions(server)
    routes = server.routes
    routes.add("GET", r"WhoAmI(?:\(\))?", functions.who_am_i)
    routes.add("GET", r"RetrieveVersion(?:\(\))?", functions.version)
    prefix = r"(?:Microsoft\.Dynamics\.CRM\.)?"
    by_name = rf"systemusers\({GUID}\)/{prefix}RetrieveUserPrivilegeByPrivilegeName\(PrivilegeName=(@?[^)]*)\)"
    routes.add("GET", by_name, functions.privilege)
    routes.add("GET", rf"systemusers\({GUID}\)/{prefix}RetrieveUserPrivileges(?:\(\))?", functions.privileges)
    routes.add("GET", r"RetrieveTotalRecordCount\(EntityNames=(.*)\)", functions.totals)


class Functions:
    """The handlers."""

    def __init__(self, server: "Server") -> None:
        self.server = server

    def context(self, call: Call, name: str) -> str:
        return f"{call.base_url}/api/data/v9.2/$metadata#Microsoft.Dynamics.CRM.{name}"

    def who_am_i(self, call: Call, _match: "re.Match[str]") -> Answer:
        """Who the caller is, with the recommended parallelism in `x-ms-dop-hint`."""
        people = self.server.organization.people
        body = {
            "@odata.context": self.context(call, "WhoAmIResponse"),
            "BusinessUnitId": people.business_unit,
            "UserId": call.who.user_id,
            "OrganizationId": people.organization,
        }
        return Answer(200, body, {"x-ms-dop-hint": str(PARALLELISM)})

    def version(self, call: Call, _match: "re.Match[str]") -> Answer:
        return Answer(200, {"@odata.context": self.context(call, "RetrieveVersionResponse"), "Version": "9.2.26104.00180"})

    def privilege(self, call: Call, match: "re.Match[str]") -> Answer:
        """Whether a user has one privilege: a list of one, or an empty one."""
        user_id, name = match.groups()
        if name.startswith("@"):
            name = call.parameters().get(name, "")
        wanted = name.strip("'")
        self.server.organization.get("systemuser", user_id.lower())
        held = [wanted] if self.server.organization.holds(user_id.lower(), wanted) and wanted else []
        return self._answered(call, "RetrieveUserPrivilegeByPrivilegeNameResponse", held)

    def privileges(self, call: Call, match: "re.Match[str]") -> Answer:
        """All privileges of a user: those of every table and the organisation-wide ones."""
        user_id = match.group(1).lower()
        organization = self.server.organization
        organization.get("systemuser", user_id)
        verbs = ("Create", "Read", "Write", "Delete", "Append", "AppendTo", "Assign", "Share")
        names = [f"prv{verb}{table.schema}" for table in organization.schema.tables.values() for verb in verbs]
        held = [name for name in (*PRIVILEGES, *names) if organization.holds(user_id, name)]
        return self._answered(call, "RetrieveUserPrivilegesResponse", held)

    def _answered(self, call: Call, name: str, held: list[str]) -> Answer:
        unit = self.server.organization.people.business_unit
        listed = [
            {
                "Depth": "Global",
                "PrivilegeId": stable_id("privilege", name),
                "BusinessUnitId": unit,
                "PrivilegeName": name,
                "RecordFilterId": "00000000-0000-0000-0000-000000000000",
                "RecordFilterUniqueName": "",
            }
            for name in held
        ]
        return Answer(200, {"@odata.context": self.context(call, name), "RolePrivileges": listed})

    def totals(self, call: Call, match: "re.Match[str]") -> Answer:
        """Counts by table; exact here, a snapshot up to a day old in the real thing (facts §8)."""
        text = match.group(1)
        if text.startswith("@"):
            text = call.parameters().get(text, "[]")
        try:
            names: list[str] = orjson.loads(text.replace("'", '"'))
        except orjson.JSONDecodeError:
            raise DataverseError(400, "0x80060888", "EntityNames must be a list of logical names.") from None
        counts = [self.server.organization.count(self.server.organization.table(name).logical) for name in names]
        body = {
            "@odata.context": self.context(call, "RetrieveTotalRecordCountResponse"),
            "EntityRecordCountCollection": {"Count": len(names), "IsReadOnly": False, "Keys": names, "Values": counts},
        }
        return Answer(200, body)

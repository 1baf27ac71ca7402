"""An emulated Dataverse in process, spoken to without a network: for tests of rules rather than of HTTP."""

import json
from typing import Any
from urllib.parse import quote

from crosswalk_sandbox.services.dataverse.app import Options, Server
from crosswalk_sandbox.services.dataverse.http import Answer, Call, Caller

BASE = "https://sandbox.test"
ROOT = "/api/data/v9.2/"
Json = dict[str, Any]


class Talk:
    """One organisation, and the application user's calls to it."""

    def __init__(self, server: Server | None = None) -> None:
        self.server = server or Server(Options("tenant", "client", "secret", limits="off"))
        self.server.serve_at(BASE)
        self.call: Call

    def send(self, method: str, path: str, body: Any = None, query: str = "", **headers: str) -> Answer:
        """One call; header names are written with underscores. The call stays in `call`."""
        user = self.server.organization.people.application
        raw = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        names = {name.replace("_", "-").lower(): value for name, value in headers.items()}
        self.call = Call(method, ROOT + quote(path, safe="/()=',$"), query, names, raw, Caller(user, user), BASE)
        return self.server.answer(self.call)

    def done(self, method: str, path: str, body: Any = None, query: str = "", **headers: str) -> Any:
        """The body of a call that must succeed."""
        answer = self.send(method, path, body, query, **headers)
        assert answer.status < 300, answer.body
        return answer.body

    def refusal(self, method: str, path: str, body: Any = None, query: str = "", **headers: str) -> tuple[int, str]:
        """Status and code of a call that must be refused."""
        answer = self.send(method, path, body, query, **headers)
        assert answer.status >= 400, answer.body
        return answer.status, answer.body["error"]["code"]

    def made(self, entity_set: str, **values: Any) -> str:
        """A row; its id."""
        answer = self.send("POST", entity_set, values)
        assert answer.status == 204, answer.body
        return answer.headers["OData-EntityId"].rpartition("(")[2].rstrip(")")

    def names(self, entity_set: str, column: str) -> list[Any]:
        """The values of one column in all rows of a table."""
        table = self.server.organization.by_set(entity_set)
        return [row.get(column) for row in self.server.organization.scan(table.logical)]

    def table(self, schema_name: str, *columns: str, key: str = "") -> str:
        """A custom table with text columns besides its name; `key` is the column of an alternate key, Active on return."""

        def column(name: str, *, primary: bool = False) -> Json:
            kind = "Microsoft.Dynamics.CRM.StringAttributeMetadata"
            return {"@odata.type": kind, "SchemaName": name, "MaxLength": 100, "IsPrimaryName": primary}

        shape = {
            "@odata.type": "Microsoft.Dynamics.CRM.EntityMetadata",
            "SchemaName": schema_name,
            "DisplayName": label(schema_name),
            "DisplayCollectionName": label(f"{schema_name}s"),
            "OwnershipType": "UserOwned",
            "Attributes": [column("new_Name", primary=True)],
        }
        self.done("POST", "EntityDefinitions", shape)
        logical = schema_name.lower()
        for name in columns:
            self.done("POST", f"EntityDefinitions(LogicalName='{logical}')/Attributes", column(name))
        if key:
            body = {"SchemaName": f"{schema_name}Key", "DisplayName": label("key"), "KeyAttributes": [key.lower()]}
            self.done("POST", f"EntityDefinitions(LogicalName='{logical}')/Keys", body)
            self.server.organization.clock.offset += 600
            self.done("GET", f"EntityDefinitions(LogicalName='{logical}')/Keys")
        return logical


def label(text: str) -> Json:
    return {"LocalizedLabels": [{"Label": text, "LanguageCode": 1033}]}

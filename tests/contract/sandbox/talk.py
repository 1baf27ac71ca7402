"""A sandbox in process, spoken to without a network: for tests of rules rather than of HTTP."""

import json
from dataclasses import replace
from typing import Any
from urllib.parse import quote

from crosswalk_sandbox.services.twenty.app import Options, Server
from crosswalk_sandbox.services.twenty.http import Call
from crosswalk_sandbox.services.twenty.people import People

KEY = "key"
QUIET = Options(api_key=KEY, limits=False, workflow=False)


class Talk:
    """One sandbox and the API key's calls to it; limits and workflow are off unless asked for."""

    def __init__(self, **options: Any) -> None:
        self.server = Server(replace(QUIET, **options))
        self.people = People(self.server)

    def call(self, method: str, path: str, body: Any = None, **query: Any) -> tuple[int, Any]:
        """Status and body of one call."""
        text = "&".join(f"{name}={quote(str(value))}" for name, value in query.items())
        raw = b"" if body is None else json.dumps(body).encode()
        answer = self.server.handle(Call(method, path, text, {"Authorization": f"Bearer {KEY}"}, raw))
        return answer.status, json.loads(answer.encoded() or b"null")

    def get(self, path: str, **query: Any) -> Any:
        return self.call("GET", path, **query)[1]

    def made(self, plural: str, *rows: dict[str, Any]) -> list[dict[str, Any]]:
        """Rows created in one batch. Fails the test if the server refuses."""
        status, body = self.call("POST", f"/rest/batch/{plural}", list(rows))
        assert status == 201, body
        return next(iter(body["data"].values()))

    def graphql(self, query: str, path: str = "/graphql", **variables: Any) -> Any:
        return self.call("POST", path, {"query": query, "variables": variables})[1]

    def message(self, method: str, path: str, body: Any = None, **query: Any) -> str:
        """The one message of a refused call."""
        status, answer = self.call(method, path, body, **query)
        assert status >= 400, answer
        return answer["messages"][0]

    def custom(self, name: str, *fields: dict[str, Any]) -> str:
        """A custom object with fields; its id."""
        label = name.capitalize()
        shape = {"nameSingular": name, "namePlural": f"{name}s", "labelSingular": label, "labelPlural": f"{label}s"}
        status, made = self.call("POST", "/rest/metadata/objects", shape)
        assert status == 201, made
        for field in fields:
            status, body = self.call(
                "POST", "/rest/metadata/fields", {"objectMetadataId": made["id"], "label": field["name"], **field}
            )
            assert status == 201, body
        return made["id"]

    def object_id(self, name: str) -> str:
        return self.server.workspace.kinds[name].id

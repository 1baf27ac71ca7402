"""Change tracking: what was written and what was deleted since a token (facts/dataverse.md §8)."""

from typing import TYPE_CHECKING, Any, cast
from urllib.parse import quote, unquote

import orjson

from .errors import DataverseError, bad_query
from .http import Answer, Call
from .metadata import Table
from .organization import Change

if TYPE_CHECKING:
    from .app import Server

TOKEN_LIFE_S = 7 * 86_400
FORBIDDEN = ("$filter", "$orderby", "$expand", "$top")


def register(server: "Server") -> None:
    """Listen to deletions and answer requests that ask for changes."""
    tracking = Tracking(server)
    server.organization.listeners.append(tracking.note)
    server.gates.append(tracking.gate)


class Tracking:
    """Deletions by table, newest last: (row version, id). A token is the row version and the time at which it was given."""

    def __init__(self, server: "Server") -> None:
        self.server = server
        self.deleted: dict[str, dict[str, int]] = {}

    def note(self, change: Change) -> None:
        """Remember a deletion; forget it when the row comes back."""
        gone = self.deleted.setdefault(change.table, {})
        if change.after is None:
            gone[change.row_id] = self.server.organization.version
        else:
            gone.pop(change.row_id, None)

    def gate(self, call: Call) -> Answer | None:
        """Answer the first request (Prefer: odata.track-changes) and those with a $deltatoken; others pass."""
        if call.method != "GET" or not ("deltatoken" in call.query_string or "track-changes" in call.headers.get("prefer", "")):
            return None
        parameters = call.parameters()
        token = parameters.get("$deltatoken")
        if token is None and "odata.track-changes" not in call.prefers():
            return None
        table = self.server.organization.schema.sets.get(call.resource)
        if table is None:
            return None
        if not table.change_tracking:
            raise bad_query(f"Change tracking is not enabled for entity '{table.logical}'.")
        for name in FORBIDDEN:
            if name in parameters:
                raise bad_query(f"The query parameter '{name}' cannot be used with change tracking.")
        since = 0 if token is None else self.version_of(token)
        return self.changes(call, table, parameters.get("$select"), since)

    def version_of(self, token: str) -> int:
        """The row version of a token. Raises DataverseError 400 for one that is none or has expired."""
        version, _, given = unquote(token).partition("!")
        if not version.isdigit() or not given.replace(".", "", 1).isdigit():
            raise bad_query("The $deltatoken cannot be read.")
        if self.server.organization.clock.seconds() - float(given) > TOKEN_LIFE_S:
            raise DataverseError(
                400, "0x80044352", "Version stamp associated with the client has expired. Please perform a full sync."
            )
        return int(version)

    def changes(self, call: Call, table: Table, columns: str | None, since: int) -> Answer:
        """Rows written and ids deleted after a row version, and the link that asks for what follows; never paged here."""
        organization = self.server.organization
        base = f"{call.base_url}/api/data/v9.2"
        chosen = f"$select={quote(columns, safe=',')}&" if columns else ""
        newer = {row[table.primary_id] for row in organization.scan(table.logical) if row["versionnumber"] > since}
        shown = [row for row in self.listed(call, table, columns) if row[table.primary_id] in newer]
        gone: list[dict[str, Any]] = [
            {"@odata.context": f"{base}/$metadata#{table.entity_set}/$deletedEntity", "id": row_id, "reason": "deleted"}
            for row_id, version in self.deleted.get(table.logical, {}).items()
            if since and version > since
        ]
        token = quote(f"{organization.version}!{organization.clock.seconds():.0f}", safe="")
        body = {
            "@odata.context": f"{base}/$metadata#{table.entity_set}{f'({columns})' if columns else ''}/$delta",
            "@odata.deltaLink": f"{base}/{table.entity_set}?{chosen}$deltatoken={token}",
            "value": [*shown, *gone],
        }
        return Answer(200, body, {"Preference-Applied": "odata.track-changes"})

    def listed(self, call: Call, table: Table, columns: str | None) -> list[dict[str, Any]]:
        """All rows as an ordinary request for them shows them; pages are put together."""
        wanted = f"{columns},{table.primary_id}" if columns and table.primary_id not in columns.split(",") else columns
        query = f"$select={wanted}" if wanted else ""
        rows: list[dict[str, Any]] = []
        while True:
            headers = {name: value for name, value in call.headers.items() if name != "prefer"}
            headers["prefer"] = "odata.maxpagesize=5000"
            inner = Call("GET", call.path, query, headers, caller=call.caller, base_url=call.base_url)
            answer = self.server.answer(inner)
            body = cast("dict[str, Any]", answer.body if isinstance(answer.body, dict) else orjson.loads(answer.encoded()))
            if answer.status >= 400:
                raise DataverseError(answer.status, body["error"]["code"], body["error"]["message"])
            rows += body["value"]
            link = body.get("@odata.nextLink")
            if link is None:
                return rows
            query = link.partition("?")[2]

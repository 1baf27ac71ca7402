"""What all handlers of metadata share: how they answer, and what is looked at before a write (facts/dataverse.md §2, §6)."""

import re
from typing import TYPE_CHECKING

from .http import Answer, Call, Handler
from .metadata import Row
from .metadata_reads import MetadataReader

if TYPE_CHECKING:
    from .app import Server


class MetadataHandlers:
    """The parts of a server that handlers of metadata use."""

    def __init__(self, server: "Server") -> None:
        self.server = server
        self.organization = server.organization
        self.schema = server.organization.schema
        self.writes = server.metadata
        self.reader = MetadataReader(server.organization)

    def add(self, method: str, pattern: str, handler: Handler) -> None:
        """Route a handler; a write is guarded."""
        self.server.routes.add(method, pattern, handler if method == "GET" else self.writing(handler))

    def writing(self, handler: Handler) -> Handler:
        """A handler of a write: rights, locks and the solution are looked at first (facts §2, §6.8)."""

        def handle(call: Call, match: "re.Match[str]") -> Answer:
            self.organization.demand(call.who.user_id, "prvCreateEntity" if call.method == "POST" else "prvWriteEntity")
            self.writes.check_lock()
            self.writes.components.check(solution_of(call))
            try:
                return handler(call, match)
            finally:
                self.schema.version += 1

        return handle

    def values(self, call: Call, shapes: list[Row], path: str) -> Answer:
        return Answer(200, {"@odata.context": f"{call.base_url}/api/data/v9.2/$metadata#{path}", "value": shapes})

    def one(self, call: Call, shape: Row, path: str) -> Answer:
        return Answer(200, {"@odata.context": f"{call.base_url}/api/data/v9.2/$metadata#{path}/$entity", **shape})

    def made(self, call: Call, path: str) -> Answer:
        """204 with the address of a new component, which the ledger hears of."""
        call.written.object, call.written.ids = path.partition("(")[0], [path.rpartition("(")[2].rstrip(")")]
        return Answer(204, None, {"OData-EntityId": f"{call.base_url}/api/data/v9.2/{path}"})


def solution_of(call: Call) -> str | None:
    """The solution to note new components in: the header's, or the query's as Microsoft's client says it."""
    return call.header("mscrm.solutionuniquename") or call.parameters().get("SolutionUniqueName")

"""The emulated Twenty server as the control API sees it."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import orjson

from .people import People

if TYPE_CHECKING:
    from .app import Server
    from .webhooks import Delivery

Json = dict[str, Any]


class Controlled:
    """POST seed, edit, soft-delete, corrupt, session, workflow, limits; GET deliveries."""

    def __init__(self, server: "Server") -> None:
        self.server = server

    def dump(self, name: str | None) -> dict[str, list[Json]]:
        """All rows of one object or of all that have any, soft-deleted ones included, as answers show them."""
        workspace = self.server.workspace
        names = [name] if name else list(workspace.kinds)
        rows = {kind: [workspace.shown(workspace.kinds[kind], row) for _, row in workspace.table(kind).scan()] for kind in names}
        return {kind: found for kind, found in rows.items() if found or name}

    def verbs(self) -> dict[str, Callable[[Any], Json]]:
        people = People(self.server)
        return {
            "seed": people.seed,
            "edit": people.edit,
            "soft-delete": people.soft_delete,
            "corrupt": people.corrupt,
            "session": people.session,
            "workflow": self.workflow,
            "limits": self.limits,
        }

    def reports(self) -> dict[str, Callable[[], Any]]:
        return {"deliveries": lambda: {"deliveries": [_delivery(item) for item in self.server.webhooks.deliveries]}}

    def workflow(self, body: Any) -> Json:
        """{"active": bool, "delay_s": seconds}: the default workflow, which an API key cannot switch."""
        return self.server.set_workflow(body.get("active"), body.get("delay_s"))

    def limits(self, body: Any) -> Json:
        """{"active": bool}; buckets start full."""
        limits = self.server.limits
        limits.active = bool(body.get("active", body.get("on", True)))
        limits.reset()
        return {"active": limits.active}


def _delivery(item: "Delivery") -> Json:
    return {
        "target": item.target,
        "event": item.event,
        "headers": item.headers,
        "body": orjson.loads(item.body),
        "sent": item.sent,
        "status": item.status,
    }

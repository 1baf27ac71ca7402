"""The control API under /__control__: what a test does to the sandbox that no API client could."""

import ipaddress
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import orjson
from aiohttp import web

from crosswalk_sandbox.services.twenty.schema import is_list, is_row

from .faults import make_fault
from .people import People

if TYPE_CHECKING:
    from crosswalk_sandbox.services.twenty.app import Server
    from crosswalk_sandbox.services.twenty.webhooks import Delivery

Json = dict[str, Any]


class Control:
    """POST reset, seed, edit, soft-delete, corrupt, faults, clock, workflow, limits, session; GET ledger, state, dump, stats."""

    def __init__(self, server: "Server") -> None:
        self.server = server
        self.posts: dict[str, Callable[[Any], Json]] = {
            "reset": self.reset,
            "seed": lambda body: self.people.seed(body),
            "edit": lambda body: self.people.edit(body),
            "soft-delete": lambda body: self.people.soft_delete(body),
            "corrupt": lambda body: self.people.corrupt(body),
            "faults": self.faults,
            "clock": self.clock,
            "workflow": self.workflow,
            "limits": self.limits,
            "session": lambda body: self.people.session(body),
        }

    @property
    def people(self) -> People:
        return People(self.server)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer a control call; refuses everybody but this machine."""
        if request.remote and not ipaddress.ip_address(request.remote).is_loopback:
            return web.json_response({"error": "the control API answers to loopback only"}, status=403)
        name = request.match_info["tail"].strip("/")
        try:
            if request.method == "GET":
                return self._answer(self.read(name, dict(request.query)))
            handler = self.posts.get(name)
            if handler is None:
                return web.json_response({"error": f"no control verb {name}", "verbs": sorted(self.posts)}, status=404)
            raw = await request.read()
            answer = handler(orjson.loads(raw) if raw else {})
            self.server.save()
            return self._answer(answer)
        except (KeyError, ValueError, TypeError) as error:
            return web.json_response({"error": f"{name}: {error}"}, status=400)

    def _answer(self, body: Any) -> web.Response:
        return web.Response(body=orjson.dumps(body), content_type="application/json")

    def read(self, name: str, query: dict[str, str]) -> Any:
        """GET ledger?since=, state, dump?object=, stats, deliveries."""
        server = self.server
        if name == "ledger":
            return {"entries": server.ledger.since(int(query.get("since", 0)))}
        if name == "stats":
            return {"requests": server.ledger.requests, "refused_429": server.ledger.refused}
        if name == "deliveries":
            return {"deliveries": [_delivery(item) for item in server.webhooks.deliveries]}
        if name in ("state", "dump", "state/dump"):
            return self.dump(query.get("object"))
        raise ValueError("nothing to read here; there is ledger, state, dump, stats and deliveries")

    def dump(self, name: str | None) -> Json:
        """All rows of one object or of all that have any, soft-deleted ones included, as answers show them."""
        workspace = self.server.workspace
        names = [name] if name else list(workspace.kinds)
        rows = {kind: [workspace.shown(workspace.kinds[kind], row) for _, row in workspace.table(kind).scan()] for kind in names}
        return {"objects": {kind: found for kind, found in rows.items() if found or name}}

    def reset(self, _body: Any) -> Json:
        self.server.reset()
        return {"reset": True}

    def faults(self, body: Any) -> Json:
        """Queue one fault or a list of them; {"clear": true} empties the queue."""
        queue = self.server.faults.queue
        if is_row(body) and body.get("clear"):
            queue.clear()
            return {"queued": 0}
        items: list[Json] = body if is_list(body) else [body]
        queue += [make_fault(item) for item in items]
        return {"queued": len(queue)}

    def clock(self, body: Any) -> Json:
        """Move the workspace's time: {"offset_s": 3600} from the machine's, or {"advance_s": 60} from where it is."""
        clock = self.server.workspace.clock
        clock.offset = float(body["offset_s"]) if "offset_s" in body else clock.offset + float(body.get("advance_s", 0))
        return {"now": clock.now(), "offset_s": clock.offset}

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

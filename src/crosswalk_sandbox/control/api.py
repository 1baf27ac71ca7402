"""The control API under /__control__: what a test does to the sandbox that no API client could."""

import ipaddress
from collections.abc import Callable
from typing import Any, cast

import orjson
from aiohttp import web

from .faults import make_fault
from .service import Controlled, Json, Service


class Control:
    """POST reset, faults, clock and the service's own verbs; GET ledger, stats, dump (or state) and the service's own reports."""

    def __init__(self, service: Service, controlled: Controlled) -> None:
        self.service = service
        self.controlled = controlled

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer a control call; refuses everybody but this machine."""
        if request.remote and not ipaddress.ip_address(request.remote).is_loopback:
            return web.json_response({"error": "the control API answers to loopback only"}, status=403)
        name = request.match_info["tail"].strip("/")
        try:
            if request.method == "GET":
                return _answer(self.read(name, dict(request.query)))
            verbs = self.verbs()
            if name not in verbs:
                return web.json_response({"error": f"no control verb {name}", "verbs": sorted(verbs)}, status=404)
            raw = await request.read()
            answer = verbs[name](orjson.loads(raw) if raw else {})
            self.service.save()
            return _answer(answer)
        except (KeyError, ValueError, TypeError) as error:
            return web.json_response({"error": f"{name}: {error}"}, status=400)

    def verbs(self) -> dict[str, Callable[[Any], Json]]:
        """Everything that can be posted."""
        return {"reset": self.reset, "faults": self.faults, "clock": self.clock, **self.controlled.verbs()}

    def read(self, name: str, query: dict[str, str]) -> Any:
        """GET ledger?since=, stats, dump?object=, or one of the service's reports. Raises ValueError for another name."""
        ledger = self.service.ledger
        if name == "ledger":
            return {"entries": ledger.since(int(query.get("since", 0)))}
        if name == "stats":
            return {"requests": ledger.requests, "refused_429": ledger.refused}
        if name in ("state", "dump", "state/dump"):
            return {"objects": self.controlled.dump(query.get("object"))}
        reports = self.controlled.reports()
        if name not in reports:
            raise ValueError(f"nothing to read here; there is {', '.join(['ledger', 'stats', 'dump', *reports])}")
        return reports[name]()

    def reset(self, _body: Any) -> Json:
        self.service.reset()
        return {"reset": True}

    def faults(self, body: Any) -> Json:
        """Queue one fault or a list of them; {"clear": true} empties the queue."""
        queue = self.service.faults.queue
        items = cast("list[Json]", body if isinstance(body, list) else [body])
        if any(item.get("clear") for item in items):
            queue.clear()
            return {"queued": 0}
        queue += [make_fault(item) for item in items]
        return {"queued": len(queue)}

    def clock(self, body: Any) -> Json:
        """Move the service's time: {"offset_s": 3600} from the machine's, or {"advance_s": 60} from where it is."""
        clock = self.service.clock
        clock.offset = float(body["offset_s"]) if "offset_s" in body else clock.offset + float(body.get("advance_s", 0))
        return {"now": clock.now(), "offset_s": clock.offset}


def _answer(body: Any) -> web.Response:
    return web.Response(body=orjson.dumps(body), content_type="application/json")

"""The HTTP side: reads the request, applies scripted faults and the service protection limits, writes the ledger."""

import asyncio
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from aiohttp import web

from crosswalk_sandbox.control.api import Control
from crosswalk_sandbox.control.faults import Fault
from crosswalk_sandbox.control.ledger import Entry
from crosswalk_sandbox.serving import HEAD, READY

from .clock import new_id
from .controlled import Controlled
from .errors import DataverseError
from .http import Answer, Call, refused
from .limits import Refusal

if TYPE_CHECKING:
    from .app import Server

BODY_MAXIMUM = 128 * 1024 * 1024 + 1024 * 1024  # a whole file column in one request (facts/dataverse.md §9)
HEAD_MAXIMUM = 32 * 1024 + 256  # a URL of 32 KB outside a batch, with its method
DROPS = ("drop_before_commit", "drop_after_commit")


def throttled(refusal: Refusal) -> Answer:
    """A 429 with its Retry-After (facts §5.1)."""
    headers = {"Retry-After": str(refusal.retry_after_s)}
    return refused(DataverseError(429, refusal.code, refusal.message, headers))


def faulty(fault: Fault) -> Answer:
    """The answer of a scripted 429 or 500."""
    if fault.kind == "429":
        message = "Number of requests exceeded the limit of 6000 over time window of 300 seconds."
        return throttled(Refusal("0x80072322", message, 1))
    return refused(DataverseError(500, "0x80040216", "An unexpected error occurred."))


def rows_in(call: Call) -> int:
    """How many rows or operations a request holds, for its modelled execution time; reading takes none."""
    if call.method == "GET":
        return 0
    if call.resource == "$batch":
        return call.raw.count(b"HTTP/1.1")
    return call.raw.count(b'"@odata.type"') if call.resource.endswith("Multiple") else 1


async def read_call(request: web.Request, base_url: str) -> Call:
    """A request as a plain value."""
    url = request.rel_url  # its raw parts: the decoded ones would be decoded twice
    headers: dict[str, str] = {}
    for name, value in request.headers.items():
        known = headers.get(name.lower())
        headers[name.lower()] = value if known is None else f"{known},{value}"  # two Prefer headers are one (facts §2)
    return Call(request.method, url.raw_path, url.raw_query_string, headers, await request.read(), base_url=base_url)


class Front:
    """Everything around Server.handle that needs a network or a clock that runs."""

    def __init__(self, server: "Server") -> None:
        self.server = server

    async def handle(self, request: web.Request) -> web.StreamResponse:
        server = self.server
        call = await read_call(request, server.base_url)
        fault = server.faults.take(call.method, call.path)
        if fault is not None and fault.delay_ms:
            await asyncio.sleep(fault.delay_ms / 1000)
        kind = fault.kind if fault is not None else None
        if fault is not None and kind in ("429", "500"):
            answer = faulty(fault)
        elif kind == "drop_before_commit":
            answer = Answer(0)
        else:
            answer = await self.limited(call)
        self.note(call, request.path_qs, answer.status, kind)
        if kind in DROPS and request.transport is not None:
            request.transport.abort()
        headers = {"OData-Version": "4.0", "x-ms-service-request-id": new_id(), **answer.headers}
        body = answer.encoded()
        if body or answer.status not in (204, 304):
            headers["Content-Type"] = answer.content_type
        return web.Response(status=answer.status or 500, body=body, headers=headers)

    async def limited(self, call: Call) -> Answer:
        """The server's answer under the limits, kept back until the modelled execution time is over: so requests overlap."""
        server = self.server
        if not call.resource:  # logging in counts towards nothing
            return server.handle(call)
        token, rows = call.headers.get("authorization", ""), rows_in(call)
        limits = server.limits
        refusal = limits.enter(token, rows)
        if refusal is not None:
            return throttled(refusal)
        loop = asyncio.get_running_loop()
        started = loop.time()
        try:
            answer = server.handle(call)
            if call.method != "GET":
                server.save()
            if limits.active:
                await asyncio.sleep(max(0.0, limits.rules.cost_ms(rows) / 1000 - (loop.time() - started)))
        finally:
            limits.leave(token)
        answer.headers.update(limits.headers(token))
        return answer

    def note(self, call: Call, path: str, status: int, fault: str | None) -> None:
        """Write the ledger."""
        ledger = self.server.ledger
        ledger.record(
            Entry(
                seq=ledger.requests + 1,
                time=self.server.organization.clock.now(),
                method=call.method,
                path=path,
                status=status,
                object=call.written.object,
                ids=call.written.ids,
                methods=call.written.methods,
                reads=call.written.reads,
                refusals=call.written.refusals,
                fault=fault,
            )
        )


async def _closing(server: "Server") -> AsyncIterator[None]:
    yield
    server.close()


def make_app(server: "Server") -> web.Application:
    """The aiohttp application: the control API under /__control__, everything else is the product."""
    app = web.Application(client_max_size=BODY_MAXIMUM)
    app[READY] = server.serve_at
    app[HEAD] = HEAD_MAXIMUM
    app.cleanup_ctx.append(lambda _app: _closing(server))
    app.router.add_route("*", "/__control__/{tail:.*}", Control(Controlled(server)).handle)
    app.router.add_route("*", "/{tail:.*}", Front(server).handle)
    return app

"""The HTTP side: reads the request, applies the service protection limits."""

import asyncio
from typing import TYPE_CHECKING

from aiohttp import web

from crosswalk_sandbox.control import front
from crosswalk_sandbox.control.faults import Fault
from crosswalk_sandbox.serving import HEAD

from .clock import new_id
from .controlled import Controlled
from .errors import DataverseError
from .http import Answer, Call, refused
from .limits import Refusal

if TYPE_CHECKING:
    from .app import Server

BODY_MAXIMUM = 128 * 1024 * 1024 + 1024 * 1024  # a whole file column in one request (facts/dataverse.md §9)
HEAD_MAXIMUM = 32 * 1024 + 256  # a URL of 32 KB outside a batch, with its method


def throttled(refusal: Refusal) -> Answer:
    """A 429 with its Retry-After (facts §5.1)."""
    headers = {"Retry-After": str(refusal.retry_after_s)}
    return refused(DataverseError(429, refusal.code, refusal.message, headers))


def rows_in(call: Call) -> int:
    """How many rows or operations a request holds, for its modelled execution time; reading takes none."""
    if call.method == "GET":
        return 0
    if call.resource == "$batch":
        return call.raw.count(b"HTTP/1.1")
    return call.raw.count(b'"@odata.type"') if call.resource.endswith("Multiple") else 1


class HttpFront(front.Front[Call, Answer]):
    """The organisation behind HTTP."""

    def __init__(self, server: "Server") -> None:
        super().__init__(server)
        self.server = server

    async def read(self, request: web.Request) -> Call:
        url = request.rel_url  # its raw parts: the decoded ones would be decoded twice
        headers: dict[str, str] = {}
        for name, value in request.headers.items():
            known = headers.get(name.lower())
            headers[name.lower()] = value if known is None else f"{known},{value}"  # two Prefer headers are one (facts §2)
        base_url = self.server.base_url
        return Call(request.method, url.raw_path, url.raw_query_string, headers, await request.read(), base_url=base_url)

    def faulty(self, fault: Fault, call: Call) -> Answer:
        if fault.kind == "429":
            message = "Number of requests exceeded the limit of 6000 over time window of 300 seconds."
            return throttled(Refusal("0x80072322", message, 1))
        return refused(DataverseError(500, "0x80040216", "An unexpected error occurred."))

    def response(self, answer: Answer) -> web.Response:
        headers = {"OData-Version": "4.0", "x-ms-service-request-id": new_id(), **answer.headers}
        body = answer.encoded()
        if body or answer.status not in (204, 304):
            headers["Content-Type"] = answer.content_type
        return web.Response(status=answer.status, body=body, headers=headers)

    async def answer(self, call: Call) -> Answer:
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


def make_app(server: "Server") -> web.Application:
    """The organisation and its control API as an aiohttp application."""
    app = front.make_app(HttpFront(server), Controlled(server), BODY_MAXIMUM)
    app[HEAD] = HEAD_MAXIMUM
    return app

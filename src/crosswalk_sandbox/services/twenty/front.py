"""The HTTP side: reads the request, multipart forms too, and lets the workflow's time pass."""

import asyncio
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

import orjson
from aiohttp import web

from crosswalk_sandbox.control import front
from crosswalk_sandbox.control.faults import Fault

from .controlled import Controlled
from .http import Answer, Call, Upload
from .limits import limit_reached

if TYPE_CHECKING:
    from .app import Server

HEADERS = {"X-Powered-By": "Express", "Access-Control-Allow-Origin": "*"}
BODY_MAXIMUM = 1024**3


class HttpFront(front.Front[Call, Answer]):
    """The workspace behind HTTP."""

    def __init__(self, server: "Server") -> None:
        super().__init__(server)
        self.server = server

    async def read(self, request: web.Request) -> Call:
        """A request as a plain value, multipart forms taken apart."""
        form: dict[str, Any] = {}
        if request.content_type == "multipart/form-data":
            for name, value in (await request.post()).items():
                if isinstance(value, web.FileField):
                    form[name] = Upload(value.filename, value.file.read())
                else:
                    form[name] = orjson.loads(value) if name in ("operations", "map") else value
        raw = b"" if form else await request.read()
        url = request.rel_url  # its raw parts: the decoded ones would be decoded twice
        return Call(request.method, url.raw_path, url.raw_query_string, dict(request.headers), raw, form=form)

    async def answer(self, call: Call) -> Answer:
        answer = self.server.handle(call)
        if call.method != "GET":
            self.server.save()
        return answer

    def faulty(self, fault: Fault, call: Call) -> Answer:
        """GraphQL meets its limit with HTTP 200 (transcript ratelimit_graphql)."""
        if fault.kind == "429" and call.path == "/graphql":
            return Answer(200, {"data": None, "errors": [limit_reached(100, 60_000).graphql_error()]})
        if fault.kind == "429":
            return Answer(429, limit_reached(100, 60_000).rest_body())
        return Answer(500, {"statusCode": 500, "error": "InternalServerErrorException", "messages": ["Internal server error"]})

    def response(self, answer: Answer) -> web.Response:
        return web.Response(status=answer.status, body=answer.encoded(), headers={**HEADERS, "Content-Type": answer.content_type})


def make_app(server: "Server") -> web.Application:
    """The workspace and its control API as an aiohttp application."""

    async def ticking(_app: web.Application) -> AsyncIterator[None]:
        task = asyncio.create_task(server.tick())
        yield
        task.cancel()

    return front.make_app(HttpFront(server), Controlled(server), BODY_MAXIMUM, ticking)

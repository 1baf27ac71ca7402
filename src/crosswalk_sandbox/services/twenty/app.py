"""The emulated Twenty server: one workspace behind HTTP."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson
from aiohttp import web

from crosswalk_sandbox.control.api import Control
from crosswalk_sandbox.control.faults import Fault, Faults
from crosswalk_sandbox.control.ledger import Entry, Ledger
from crosswalk_sandbox.serving import READY

from .baseline import fill
from .controlled import Controlled
from .disk import Disk
from .errors import PlainAnswer, TwentyError
from .files import CONTENT_TYPE
from .http import Answer, Call, Upload, no_route
from .limits import Limits, limit_reached
from .metadata import Metadata
from .metadata_rest import MetadataRest
from .openapi import CLIENT_CONFIG, open_api
from .records import Records
from .rest import RestCore, refused
from .schema import Row
from .state import Workspace
from .webhooks import Webhooks
from .workflows import CompanyWorkflow

if TYPE_CHECKING:
    from .graphql_front import GraphqlFront

HEADERS = {"X-Powered-By": "Express", "Access-Control-Allow-Origin": "*"}
BODY_MAXIMUM = 1024**3


@dataclass(frozen=True, slots=True)
class Options:
    """How to start: see `python -m crosswalk_sandbox twenty --help`."""

    api_key: str
    members: list[str] = field(default_factory=list[str])
    limits: bool = True
    workflow: bool = True
    legacy: bool = False
    state: Path | None = None


class Server:
    """The parts of one emulated server, put together; `handle` answers a call without any network."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self.ledger = Ledger()
        self.faults = Faults()
        self.base_url = ""
        self.disk = Disk(options.state) if options.state is not None else None
        self._build()

    def reset(self) -> None:
        """Start over with a fresh workspace; ledger and faults are emptied too, the state directory as well."""
        if self.disk is not None:
            self.disk.wipe()
        self._build()

    def save(self) -> None:
        """Keep the state on disk, if there is a state directory."""
        if self.disk is not None:
            self.disk.save(self.workspace, {"workflow_active": self.workflow.active})

    def _build(self) -> None:
        options = self.options
        self.workspace = Workspace(options.api_key, self.disk.make_rows if self.disk else None)
        self.workspace.files.base_url = self.base_url
        saved: Row | None = None
        if self.disk is not None:
            self.workspace.files.directory = self.disk.directory / "files"
            saved = self.disk.load(self.workspace)
        if saved is None:
            fill(self.workspace, options.members)
        self.records = Records(self.workspace)
        self.webhooks = Webhooks(self.workspace)
        self.workflow = CompanyWorkflow(self.workspace, self.records, active=options.workflow)
        if saved is not None:
            self.workflow.active = saved["workflow_active"]
        self.limits = Limits(self.workspace.clock, active=options.limits)
        self.metadata = Metadata(self.workspace)
        self.rest = RestCore(self.workspace, self.records, self.limits)
        self.metadata_rest = MetadataRest(self.workspace, self.metadata, options.legacy)
        self.graphql: GraphqlFront | None = None
        self.sessions: dict[str, Row] = {}
        self.ledger = Ledger()
        self.faults.queue.clear()
        self.save()

    def serve_at(self, url: str) -> None:
        self.base_url = url
        self.workspace.files.base_url = url

    def close(self) -> None:
        """Save and let go of the state directory."""
        if self.disk is not None:
            self.save()
            self.disk.close()

    def set_workflow(self, active: bool | None, delay_s: float | None) -> Row:
        """Switch the default workflow or change its delay; None leaves as is."""
        if delay_s is not None:
            self.workflow.delay_s = float(delay_s)
        if active is not None:
            self.workflow.switch(active=active)
        return {"active": self.workflow.active, "delay_s": self.workflow.delay_s, "waiting": len(self.workflow.waiting)}

    async def tick(self) -> None:
        """Let the workflow's waiting runs happen; survives a reset."""
        while True:
            await asyncio.sleep(min(0.25, max(0.02, self.workflow.delay_s / 4)))
            if self.workflow.run_due():
                self.save()
            await self.webhooks.send_waiting()

    # -- one call ---------------------------------------------------------------------------------------------------

    def authenticate(self, call: Call) -> str:
        """Who asks: "ok", "none" or "bad" (facts/twenty.md §1)."""
        header = call.headers.get("Authorization", "")
        token = header.removeprefix("Bearer ").strip()
        if not token:
            return "none"
        if token == self.workspace.api_key:
            call.actor, call.by_key = self.workspace.actor, True
            return "ok"
        person = self.sessions.get(token)
        if person is None:
            return "bad"
        call.actor, call.by_key = person, False
        return "ok"

    def handle(self, call: Call) -> Answer:
        """Answer a call to the emulated product."""
        try:
            if call.path.startswith("/rest/"):
                return self._rest(call)
            if call.path in ("/graphql", "/metadata") and call.method == "POST":
                return self._graphql(call)
            if call.path.startswith(("/file-upload/", "/file/files-field/")):
                return self._file(call)
            if call.path == "/client-config" and call.method == "GET":
                return Answer(200, CLIENT_CONFIG)
            if call.path == "/healthz" and call.method == "GET":
                return Answer(200, {"status": "ok", "info": {}, "error": {}, "details": {}})
            raise no_route(call.method, call.path)
        except (TwentyError, PlainAnswer) as error:
            return refused(error)

    def _rest(self, call: Call) -> Answer:
        if call.method in ("POST", "PATCH", "PUT"):
            call.json()  # the body parser runs before anything else
        state = self.authenticate(call)
        if state == "none":
            raise PlainAnswer(
                403, {"statusCode": 403, "messages": ["Missing authentication token"], "error": "FORBIDDEN_EXCEPTION"}
            )
        if state == "bad":
            raise PlainAnswer(401, {"statusCode": 401, "messages": ["Token invalid."], "error": "UNAUTHENTICATED"})
        if call.path in ("/rest/open-api/core", "/rest/open-api/metadata"):
            return Answer(200, open_api(self.workspace, call.path.rpartition("/")[2], self.base_url))
        if call.path.startswith("/rest/metadata"):
            return self.metadata_rest.handle(call)
        return self.rest.handle(call)

    def _graphql(self, call: Call) -> Answer:
        if self.graphql is None:
            from .graphql_front import GraphqlFront  # graphql-core is a third of the start-up time

            switch = self.workflow.switch
            self.graphql = GraphqlFront(self.workspace, self.records, self.limits, self.metadata, switch)
        if not call.form:
            call.json()
        return self.graphql.handle(call, self.authenticate(call))

    def _file(self, call: Call) -> Answer:
        """PUT /file-upload/{id} and GET /file/files-field/{id}, by signed link and without a token (facts/twenty.md §7)."""
        files = self.workspace.files
        file_id = call.segments()[-1]
        upload = call.path.startswith("/file-upload/")
        token = call.parameters().get("token", "")
        file = files.files.get(file_id)
        if not files.token_is_good("upload" if upload else "download", file_id, token):
            raise TwentyError("File token is invalid or has expired", status=403, kind="ForbiddenException")
        if file is None or (not upload and file.content is None):
            raise TwentyError("File not found", status=404, kind="NotFoundException")
        if upload and call.method == "PUT":
            files.put(file, call.raw)
            call.written.object, call.written.ids = "file", [file_id]
            return Answer(204)
        if upload or call.method != "GET":
            raise no_route(call.method, call.path)
        return Answer(200, files.read(file), CONTENT_TYPE)


def faulty(fault: Fault, path: str) -> Answer:
    """The answer of a scripted 429 or 500; GraphQL meets its limit with HTTP 200 (transcript ratelimit_graphql)."""
    if fault.kind == "429" and path == "/graphql":
        return Answer(200, {"data": None, "errors": [limit_reached(100, 60_000).graphql_error()]})
    if fault.kind == "429":
        return Answer(429, limit_reached(100, 60_000).rest_body())
    return Answer(500, {"statusCode": 500, "error": "InternalServerErrorException", "messages": ["Internal server error"]})


async def read_call(request: web.Request) -> Call:
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


class Front:
    """The HTTP side: reads the request, applies scripted faults, writes the ledger."""

    def __init__(self, server: Server) -> None:
        self.server = server

    async def handle(self, request: web.Request) -> web.StreamResponse:
        call = await read_call(request)
        fault = self.server.faults.take(call.method, call.path)
        if fault is not None and fault.delay_ms:
            await asyncio.sleep(fault.delay_ms / 1000)
        kind = fault.kind if fault is not None else None
        if fault is not None and kind in ("429", "500"):
            answer = faulty(fault, call.path)
        elif kind == "drop_before_commit":
            answer = Answer(0)
        else:
            answer = self.server.handle(call)
            if call.method != "GET":
                self.server.save()
        ledger = self.server.ledger
        ledger.record(
            Entry(
                seq=ledger.requests + 1,
                time=self.server.workspace.clock.now(),
                method=call.method,
                path=request.path_qs,
                status=answer.status,
                object=call.written.object,
                ids=call.written.ids,
                fault=kind,
            )
        )
        if kind in ("drop_before_commit", "drop_after_commit") and request.transport is not None:
            request.transport.abort()
        headers = {**HEADERS, "Content-Type": answer.content_type}
        return web.Response(status=answer.status or 500, body=answer.encoded(), headers=headers)


async def _ticking(server: Server) -> AsyncIterator[None]:
    task = asyncio.create_task(server.tick())
    yield
    task.cancel()
    server.close()


def make_app(server: Server) -> web.Application:
    """The aiohttp application: the control API under /__control__, everything else is the product."""
    app = web.Application(client_max_size=BODY_MAXIMUM)
    app[READY] = server.serve_at
    control = Control(Controlled(server))
    front = Front(server)
    app.cleanup_ctx.append(lambda _app: _ticking(server))
    app.router.add_route("*", "/__control__/{tail:.*}", control.handle)
    app.router.add_route("*", "/{tail:.*}", front.handle)
    return app

"""The emulated Twenty server: one workspace behind HTTP."""

import asyncio
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from crosswalk_sandbox.control.faults import Faults
from crosswalk_sandbox.control.ledger import Ledger

from .baseline import fill
from .disk import Disk
from .errors import PlainAnswer, TwentyError
from .files import CONTENT_TYPE
from .http import Answer, Call, no_route
from .ids import Clock
from .limits import Limits
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

    @property
    def clock(self) -> Clock:
        """The workspace's time."""
        return self.workspace.clock

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

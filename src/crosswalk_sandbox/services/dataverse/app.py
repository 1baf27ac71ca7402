"""The emulated Dataverse server: one organisation behind HTTP."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from crosswalk_sandbox.control.faults import Faults
from crosswalk_sandbox.control.ledger import Ledger

from . import (
    batch,
    blocks,
    bulk,
    bulk_delete,
    csdl,
    duplicates,
    fetch_xml,
    file_columns,
    functions,
    metadata_links_web,
    metadata_web,
    rest,
    seed,
    sql_query,
    standard,
    switches,
    tracking,
)
from .clock import Clock
from .disk import Disk
from .errors import DataverseError, no_resource
from .http import API, Answer, Call, Routes, refused
from .limits import limits_for
from .login import Login
from .metadata_writes import MetadataWrites
from .organization import Organization
from .records import Records


@dataclass(frozen=True, slots=True)
class Options:
    """How to start: see `python -m crosswalk_sandbox dynamics --help`. `limits` is "default", "off" or a divisor."""

    tenant_id: str
    client_id: str
    client_secret: str
    members: list[str] = field(default_factory=list[str])
    limits: str = "default"
    state: Path | None = None


Gate = Callable[[Call], Answer | None]


class Server:
    """The parts of one emulated server, put together.

    `handle` is the way in from HTTP (login, token); `answer` dispatches a call whose caller is known, and is what the parts of
    a $batch go through: first the gates, of which any may answer or refuse, then the routes. Every module with routes or gates
    has `register(server)` and is listed in PARTS, the widest patterns last.
    """

    def __init__(self, options: Options) -> None:
        self.options = options
        self.ledger = Ledger()
        self.faults = Faults()
        self.base_url = ""
        self.disk = Disk(options.state) if options.state is not None else None
        self._build()

    def _build(self) -> None:
        options = self.options
        self.organization = Organization()
        standard.fill(self.organization.schema)
        if self.disk is None or not self.disk.attach(self.organization):
            seed.fill(self.organization, options.client_id, options.members)
        else:
            seed.know_people(self.organization)
        self.records = Records(self.organization)
        self.login = Login(self.organization, options.tenant_id, options.client_id, options.client_secret)
        self.switches = switches.Switches()
        self.limits = limits_for(options.limits, self.organization.clock.seconds)
        self.metadata = MetadataWrites(self.organization)
        self.gates: list[Gate] = []
        self.routes = Routes()
        for register in PARTS:
            register(self)
        self.save()

    # -- life ---------------------------------------------------------------------------------------------------------

    @property
    def clock(self) -> Clock:
        """The organisation's time."""
        return self.organization.clock

    def reset(self) -> None:
        """Start over with a new organisation; ledger, faults and the state directory are emptied too. Tokens end."""
        if self.disk is not None:
            self.disk.wipe()
        self.ledger = Ledger()
        self.faults.queue.clear()
        self._build()

    def save(self) -> None:
        """Keep the state on disk, if there is a state directory."""
        if self.disk is not None:
            self.disk.save(self.organization)

    def close(self) -> None:
        """Save and let go of the state directory."""
        if self.disk is not None:
            self.save()
            self.disk.close()

    def serve_at(self, url: str) -> None:
        """Know the own address, which is in every OData-EntityId."""
        self.base_url = url

    # -- one call -----------------------------------------------------------------------------------------------------

    def handle(self, call: Call) -> Answer:
        """Answer a request from outside: login paths, then the token, then `answer`."""
        try:
            found = self.login.answer(call)
            if found is not None:
                return found
            if API.match(call.path) is None:
                raise no_resource(call.path.strip("/"))
            call.caller = self.login.caller(call)
            return self.answer(call)
        except DataverseError as error:
            return refused(error)

    def answer(self, call: Call) -> Answer:
        """Answer a call to the Web API whose caller is known; refusals come back as answers."""
        try:
            for gate in self.gates:
                answer = gate(call)
                if answer is not None:
                    return answer
            found = self.routes.find(call.method, call.resource)
            if found is None:
                raise no_resource(call.resource)
            handler, match = found
            return handler(call, match)
        except DataverseError as error:
            return refused(error)


PARTS: tuple[Callable[[Server], None], ...] = (
    switches.register,
    duplicates.register,
    tracking.register,
    fetch_xml.register,
    sql_query.register,
    file_columns.register,
    blocks.register,
    batch.register,
    bulk.register,
    bulk_delete.register,
    functions.register,
    csdl.register,
    metadata_web.register,
    metadata_links_web.register,
    rest.register,
)

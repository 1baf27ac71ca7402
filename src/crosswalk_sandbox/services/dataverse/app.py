"""The emulated Dataverse server: one organisation behind HTTP."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from crosswalk_sandbox.control.faults import Faults
from crosswalk_sandbox.control.ledger import Ledger

from .errors import DataverseError, no_resource
from .http import Answer, Call, Routes, refused
from .organization import Organization
from .records import Records
from .switches import Switches


@dataclass(frozen=True, slots=True)
class Options:
    """How to start: see `python -m crosswalk_sandbox dynamics --help`."""

    tenant_id: str
    client_id: str
    client_secret: str
    members: list[str] = field(default_factory=list[str])
    limits: str = "default"
    state: Path | None = None


class Server:
    """The parts of one emulated server, put together.

    `handle` is the way in from HTTP (login, token, limits); `answer` dispatches a call whose caller is known, and is what
    the parts of a $batch go through. Every module with routes has `register(server)`, listed in PARTS, later ones first asked last.
    """

    def __init__(self, options: Options) -> None:
        self.options = options
        self.ledger = Ledger()
        self.faults = Faults()
        self.base_url = ""
        self._build()

    def _build(self) -> None:
        self.organization = Organization()
        self.records = Records(self.organization)
        self.routes = Routes()
        self.switches = Switches()
        self.gates: list[Callable[[Call], Answer | None]] = []  # asked before the routes: they refuse, answer, or let pass (None)
        for register in PARTS:
            register(self)

    def handle(self, call: Call) -> Answer:
        """Answer a request from outside: login paths, then the token, then `answer`."""
        raise NotImplementedError

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


PARTS: list[Callable[[Server], None]] = []

"""The HTTP side of every service: scripted faults and the ledger around its answers, and the control API beside it."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable
from dataclasses import asdict
from typing import Any, Generic, Protocol, TypeVar

from aiohttp import web

from crosswalk_sandbox.serving import READY

from .api import Control
from .faults import Fault
from .ledger import Entry, Written
from .service import Controlled, Service

DROPS = ("drop_before_commit", "drop_after_commit")


class Request(Protocol):
    """A request as a service's plain value."""

    @property
    def method(self) -> str: ...

    @property
    def path(self) -> str: ...

    @property
    def written(self) -> Written: ...


class Answered(Protocol):
    """An answer as a service's plain value."""

    @property
    def status(self) -> int: ...


Call = TypeVar("Call", bound=Request)
Answer = TypeVar("Answer", bound=Answered)


class Front(ABC, Generic[Call, Answer]):
    """Everything around a service's answers that needs a network or a clock that runs."""

    def __init__(self, service: Service) -> None:
        self.service = service

    @abstractmethod
    async def read(self, request: web.Request) -> Call:
        """A request as a plain value."""

    @abstractmethod
    async def answer(self, call: Call) -> Answer:
        """The service's own answer; what it wrote is saved."""

    @abstractmethod
    def faulty(self, fault: Fault, call: Call) -> Answer:
        """The answer of a scripted 429 or 500."""

    @abstractmethod
    def response(self, answer: Answer) -> web.Response:
        """An answer as it goes over the wire."""

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer a request to the product."""
        call = await self.read(request)
        fault = self.service.faults.take(call.method, call.path)
        if fault is not None and fault.delay_ms:
            await asyncio.sleep(fault.delay_ms / 1000)
        kind = fault.kind if fault is not None else None
        answer: Answer | None = None
        if fault is not None and kind in ("429", "500"):
            answer = self.faulty(fault, call)
        elif kind != "drop_before_commit":
            answer = await self.answer(call)
        self._note(call, request.path_qs, answer.status if answer is not None else 0, kind)
        if kind in DROPS and request.transport is not None:
            request.transport.abort()
        return web.Response(status=500) if answer is None else self.response(answer)

    def _note(self, call: Call, path: str, status: int, fault: str | None) -> None:
        ledger = self.service.ledger
        ledger.record(
            Entry(
                seq=ledger.requests + 1,
                time=self.service.clock.now(),
                method=call.method,
                path=path,
                status=status,
                fault=fault,
                **asdict(call.written),
            )
        )


def make_app(
    front: Front[Any, Any],
    controlled: Controlled,
    body_maximum: int,
    life: Callable[[web.Application], AsyncIterator[None]] | None = None,
) -> web.Application:
    """The aiohttp application: the control API under /__control__, everything else is the product.

    `life` runs beside it, up to its `yield` at the start and from there at the end; then the service is closed.
    """
    service = front.service

    async def closing(_app: web.Application) -> AsyncIterator[None]:
        yield
        service.close()

    app = web.Application(client_max_size=body_maximum)
    app[READY] = service.serve_at
    app.cleanup_ctx.append(closing)  # the first to begin is the last to end
    if life is not None:
        app.cleanup_ctx.append(life)
    app.router.add_route("*", "/__control__/{tail:.*}", Control(service, controlled).handle)
    app.router.add_route("*", "/{tail:.*}", front.handle)
    return app

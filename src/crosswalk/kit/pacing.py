"""A governor that finds a platform's live request limit and holds it, from nothing but acceptances and refusals.

A refusal for “too many requests” proves that the request was not carried out, so it may be sent again. The limit is
modelled as a token bucket that refills in whole tokens counted from the last accepted call: that is Twenty's
(facts/twenty.md §9), and pacing for it is at most one step slower than needed for a bucket that refills continuously.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

FIRST_MARGIN = 1.02
"""How much slower than the stated rate: two calls sent a step apart may arrive a little closer. Grows where that is too little."""
MOST_MARGIN = 1.10
_MARGIN_STEP = 0.01
_FIRST_PROBE_SECONDS = 0.05
_CLOSE_ENOUGH = 1.04
_FIRST_RETRY_STEPS = 0.05
_SLOWEST_RETRY_STEPS = 16.0
_SHORTEST_WAIT_SECONDS = 1e-6


@dataclass(frozen=True, slots=True)
class StatedLimit:
    """A limit as a refusal words it: so many requests per so many seconds."""

    tokens: int
    period_seconds: float


@dataclass(slots=True)
class _Bucket:
    """What we believe is left of one limit. `step`: seconds per token, with the margin."""

    step: float
    capacity: float
    level: float = 0.0
    refusals: int = 0
    """In a row, although the step was kept."""
    not_before: float = 0.0

    def earned(self, elapsed: float) -> float:
        return min(self.capacity, self.level + int((elapsed + _SHORTEST_WAIT_SECONDS) / self.step))

    def wait(self, elapsed: float, now: float) -> float:
        """Seconds until a token is there, `elapsed` seconds after the last accepted call."""
        return 0.0 if self.level >= 1 else max(self.step - elapsed, self.not_before - now, 0.0)

    def refused(self, gap: float, now: float) -> None:
        """Refused before the step was over: wait for it. Refused after it: somebody else draws from the limit too (or a
        call travelled faster than the one before), so ask again ever more slowly."""
        self.level = 0
        if gap + _SHORTEST_WAIT_SECONDS >= self.step:
            self.not_before = now + self.step * min(_FIRST_RETRY_STEPS * 2**self.refusals, _SLOWEST_RETRY_STEPS)
            self.refusals += 1


class _Search:
    """Finds the seconds per token of an unstated limit by bisection between refused and accepted gaps."""

    def __init__(self) -> None:
        self.refused_gap = 0.0
        self.accepted_gap: float | None = None

    @property
    def step(self) -> float:
        if self.accepted_gap is None:
            return max(_FIRST_PROBE_SECONDS, self.refused_gap * 1.3)
        if self.accepted_gap <= self.refused_gap * _CLOSE_ENOUGH:
            return self.accepted_gap
        return (self.refused_gap + self.accepted_gap) / 2

    def refused(self, gap: float) -> None:
        self.refused_gap = max(self.refused_gap, gap)
        if self.accepted_gap is not None and self.accepted_gap <= self.refused_gap:
            self.accepted_gap = None

    def accepted(self, gap: float) -> None:
        if gap > self.refused_gap and (self.accepted_gap is None or gap < self.accepted_gap):
            self.accepted_gap = gap


@dataclass(slots=True)
class Ticket:
    """Leave to send one request: `sent_at` on the governor's clock, `gap` seconds after the last accepted call."""

    sent_at: float
    gap: float
    waited_for_step: bool


class Governor:
    """Ask `before()` ahead of each request and report `accepted` or `refused` after it.

    It never waits before the first refusal; after one it waits no longer than the limit asks for. Safe for many
    concurrent callers of one event loop.
    """

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._clock = clock
        self._sleep = sleep
        self._turn = asyncio.Lock()
        self._stated: dict[float, _Bucket] = {}
        self._measured: _Bucket | None = None
        self._search = _Search()
        self._in_flight: dict[int, float] = {}
        self._last_accepted: float | None = None
        self._blocked_until = 0.0
        self._started: float | None = None
        self._accepted = 0
        self.throttled = 0
        self.waited_seconds = 0.0

    @property
    def requests_per_minute(self) -> float | None:
        """The steady rate the limit was found to allow; None while it was never felt."""
        steps = [bucket.step for bucket in self._buckets()]
        if steps:
            return 60.0 / max(steps)
        if not self.throttled or self._started is None:
            return None
        return 60.0 * self._accepted / max(self._clock() - self._started, 1.0)

    async def before(self) -> Ticket:
        """Wait for leave to send one request."""
        async with self._turn:
            while (pause := self._pause()) > _SHORTEST_WAIT_SECONDS:
                self.waited_seconds += pause
                await self._sleep(pause)
            now = self._clock()
            gap = now - self._last(now)
            waited = any(bucket.level < 1 for bucket in self._buckets())
            for bucket in self._buckets():
                bucket.level = max(bucket.earned(gap) - 1, 0)
            self._started = now if self._started is None else self._started
            ticket = Ticket(now, gap, waited)
            self._in_flight[id(ticket)] = now
            return ticket

    def accepted(self, ticket: Ticket) -> None:
        """The request got past the limit, whatever else was answered (also: its answer was lost)."""
        self._in_flight.pop(id(ticket), None)
        self._accepted += 1
        self._last_accepted = max(self._last_accepted or ticket.sent_at, ticket.sent_at)
        for bucket in self._buckets():
            bucket.refusals = 0
        if self._measured is not None and ticket.waited_for_step:
            self._search.accepted(ticket.gap)
            self._measured.step = self._search.step

    def refused(self, ticket: Ticket, stated: StatedLimit | None = None, retry_after_seconds: float | None = None) -> None:
        """The request met the limit and was not carried out."""
        self._in_flight.pop(id(ticket), None)
        self.throttled += 1
        if retry_after_seconds is not None:
            self._blocked_until = max(self._blocked_until, self._clock() + retry_after_seconds)
        if stated is not None:
            self._learn_stated(stated, ticket)
        elif retry_after_seconds is None:
            self._learn_measured(ticket)

    def _learn_stated(self, stated: StatedLimit, ticket: Ticket) -> None:
        bare = stated.period_seconds / max(stated.tokens, 1)
        bucket = self._stated.setdefault(stated.period_seconds, _Bucket(bare * FIRST_MARGIN, stated.tokens))
        bucket.refused(ticket.gap, self._clock())
        if ticket.waited_for_step and bucket.refusals == 1:
            bucket.step = min(bucket.step + bare * _MARGIN_STEP, bare * MOST_MARGIN)

    def _learn_measured(self, ticket: Ticket) -> None:
        if self._measured is None:
            self._measured = _Bucket(self._search.step, max(self._accepted, 1))
        self._search.refused(ticket.gap)
        self._measured.step = self._search.step
        self._measured.level = 0

    def _buckets(self) -> list[_Bucket]:
        return [*self._stated.values(), *([self._measured] if self._measured is not None else [])]

    def _last(self, now: float) -> float:
        """When a call was last accepted, counting those still under way as accepted."""
        times = [*self._in_flight.values(), *([self._last_accepted] if self._last_accepted is not None else [])]
        return max(times, default=now if self._started is None else self._started)

    def _pause(self) -> float:
        now = self._clock()
        elapsed = now - self._last(now)
        waits = [bucket.wait(elapsed, now) for bucket in self._buckets()]
        return max([self._blocked_until - now, *waits, 0.0])

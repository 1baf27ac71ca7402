"""Staying within Dataverse's three service protection limits (facts/dataverse.md §5), learned from its refusals.

- Number of requests in a sliding window: once a refusal has named it, our own sends of that window are counted, and a
  request leaves when it fits. No refusal follows, unless others draw from the same allowance.
- Combined execution time in a sliding window: what the server reckons cannot be known here (§5.3 warns of calculating
  with its headers), so the wait it asks for is the only guide. Room that comes free while waiting is not lost, so waiting
  as told costs at most the rounding of Retry-After. After a wait one request goes ahead alone, so that a closed door is
  knocked at once and not by everybody.
- Concurrent requests: never more than the server recommends (`x-ms-dop-hint`); a refusal lowers that.

A refused request was not carried out, so it may be sent again.
"""

import asyncio
import re
import time
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Literal

FIRST_CONCURRENCY = 4
"""Requests under way at once until the server recommends a number."""
_UNSTATED_WAIT_SECONDS = 1.0
_LONGEST_UNSTATED_WAIT_SECONDS = 300.0
_REGAIN_AFTER = 50
"""Accepted requests in a row after which one more may be under way again."""
_EPSILON = 1e-6

LimitKind = Literal["requests", "time", "concurrency", "unknown"]
_REQUESTS = re.compile(
    r"number of requests exceeded the limit of ([\d,.]+)(?: over time window of ([\d,.]+) seconds)?", re.IGNORECASE
)
_TIME = re.compile(
    r"execution time of incoming requests exceeded limit of ([\d,.]+) milliseconds(?: over time window of ([\d,.]+) seconds)?",
    re.IGNORECASE,
)
_CONCURRENCY = re.compile(r"number of concurrent requests exceeded the limit of ([\d,.]+)", re.IGNORECASE)
_CODES: dict[str, LimitKind] = {"0x80072322": "requests", "0x80072321": "time", "0x80072326": "concurrency"}


@dataclass(frozen=True, slots=True)
class StatedLimit:
    """A limit as a refusal names it; what its words leave out is None."""

    kind: LimitKind
    most: float | None = None
    """Requests, milliseconds or concurrent requests."""
    window_seconds: float | None = None


def stated_limit(code: str, message: str) -> StatedLimit:
    """Which limit a refusal speaks of (§5.2).

    >>> stated_limit("0x80072322", "Number of requests exceeded the limit of 6000 over time window of 300 seconds.")
    StatedLimit(kind='requests', most=6000.0, window_seconds=300.0)
    >>> stated_limit("0x80072326", "Number of concurrent requests exceeded the limit of 52.").most
    52.0
    """
    patterns: tuple[tuple[LimitKind, re.Pattern[str]], ...] = (
        ("requests", _REQUESTS), ("time", _TIME), ("concurrency", _CONCURRENCY),
    )  # fmt: skip
    for kind, pattern in patterns:
        match = pattern.search(message)
        if match is not None:
            window = match[2] if pattern.groups > 1 else None
            return StatedLimit(kind, _number(match[1]), _number(window))
    return StatedLimit(_CODES.get(code.lower(), "unknown"))


def _number(text: str | None) -> float | None:
    digits = (text or "").replace(",", "").rstrip(".")
    return float(digits) if digits else None


@dataclass(slots=True, eq=False)
class Ticket:
    """Leave to send one request."""

    answered_at: float | None = None
    scout: bool = False
    """Goes ahead alone after a wait that the server asked for."""


class Governor:
    """Ask `before()` ahead of each request and report `accepted` or `refused` after it.

    It never waits before the first refusal, but for the number of requests under way. Safe for many concurrent callers
    of one event loop; callers get their turn in the order they asked.
    """

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._clock = clock
        self._sleep = sleep
        self._turn = asyncio.Lock()
        self._changed = asyncio.Event()
        self._recommended = self._allowed = FIRST_CONCURRENCY
        self._most_concurrent: int | None = None
        self._in_flight: dict[int, Ticket] = {}
        self._sent: deque[Ticket] = deque()
        self._most_requests: int | None = None
        self._window_seconds = 300.0
        self._closed_until = 0.0
        self._scouting = False
        self._unstated = 0
        self._in_a_row = 0
        self._started: float | None = None
        self._accepted = 0
        self._time_limited = False
        self.throttled = 0
        self.waited_seconds = 0.0

    @property
    def concurrency(self) -> int:
        """How many requests may be under way at once."""
        return self._allowed

    @property
    def requests_per_minute(self) -> float | None:
        """The steady rate the limits were found to allow; None while none but the concurrent one was felt."""
        stated = None if self._most_requests is None else 60.0 * self._most_requests / self._window_seconds
        if not self._time_limited or self._started is None:
            return stated
        measured = 60.0 * self._accepted / max(self._clock() - self._started, 1.0)
        return measured if stated is None else min(stated, measured)

    def recommend(self, concurrency: int) -> None:
        """The server's own advice on how many requests to have under way (`x-ms-dop-hint`, §5.3)."""
        advised = max(min(concurrency, self._most_concurrent or concurrency), 1)
        if advised != self._recommended:
            self._allowed = advised if self._allowed == self._recommended else min(self._allowed, advised)
            self._recommended = advised
            self._changed.set()

    async def before(self) -> Ticket:
        """Wait for leave to send one request."""
        async with self._turn:
            while True:
                if self._scouting or len(self._in_flight) >= self._allowed:
                    self._changed.clear()
                    await self._changed.wait()
                elif (pause := self._pause()) > _EPSILON:
                    self.waited_seconds += pause
                    await self._sleep(pause)
                else:
                    return self._leave()

    def accepted(self, ticket: Ticket) -> None:
        """The request got past the limits, whatever else was answered (also: its answer was lost)."""
        self._landed(ticket)
        self._accepted += 1
        self._unstated = 0
        self._in_a_row += 1
        if ticket.scout:
            self._closed_until = 0.0
        if self._in_a_row >= _REGAIN_AFTER and self._allowed < self._recommended:
            self._allowed += 1
            self._in_a_row = 0

    def refused(self, ticket: Ticket, stated: StatedLimit, retry_after_seconds: float | None = None) -> None:
        """The request met a limit and was not carried out."""
        under_way = len(self._in_flight)
        self._landed(ticket)
        if ticket in self._sent:
            self._sent.remove(ticket)
        self.throttled += 1
        self._in_a_row = 0
        wait = retry_after_seconds
        if wait is None:
            wait = min(_UNSTATED_WAIT_SECONDS * 2.0**self._unstated, _LONGEST_UNSTATED_WAIT_SECONDS)
            self._unstated += 1
        self._closed_until = max(self._closed_until, self._clock() + wait)
        if stated.kind == "requests" and stated.most:
            self._most_requests = max(int(stated.most), 1)
            self._window_seconds = stated.window_seconds or self._window_seconds
        elif stated.kind == "concurrency":
            self._lower_concurrency(stated.most, under_way)
        elif stated.kind == "time":
            self._time_limited = True

    def _lower_concurrency(self, stated: float | None, under_way: int) -> None:
        """To what the refusal names; when we had no more than that, somebody else sends too: one fewer than we had."""
        if stated:
            self._most_concurrent = max(int(stated), 1)
            self._recommended = min(self._recommended, self._most_concurrent)
        if stated and under_way > stated:
            self._allowed = max(min(self._allowed, int(stated)), 1)
        else:
            self._allowed = max(min(self._allowed, under_way - 1), 1)

    def _leave(self) -> Ticket:
        now = self._clock()
        self._started = now if self._started is None else self._started
        ticket = Ticket(scout=self._closed_until > 0.0)
        self._scouting = ticket.scout
        self._in_flight[id(ticket)] = ticket
        self._sent.append(ticket)
        return ticket

    def _landed(self, ticket: Ticket) -> None:
        self._in_flight.pop(id(ticket), None)
        ticket.answered_at = self._clock()
        if ticket.scout:
            self._scouting = False
        self._changed.set()

    def _pause(self) -> float:
        now = self._clock()
        return max(self._closed_until - now, self._window_pause(now), 0.0)

    def _window_pause(self, now: float) -> float:
        """Until one more request fits into the window. The server counts a request from some moment between its sending
        and its answer; the answer is the safe one."""
        while self._sent and (left := self._sent[0].answered_at) is not None and left + self._window_seconds <= now:
            self._sent.popleft()
        if self._most_requests is None or len(self._sent) < self._most_requests:
            return 0.0
        oldest = self._sent[len(self._sent) - self._most_requests]
        return (oldest.answered_at or now) + self._window_seconds - now

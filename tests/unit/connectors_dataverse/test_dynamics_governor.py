"""The governor against the three simulated limits, many senders at once, on a virtual clock (facts/dataverse.md §5)."""

import asyncio
import math
from collections import deque
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crosswalk.connectors.dataverse.limits import Governor, StatedLimit, stated_limit


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop whose time jumps to the next thing that is due."""

    def __init__(self) -> None:
        super().__init__()
        self._moment = 1000.0

    def time(self) -> float:
        return self._moment

    def _run_once(self) -> None:
        if not self._ready and self._scheduled:  # type: ignore[attr-defined]
            self._moment = max(self._moment, self._scheduled[0].when())  # type: ignore[attr-defined]
        super()._run_once()  # type: ignore[misc]


def run(work: Coroutine[Any, Any, None]) -> None:
    """Carry out `work` in virtual time."""
    loop = VirtualLoop()
    try:
        loop.run_until_complete(asyncio.wait_for(work, 10_000_000))
    finally:
        loop.close()


@dataclass
class Service:
    """Dataverse's three limits for one user; it also keeps who ignored a Retry-After."""

    requests: int = 6000
    milliseconds: float = 1_200_000
    concurrent: int = 52
    window: float = 300.0
    hint: int = 8
    duration: float = 0.05
    cost: float = 5.0
    spent: deque[tuple[float, float]] = field(default_factory=deque[tuple[float, float]])
    total: float = 0.0
    running: int = 0
    most_running: int = 0
    accepted: int = 0
    refused: list[str] = field(default_factory=list[str])
    closed_until: float = 0.0
    ignored: int = 0
    asked_to_wait: float = 0.0

    async def call(self, governor: Governor) -> None:
        """One request, sent again until it is accepted."""
        while True:
            ticket = await governor.before()
            now = asyncio.get_running_loop().time()
            self.ignored += now < self.closed_until - 1e-6
            refusal = self._refusal(now)
            if refusal is None:
                self.spent.append((now, self.cost))
                self.total += self.cost
                self.running += 1
                self.most_running = max(self.most_running, self.running)
                await asyncio.sleep(self.duration)
                self.running -= 1
                self.accepted += 1
                governor.recommend(self.hint)
                governor.accepted(ticket)
                return
            words, wait = refusal
            self.refused.append(words)
            self.asked_to_wait += wait
            governor.refused(ticket, stated_limit("", words), wait)
            self.closed_until = max(self.closed_until, now + wait)

    def _refusal(self, now: float) -> tuple[str, int] | None:
        while self.spent and self.spent[0][0] + self.window <= now:
            self.total -= self.spent.popleft()[1]
        over = f"over time window of {self.window:g} seconds."
        if len(self.spent) >= self.requests:
            return f"Number of requests exceeded the limit of {self.requests} {over}", self._until_left(len(self.spent), now)
        if self.total >= self.milliseconds - 1e-6:
            return (
                f"Combined execution time of incoming requests exceeded limit of {self.milliseconds:,.0f} milliseconds {over}",
                self._until_left(math.ceil(self.milliseconds / self.cost), now),
            )
        if self.running >= self.concurrent:
            return f"Number of concurrent requests exceeded the limit of {self.concurrent}.", 1
        return None

    def _until_left(self, most: int, now: float) -> int:
        return max(1, math.ceil(self.spent[len(self.spent) - most][0] + self.window - now))

    def unavoidable(self, number: int) -> float:
        """The least seconds that so many requests take, whoever sends them."""
        in_window = min(self.requests, math.ceil(self.milliseconds / self.cost))
        full, rest = divmod(number - 1, in_window)
        at_once = min(self.concurrent, self.hint)
        return max(full * self.window + math.ceil((rest + 1) / at_once) * self.duration, number * self.duration / at_once)


async def send(service: Service, governor: Governor, number: int, senders: int) -> float:
    """So many requests by so many senders; the seconds it took. The first goes alone, as WhoAmI does."""
    loop = asyncio.get_running_loop()
    start = loop.time()
    remaining = iter(range(number - 1))
    await service.call(governor)

    async def sender() -> None:
        for _ in remaining:
            await service.call(governor)

    await asyncio.gather(*(sender() for _ in range(senders)))
    return loop.time() - start


def governor_now() -> Governor:
    return Governor(asyncio.get_running_loop().time, asyncio.sleep)


@given(
    requests=st.integers(5, 120),
    milliseconds=st.integers(100, 3000),
    concurrent=st.integers(1, 20),
    hint=st.integers(1, 20),
    window=st.sampled_from([60.0, 300.0]),
    duration=st.floats(0.005, 0.3),
    cost=st.floats(5.0, 40.0),
    number=st.integers(1, 400),
)
@settings(max_examples=80, deadline=None)
def test_time_is_at_most_a_tenth_over_what_the_limits_make_unavoidable(number: int, **limits: Any) -> None:
    """Whatever the limits: nothing is lost, every Retry-After is obeyed, and the total is within 1.1 times the least."""

    async def work() -> None:
        service = Service(**limits)
        elapsed = await send(service, governor_now(), number, senders=16)
        assert service.accepted == number
        assert service.ignored == 0
        concurrency_waits = sum("concurrent" in words for words in service.refused)
        # One second is what the shortest Retry-After rounds up to; a refusal for concurrency costs it once each.
        assert elapsed <= 1.1 * service.unavoidable(number) + 2 + concurrency_waits

    run(work())


def test_the_documented_limits_are_used_fully_and_hardly_refused() -> None:
    """25,000 requests under 6,000 per five minutes: five windows, and after the first lesson no refusal any more."""

    async def work() -> None:
        service = Service(hint=10, duration=0.03)
        elapsed = await send(service, governor_now(), 25_000, senders=10)
        assert elapsed <= 1.01 * service.unavoidable(25_000)
        assert len(service.refused) == 1
        assert service.ignored == 0

    run(work())


def test_no_waiting_before_the_first_refusal_but_for_concurrency() -> None:
    """Below the limits the governor adds nothing, and never has more under way than the server recommends."""

    async def work() -> None:
        service = Service(hint=6)
        governor = governor_now()
        elapsed = await send(service, governor, 601, senders=30)
        assert elapsed == pytest.approx(101 * service.duration, rel=0.02)
        assert service.most_running <= 6
        assert governor.waited_seconds == 0
        assert governor.requests_per_minute is None

    run(work())


def test_a_lower_concurrency_than_recommended_is_learned() -> None:
    """A server that takes one request at a time, whatever it recommends: refused a few times, then never again."""

    async def work() -> None:
        service = Service(concurrent=1, hint=12)
        governor = governor_now()
        await send(service, governor, 300, senders=12)
        assert governor.concurrency == 1
        assert len(service.refused) <= 12
        assert service.ignored == 0

    run(work())


def test_a_window_that_others_filled_is_waited_out_without_hammering() -> None:
    """Requests of an earlier run still count: each wait is obeyed by everybody, and one scout knocks after it."""

    async def work() -> None:
        service = Service(requests=100, window=60.0)
        service.spent.extend((asyncio.get_running_loop().time(), 0.0) for _ in range(100))
        governor = governor_now()
        elapsed = await send(service, governor, 100, senders=8)
        assert elapsed <= 62
        assert len(service.refused) == 1
        assert governor.throttled == 1
        assert governor.requests_per_minute == 100

    run(work())


def test_without_a_stated_wait_the_pauses_double() -> None:
    """A refusal that names neither limit nor wait is asked again after 1, 2, 4 … seconds."""

    async def work() -> None:
        governor = governor_now()
        for _ in range(4):
            governor.refused(await governor.before(), StatedLimit("unknown"))
        assert governor.waited_seconds == pytest.approx(1 + 2 + 4)

    run(work())


@pytest.mark.parametrize(
    ("code", "message", "limit"),
    [
        (
            "0x80072321",
            "Combined execution time of incoming requests exceeded limit of 1,200,000 milliseconds over time window of 300 "
            "seconds. Decrease number of concurrent requests or reduce the duration of requests and try again later.",
            StatedLimit("time", 1_200_000, 300),
        ),
        (
            "0x80072322",
            "Number of requests exceeded the limit of 6000 over time window of 300 seconds.",
            StatedLimit("requests", 6000, 300),
        ),
        ("0x80072326", "Number of concurrent requests exceeded the limit of 52.", StatedLimit("concurrency", 52)),
        ("0x80072322", "Zu viele Anforderungen.", StatedLimit("requests")),
        ("", "Too many requests.", StatedLimit("unknown")),
    ],
)
def test_limits_are_read_from_a_refusals_words(code: str, message: str, limit: StatedLimit) -> None:
    """The three documented messages, one in another language, and one that says nothing (facts/dataverse.md §5.2)."""
    assert stated_limit(code, message) == limit

"""The governor against simulated limits on a virtual clock: fast, honest, and few refusals."""

from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crosswalk.kit.pacing import Governor, StatedLimit


@dataclass
class VirtualTime:
    """A clock that only sleeping (or working) moves."""

    now: float = 1000.0
    slept: list[float] = field(default_factory=list[float])

    def clock(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        assert seconds > 0
        self.slept.append(seconds)
        self.now += seconds


@dataclass
class Bucket:
    """A token bucket; `whole` refills whole tokens since the last accepted call only (facts/twenty.md §9)."""

    time: VirtualTime
    tokens: int
    period: float
    whole: bool
    level: float = -1
    last: float = 0.0

    def allow(self) -> bool:
        if self.level < 0:
            self.level, self.last = self.tokens, self.time.now
        earned = (self.time.now - self.last) * self.tokens / self.period
        available = min(self.tokens, self.level + (int(earned + 1e-9) if self.whole else earned))
        if available < 1:
            return False
        self.level, self.last = available - 1, self.time.now
        return True


async def drive(governor: Governor, bucket: Bucket, seconds: float, work: float, stated: bool) -> tuple[int, int]:
    """Call as fast as the governor lets for some virtual seconds; (accepted, refused)."""
    accepted = refused = 0
    end = bucket.time.now + seconds
    while bucket.time.now < end:
        ticket = await governor.before()
        allowed = bucket.allow()
        bucket.time.now += work
        if allowed:
            accepted += 1
            governor.accepted(ticket)
        else:
            refused += 1
            governor.refused(ticket, StatedLimit(bucket.tokens, bucket.period) if stated else None)
    return accepted, refused


def pace(time: VirtualTime) -> Governor:
    return Governor(time.clock, time.sleep)


@given(
    tokens=st.integers(5, 400),
    period=st.sampled_from([1.0, 10.0, 60.0, 300.0]),
    whole=st.booleans(),
    work=st.floats(0.0005, 0.05),
)
@settings(max_examples=60, deadline=None)
async def test_a_stated_limit_is_used_to_nine_tenths_with_few_refusals(
    tokens: int, period: float, whole: bool, work: float
) -> None:
    """Ten periods of a limit its refusals name: nine tenths of what it allows, next to no refusals."""
    time = VirtualTime()
    bucket = Bucket(time, tokens, period, whole)
    accepted, refused = await drive(pace(time), bucket, 10 * period, work, stated=True)
    possible = min(tokens * 11, 10 * period / work)
    assert accepted >= 0.9 * possible - 2
    assert refused <= 3 + accepted // 50


@given(
    tokens=st.integers(20, 200),
    period=st.sampled_from([10.0, 60.0]),
    whole=st.booleans(),
    work=st.floats(0.0005, 0.01),
)
@settings(max_examples=60, deadline=None)
async def test_an_unstated_limit_is_measured(tokens: int, period: float, whole: bool, work: float) -> None:
    """With no words to go by, the step is found by bisection: 90 % of the allowed over twenty periods."""
    time = VirtualTime()
    bucket = Bucket(time, tokens, period, whole)
    accepted, refused = await drive(pace(time), bucket, 20 * period, work, stated=False)
    assert accepted >= 0.9 * min(tokens * 21, 20 * period / work) - 2
    assert refused <= 30 + accepted // 20


async def test_without_a_limit_it_never_waits() -> None:
    """An unlimited server is called at full speed."""
    time = VirtualTime()
    governor = pace(time)
    for _ in range(5000):
        governor.accepted(await governor.before())
    assert time.slept == []
    assert governor.requests_per_minute is None


async def test_twenty_s_shipped_limits() -> None:
    """100 per minute and 100 per second, refilled in whole tokens: a burst of 100, then about 97 a minute (§9)."""
    time = VirtualTime()
    governor = pace(time)
    accepted, refused = await drive(governor, Bucket(time, 100, 60.0, whole=True), 300, 0.05, stated=True)
    assert accepted >= 100 + 5 * 95
    assert refused <= 3
    assert governor.requests_per_minute == pytest.approx(97, abs=2)


async def test_tokens_saved_while_idle_are_spent_at_once() -> None:
    """Half a minute without calls earns a burst of some fifty; none of them waits."""
    time = VirtualTime()
    governor = pace(time)
    bucket = Bucket(time, 100, 60.0, whole=True)
    await drive(governor, bucket, 90, 0.01, stated=True)
    time.now += 31
    before = governor.waited_seconds
    for _ in range(45):
        ticket = await governor.before()
        assert bucket.allow()
        governor.accepted(ticket)
    assert governor.waited_seconds == before


@pytest.mark.parametrize("seconds", [0.5, 7.0, 120.0])
async def test_retry_after_is_obeyed(seconds: float) -> None:
    """A server that names the wait gets exactly that wait."""
    time = VirtualTime()
    governor = pace(time)
    governor.refused(await governor.before(), retry_after_seconds=seconds)
    await governor.before()
    assert sum(time.slept) == pytest.approx(seconds)
    assert governor.throttled == 1


async def test_a_competitor_on_the_same_limit_does_not_provoke_a_storm() -> None:
    """When another client drains the bucket, refusals are answered with ever longer waits."""
    time = VirtualTime()
    governor = pace(time)
    refusals = 0
    start = time.now
    while time.now < start + 60:
        governor.refused(await governor.before(), StatedLimit(100, 60.0))
        refusals += 1
    assert refusals < 20

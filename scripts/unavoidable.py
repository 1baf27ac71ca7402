"""The time that Dataverse's service protection limits make unavoidable for a run (facts/dataverse.md §5.1).

Knows nothing of how the engine paces itself: the run is played again, every request leaving as soon as the run itself would send
it and the server would not refuse it.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Allowance:
    """The three limits of one token: requests and milliseconds of execution in a sliding window, requests at once."""

    requests: int
    execution_ms: float
    concurrent: int
    window_seconds: float


@dataclass(frozen=True, slots=True)
class Asked:
    """One accepted request: the execution time it was reckoned to cost, and the seconds until it was answered."""

    cost_ms: float
    seconds: float


def unavoidable_seconds(asked: Sequence[Asked], own: Sequence[float], own_seconds: float, allowance: Allowance) -> float:
    """The earliest end of a run that makes these requests, in order.

    `own`: when the same run's requests leave without any limit, in seconds from its start; it ends after `own_seconds`. If it
    makes more or fewer of them there, the same fraction of them counts as the same progress. Between two requests the run needs
    what it needed there; a wait comes on top of that only as far as it is longer.
    """
    due = [_at(own, place / len(asked)) for place in range(len(asked))]
    left: list[float] = []
    busy: deque[float] = deque()
    window: deque[tuple[float, float]] = deque()
    spent = 0.0
    for place, item in enumerate(asked):
        moment = left[-1] + due[place] - due[place - 1] if left else due[0]
        if len(busy) == allowance.concurrent:
            moment = max(moment, busy.popleft())
        if place >= allowance.requests:
            moment = max(moment, left[place - allowance.requests] + allowance.window_seconds)
        while window and (window[0][0] + allowance.window_seconds <= moment or spent >= allowance.execution_ms):
            moment = max(moment, window[0][0] + allowance.window_seconds)
            spent -= window.popleft()[1]
        left.append(moment)
        busy.append(moment + item.seconds)
        window.append((moment, item.cost_ms))
        spent += item.cost_ms
    return max(*busy, left[-1] + own_seconds - due[-1]) if left else own_seconds


def _at(moments: Sequence[float], fraction: float) -> float:
    """The moment at that fraction of a list, between two of them in proportion."""
    place = fraction * len(moments)
    low = min(int(place), len(moments) - 1)
    high = min(low + 1, len(moments) - 1)
    return moments[low] + (moments[high] - moments[low]) * (place - low)

"""What a phase of the benchmark cost: seconds, CPU seconds, peak memory, and time spent only waiting for the destination."""

import asyncio
import resource
import selectors
import time
from collections.abc import Coroutine, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")


@dataclass(slots=True)
class Laps:
    """A listener to a verb's events that times its steps and, within a step, its labels (`Loading people`).

    `seconds` and `cpu` are by step title and by label; a label's time runs until another label or step begins.
    """

    seconds: dict[str, float] = field(default_factory=lambda: {})
    cpu: dict[str, float] = field(default_factory=lambda: {})
    done: dict[str, int] = field(default_factory=lambda: {})
    """By label: how many rows the last progress of it named (all records together)."""
    _step: tuple[str, float, float] | None = None
    _label: tuple[str, float, float] | None = None

    def step(self, title: str) -> None:
        """A step begins; what ran before ends."""
        self.close()
        self._step = (title, time.monotonic(), time.process_time())

    def progress(self, label: str, done: int, total: int | None, seconds_left: float | None) -> None:
        """A label goes on, or another begins."""
        self.done[label] = done
        if self._label is None or self._label[0] != label:
            # A load tells of rows once they are done: the first label of a step began with the step.
            begun = self._step[1:] if self._step and self._label is None else (time.monotonic(), time.process_time())
            self._end(self._label)
            self._label = (label, *begun)

    def remark(self, text: str) -> None:
        """Nothing to time."""

    def close(self) -> None:
        """End what runs."""
        self._end(self._label)
        self._end(self._step)
        self._label = self._step = None

    def _end(self, lap: tuple[str, float, float] | None) -> None:
        if lap is not None:
            name, wall, cpu = lap
            self.seconds[name] = self.seconds.get(name, 0.0) + time.monotonic() - wall
            self.cpu[name] = self.cpu.get(name, 0.0) + time.process_time() - cpu


@dataclass(slots=True)
class Waiting:
    """Counts the time in which the event loop had nothing to do while a call to the destination was under way."""

    seconds: float = 0.0
    calls: int = 0
    under_way: int = 0

    def __enter__(self) -> "Waiting":
        self.calls += 1
        self.under_way += 1
        return self

    def __exit__(self, *details: object) -> None:
        self.under_way -= 1


class WatchedSelector(selectors.DefaultSelector):
    """The event loop's selector: an idle loop sits in `select`."""

    def __init__(self, waiting: Waiting) -> None:
        super().__init__()
        self._waiting = waiting

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Wait for something to do, and count the wait when a call to the destination is what we wait for."""
        begun = time.monotonic()
        found = super().select(timeout)
        if self._waiting.under_way:
            self._waiting.seconds += time.monotonic() - begun
        return found


def watched_run(work: Coroutine[Any, Any, T], waiting: Waiting) -> T:
    """As asyncio.run, on a loop whose idling is counted."""
    with asyncio.Runner(loop_factory=lambda: asyncio.SelectorEventLoop(WatchedSelector(waiting))) as runner:
        return runner.run(work)


@dataclass(frozen=True, slots=True)
class Measure:
    """One phase, in a process of its own. `records` is what its rate counts; `laps` are its steps' seconds and CPU seconds."""

    phase: str
    records: int
    seconds: float
    cpu_seconds: float
    peak_mb: float
    waited_seconds: float = 0.0
    requests: int = 0
    laps: dict[str, tuple[float, float]] = field(default_factory=lambda: {})
    details: dict[str, Any] = field(default_factory=lambda: {})

    def rate(self) -> float:
        """Records a second."""
        return self.records / self.seconds if self.seconds else 0.0

    def busy_share(self) -> float:
        """The share of the time that was not spent waiting for the destination alone (0..1)."""
        return 1 - self.waited_seconds / self.seconds if self.seconds else 1.0

    def document(self) -> dict[str, Any]:
        """As JSON, with the derived numbers."""
        return {**asdict(self), "records_per_second": round(self.rate(), 1), "busy_share": round(self.busy_share(), 4)}


def peak_mb() -> float:
    """The most memory (resident, MB of 10^6 bytes) this process has held since it was started.

    Linux's VmHWM where there is one: ru_maxrss also remembers the process that a child was forked from.
    """
    status = Path("/proc/self/status")
    lines: Sequence[str] = status.read_text().splitlines() if status.exists() else ()
    for line in lines:
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024 / 1e6
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6

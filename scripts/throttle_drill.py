"""A whole `run` against the Dynamics sandbox under service protection limits, and whether it took longer than it had to.

    uv run python scripts/throttle_drill.py [--source DIR] [--speed 10] [--only NAME …]

One migration is prepared up to `apply`, then its `run` is repeated from there: with the limits off, which gives the time that is
its own (the shorter of two runs), and under each set of limits. For each it prints the 429s of each kind, whether any request
left between a 429 and the end of its Retry-After, and the time taken beside the time that those limits make unavoidable
(scripts/unavoidable.py). Exit 1 when a run is not complete, disobeys, or takes more than 1.1 times that; or when a kind of 429
was never met.

`--speed` S lets the windows of the limits pass S times as fast, and what a request executes as well: 60 requests and 12 s of
execution in 300 s become 60 and 1.2 s in 30 s. What the engine does itself and whole seconds of Retry-After are not scaled, so
they weigh S times as much as they would; 1 changes nothing and takes its time.
"""

import argparse
import contextlib
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest.mock import patch

sys.path.insert(0, str(Path(__file__).parents[1]))

from scripts.drill import WITHOUT_SAMPLE, Halted, Json, Migration, World, demo_clinic
from scripts.drill_dynamics import Dynamics, resumed, sandbox
from scripts.unavoidable import Allowance, Asked, unavoidable_seconds

from crosswalk.kit.http import Answer, HttpClient

KINDS = {"0x80072322": "requests", "0x80072321": "execution time", "0x80072326": "concurrency"}
MOST_RATIO = 1.1
Headers = Mapping[str, str] | None
HEADING = (
    f"{'limits':<26}{'requests':>9}{'429: requests':>15}{'time':>6}{'at once':>9}{'early':>7}{'run':>9}{'least':>9}{'ratio':>7}"
)


@dataclass(frozen=True, slots=True)
class Scenario:
    """Limits as the sandbox's control API sets them."""

    name: str
    limits: Json


SCENARIOS = (
    Scenario("as documented", {"divisor": 1, "row_ms": 1}),
    Scenario("a hundredth", {"divisor": 100, "row_ms": 1}),
    Scenario("a hundredth, 10 ms a row", {"divisor": 100, "row_ms": 10}),
)


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request as it left and came back here, in seconds of this process's clock."""

    token: str
    sent: float
    answered: float
    status: int
    retry_after: float | None


@dataclass(frozen=True, slots=True)
class Result:
    """What one run under limits was like."""

    name: str
    seconds: float
    unavoidable: float
    requests: int
    refused: Counter[str]
    early: int
    """Requests that left between a 429 and the end of its Retry-After."""
    complete: bool

    @property
    def ratio(self) -> float:
        return self.seconds / self.unavoidable

    @property
    def passed(self) -> bool:
        return self.complete and not self.early and self.ratio <= MOST_RATIO


@dataclass(slots=True)
class Recorder:
    """Notes every request of this process, below everything that could pace it."""

    exchanges: list[Exchange] = field(default_factory=list[Exchange])

    @contextlib.contextmanager
    def listening(self) -> Generator[None]:
        original = HttpClient.send

        async def send(client: HttpClient, method: str, path: str, body: Any = None, headers: Headers = None) -> Answer:
            sent = time.monotonic()
            answer = await original(client, method, path, body, headers)
            wait = answer.retry_after_seconds() if answer.status == 429 else None
            token = (headers or {}).get("Authorization", "")
            self.exchanges.append(Exchange(token, sent, time.monotonic(), answer.status, wait))
            return answer

        with patch.object(HttpClient, "send", send):
            yield

    def accepted(self) -> list[Exchange]:
        """The requests that met no limit, as they left."""
        return sorted((item for item in self.exchanges if item.status != 429), key=lambda item: item.sent)

    def early(self) -> int:
        """How many requests left before a wait that their token had been told was over."""
        waits = [item for item in self.exchanges if item.retry_after is not None]
        return sum(
            any(
                wait.token == item.token and wait.answered < item.sent < wait.answered + (wait.retry_after or 0.0) for wait in waits
            )
            for item in self.exchanges
        )


@dataclass(frozen=True, slots=True)
class Run:
    """A run that was watched, in seconds of this process's clock."""

    started: float
    ended: float
    recorder: Recorder
    loaded: Json

    @property
    def seconds(self) -> float:
        return self.ended - self.started


def prepared(source: Path, folder: Path) -> Halted[Dynamics]:
    """A migration of that export with its schema applied, its sandbox's state beside it."""
    with sandbox("--state", str(folder / "state")) as crm:
        migration = Migration(folder / "migration", crm)
        migration.init(source)
        migration.prepare()
        crm.stop()
    return Halted(folder / "migration", folder / "state", resumed)


def run(world: World[Dynamics]) -> Run:
    """The whole `run`, watched."""
    recorder = Recorder()
    with recorder.listening():
        started = time.monotonic()
        said = world.migration.verb(*WITHOUT_SAMPLE, expect=(0, 5))
        ended = time.monotonic()
    return Run(started, ended, recorder, _loaded(said.document))


def unlimited(halted: Halted[Dynamics], folder: Path) -> Run:
    """A run with the limits off."""
    with halted.forked(folder) as world:
        return run(world)


def throttled(halted: Halted[Dynamics], scenario: Scenario, speed: float, own: Run, folder: Path) -> Result:
    """A run under limits."""
    with halted.forked(folder) as world:
        limits = world.crm.control("limits", {"active": True, "speed": speed, **scenario.limits})
        made = run(world)
        arrivals: list[Json] = world.crm.call("GET", "/__control__/arrivals")
    allowance = Allowance(limits["requests"], limits["execution_ms"], limits["concurrent"], limits["window_s"])
    costs = [arrival["cost_ms"] for arrival in arrivals if arrival["code"] is None]
    accepted = made.recorder.accepted()
    asked = [Asked(cost, item.answered - item.sent) for cost, item in zip(costs, accepted, strict=True)]
    return Result(
        scenario.name,
        made.seconds,
        unavoidable_seconds(asked, [item.sent - own.started for item in own.recorder.accepted()], own.seconds, allowance),
        len(costs),
        Counter(KINDS[arrival["code"]] for arrival in arrivals if arrival["code"] is not None),
        made.recorder.early(),
        made.loaded == own.loaded,
    )


def _loaded(document: Json) -> Json:
    """What a run says that it did, without how it went about it."""
    return {
        record["record"]: {name: count for name, count in record.items() if isinstance(count, int)}
        for record in document["load"]["records"]
    }


def told(own: float, speed: float, results: Sequence[Result]) -> str:
    """The table."""
    lines = [
        f"Own time of the run, limits off: {own:.1f} s.",
        f"Windows and execution run {speed:g} times as fast as documented: a window is {300 / speed:g} s."
        if speed != 1
        else "Windows are as documented: 300 s.",
        HEADING,
    ]
    for item in results:
        counts = [item.refused[kind] for kind in KINDS.values()]
        lines.append(
            f"{item.name:<26}{item.requests:>9}{counts[0]:>15}{counts[1]:>6}{counts[2]:>9}{item.early:>7}{item.seconds:>7.1f} s"
            f"{item.unavoidable:>7.1f} s{item.ratio:>7.2f}{'' if item.passed else '  FAILED' if item.complete else '  INCOMPLETE'}"
        )
    return "\n".join(lines)


def main() -> None:
    """Run the scenarios, print, and exit 1 when they do not hold."""
    parser = argparse.ArgumentParser(description="The Dynamics connector under service protection limits.")
    parser.add_argument("--source", type=Path, help="a Pulse export; a made-up clinic of 200 patients unless given")
    parser.add_argument("--speed", type=float, default=10.0, help="how much faster than life the limits' windows pass")
    parser.add_argument("--only", nargs="*", default=[], help="scenarios whose name contains one of these")
    options = parser.parse_args()
    chosen = [item for item in SCENARIOS if not options.only or any(word in item.name for word in options.only)]
    with tempfile.TemporaryDirectory(prefix="throttle-drill-") as scratch:
        folder = Path(scratch)
        halted = prepared(options.source or demo_clinic(folder / "clinic"), folder)
        own = min((unlimited(halted, folder / f"own-{turn}") for turn in "ab"), key=lambda run: run.seconds)
        print(f"prepared; the run takes {own.seconds:.1f} s without limits", flush=True)
        results: list[Result] = []
        for place, scenario in enumerate(chosen):
            results.append(throttled(halted, scenario, options.speed, own, folder / str(place)))
            print(told(own.seconds, options.speed, results[-1:]).splitlines()[-1], flush=True)
    print(told(own.seconds, options.speed, results))
    met = sum((item.refused for item in results), Counter[str]())
    missing = [kind for kind in KINDS.values() if not met[kind]]
    print("Every kind of 429 was met." if not missing else f"Never met: {', '.join(missing)}.")
    sys.exit(0 if not missing and all(item.passed for item in results) else 1)


if __name__ == "__main__":
    main()

"""One verb of a migration in a process of its own, measured: `python -m benchmarks.phase '{"phase": "scan", …}'`.

Prints one JSON line, a `Measure`.
"""

import asyncio
import json
import os
import sys
import time
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

from benchmarks.destinations import OWNER, NullDestination, WatchedDestination
from benchmarks.measuring import Laps, Measure, Waiting, peak_mb, watched_run
from crosswalk.model.plan import Plan
from crosswalk.runs import registry
from crosswalk.runs.approvals import accept, approve
from crosswalk.runs.loading import run_all
from crosswalk.runs.mapping import make_map
from crosswalk.runs.planning import apply_plan, make_plan
from crosswalk.runs.scanning import scan
from crosswalk.runs.workspaces import create_workspace, open_workspace
from crosswalk.spi.destination import Destination
from crosswalk.store.workspace import Workspace

BY = "Benchmark"
Kind = Literal["null", "sandbox"]
Verb = Callable[[Workspace, Laps], tuple[int, dict[str, Any]]]


@dataclass(frozen=True, slots=True)
class Task:
    """What a phase is to do, and where."""

    phase: str
    workspace: str
    clinic: str
    destination: Kind
    url: str
    schema_file: str


def main() -> None:
    """Do the phase that the argument describes, and print what it cost."""
    task = Task(**json.loads(sys.argv[1]))
    waiting = Waiting()
    _watch_loops(waiting)
    opened = _use_destination(task, waiting)
    workspace = _created(task) if task.phase == "prepare" else open_workspace(Path(task.workspace))
    laps = Laps()
    begun, cpu = time.monotonic(), time.process_time()
    records, details = VERBS[task.phase](workspace, laps)
    laps.close()
    measure = Measure(
        task.phase, records, round(time.monotonic() - begun, 3), round(time.process_time() - cpu, 3), round(peak_mb(), 1),
        round(waiting.seconds, 3), sum(item.traffic().requests for item in opened),
        {name: (round(seconds, 3), round(laps.cpu[name], 3)) for name, seconds in laps.seconds.items()}, details,
    )  # fmt: skip
    print(json.dumps(asdict(measure)))


def _watch_loops(waiting: Waiting) -> None:
    """Let asyncio.run, which every verb calls once (DESIGN.md, "Colours and ownership"), run on watched loops."""

    def run(main: Coroutine[Any, Any, Any], *, debug: bool | None = None) -> Any:
        return watched_run(main, waiting)

    asyncio.run = run


def _use_destination(task: Task, waiting: Waiting) -> list[Destination]:
    """Let the verbs open a watched destination under Twenty's name; the opened ones, as they come."""
    known = registry.connectors()
    real = known["twenty"].open_destination
    opened: list[Destination] = []

    def open_destination(url: str, environment: Mapping[str, str]) -> Destination:
        assert real is not None
        inner = NullDestination(Path(task.schema_file)) if task.destination == "null" else real(url, environment)
        opened.append(inner)
        return WatchedDestination(inner, waiting)

    changed = {**known, "twenty": replace(known["twenty"], open_destination=open_destination)}
    registry.connectors = lambda: changed  # pyright: ignore[reportAttributeAccessIssue]
    return opened


def _created(task: Task) -> Workspace:
    return create_workspace(
        Path(task.workspace), source="pulse", source_location=task.clinic, destination="twenty", destination_url=task.url,
        fallback_owner=OWNER, country="IN", timezone="Asia/Kolkata", currency="INR", migration_id="benchmark", policy="link",
    )  # fmt: skip


def _prepare(workspace: Workspace, laps: Laps) -> tuple[int, dict[str, Any]]:
    """Keep the destination's schema as a real connector describes it: the null destination starts from there."""

    async def describe() -> str:
        async with registry.open_destination("twenty", workspace.config.destination_url) as destination:
            return (await destination.describe()).model_dump_json(by_alias=True)

    schema = asyncio.run(describe())
    Path(workspace.root.with_name("schema.json")).write_text(schema)
    return 0, {}


def _scan(workspace: Workspace, laps: Laps) -> tuple[int, dict[str, Any]]:
    result = scan(workspace, laps)
    rows = {item.name: item.rows for item in result.profile.objects}
    return sum(rows.values()), {"rows": rows}


def _map(workspace: Workspace, laps: Laps) -> tuple[int, dict[str, Any]]:
    mapping = make_map(workspace, again=False)
    approve(workspace, "map", BY)
    return sum(len(record.fields) for record in mapping.active().values()), {}


def _plan(workspace: Workspace, laps: Laps) -> tuple[int, dict[str, Any]]:
    plan = make_plan(workspace, laps)
    writes = {wave.record: wave.writes for wave in plan.waves}
    return sum(writes.values()), {"writes": writes}


def _apply(workspace: Workspace, laps: Laps) -> tuple[int, dict[str, Any]]:
    approve(workspace, "plan", BY)
    plan = workspace.load_required("plan", Plan, "plan")
    accept(workspace, sorted({finding.code for finding in plan.blocking(())}), BY)
    return len(apply_plan(workspace, laps).changes), {}


def _run(workspace: Workspace, laps: Laps) -> tuple[int, dict[str, Any]]:
    report = run_all(workspace, only=None, without_sample_by=BY, events=laps)
    created = {item.record: item.created for item in report.records}
    rejected = {item.record: item.rejected for item in report.records if item.rejected}
    return sum(created.values()), {"created": created, "rejected": rejected, "batches": report.batches}


VERBS: dict[str, Verb] = {"prepare": _prepare, "scan": _scan, "map": _map, "plan": _plan, "apply": _apply, "run": _run}

if __name__ == "__main__":
    os.environ.setdefault("CROSSWALK_TWENTY_API_KEY", "none")
    main()

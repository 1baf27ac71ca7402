"""Holds our steps against named peers: the same data, the same machine, the same run."""

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.clinic import Clinic
from benchmarks.measuring import Measure

LOADED = "billing_ledgers"


@dataclass(frozen=True, slots=True)
class Step:
    """One of our steps, by phase and lap, and the peer that does comparable work."""

    name: str
    phase: str
    lap: str
    peer: str
    differs: str
    """What ours does that the peer does not."""


STEPS = (
    Step("extract", "scan", "Reading them", "DuckDB read_csv to Parquet", "encoding, physical lines, quarantine, keys, folding"),
    Step("extract", "scan", "Reading them", "csv.reader", "all of that, and writing Parquet"),
    Step("transform billing", "plan", f"Transforming {LOADED}", "csv + pydantic", "findings, states, digests, contributions"),
    Step("load billing", "run", f"Loading {LOADED}", "bare aiohttp loop", "journal, pacing, encoding, cross-references"),
)


@dataclass(frozen=True, slots=True)
class Comparison:
    """A step beside its peer, in records a second and per CPU second of the process that did it."""

    step: Step
    ours: Measure
    theirs: Measure

    def ratio(self) -> float:
        """Our records a second over theirs: above 1 we are faster."""
        return self.ours.rate() / self.theirs.rate() if self.theirs.rate() else 0.0

    def cpu_ratio(self) -> float:
        """The same per CPU second."""
        ours, theirs = (item.records / item.cpu_seconds if item.cpu_seconds else 0.0 for item in (self.ours, self.theirs))
        return ours / theirs if theirs else 0.0

    def document(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "step": self.step.name, "peer": self.step.peer, "ratio": round(self.ratio(), 3),
            "cpu_ratio": round(self.cpu_ratio(), 3),
            "ours": self.ours.document(), "theirs": self.theirs.document(), "ours_also_does": self.step.differs,
        }  # fmt: skip


def compare(clinic: Clinic, workspace: Path, destination: str, measures: Sequence[Measure]) -> list[Comparison]:
    """Run the peers. The load's only meets a destination that answers; the transform's only knows the scaled clinic's headers."""
    made: list[Comparison] = []
    for step in STEPS:
        if step.name == "load billing" and destination == "null":
            continue
        if step.name == "transform billing" and not (clinic.folder / "billing.csv").exists():
            continue
        measure = next(item for item in measures if item.phase == step.phase)
        if (ours := _lap(measure, step)) is not None:
            made.append(Comparison(step, ours, _peer(step.peer, clinic, workspace)))
    return made


def _lap(measure: Measure, step: Step) -> Measure | None:
    if step.lap not in measure.laps:
        return None
    seconds, cpu = measure.laps[step.lap]
    counts = measure.details.get("created" if step.phase == "run" else "writes", {})
    return Measure(step.name, counts.get(LOADED, 0) or measure.records, seconds, cpu, measure.peak_mb)


def _peer(name: str, clinic: Clinic, workspace: Path) -> Measure:
    out = workspace.parent / f"peer-{name.partition(' ')[0]}"
    out.mkdir(exist_ok=True)
    task = json.dumps({"peer": name, "clinic": str(clinic.folder), "workspace": str(workspace), "out": str(out)})
    done = subprocess.run([sys.executable, "-m", "benchmarks.peers", task], stdout=subprocess.PIPE, text=True)
    if done.returncode:
        raise SystemExit(f"The peer {name} failed.")
    return Measure(**json.loads(done.stdout))

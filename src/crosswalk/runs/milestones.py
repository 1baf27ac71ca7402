"""What the journal says has been reached in this generation and not been taken back since: the truth that `status` tells."""

from dataclasses import dataclass

from crosswalk.runs.recovery import EVERYTHING
from crosswalk.store.entries import Event, RunRecord
from crosswalk.store.journal import Journal

KINDS = ("generation_raised", "planned", "run_started", "verified")


@dataclass(slots=True)
class Milestones:
    """The newest of each kind; None for what was not reached, or was taken back by an undo since."""

    plan: str | None = None
    """The plan's digest."""
    apply: RunRecord | None = None
    sample: RunRecord | None = None
    full: RunRecord | None = None
    """The newest run of all records (`run --only` is none)."""
    proof: str | None = None
    """The reconciliation's digest; no rows were written or removed since."""
    undo: RunRecord | None = None
    """A rollback that has more to do: it was stopped, or did not prove the state before."""


def milestones(journal: Journal) -> Milestones:
    """What was reached, told by the journal from its beginning."""
    runs = {run.id: run for run in journal.runs()}
    found = Milestones()
    for event in sorted((event for kind in KINDS for event in journal.events(kind)), key=lambda event: event.position):
        found = _after(found, event, runs)
    return found


def _after(found: Milestones, event: Event, runs: dict[int, RunRecord]) -> Milestones:
    if event.kind == "generation_raised":  # a complete rollback: every id is a new one from here on
        return Milestones()
    if event.kind == "planned":
        found.plan = str(event.details["plan"])
    elif event.kind == "verified":
        found.proof = str(event.details["proof"])
    elif event.run is not None:
        _begin(found, runs[event.run])
    return found


def _begin(found: Milestones, run: RunRecord) -> None:
    found.proof = found.undo = None
    if run.kind == "apply":
        found.apply = run
    elif run.kind == "sample":
        found.sample = run
    elif run.kind == "full" and "only" not in run.details:
        found.full = run
    elif run.kind == "rollback":
        found.sample = found.full = None
        if run.details.get("of") == EVERYTHING:
            found.apply = None
        found.undo = run if run.state not in ("done", "kept") else None

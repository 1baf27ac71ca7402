"""How a run ends is in the journal, whatever stops it; what an undo takes back is reached no more."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from crosswalk.runs.milestones import milestones
from crosswalk.runs.recovery import EVERYTHING, noted_run
from crosswalk.store.entries import RunKind
from crosswalk.store.journal import Journal


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    """A new one."""
    with Journal.open(tmp_path / "journal.sqlite") as opened:
        yield opened


def ended(journal: Journal, kind: RunKind, **details: str) -> int:
    """A run that ended well."""
    with noted_run(journal, kind, "marker", details) as run:
        return run.id


@pytest.mark.parametrize(
    ("stop", "state"),
    [(KeyboardInterrupt(), "paused"), (asyncio.CancelledError(), "paused"), (OSError("disk"), "failed"), (SystemExit(), "failed")],
)
def test_what_stops_a_run_is_noted_and_goes_on(journal: Journal, stop: BaseException, state: str) -> None:
    """A stopped run does not stay `running`, and nobody swallows what stopped it."""
    with pytest.raises(type(stop)), noted_run(journal, "full", "marker", {}):
        raise stop
    assert [run.state for run in journal.runs()] == [state]
    assert journal.verify_chain().ok


async def test_an_error_on_the_way_to_a_pause_is_a_pause(journal: Journal) -> None:
    """Ctrl-C cancels the work, which fails while it lets go: it was paused nevertheless."""

    async def work() -> None:
        with noted_run(journal, "full", "marker", {}):
            try:
                await asyncio.sleep(60)
            finally:
                raise OSError("letting go")

    task = asyncio.create_task(work())
    await asyncio.sleep(0.05)
    task.cancel()
    with pytest.raises(OSError):
        await task
    assert journal.runs()[0].state == "paused"


def test_an_error_is_not_hidden_by_a_journal_that_writes_no_more(tmp_path: Path) -> None:
    """The disk is full: the caller hears of the first error."""
    journal = Journal.open(tmp_path / "journal.sqlite")
    with pytest.raises(OSError, match="first"), noted_run(journal, "full", "marker", {}):
        journal.close()
        raise OSError("first")


def test_a_run_may_end_in_a_state_of_its_own(journal: Journal) -> None:
    """A rollback that kept rows says so."""
    with noted_run(journal, "rollback", "marker", {"of": "1"}) as run:
        run.state = "kept"
    assert journal.runs()[0].state == "kept"


def test_milestones_follow_the_journal(journal: Journal) -> None:
    """Later runs take a proof's tick away; a single object's run is no full one; an undo takes back what it undid."""
    journal.record_event("planned", {"plan": "p", "map": "m"})
    applied, sample, full = ended(journal, "apply"), ended(journal, "sample"), ended(journal, "full")
    journal.record_event("verified", {"proof": "v", "balanced": True})
    reached = milestones(journal)
    assert (reached.plan, reached.proof, reached.undo) == ("p", "v", None)
    assert [run and run.id for run in (reached.apply, reached.sample, reached.full)] == [applied, sample, full]
    ended(journal, "full", only="patients")
    reached = milestones(journal)
    assert reached.proof is None and reached.full and reached.full.id == full
    ended(journal, "rollback", of=str(full))
    reached = milestones(journal)
    assert reached.full is None and reached.apply and reached.plan


def test_a_stopped_rollback_has_more_to_do(journal: Journal) -> None:
    """Until it has ended, or the generation is raised."""
    with pytest.raises(OSError), noted_run(journal, "rollback", "marker", {"of": EVERYTHING}):
        raise OSError
    reached = milestones(journal)
    assert reached.undo and reached.undo.id == 1 and reached.apply is None
    journal.raise_generation()
    assert milestones(journal).undo is None

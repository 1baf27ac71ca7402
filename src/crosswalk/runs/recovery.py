"""How a run is noted in the journal: begun, ended one way or another, and settled when its process was killed."""

import asyncio
from collections.abc import Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import duckdb

from crosswalk.model.destination_schema import DestinationSchema
from crosswalk.spi.destination import Destination
from crosswalk.stages.settle import settle
from crosswalk.store.entries import RunKind
from crosswalk.store.journal import Journal

EVERYTHING = "everything"
"""What a rollback is `of`, in its run's details, when it takes everything back; otherwise the number of a run."""


@dataclass(slots=True)
class NotedRun:
    """A run under way. `state` is what it ends with when nothing stops it."""

    id: int
    state: str = "done"


@contextmanager
def noted_run(journal: Journal, kind: RunKind, marker: str, details: dict[str, str]) -> Generator[NotedRun]:
    """Note that a run begins, and how it ends: `done` (or the state it was given), `paused` by Ctrl-C, `failed` by an error.

    What stopped it goes on to the caller, also where the journal cannot note it any more.
    """
    run = NotedRun(journal.start_run(kind, marker, details))
    try:
        yield run
    except BaseException as error:
        with suppress(Exception):
            journal.finish_run(run.id, "paused" if _is_pause(error) else "failed")
        raise
    journal.finish_run(run.id, run.state)


def _is_pause(error: BaseException) -> bool:
    """Whether Ctrl-C is behind it: asyncio.run makes it a cancelled task, which may end with an error of its own."""
    if isinstance(error, KeyboardInterrupt | asyncio.CancelledError):
        return True
    try:
        task = asyncio.current_task()
    except RuntimeError:  # no loop is running
        return False
    return task is not None and task.cancelling() > 0


async def settle_interrupted(
    destination: Destination, journal: Journal, *, folder: Path, connection: duckdb.DuckDBPyConnection, schema: DestinationSchema
) -> None:
    """Settle what earlier runs left open by reading (law 4), and note as `interrupted` those that were killed.

    Whoever calls holds the workspace's lock: a run that has not ended by now has no process any more.
    """
    await settle(destination, journal, folder=folder, connection=connection, schema=schema)
    for run in journal.runs():
        if run.ended is None:
            journal.finish_run(run.id, "interrupted")

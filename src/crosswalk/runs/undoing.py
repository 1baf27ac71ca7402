"""rollback: put the destination back as it was before the migration, and prove it (E10)."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import duckdb

from crosswalk.model.destination_schema import DestinationSchema
from crosswalk.model.errors import UsageError
from crosswalk.model.fingerprint import Fingerprint
from crosswalk.model.rollback_report import RollbackPreview, RollbackReport
from crosswalk.model.staged_writes import StagedWrites
from crosswalk.runs.events import Events
from crosswalk.runs.planning import last_before
from crosswalk.runs.recovery import EVERYTHING, noted_run, settle_interrupted
from crosswalk.runs.registry import open_destination
from crosswalk.spi.destination import Destination
from crosswalk.stages.rollback import plan_rollback
from crosswalk.stages.rollback import rollback as roll_back
from crosswalk.store.entries import LOAD_RUNS
from crosswalk.store.files import make_folder
from crosswalk.store.journal import Journal
from crosswalk.store.workspace import Workspace

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Opened:
    """What both verbs stand on."""

    destination: Destination
    journal: Journal
    connection: duckdb.DuckDBPyConnection
    schema: DestinationSchema
    folder: Path
    staged: StagedWrites | None
    before: Fingerprint | None


def preview_rollback(workspace: Workspace, *, run: int | None, force: bool, events: Events) -> RollbackPreview:
    """What `rollback` would do now; changes nothing. Raises UsageError for a run that is no load run."""

    async def look(opened: _Opened) -> RollbackPreview:
        events.step("Comparing every row with what we left")
        return await plan_rollback(
            destination=opened.destination, journal=opened.journal, connection=opened.connection, schema=opened.schema,
            workspace=workspace.root, folder=opened.folder, staged=opened.staged, before=opened.before, of_run=run, force=force,
        )  # fmt: skip

    return _with_destination(workspace, run, events, look)


def rollback(workspace: Workspace, *, run: int | None, force: bool, events: Events) -> RollbackReport:
    """Undo one run, or everything, schema included. After a crash: the rest.

    Rows that people changed since are kept and listed unless `force`; the report says whether the state before is proved.
    Raises UsageError for a run that is no load run.
    """

    async def undo(opened: _Opened) -> RollbackReport:
        await settle_interrupted(
            opened.destination, opened.journal, folder=workspace.root, connection=opened.connection, schema=opened.schema
        )  # fmt: skip
        events.step("Undoing")
        of = {"of": str(run or EVERYTHING)}
        with noted_run(opened.journal, "rollback", workspace.config.migration_id, of) as own:
            report = await roll_back(
                destination=opened.destination, journal=opened.journal, run=own.id, connection=opened.connection,
                schema=opened.schema, workspace=workspace.root, folder=opened.folder, staged=opened.staged, before=opened.before,
                of_run=run, force=force,
            )  # fmt: skip
            own.state = "unproved" if report.proved is False else "done" if report.complete else "kept"
        return report

    report = _with_destination(workspace, run, events, undo)
    workspace.save("rollback", report)
    return report


def _with_destination(workspace: Workspace, run: int | None, events: Events, work: Callable[[_Opened], Awaitable[T]]) -> T:
    config = workspace.config

    async def go(journal: Journal) -> T:
        async with open_destination(config.destination, config.destination_url) as destination:
            events.step("Describing the destination")
            schema = await destination.describe()
            with workspace.scratch() as connection:
                return await work(
                    _Opened(
                        destination,
                        journal,
                        connection,
                        schema,
                        make_folder(workspace.root / "read_back" / "rollback"),
                        workspace.load("staged", StagedWrites),
                        last_before(workspace, journal),
                    )
                )

    with workspace.lock(), workspace.journal() as journal:
        if run is not None:
            _check_load_run(journal, run)
        return asyncio.run(go(journal))


def _check_load_run(journal: Journal, run: int) -> None:
    """Raises UsageError, naming the load runs there are, for a run that loaded nothing."""
    runs = {found.id: found.kind for found in journal.runs()}
    loads = ", ".join(f"{number} ({kind})" for number, kind in runs.items() if kind in LOAD_RUNS)
    if runs.get(run) not in LOAD_RUNS:
        what = f"run {run} is no load run but {runs[run]}" if run in runs else f"there is no run {run}"
        raise UsageError(f"{what}: only what a load run wrote can be undone by itself", f"Load runs are: {loads or 'none yet'}.")

"""Rollback: the journal read backwards, and the proof that the destination is as before (E10).

Only what this migration wrote is touched. A row that a person changed since, or that others' rows need, stays and is listed.
"""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import duckdb

from crosswalk.model.destination_schema import DestinationSchema
from crosswalk.model.fingerprint import Fingerprint
from crosswalk.model.rollback_report import LISTED, RollbackPreview, RollbackReport, Unproved
from crosswalk.model.staged_writes import StagedWrites
from crosswalk.spi.destination import Destination
from crosswalk.stages import _undo_plan as planning
from crosswalk.stages import _undo_summary as summary
from crosswalk.stages._fingerprints import difference, fingerprint
from crosswalk.stages._removal import Remover
from crosswalk.stages._schema_state import applied_changes
from crosswalk.stages._undo_plan import UndoJob
from crosswalk.stages._undo_proof import explain
from crosswalk.stages._undo_rows import RowUndo
from crosswalk.stages._undo_schema import SchemaUndo
from crosswalk.store.journal import Journal

LATE_ROUNDS = 5
"""How often we remove what the automation made while we were removing: it has nothing of ours left to act on then."""


async def plan_rollback(
    *, destination: Destination, journal: Journal, connection: duckdb.DuckDBPyConnection, schema: DestinationSchema,
    workspace: Path, folder: Path, staged: StagedWrites | None, before: Fingerprint | None, of_run: int | None = None,
    force: bool = False,
) -> RollbackPreview:  # fmt: skip
    """What `rollback` would do now, having changed nothing. Arguments as there."""
    job = UndoJob(destination, journal, connection, schema, workspace, folder, staged, before, of_run, force)
    await planning.judge(job)
    kept, kept_total = summary.kept_rows(job)
    effects, effects_total = summary.side_effects(job)
    changes = applied_changes(journal) if of_run is None else []
    return RollbackPreview(
        run=of_run, counts=summary.counts(job), kept=tuple(kept), kept_total=kept_total, side_effects=tuple(effects),
        side_effects_total=effects_total, schema_changes=tuple(change.label() for change, _ in changes),
        unsettled=sum(len(batch.intents) for batch in journal.open_batches()),
        not_restorable=destination.capabilities.not_restorable,
    )  # fmt: skip


async def rollback(
    *, destination: Destination, journal: Journal, run: int, connection: duckdb.DuckDBPyConnection, schema: DestinationSchema,
    workspace: Path, folder: Path, staged: StagedWrites | None, before: Fingerprint | None, of_run: int | None = None,
    force: bool = False, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> RollbackReport:  # fmt: skip
    """Undo one load run (`of_run`), or everything, schema included, and raise the generation unless the proof fails.

    `run` is the rollback's own run in the journal; call `settle` first. `schema` was just described. Read-backs are written to
    `folder`, inside `workspace`. `staged` tells link records apart; `before` is the fingerprint to come back to. `force`
    removes rows that people edited or deleted, never parents of rows that are not ours. Raises UnreachableError: nothing is
    lost, the next rollback finishes the rest.
    """
    job = UndoJob(destination, journal, connection, schema, workspace, folder / "before", staged, before, of_run, force)
    read_backs = await planning.judge(job)
    rows = RowUndo(job, run, Remover(destination, journal, run, sleep))
    await rows.restore()
    await rows.remove(read_backs)
    changes = applied_changes(journal) if of_run is None else []
    concerned = set(read_backs) | {change.object for change, _ in changes}
    left = await planning.read_objects(job, concerned, folder / "after", schema)
    for _ in range(LATE_ROUNDS):
        if not planning.judge_late(job, left):
            break
        await rows.remove(left)
        left = await planning.read_objects(job, concerned, folder / "after", schema)
    await rows.note_kept()
    kept, kept_total = summary.kept_rows(job)
    effects, effects_total = summary.side_effects(job)
    counts = summary.counts(job)
    undo = SchemaUndo(job, run, left)
    await undo.undo(changes, schema)
    differences, total, proved = await _prove(job, rows, undo, left)
    kept_total += rows.kept_total
    # Not before it is proved: the next rollback needs the same state to come back to.
    if of_run is None and proved is not False and (counts or changes):
        journal.raise_generation()
    return RollbackReport(
        run=of_run, counts=counts, removed=rows.removed, restored=rows.restored, kept=tuple([*kept, *rows.kept][:LISTED]),
        kept_total=kept_total, side_effects=tuple(effects), side_effects_total=effects_total, schema_undone=tuple(undo.undone),
        schema_kept=tuple(undo.kept), not_restorable=destination.capabilities.not_restorable,
        complete=not kept_total and not undo.kept, proved=proved, differences=tuple(differences), differences_total=total,
    )  # fmt: skip


async def _prove(job: UndoJob, rows: RowUndo, undo: SchemaUndo, left: dict[str, Path]) -> tuple[list[Unproved], int, bool | None]:
    """The differences to the state before (explained or not), how many, and whether it is proved; None for a single run."""
    if job.run is not None or job.before is None:
        return [], 0, None
    schema = await job.destination.describe()
    standing = {name: path for name, path in left.items() if schema.object(name) is not None}
    after = await fingerprint(job.destination, standing, schema=schema, workspace=job.workspace, connection=job.connection)
    return explain(
        difference(job.before, after, workspace=job.workspace, connection=job.connection),
        before=job.before, after=after, read_backs=left, schema_kept=undo.kept, partly=rows.partly, markers=job.markers(),
        connection=job.connection,
    )  # fmt: skip

"""Load: the staged writes into the destination, parents before children, resumable at any instant (E4, E6).

Everything the journal already knows to stand as staged is passed over, so that a rerun after a crash does the rest, and the
full load after a sample writes only what the sample did not, or what a changed map writes differently.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from time import monotonic

import duckdb

from crosswalk.model.destination_schema import DestinationSchema
from crosswalk.model.load_report import LoadProgress, LoadReport
from crosswalk.model.staged_writes import StagedRecord, StagedWrites
from crosswalk.spi.destination import Destination
from crosswalk.stages._load_creates import Creator
from crosswalk.stages._load_files import Uploader
from crosswalk.stages._load_job import LoadJob, ahead
from crosswalk.stages._load_leftovers import Leftovers
from crosswalk.stages._load_updates import Updater
from crosswalk.store.entries import Intent, Outcome
from crosswalk.store.journal import Journal
from crosswalk.store.staging import (
    MANY_ROWS,
    Action,
    PlannedRow,
    plan_rows,
    planned_rows,
    prepare,
    selected_rows,
    take_xref,
    waiting_rows,
)

NOTED_PER_BATCH = 1000
"""Rows that need no request (rejected, matched) share a journal transaction."""

PASSED_OVER: tuple[Action, ...] = ("unchanged", "matched", "excluded")


async def load(
    staged: StagedWrites, selection: Path | None, *, destination: Destination, journal: Journal, run: int, marker: str,
    schema: DestinationSchema, connection: duckdb.DuckDBPyConnection, folder: Path, attachment: Callable[[str], Path | None],
    progress: Callable[[LoadProgress], None] = lambda _: None, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> LoadReport:  # fmt: skip
    """Bring every staged row (or those of `selection`, a Parquet of record and _key) to an outcome in the journal.

    `folder` is the workspace that the artefact's paths are relative to; `marker` stamps the rows of this run. Call `settle`
    first. A cancelled load finishes what is in flight, then stops. Raises UnreachableError when the destination does not
    answer: nothing is lost, the next run settles and goes on.
    """
    begun = monotonic()
    prepare(connection, selection)
    markers = frozenset(destination.kept_marker(item) for item in (marker, *(run.marker for run in journal.runs())))
    total = selected_rows(connection) if selection else sum(record.rows for record in staged.records)
    job = LoadJob(
        destination, journal, run, marker, markers, schema, connection, folder, attachment, progress, total, sleep=sleep
    )  # fmt: skip
    in_order = sorted(staged.records, key=lambda record: record.wave)
    for record in in_order:
        take_xref(connection, record.record, journal.xref(record.record))
    for record in in_order:
        await _load_record(job, record, selection is not None)
        take_xref(connection, record.record, journal.xref(record.record))
    for record in in_order:
        await _finish_record(job, record, selection is not None)
    for record in reversed(in_order) if selection is None else ():
        await Leftovers(job, record).take_back()
    tally = job.tally
    return LoadReport(
        based_on={"staged": staged.digest()}, run=run, records=tuple(tally.record_load(record) for record in in_order),
        findings=tally.findings(), batches=tally.batches, resent=tally.resent, halved=tally.halved, uncertain=tally.uncertain,
        seconds=round(monotonic() - begun, 3),
    )  # fmt: skip


async def _load_record(job: LoadJob, record: StagedRecord, selected: bool) -> None:
    file = job.folder / record.file
    deferred = job.deferred(record)
    planned = plan_rows(job.connection, record, file, selected, deferred)
    job.total += waiting_rows(job.connection)
    job.tally.count(record.record, "rows", sum(planned.values()))
    record = record.without(deferred)
    for nothing_to_do in PASSED_OVER:
        job.tally.count(record.record, nothing_to_do, planned.get(nothing_to_do, 0))
        job.finished(record, planned.get(nothing_to_do, 0), sent=False)
    actions: Sequence[tuple[Action, int, Callable[[Sequence[PlannedRow]], Awaitable[None]]]] = (
        ("match", NOTED_PER_BATCH, lambda rows: _match(job, record, rows)),
        ("reject", NOTED_PER_BATCH, lambda rows: _refuse(job, record, rows)),
        ("blocked", NOTED_PER_BATCH, lambda rows: _refuse(job, record, rows)),
        ("conflict", NOTED_PER_BATCH, lambda rows: _stand_in_the_way(job, record, rows)),
        ("create", job.destination.capabilities.batch_size, lambda rows: _create(job, record, rows)),
        ("adopt", job.destination.capabilities.read_size, lambda rows: Updater(job, record, adopted=True).update(rows)),
        ("update", job.destination.capabilities.read_size, lambda rows: Updater(job, record, adopted=False).update(rows)),
    )
    many = planned.get("create", 0) > MANY_ROWS
    if many and not job.many:
        job.many = True
        job.journal.expect_many()
    for action, size, work in actions:
        if planned.get(action):
            async with ahead(planned_rows(job.connection, record, file, [action], size, many)) as batches:
                async for rows in batches:
                    await job.uninterrupted(_awaited(work(rows)))


async def _finish_record(job: LoadJob, record: StagedRecord, selected: bool) -> None:
    """Write what the destination takes by an update only, now that everything else stands: a completed appointment, say, can
    be neither changed nor given an owner any more (facts/dataverse.md §3.9)."""
    deferred = job.deferred(record)
    if not deferred:
        return
    file = job.folder / record.file
    planned = plan_rows(job.connection, record, file, selected, deferred, finishing=True)
    for action in ("adopt", "update"):
        if planned.get(action):
            updater = Updater(job, record, adopted=action == "adopt", finishing=True)
            size = job.destination.capabilities.read_size
            async with ahead(planned_rows(job.connection, record, file, [action], size)) as batches:
                async for rows in batches:
                    await job.uninterrupted(updater.update(rows))


async def _awaited(work: Awaitable[None]) -> None:
    await work


async def _create(job: LoadJob, record: StagedRecord, rows: Sequence[PlannedRow]) -> None:
    ready, refused = await Uploader(job, record).upload(rows)
    if refused:
        await _refuse_for(job, record, [row for row, _ in refused], [reason for _, reason in refused])
    if ready:
        await Creator(job, record).create(ready)


async def _match(job: LoadJob, record: StagedRecord, rows: Sequence[PlannedRow]) -> None:
    """Policy link: the destination's own rows stand for these source rows. Nothing is sent."""
    await job.journal.record_matches(job.run, [job.intent("match", record, row) for row in rows])
    job.tally.count(record.record, "matched", len(rows))
    job.finished(record, len(rows), sent=False)


async def _refuse(job: LoadJob, record: StagedRecord, rows: Sequence[PlannedRow]) -> None:
    """Rows that the transform rejected, or whose required parent is not loaded. Nothing is sent."""
    await _refuse_for(job, record, rows, [row.reason for row in rows])


async def _refuse_for(job: LoadJob, record: StagedRecord, rows: Sequence[PlannedRow], reasons: Sequence[str]) -> None:
    await _note(
        job, [job.intent("create", record, row) for row in rows], [Outcome("rejected", message=reason) for reason in reasons]
    )
    for row, reason in zip(rows, reasons, strict=True):
        job.tally.count(record.record, "rejected")
        job.tally.find(record.record, reason or "rejected", row.key)
    job.finished(record, len(rows), sent=False)


async def _stand_in_the_way(job: LoadJob, record: StagedRecord, rows: Sequence[PlannedRow]) -> None:
    """Rows that were written before and that the staged writes now reject, exclude or match elsewhere: left as they are."""
    outcomes = [Outcome("conflict", message=f"written before, now not to be written ({row.reason or 'excluded'})") for row in rows]
    await _note(job, [job.intent("update", record, row) for row in rows], outcomes)
    for row in rows:
        job.tally.count(record.record, "conflicts")
        job.tally.find(record.record, "no_longer_staged", row.key)
    job.finished(record, len(rows), sent=False)


async def _note(job: LoadJob, intents: Sequence[Intent], outcomes: Sequence[Outcome]) -> None:
    batch = await job.journal.open_batch(job.run, intents)
    await job.journal.close_batch(batch, outcomes)

"""Changing records that stand: field by field between what we wrote last, what is there now and what is to be (E7).

A field that somebody changed since, and that we would change too, is a conflict: nothing of that row is overwritten unseen.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import orjson

from crosswalk.model.errors import RejectedError, UncertainError
from crosswalk.model.record import Row, Write
from crosswalk.model.staged_writes import StagedRecord
from crosswalk.model.values import Value, Values
from crosswalk.stages._load_job import LoadJob
from crosswalk.stages._settlement import fetched, judged_update, merged_image, slices
from crosswalk.store.entries import Intent, Outcome
from crosswalk.store.staging import PlannedRow

UPDATES_PER_BATCH = 20
"""So many updates at least share a journal transaction, and are finished before a stop, though each may be a request."""


@dataclass(frozen=True, slots=True)
class Change:
    """What a row needs: the fields to write, or the fields in conflict, or (neither) nothing."""

    row: PlannedRow
    current: Row | None
    base: Values | None
    write: Values
    before: Values
    conflict: tuple[str, ...] = ()
    message: str = ""


def three_way(
    wanted: Values, current: Values, base: Values | None, *, adopted: bool, files: frozenset[str] = frozenset()
) -> tuple[Values, tuple[str, ...]]:
    """The fields to write and the fields in conflict.

    `wanted` holds what the fields would read back as. Without a base (a row that was the destination's own) nobody's change
    can be told from the old value: the policy says update, so it is written; what the source leaves empty is left alone.
    """
    write: Values = {}
    conflict: list[str] = []
    for path, value in wanted.items():
        now, old = current.get(path), (base or {}).get(path)
        if value == now or (path in files and names_file(now, value)) or (adopted and value is None):
            continue
        if base is None and not adopted:
            conflict.append(path)
        elif base is None or now == old:
            write[path] = value
        elif value != old and not (path in files and names_file(old, value)):
            conflict.append(path)
    return write, tuple(conflict)


def names_file(stored: Value, name: Value) -> bool:
    """A file field's stored value is of the file with that name."""
    return isinstance(name, str) and stored is not None and orjson.dumps(name) in orjson.dumps(stored)


@dataclass(frozen=True, slots=True)
class Updater:
    """Changes the rows of one record: its own (`adopted` false), or the destination's (policy update)."""

    job: LoadJob
    record: StagedRecord
    adopted: bool
    finishing: bool = False
    """The rows were counted when they were written; only their deferred fields are still to come."""

    async def update(self, rows: Sequence[PlannedRow]) -> None:
        """Bring these rows to an outcome each. Raises UnreachableError: the open batch is settled by the next run."""
        limits = self.job.destination.capabilities
        for part in slices(rows, min(max(UPDATES_PER_BATCH, limits.update_size), limits.read_size)):
            if self.job.stopping:
                return
            rest: Sequence[PlannedRow] = part
            while rest:
                rest = await self._carry_out(await self._changes(rest))

    async def _changes(self, rows: Sequence[PlannedRow]) -> list[Change]:
        ids = [row.id for row in rows]
        current = await fetched(self.job.destination, self.record.object, ids)
        entries = self.job.journal.entries_by_destination_ids(ids)
        bases = {id: entry.after for id, entry in entries.items() if entry.operation != "match"}
        return [self._change(row, current.get(row.id), bases.get(row.id)) for row in rows]

    def _change(self, row: PlannedRow, current: Row | None, base: Values | None) -> Change:
        if current is None or current.deleted:
            return Change(row, current, base, {}, {}, message="deleted in the destination since it was written")
        normalise = self.job.normalise(self.record)
        files = self.record.files()
        wanted = {path: normalise(path, value) for path, value in row.values.items()}
        write, conflict = three_way(wanted, current.values, base, adopted=self.adopted, files=files)
        if conflict:
            return Change(row, current, base, {}, {}, conflict, "changed in the destination since: " + ", ".join(conflict))
        before = {path: current.values.get(path) for path in write}
        return Change(row, current, base, {path: row.values[path] for path in write}, before)

    async def _carry_out(self, changes: Sequence[Change]) -> list[PlannedRow]:
        """One journal batch; the rows to try again."""
        job = self.job
        intents = [self._intent(change) for change in changes]
        batch = await job.journal.open_batch(job.run, intents)
        sent: dict[str, Outcome] = {}
        for part in slices([change for change in changes if change.write], job.destination.capabilities.update_size):
            sent |= await self._send(part)
        outcomes = [sent.get(change.row.id) or _unsent(change) for change in changes]
        await job.journal.close_batch(batch, outcomes)
        for change, outcome in zip(changes, outcomes, strict=True):
            self._count(change, outcome)
        return [change.row for change, outcome in zip(changes, outcomes, strict=True) if outcome.state == "absent"]

    def _intent(self, change: Change) -> Intent:
        return replace(self.job.intent("update", self.record, change.row), before=change.before)

    async def _send(self, changes: Sequence[Change]) -> dict[str, Outcome]:
        """One request; the outcome of each row by its id."""
        writes = [Write(change.row.id, change.write) for change in changes]
        try:
            answered = await self.job.destination.update(self.record.object, writes)
        except RejectedError as refusal:
            answered = [refusal] * len(changes)
        except UncertainError as error:
            return await self._uncertain(changes, error)
        self.job.uncertain_streak = 0
        return {change.row.id: _judged(change, answer) for change, answer in zip(changes, answered, strict=True)}

    async def _uncertain(self, changes: Sequence[Change], error: UncertainError) -> dict[str, Outcome]:
        job = self.job
        await job.unclear(error)
        found: Mapping[str, Row] = await fetched(job.destination, self.record.object, [change.row.id for change in changes])
        normalise = job.normalise(self.record)
        return {
            change.row.id: judged_update(change.write, change.before, found.get(change.row.id), change.base, normalise)
            for change in changes
        }

    def _count(self, change: Change, outcome: Outcome) -> None:
        tally, name, row = self.job.tally, self.record.record, change.row
        if outcome.state == "absent":
            return
        if outcome.state == "updated" and self.finishing:
            tally.count(name, "finished")
        elif outcome.state == "updated":
            tally.count(name, "updated" if change.write else "unchanged")
            tally.count(name, "with_findings", row.found)
            for path in row.omitted:
                tally.find(name, f"parent_left_out:{path}", row.key)
        elif outcome.state == "conflict":
            tally.count(name, "conflicts")
            for path in change.conflict:
                tally.find(name, f"changed_by_person:{path}", row.key)
            if not change.conflict:
                tally.find(name, "deleted_by_person", row.key)
        else:
            tally.count(name, "rejected")
            tally.find(name, "rejected_by_destination", row.key)
        self.job.finished(self.record, 1, sent=bool(change.write))


def _unsent(change: Change) -> Outcome:
    """The outcome of a row that nothing was sent for."""
    if change.message or change.current is None:
        return Outcome("conflict", message=change.message)
    return Outcome("updated", change.base or change.current.values, "stood as staged already")


def _judged(change: Change, answer: Row | RejectedError) -> Outcome:
    if isinstance(answer, RejectedError):
        return Outcome("rejected", message=f"{answer.code}: {answer.message}")
    return Outcome("updated", merged_image(change.base, change.current or answer, answer, change.write))

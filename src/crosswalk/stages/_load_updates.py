"""Changing records that stand: field by field between what we wrote last, what is there now and what is to be (E7).

A field that somebody changed since, and that we would change too, is a conflict: nothing of that row is overwritten unseen.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from crosswalk.model.errors import RejectedError, UncertainError
from crosswalk.model.record import Row, Write
from crosswalk.model.staged_writes import StagedRecord
from crosswalk.model.values import Values
from crosswalk.stages._load_files import Uploader
from crosswalk.stages._load_job import LoadJob
from crosswalk.stages._settlement import fetched, judged_update, merged_image, names_file, slices
from crosswalk.store.entries import Intent, Outcome
from crosswalk.store.staging import KEPT, PlannedRow

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
    kept: tuple[str, ...] = ()
    """Fields that would change, and that only the creation of a row could set."""
    refused: str = ""
    """Why its document is not to be had; nothing of the row is sent."""


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


def kept_paths(paths: frozenset[str], wanted: Values, current: Values, base: Values | None, *, adopted: bool) -> tuple[str, ...]:
    """Of `paths`, which only the creation of a row can set, those that the source would have otherwise."""
    told = [path for path in sorted(paths & wanted.keys()) if wanted[path] is not None or not adopted]
    return tuple(path for path in told if wanted[path] not in (current.get(path), (base or current).get(path)))


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
        changes = [self._change(row, current.get(row.id), bases.get(row.id)) for row in rows]
        return [await self._with_files(change) for change in changes]

    def _change(self, row: PlannedRow, current: Row | None, base: Values | None) -> Change:
        if current is None or current.deleted:
            return Change(row, current, base, {}, {}, message="deleted in the destination since it was written")
        normalise = self.job.normalise(self.record)
        files = self.record.files()
        wanted = {path: normalise(path, value) for path, value in row.values.items()}
        created_with = self.job.kept(self.record)
        kept = kept_paths(created_with, wanted, current.values, base, adopted=self.adopted)
        wanted = {path: value for path, value in wanted.items() if path not in created_with}
        write, conflict = three_way(wanted, current.values, base, adopted=self.adopted, files=files)
        if conflict:
            return Change(row, current, base, {}, {}, conflict, "changed in the destination since: " + ", ".join(conflict))
        before = {path: current.values.get(path) for path in write}
        return Change(row, current, base, {path: row.values[path] for path in write}, before, kept=kept)

    async def _with_files(self, change: Change) -> Change:
        """The change with its new documents handed over: the files of other rows, which stay as they are, are not sent again."""
        if not self.record.files() & change.write.keys():
            return change
        ready, refused = await Uploader(self.job, self.record).upload([replace(change.row, values=change.write)])
        if refused:
            return replace(change, write={}, before={}, refused=refused[0][1])
        return replace(change, write=ready[0].values)

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
        intent = replace(self.job.intent("update", self.record, change.row), before=change.before)
        return replace(intent, content=f"{intent.content}{KEPT}{','.join(change.kept)}") if change.kept else intent

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
        normalise, files = job.normalise(self.record), self.record.files()
        return {
            change.row.id: judged_update(change.write, change.before, found.get(change.row.id), change.base, normalise, files)
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
            tally.count(name, "with_findings", row.found or bool(change.kept))
            for path in row.omitted:
                tally.find(name, f"parent_left_out:{path}", row.key)
            for path in change.kept:
                tally.find(name, f"kept_from_creation:{path}", row.key)
        elif outcome.state == "conflict":
            tally.count(name, "conflicts")
            for path in change.conflict:
                tally.find(name, f"changed_by_person:{path}", row.key)
            if not change.conflict:
                tally.find(name, "deleted_by_person", row.key)
        else:
            tally.count(name, "rejected")
            tally.find(name, change.refused or "rejected_by_destination", row.key)
        self.job.finished(self.record, 1, sent=bool(change.write))


def _unsent(change: Change) -> Outcome:
    """The outcome of a row that nothing was sent for."""
    if change.refused:
        return Outcome("rejected", message=change.refused)
    if change.message or change.current is None:
        return Outcome("conflict", message=change.message)
    return Outcome("updated", change.base or change.current.values, "stood as staged already")


def _judged(change: Change, answer: Row | RejectedError) -> Outcome:
    if isinstance(answer, RejectedError):
        return Outcome("rejected", message=f"{answer.code}: {answer.message}")
    return Outcome("updated", merged_image(change.base, change.current or answer, answer, change.write))

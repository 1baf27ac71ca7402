"""Creating records in batches: intents first, then the request, then outcomes; refused batches are halved down to the guilty
row, lost answers settled by reading (DESIGN.md, "The journal and undo, precisely")."""

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import orjson

from crosswalk.model.errors import RejectedError, UncertainError
from crosswalk.model.record import Row, Write
from crosswalk.model.staged_writes import StagedRecord
from crosswalk.stages._load_job import LoadJob
from crosswalk.stages._settlement import fetched, filled, judged_create
from crosswalk.store.entries import Outcome
from crosswalk.store.staging import PlannedRow


@dataclass(frozen=True, slots=True)
class Part:
    """Rows that go out in one request. `again`: a resend after reading proved them absent; `read`: their absence was just read."""

    rows: Sequence[PlannedRow]
    again: bool = False
    read: bool = False


@dataclass(frozen=True, slots=True)
class Creator:
    """Creates the rows of one record."""

    job: LoadJob
    record: StagedRecord

    async def create(self, rows: Sequence[PlannedRow]) -> None:
        """Bring these rows to an outcome each. Raises UnreachableError: the open batch is settled by the next run."""
        queue = deque(Part(part) for part in self._sized(rows))
        while queue and not self.job.stopping:
            part = queue.popleft()
            queue.extendleft(reversed(await self._send(part)))

    async def _send(self, part: Part) -> list[Part]:
        job = self.job
        batch = await job.journal.open_batch(job.run, [job.intent("create", self.record, row) for row in part.rows])
        job.tally.batches += 1
        job.tally.resent += part.again
        try:
            answered = await job.destination.create(
                self.record.object, [Write(row.id, filled(row.values)) for row in part.rows], job.marker
            )
            job.uncertain_streak = 0
            outcomes, rest = await self._answered(part, answered)
        except RejectedError as refusal:
            job.uncertain_streak = 0
            outcomes, rest = await self._refused(part, refusal)
        except UncertainError as error:
            outcomes, rest = await self._uncertain(part, error)
        await job.journal.close_batch(batch, outcomes)
        self._count(part, outcomes)
        return rest

    async def _answered(self, part: Part, answered: Sequence[Row | RejectedError]) -> tuple[list[Outcome], list[Part]]:
        outcomes = [
            await self._refused_alone(row, answer)
            if isinstance(answer, RejectedError)
            else Outcome("loaded_with_findings" if row.found else "loaded", filled(answer.values))
            for row, answer in zip(part.rows, answered, strict=True)
        ]
        return outcomes, _absent_again(part, outcomes)

    async def _refused(self, part: Part, refusal: RejectedError) -> tuple[list[Outcome], list[Part]]:
        """The guilty row alone keeps the refusal; halves of the others are tried again."""
        if len(part.rows) == 1:
            return [await self._refused_alone(part.rows[0], refusal)], []
        if refusal.code == "duplicate" and not part.read:
            outcomes = await self._read(part.rows)
            if any(outcome.state != "absent" for outcome in outcomes):
                return outcomes, _absent_again(part, outcomes)
        self.job.tally.halved += 1
        middle = len(part.rows) // 2
        halves = [Part(part.rows[:middle], read=True), Part(part.rows[middle:], read=True)]
        return [Outcome("absent", message="refused as a whole; tried again in halves")] * len(part.rows), halves

    async def _refused_alone(self, row: PlannedRow, refusal: RejectedError) -> Outcome:
        """A refusal that is this row's own, unless the duplicate it speaks of is the row itself: an answer was lost."""
        if refusal.code == "duplicate":
            outcome = (await self._read([row]))[0]
            if outcome.state != "absent":
                return outcome
        return Outcome("rejected", message=f"{refusal.code}: {refusal.message}{await self._holder(row, refusal)}")

    async def _uncertain(self, part: Part, error: UncertainError) -> tuple[list[Outcome], list[Part]]:
        await self.job.unclear(error)
        outcomes = await self._read(part.rows)
        return outcomes, _absent_again(part, outcomes, read=False)  # what was absent just now may still be on its way

    async def _read(self, rows: Sequence[PlannedRow]) -> list[Outcome]:
        found = await fetched(self.job.destination, self.record.object, [row.id for row in rows])
        normalise, files = self.job.normalise(self.record), self.record.files()
        return [judged_create(row.values, row.found, found.get(row.id), self.job.markers, normalise, files) for row in rows]

    async def _holder(self, row: PlannedRow, refusal: RejectedError) -> str:
        """Which row holds the value that only one may hold: the platform may not say (facts/twenty.md §3)."""
        described = self.job.schema.object(self.record.object)
        if refusal.code != "duplicate" or described is None:
            return ""
        normalise = self.job.normalise(self.record)
        for leaf in described.fields:
            value = normalise(leaf.path, row.values.get(leaf.path))
            if not leaf.unique or not isinstance(value, str):
                continue
            for holder in await self.job.destination.find(self.record.object, leaf.path, [value]):
                return f" ({leaf.path} is held by {'the deleted row ' if holder.deleted else ''}{holder.id})"
        return ""

    def _count(self, part: Part, outcomes: Sequence[Outcome]) -> None:
        ended = 0
        for row, outcome in zip(part.rows, outcomes, strict=True):
            if outcome.state == "absent":
                continue
            ended += 1
            self._count_row(row, outcome)
        self.job.finished(self.record, ended, sent=True)

    def _count_row(self, row: PlannedRow, outcome: Outcome) -> None:
        tally, name = self.job.tally, self.record.record
        if outcome.state in ("loaded", "loaded_with_findings"):
            tally.count(name, "created")
            tally.count(name, "with_findings", row.found)
            for path in row.omitted:
                tally.find(name, f"parent_left_out:{path}", row.key)
        elif outcome.state == "conflict":
            tally.count(name, "conflicts")
            tally.find(name, "id_taken", row.key)
        else:
            tally.count(name, "rejected")
            tally.find(name, "duplicate" if outcome.message.startswith("duplicate:") else "rejected_by_destination", row.key)

    def _sized(self, rows: Sequence[PlannedRow]) -> Iterator[Sequence[PlannedRow]]:
        """Runs of rows that fit one request by number and, with a margin for the platform's own shape, by bytes."""
        limits = self.job.destination.capabilities
        start, size = 0, 0
        for number, row in enumerate(rows):
            weight = len(orjson.dumps(row.values)) + 200
            if number > start and (number - start >= limits.batch_size or size + weight > limits.max_body_bytes * 0.8):
                yield rows[start:number]
                start, size = number, 0
            size += weight
        if rows:
            yield rows[start:]


def _absent_again(part: Part, outcomes: Sequence[Outcome], *, read: bool = True) -> list[Part]:
    absent = [row for row, outcome in zip(part.rows, outcomes, strict=True) if outcome.state == "absent"]
    return [Part(absent, again=True, read=read)] if absent else []

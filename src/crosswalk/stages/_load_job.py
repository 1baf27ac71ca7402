"""What a load works with, what it counts, and how it tells where it stands."""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Coroutine, Generator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import Any, TypeVar

import duckdb

from crosswalk.model.destination_schema import DestinationField, DestinationSchema
from crosswalk.model.errors import UncertainError, UnreachableError
from crosswalk.model.finding import Finding
from crosswalk.model.load_report import LoadProgress, RecordLoad
from crosswalk.model.staged_writes import StagedRecord
from crosswalk.spi.destination import Destination
from crosswalk.stages._settlement import Normalise, normaliser
from crosswalk.store.entries import Intent, Operation
from crosswalk.store.journal import Journal
from crosswalk.store.staging import PlannedRow

T = TypeVar("T")
EXAMPLES = 5
"""Source keys named per finding; the journal names them all."""
UNCERTAIN_LIMIT = 20
"""So many lost answers in a row, and we pause instead of going on: the destination is not well."""
LONGEST_PAUSE = 5.0
RATE_SECONDS = 20.0
"""The live rate is that of about the last 20 seconds: long enough for a full turn of a 60-second limit's bucket to show."""


@dataclass(slots=True)
class Tally:
    """Counts of one load, by record and action, and its findings."""

    counts: dict[str, Counter[str]] = field(default_factory=lambda: {})
    found: dict[tuple[str, str, str], Counter[str]] = field(default_factory=lambda: {})
    """(record, code, path) → how often ("", the count) and examples of source keys."""
    batches: int = 0
    resent: int = 0
    halved: int = 0
    uncertain: int = 0

    def count(self, record: str, what: str, rows: int = 1) -> None:
        """Add rows of a record to one of RecordLoad's counts."""
        self.counts.setdefault(record, Counter())[what] += rows

    def find(self, record: str, code: str, key: str) -> None:
        """Note a finding `code` or `code:path` on a row."""
        name, _, path = code.partition(":")
        entry = self.found.setdefault((record, name, path), Counter())
        entry[""] += 1
        if len(entry) <= EXAMPLES:
            entry[key] += 0

    def record_load(self, record: StagedRecord) -> RecordLoad:
        """The counts of a record as the report tells them."""
        return RecordLoad(record=record.record, object=record.object, **self.counts.get(record.record, Counter()))

    def findings(self) -> tuple[Finding, ...]:
        """The findings, by record and code."""
        return tuple(
            Finding(
                code=code,
                severity="warning",
                message=MESSAGES.get(code, ("the destination refused the row", ""))[0],
                remedy=MESSAGES.get(code, ("", "Read its words in the audit log, correct the source or the map, and run again."))[
                    1
                ],
                object=record,
                field=path or None,
                count=entry[""],
                examples=tuple(key for key in entry if key),
            )
            for (record, code, path), entry in sorted(self.found.items())
        )


MESSAGES = {
    "parent_not_loaded": (
        "a record this one needs was not loaded",
        "Correct the parent record, then run again: this one follows by itself.",
    ),
    "parent_left_out": (
        "a record this one refers to was not loaded; written without the link",
        "Correct the parent record, then run again: the link follows by itself.",
    ),
    "kept_from_creation": (
        "the destination takes this field only when it creates a row; a row that stands already keeps its own value",
        "Accept it, or for rows of ours roll back and run again.",
    ),
    "changed_by_person": (
        "somebody changed the same field in the destination",
        "Decide which value is right; nothing was overwritten.",
    ),
    "deleted_by_person": (
        "somebody deleted the row in the destination",
        "Restore it there, or leave it out of the map.",
    ),
    "required_missing": (
        "the source has no value for a field that must have one; not written",
        "Complete the source record, or make the field optional in mapping.yaml, then run again.",
    ),
    "id_taken": (
        "another row stands under the id that is ours",
        "Compare it in the destination; remove it there if it is a leftover.",
    ),
    "no_longer_staged": (
        "written before, but the map or the source now leaves it out, and it cannot be taken back unseen",
        "Look at the row in the destination, and remove it there if it is to go.",
    ),
    "document_missing": (
        "the export names a file that it does not hold",
        "Add the file to the export's documents, then run again.",
    ),
    "document_empty": ("the export's file has no bytes", "Export the file again, then run again."),
    "duplicate": (
        "another row holds a value that only one may hold",
        "See the audit log for the field and the row that holds it.",
    ),
}


@dataclass(slots=True)
class LoadJob:
    """Everything one load needs; `stopping` is set when a person asked to stop: the work in flight is finished, nothing begun."""

    destination: Destination
    journal: Journal
    run: int
    marker: str
    markers: frozenset[str]
    """The markers of all runs of this migration: what tells our rows from others."""
    schema: DestinationSchema
    connection: duckdb.DuckDBPyConnection
    folder: Path
    attachment: Callable[[str], Path | None]
    report: Callable[[LoadProgress], None]
    total: int
    tally: Tally = field(default_factory=Tally)
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    stopping: bool = False
    many: bool = False
    """The journal was told that very many records follow."""
    uncertain_streak: int = 0
    done: int = 0
    _sent: list[tuple[float, int]] = field(default_factory=lambda: [])

    def intent(self, operation: Operation, record: StagedRecord, row: PlannedRow) -> Intent:
        """The journal's note of what is about to happen to a row."""
        return Intent(operation, record.record, record.object, row.id, record.source_object, row.key, row.content, record.file)

    def deferred(self, record: StagedRecord) -> tuple[str, ...]:
        """The columns of a record that the destination takes by an update only."""
        return tuple(leaf.path for leaf in self._leaves(record) if not leaf.on_create)

    def kept(self, record: StagedRecord) -> frozenset[str]:
        """The columns of a record that the destination takes only when it creates a row."""
        return frozenset(leaf.path for leaf in self._leaves(record) if not leaf.on_update)

    def _leaves(self, record: StagedRecord) -> list[DestinationField]:
        described = self.schema.object(record.object)
        leaves = [described.field(column.path) for column in record.columns] if described else []
        return [leaf for leaf in leaves if leaf is not None]

    def normalise(self, record: StagedRecord) -> Normalise:
        """What values of a record's object read back as."""
        return normaliser(self.destination, self.schema.object(record.object))

    def finished(self, record: StagedRecord, rows: int, *, sent: bool) -> None:
        """Rows reached their end; those that were sent make the rate."""
        self.done += rows
        now = monotonic()
        if sent:
            self._sent.append((now, rows))
            while self._sent[0][0] < now - RATE_SECONDS and len(self._sent) > 2:
                self._sent.pop(0)
        self.report(LoadProgress(record.record, record.object, self.done, self.total, rate := self._rate(), self._eta(rate)))

    def _rate(self) -> float | None:
        if len(self._sent) < 2:
            return None
        seconds = self._sent[-1][0] - self._sent[0][0]
        # The first entry only marks where the clock starts: its rows were sent before.
        return sum(rows for _, rows in self._sent[1:]) / seconds if seconds > 0 else None

    def _eta(self, rate: float | None) -> float | None:
        return (self.total - self.done) / rate if rate else None

    async def unclear(self, error: UncertainError) -> None:
        """Count a request without a clear answer and wait before reading what came of it, longer each time in a row.

        Raises UnreachableError after UNCERTAIN_LIMIT in a row: the next run settles what is open.
        """
        self.tally.uncertain += 1
        self.uncertain_streak += 1
        if self.uncertain_streak > UNCERTAIN_LIMIT:
            raise UnreachableError(
                f"{UNCERTAIN_LIMIT} requests in a row got no clear answer (last: {error.message})",
                "Nothing is lost: see to the destination, then call the same command again.",
            ) from error
        await self.sleep(min(LONGEST_PAUSE, 0.1 * 2**self.uncertain_streak))

    async def uninterrupted(self, work: Coroutine[Any, Any, T]) -> T:
        """Run to the end even when a person asks to stop meanwhile, and stop then: what is in flight gets its outcome."""
        task = asyncio.ensure_future(work)
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            self.stopping = True
            await task
            raise


@asynccontextmanager
async def ahead(items: Generator[T, None, None]) -> AsyncGenerator[AsyncIterator[T], None]:
    """The items, each next one prepared in a thread while the one before is worked on. Behind the block, even one that was left
    by an error, no thread is in them any more, and they are closed: what they read from may be closed, too."""
    following = asyncio.ensure_future(asyncio.to_thread(next, items, None))

    async def each() -> AsyncIterator[T]:
        nonlocal following
        while (item := await asyncio.shield(following)) is not None:  # a thread cannot be cancelled
            following = asyncio.ensure_future(asyncio.to_thread(next, items, None))
            yield item

    try:
        yield each()
    finally:
        await asyncio.wait([following])
        items.close()

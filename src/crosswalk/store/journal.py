"""The journal: what we were about to do and what came of it, durable before and after, readable forwards and backwards."""

import asyncio
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

import pyarrow as pa
from sqlalchemy import Engine, select

from crosswalk.model.values import Value
from crosswalk.store import audit, history, verification
from crosswalk.store.chain import unpack
from crosswalk.store.database import open_engine
from crosswalk.store.entries import LOAD_RUNS, AuditEntry, ChainCheck, Entry, Event, Intent, OpenBatch, Outcome, RunKind, RunRecord
from crosswalk.store.reading import batch_intents, entries, settled
from crosswalk.store.tables import head, intent, link, xref
from crosswalk.store.transaction import Transaction
from crosswalk.store.writer import Writer

XREF_SCHEMA = pa.schema(
    [
        ("source_key", pa.string()),
        ("destination_id", pa.string()),
        ("state", pa.string()),
        ("content", pa.string()),
        ("generation", pa.int64()),
        ("last_state", pa.string()),
    ]
)
_XREF_ROWS = 20_000


class Journal:
    """One migration's journal; a context manager. Writing is durable (fsync) when the call returns.

    Raises CrosswalkError when the disk refuses, ValueError when called against its rules (unknown run, batch closed twice).
    """

    def __init__(self, engine: Engine, folder: Path) -> None:
        self._engine = engine
        self._folder = folder
        self._writer = Writer(engine)

    @classmethod
    def open(cls, path: Path) -> "Journal":
        """The journal in that file, made when new. Raises UsageError (newer format), CrosswalkError (not a journal)."""
        return cls(open_engine(path), path.parent)

    def __enter__(self) -> "Journal":
        return self

    def __exit__(self, *details: object) -> None:
        self.close()

    def close(self) -> None:
        """Finish what is queued and let go of the file."""
        self._writer.close()
        self._engine.dispose()

    # Runs, generations, events

    def generation(self) -> int:
        """The generation that new ids derive from, from 1."""
        with self._engine.connect() as connection:
            return connection.execute(select(head.c.generation)).scalar_one()

    def raise_generation(self) -> int:
        """Begin the next generation, at the end of a complete rollback; its number."""
        return self._writer.submit(Transaction.raise_generation).result()

    def start_run(self, kind: RunKind, marker: str, details: dict[str, str]) -> int:
        """Note that a run begins; its number, from 1. `marker` is what the destination's rows are stamped with."""
        return self._writer.submit(lambda transaction: transaction.start_run(kind, marker, details)).result()

    def finish_run(self, run: int, state: str) -> None:
        """Note how a run ended."""
        self._writer.submit(lambda transaction: transaction.event("run_finished", {"state": state}, run)).result()

    def runs(self) -> list[RunRecord]:
        """All runs, oldest first."""
        runs: dict[int, RunRecord] = {}
        for event in self.events("run_started"):
            details = event.details
            runs[event.run or 0] = RunRecord(
                event.run or 0, details["kind"], details["marker"], event.at, None, "running", details["details"]  # pyright: ignore[reportArgumentType]
            )  # fmt: skip
        for event in self.events("run_finished"):
            begun = runs[event.run or 0]
            runs[begun.id] = RunRecord(
                begun.id, begun.kind, begun.marker, begun.started, event.at, str(event.details["state"]), begun.details
            )  # fmt: skip
        return list(runs.values())

    def record_event(self, kind: str, details: dict[str, Value], run: int | None = None) -> None:
        """Note an approval, an accepted finding, a verb, a side effect: under the same hash chain."""
        self._writer.submit(lambda transaction: transaction.event(kind, details, run)).result()

    def events(self, kind: str | None = None) -> list[Event]:
        """The events of a kind, or all, in order."""
        query = select(link).where(link.c.kind == "event").order_by(link.c.position)
        if kind is not None:
            query = query.where(link.c.name == kind)
        with self._engine.connect() as connection:
            return [Event(row.position, row.at, row.name, row.run, unpack(row.body)) for row in connection.execute(query)]

    def expect_many(self) -> None:
        """Very many batches follow: what would slow them down and can be made again is put aside."""
        history.expect_many(self._engine)

    # Batches

    async def open_batch(self, run: int, intents: Sequence[Intent]) -> int:
        """Note what is about to be done, before the request leaves (law 4); the batch's number.

        A record has one open intent at a time: settle what is open before intending more on it.
        """
        kept = tuple(intents)
        return await asyncio.wrap_future(self._writer.submit(lambda transaction: transaction.open_batch(run, kept)))

    async def close_batch(self, batch: int, outcomes: Sequence[Outcome]) -> None:
        """Note what came of it, one outcome per intent in the same order, and move the cross-reference.

        A cancelled caller's outcomes are written all the same: they are true.
        """
        kept = tuple(outcomes)
        await asyncio.shield(asyncio.wrap_future(self._writer.submit(lambda transaction: transaction.close_batch(batch, kept))))

    async def record_matches(self, run: int, matches: Sequence[Intent]) -> int:
        """Note, in one closed batch, that rows standing in the destination are source rows' (operation `match`, state `matched`).

        They are never undone. A match's `before` is the row as it stands; it serves compare as after-image too.
        """
        kept = tuple(matches)
        if any(item.operation != "match" for item in kept):
            raise ValueError("record_matches takes intents of the operation match only")
        outcomes = [Outcome("matched", item.before) for item in kept]

        def work(transaction: Transaction) -> int:
            batch = transaction.open_batch(run, kept)
            transaction.close_batch(batch, outcomes)
            return batch

        return await asyncio.wrap_future(self._writer.submit(work))

    def open_batches(self) -> list[OpenBatch]:
        """Intents without outcome, oldest first: what recovery settles."""
        closed = select(link.c.batch).where(link.c.kind == "closed")
        query = select(link.c.batch, link.c.run, link.c.at).where(link.c.kind == "opened", link.c.batch.not_in(closed))
        with self._engine.connect() as connection:
            rows = connection.execute(query.order_by(link.c.batch)).all()
            return [OpenBatch(row.batch, row.run, row.at, batch_intents(connection, row.batch)) for row in rows]

    # The cross-reference and entries

    def xref(self, record: str) -> Iterator[pa.RecordBatch]:
        """This generation's references of a mapping record, by source key, in Arrow batches of XREF_SCHEMA.

        `state` tells what stands, `content` the digest of what was last written (empty when nothing of ours stands), `last_state`
        what came of the latest attempt. Each page is a query of its own, so a long read never holds the journal's log back.
        """
        query = select(*[xref.c[name] for name in XREF_SCHEMA.names]).where(
            xref.c.record == record, xref.c.generation == self.generation()
        )
        query = query.order_by(xref.c.source_key).limit(_XREF_ROWS)
        after: str | None = None
        while True:
            with self._engine.connect() as connection:
                page = query if after is None else query.where(xref.c.source_key > after)
                rows = connection.execute(page).all()
            if rows:
                after = rows[-1].source_key
                columns = {name: list(values) for name, values in zip(XREF_SCHEMA.names, zip(*rows, strict=True), strict=True)}
                yield pa.RecordBatch.from_pydict(columns, schema=XREF_SCHEMA)
            if len(rows) < _XREF_ROWS:
                return

    def entry(self, record: str, source_key: str) -> Entry | None:
        """The entry that a source key's reference rests on in this generation, or None."""
        place = (xref.c.record == record) & (xref.c.source_key == source_key)
        wanted = select(xref.c.intent).where(place, xref.c.generation == select(head.c.generation).scalar_subquery())
        with self._engine.connect() as connection:
            rows = connection.execute(settled().where(intent.c.id == wanted.scalar_subquery())).all()
            return next(entries(connection, rows), None)

    def entries_by_destination_ids(self, ids: Sequence[str]) -> dict[str, Entry]:
        """Destination id → the entry we last left it with; its after-image is what compare and undo hold a row against."""
        return history.entries_by_destination_ids(self._engine, ids)

    def batches_backwards(
        self, run: int | None = None, kinds: Collection[RunKind] = LOAD_RUNS
    ) -> Iterator[tuple[int, list[Entry]]]:
        """Closed batches of one run, or of all runs of these kinds, newest first: only entries that wrote something and are
        not yet undone (kept ones are not). What is undone while iterating is left out of later batches."""
        runs = [run] if run is not None else [found.id for found in self.runs() if found.kind in kinds]
        return history.batches_backwards(self._engine, runs)

    def counts(self, run: int | None = None) -> dict[tuple[str, str], int]:
        """(record, state) → source keys: as they stand in this generation, or as each last ended in one run."""
        return history.counts(self._engine, run)

    # The audit log and its proof

    def audit(
        self,
        *,
        source_key: str | None = None,
        destination_id: str | None = None,
        run: int | None = None,
        state: str | None = None,
        operation: str | None = None,
        limit: int | None = None,
    ) -> Iterator[AuditEntry]:
        """Every insert, update, delete, error and approval, oldest first (E8). `state` may be `open`: not settled yet."""
        return audit.audit(self._engine, audit.Search(source_key, destination_id, run, state, operation), limit)

    def verify_chain(self, noted: str | None = None) -> ChainCheck:
        """Whether nothing was altered since it was written. `noted` is an earlier check's head: it must still be in the chain."""
        return verification.check_chain(self._engine, noted)

    def verify_xref(self) -> list[tuple[str, str, int]]:
        """The (record, source key, generation) whose reference is not what the closed batches make it; reads everything."""
        return verification.check_references(self._engine, self._folder)

"""One write transaction of the journal: whatever was asked for while the last one was being made durable."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Dialect, func, insert, select, update

from crosswalk.model.values import Value, instant_text
from crosswalk.store.bulk import BulkInsert
from crosswalk.store.chain import link_digest, pack, pack_images
from crosswalk.store.crossref import Move, References, apply_moves
from crosswalk.store.entries import Intent, Outcome
from crosswalk.store.reading import batch_intents
from crosswalk.store.tables import BATCH_LIMIT, head, intent, intent_id, link, outcome, target

Target = tuple[str, str, str, str, str]

# Built once: building a statement costs more than carrying it out.
_TAKE_TURN = update(head).values(turn=head.c.turn + 1)
_HEAD = select(head)
_MOVE_HEAD = update(head)
_ADD_LINKS = insert(link)


@dataclass(slots=True)
class Head:
    """The row of `head`: where the chain ends and the numbers given out last."""

    position: int
    digest: str
    batch: int
    run: int
    generation: int


class Memory:
    """What the writer keeps between transactions: compiled statements, known targets, intents of batches opened here."""

    def __init__(self, dialect: Dialect) -> None:
        self.intents = BulkInsert(intent, dialect)
        self.outcomes = BulkInsert(outcome, dialect)
        self.references = References(dialect)
        self.targets: dict[Target, int] = {}
        self.open: dict[int, tuple[int, tuple[Intent, ...]]] = {}
        """Batch → (generation, intents), while it is open."""

    def forget(self) -> None:
        """After a transaction that failed: what it numbered is not so."""
        self.targets.clear()
        self.open.clear()


class Transaction:
    """Collects rows and writes them by `flush`, within the connection's transaction."""

    def __init__(self, connection: Connection, memory: Memory) -> None:
        # The update comes first: it takes the write lock, so that what is read next is the end of the chain.
        connection.execute(_TAKE_TURN)
        row = connection.execute(_HEAD).one()
        self.head = Head(row.position, row.digest, row.batch, row.run, row.generation)
        self._connection = connection
        self._memory = memory
        self._links: list[dict[str, Any]] = []
        self._intents: list[tuple[Any, ...]] = []
        self._outcomes: list[tuple[Any, ...]] = []
        self._moves: list[Move] = []

    def start_run(self, kind: str, marker: str, details: dict[str, str]) -> int:
        """Number a run and note its start."""
        self.head.run += 1
        self.event("run_started", {"kind": kind, "marker": marker, "details": dict(details)}, self.head.run)
        return self.head.run

    def raise_generation(self) -> int:
        """Begin the next generation of ids."""
        self.head.generation += 1
        self.event("generation_raised", {"generation": self.head.generation})
        return self.head.generation

    def event(self, name: str, details: dict[str, Value], run: int | None = None) -> int:
        """Note an event; its position."""
        self._check_run(run)
        self._link("event", name, None, run, self.head.generation, [], pack(details))
        return self.head.position

    def open_batch(self, run: int, intents: Sequence[Intent]) -> int:
        """Note intents; the batch's number."""
        if not 0 < len(intents) < BATCH_LIMIT:
            raise ValueError(f"a batch holds 1 to {BATCH_LIMIT - 1} intents, not {len(intents)}")
        self._check_run(run)
        self.head.batch += 1
        batch = self.head.batch
        for ordinal, item in enumerate(intents):
            undoes = None if item.undoes is None else intent_id(*item.undoes)
            self._intents.append(
                (intent_id(batch, ordinal), self._target(item), item.source_key, item.destination_id, item.content, undoes)
            )
        body = pack_images([item.before for item in intents])
        self._link("opened", "", batch, run, self.head.generation, [intent_row(item) for item in intents], body)
        self._memory.open[batch] = (self.head.generation, tuple(intents))
        return batch

    def close_batch(self, batch: int, outcomes: Sequence[Outcome]) -> None:
        """Note the outcomes of a batch that is open, and move the cross-reference."""
        generation, intents = self._memory.open.get(batch) or self._read_open(batch)
        if len(outcomes) != len(intents):
            raise ValueError(f"batch {batch} has {len(intents)} intents, but {len(outcomes)} outcomes were given")
        for ordinal, (item, result) in enumerate(zip(intents, outcomes, strict=True)):
            identity = intent_id(batch, ordinal)
            self._outcomes.append((identity, result.state, result.message))
            self._moves.append(Move(generation, identity, item, result))
        body = pack_images([result.after for result in outcomes])
        self._link("closed", "", batch, None, generation, [[result.state, result.message] for result in outcomes], body)
        self._memory.open.pop(batch, None)

    def flush(self) -> None:
        """Write everything collected."""
        if not self._links:
            return
        self._memory.intents.insert(self._connection, self._intents)
        self._memory.outcomes.insert(self._connection, self._outcomes)
        apply_moves(self._connection, self._memory.references, self._moves)
        self._connection.execute(_ADD_LINKS, self._links)
        self._connection.execute(
            _MOVE_HEAD,
            {
                "position": self.head.position,
                "digest": self.head.digest,
                "batch": self.head.batch,
                "run": self.head.run,
                "generation": self.head.generation,
            },
        )

    def _link(
        self, kind: str, name: str, batch: int | None, run: int | None, generation: int, rows: list[list[Any]], body: bytes
    ) -> None:
        self.head.position += 1
        at = instant_text(datetime.now(UTC))
        header = [self.head.position, kind, name, batch, run, generation, at, len(rows)]
        self.head.digest = link_digest(self.head.digest, header, rows, body)
        names = ("position", "kind", "name", "batch", "run", "generation", "at", "size")
        self._links.append(dict(zip(names, header, strict=True)) | {"digest": self.head.digest, "body": body})

    def _check_run(self, run: int | None) -> None:
        if run is not None and not 0 < run <= self.head.run:
            raise ValueError(f"there is no run {run} in the journal: start_run gives the number")

    def _read_open(self, batch: int) -> tuple[int, tuple[Intent, ...]]:
        query = select(link.c.kind, link.c.generation).where(link.c.batch == batch)
        kinds = {row.kind: row.generation for row in self._connection.execute(query)}
        if "opened" not in kinds:
            raise ValueError(f"there is no batch {batch} in the journal")
        if "closed" in kinds or any(item["batch"] == batch for item in self._links):
            raise ValueError(f"batch {batch} is closed already: an intent has one outcome")
        return kinds["opened"], batch_intents(self._connection, batch)

    def _target(self, item: Intent) -> int:
        key: Target = (item.operation, item.record, item.object, item.source_object, item.staged)
        known = self._memory.targets.get(key)
        if known is not None:
            return known
        columns = target.c
        found = self._connection.execute(
            select(columns.id).where(
                columns.operation == item.operation,
                columns.record == item.record,
                columns.object == item.object,
                columns.source_object == item.source_object,
                columns.staged == item.staged,
            )
        ).scalar()
        if found is None:
            found = (self._connection.execute(select(func.max(columns.id))).scalar() or 0) + 1
            self._connection.execute(insert(target).values(id=found, **dict(zip(columns.keys()[1:], key, strict=True))))
        self._memory.targets[key] = found
        return found


def intent_row(item: Intent) -> list[Any]:
    """An intent as the chain hashes it, before-image aside (that is the link's body)."""
    undoes = None if item.undoes is None else intent_id(*item.undoes)
    return [item.operation, item.record, item.object, item.source_object, item.staged,
            item.source_key, item.destination_id, item.content, undoes]  # fmt: skip

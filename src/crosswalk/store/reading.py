"""Reading the journal back: entries with their images, batch by batch. Readers never wait for the writer."""

from collections.abc import Iterable, Iterator
from typing import Any

from sqlalchemy import Connection, Row, Select, select

from crosswalk.model.values import Values
from crosswalk.store.chain import unpack
from crosswalk.store.entries import Entry, Intent
from crosswalk.store.tables import BATCH_LIMIT, batch_and_ordinal, intent, intent_id, link, outcome, target

_CACHED = 8

INTENT_COLUMNS = (
    intent.c.id,
    target.c.operation,
    target.c.record,
    target.c.object,
    target.c.source_object,
    target.c.staged,
    intent.c.source_key,
    intent.c.destination_id,
    intent.c.content,
    intent.c.undoes,
)


def batch_intents(connection: Connection, batch: int) -> tuple[Intent, ...]:
    """A batch's intents in order, before-images included."""
    body = connection.execute(select(link.c.body).where(link.c.batch == batch, link.c.kind == "opened")).scalar()
    rows = connection.execute(_intents_of(batch)).all()
    images: list[Values | None] = unpack(body or b"") or [None] * len(rows)
    return tuple(
        Intent(row.operation, row.record, row.object, row.destination_id, row.source_object, row.source_key, row.content,
               row.staged, before, None if row.undoes is None else batch_and_ordinal(row.undoes))
        for row, before in zip(rows, images, strict=True)
    )  # fmt: skip


def _intents_of(batch: int) -> Select[*tuple[Any, ...]]:
    first = intent_id(batch, 0)
    query = select(*INTENT_COLUMNS).join(target, target.c.id == intent.c.target)
    return query.where(intent.c.id >= first, intent.c.id < intent_id(batch + 1, 0)).order_by(intent.c.id)


class Images:
    """Before- and after-images by batch; the last few batches stay unpacked, since entries are read in their order."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._unpacked: dict[tuple[int, str], list[Values | None] | None] = {}

    def of(self, identity: int, kind: str) -> Values | None:
        """The image of an intent: before (`opened`) or after (`closed`)."""
        batch, ordinal = batch_and_ordinal(identity)
        if (batch, kind) not in self._unpacked:
            body = self._connection.execute(select(link.c.body).where(link.c.batch == batch, link.c.kind == kind)).scalar()
            while len(self._unpacked) >= _CACHED:
                del self._unpacked[next(iter(self._unpacked))]
            self._unpacked[batch, kind] = unpack(body or b"")
        images = self._unpacked[batch, kind]
        return None if images is None else images[ordinal]


def settled() -> Select[*tuple[Any, ...]]:
    """All settled intents with their outcome, run and generation: the rows `entries` understands."""
    return (
        select(*INTENT_COLUMNS, outcome.c.state, outcome.c.message, link.c.run, link.c.generation)
        .join(target, target.c.id == intent.c.target)
        .join(outcome, outcome.c.id == intent.c.id)
        .join(link, (link.c.batch == intent.c.id // BATCH_LIMIT) & (link.c.kind == "opened"))
    )


def entries(connection: Connection, rows: Iterable[Row[Any]]) -> Iterator[Entry]:
    """The entries of rows that `settled` selects."""
    images = Images(connection)
    for row in rows:
        batch, ordinal = batch_and_ordinal(row.id)
        yield Entry(
            record=row.record,
            source_key=row.source_key,
            source_object=row.source_object,
            object=row.object,
            destination_id=row.destination_id,
            state=row.state,
            content=row.content,
            batch=batch,
            ordinal=ordinal,
            generation=row.generation,
            before=images.of(row.id, "opened"),
            after=images.of(row.id, "closed"),
            operation=row.operation,
            run=row.run,
            message=row.message,
        )

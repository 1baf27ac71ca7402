"""The journal read backwards (undo), by destination (compare) and by count (reconcile)."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from typing import Any

from sqlalchemy import Connection, Engine, Row, func, inspect, select

from crosswalk.store.entries import TAKEN_BACK, UNDOING, WRITING, WRITTEN, Entry
from crosswalk.store.reading import entries, settled
from crosswalk.store.tables import (
    BATCH_LIMIT,
    INTENT_BY_DESTINATION,
    head,
    intent,
    intent_id,
    link,
    outcome,
    slices,
    target,
    xref,
)

_UNDOABLE = WRITTEN - {"matched"}


def batches_backwards(engine: Engine, runs: Collection[int]) -> Iterator[tuple[int, list[Entry]]]:
    """Closed batches of these runs, newest first, with the entries that wrote something and are not yet undone.

    Each batch is read when it is asked for, so undoing while iterating is seen.
    """
    newer: int | None = None
    while True:
        with engine.connect() as connection:
            closed = select(link.c.batch).where(link.c.kind == "closed")
            query = select(func.max(link.c.batch)).where(link.c.kind == "opened", link.c.run.in_(runs), link.c.batch.in_(closed))
            batch = connection.execute(query if newer is None else query.where(link.c.batch < newer)).scalar()
            if batch is None:
                return
            rows = connection.execute(
                settled().where(intent.c.id >= intent_id(batch, 0), intent.c.id < intent_id(batch + 1, 0)).order_by(intent.c.id)
            ).all()
            written = [row for row in rows if row.operation in WRITING and row.state in _UNDOABLE]
            standing = _not_undone(connection, sorted({row.source_key for row in written}))
            found = list(entries(connection, [row for row in written if row.id in standing]))
        newer = batch
        if found:
            yield batch, found


def _not_undone(connection: Connection, keys: Sequence[str]) -> set[int]:
    """The intents on these source keys that wrote something no later intent took back."""
    columns = (intent.c.id, target.c.operation, target.c.record, intent.c.source_key, intent.c.destination_id, intent.c.undoes)
    query = select(*columns, outcome.c.state).join(target, target.c.id == intent.c.target)
    query = query.join(outcome, outcome.c.id == intent.c.id)
    standing: dict[tuple[str, str, str], list[int]] = defaultdict(list)
    for some in slices(keys):
        for row in connection.execute(query.where(intent.c.source_key.in_(some)).order_by(intent.c.id)):
            stack = standing[row.record, row.source_key, row.destination_id]
            if row.operation in WRITING and row.state in _UNDOABLE:
                stack.append(row.id)
            elif row.operation in UNDOING and row.state in TAKEN_BACK:
                _take_back(stack, row)
    return {identity for stack in standing.values() for identity in stack}


def _take_back(stack: list[int], row: Row[*tuple[Any, ...]]) -> None:
    if row.operation == "remove":
        stack.clear()  # with the record, every update of it is gone
    elif row.undoes is not None:
        stack[:] = [identity for identity in stack if identity != row.undoes]
    elif stack:
        stack.pop()


def entries_by_destination_ids(engine: Engine, ids: Sequence[str]) -> dict[str, Entry]:
    """Destination id → the entry whose after-image it was last left with by us (written, matched or restored)."""
    last: dict[str, Row[*tuple[Any, ...]]] = {}
    make_findable(engine)
    with engine.connect() as connection:
        for some in slices(ids):
            query = settled().where(intent.c.destination_id.in_(some), target.c.operation != "upload")
            for row in connection.execute(query.order_by(intent.c.id)):
                if row.state in WRITTEN or row.state == "restored":
                    last[row.destination_id] = row
        rows = sorted(last.values(), key=lambda row: row.id)
        return {entry.destination_id: entry for entry in entries(connection, rows)}


def make_findable(engine: Engine) -> None:
    """Make the index by destination id, unless it is there (some seconds for a million intents)."""
    with engine.connect() as connection:
        there = any(found["name"] == INTENT_BY_DESTINATION.name for found in inspect(connection).get_indexes(intent.name))
    if not there:
        with engine.begin() as connection:
            INTENT_BY_DESTINATION.create(connection, checkfirst=True)


def expect_many(engine: Engine) -> None:
    """Drop the index by destination id: very many intents follow, and whoever looks for one makes it again."""
    with engine.begin() as connection:
        INTENT_BY_DESTINATION.drop(connection, checkfirst=True)


def counts(engine: Engine, run: int | None) -> dict[tuple[str, str], int]:
    """(record, state) → how many source keys: as they stand in this generation, or as each last ended in one run.

    Uploads are not counted: they are part of a record's write.
    """
    with engine.connect() as connection:
        if run is None:
            generation = select(head.c.generation).scalar_subquery()
            query = select(xref.c.record, xref.c.state, func.count()).where(xref.c.generation == generation)
            rows = connection.execute(query.group_by(xref.c.record, xref.c.state)).all()
        else:
            batches = select(link.c.batch).where(link.c.kind == "opened", link.c.run == run)
            last = (
                select(target.c.record.label("record"), func.max(intent.c.id).label("id"))
                .join(target, target.c.id == intent.c.target)
                .join(outcome, outcome.c.id == intent.c.id)
                .where((intent.c.id // BATCH_LIMIT).in_(batches), target.c.operation != "upload")
                .group_by(target.c.record, intent.c.source_key)
                .subquery()
            )
            query = select(last.c.record, outcome.c.state, func.count()).join(outcome, outcome.c.id == last.c.id)
            rows = connection.execute(query.group_by(last.c.record, outcome.c.state)).all()
        return {(record, state): count for record, state, count in rows}

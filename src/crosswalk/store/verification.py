"""Is the journal still what was written into it? The chain, link by link, and the cross-reference, by replaying."""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, Row, func, select, tuple_

from crosswalk.store.chain import START, link_digest
from crosswalk.store.crossref import Move, References, apply_moves
from crosswalk.store.database import open_engine
from crosswalk.store.entries import ChainCheck, Intent, Outcome
from crosswalk.store.reading import INTENT_COLUMNS, settled
from crosswalk.store.tables import head, intent, intent_id, link, outcome, target, xref

_PAGE = 100


def check_chain(engine: Engine, noted: str | None) -> ChainCheck:
    """Recompute every link; the first that does not hold is named. `noted` is a head written down earlier, still to be found."""
    previous, count, found = START, 0, noted in (None, START)
    with engine.connect() as connection:
        for row in _links(connection):
            count += 1
            if row.position != count or not _holds(connection, row, previous):
                return _broken(row, count, previous)
            previous = row.digest
            found = found or previous == noted
        fault = _end_fault(connection, count, previous) or ("" if found else "the noted head is not in the chain")
    return ChainCheck(not fault, count, previous, fault)


def _links(connection: Connection) -> Iterator[Row[*tuple[Any, ...]]]:
    after = -1
    while rows := connection.execute(select(link).where(link.c.position > after).order_by(link.c.position).limit(_PAGE)).all():
        yield from rows
        after = rows[-1].position


def _holds(connection: Connection, row: Row[*tuple[Any, ...]], previous: str) -> bool:
    header = [row.position, row.kind, row.name, row.batch, row.run, row.generation, row.at, row.size]
    try:
        return link_digest(previous, header, _rows(connection, row), row.body) == row.digest
    except TypeError:  # a value of another type than was ever written
        return False


def _rows(connection: Connection, row: Row[*tuple[Any, ...]]) -> list[list[Any]]:
    if row.kind == "event":
        return []
    first, end = intent_id(row.batch, 0), intent_id(row.batch + 1, 0)
    if row.kind == "opened":
        query = select(*INTENT_COLUMNS[1:]).join(target, target.c.id == intent.c.target)
        query = query.where(intent.c.id >= first, intent.c.id < end).order_by(intent.c.id)
    else:
        query = select(outcome.c.state, outcome.c.message).where(outcome.c.id >= first, outcome.c.id < end).order_by(outcome.c.id)
    return [list(values) for values in connection.execute(query)]


def _broken(row: Row[*tuple[Any, ...]], count: int, previous: str) -> ChainCheck:
    what = f"event {row.name}" if row.kind == "event" else f"batch {row.batch} ({row.kind})"
    if row.position != count:
        return ChainCheck(False, count - 1, previous, f"link {count} is missing before {what}", count)
    return ChainCheck(False, count - 1, previous, f"{what} at position {row.position}", row.position, row.batch)


def _end_fault(connection: Connection, count: int, previous: str) -> str:
    end = connection.execute(select(head)).one()
    if (end.position, end.digest) != (count, previous):
        return f"the chain ends at position {count}, but was written to {end.position}"
    for table, kind in ((intent, "opened"), (outcome, "closed")):
        linked = connection.execute(select(func.coalesce(func.sum(link.c.size), 0)).where(link.c.kind == kind)).scalar_one()
        rows = connection.execute(select(func.count()).select_from(table)).scalar_one()
        if rows != linked:
            return f"{rows} {table.name}s stand in the journal, {linked} are in the chain"
    wanted = {
        "run": select(func.count()).where(link.c.kind == "event", link.c.name == "run_started"),
        "batch": select(func.count()).where(link.c.kind == "opened"),
        "generation": select(func.count() + 1).where(link.c.kind == "event", link.c.name == "generation_raised"),
    }
    for name, query in wanted.items():
        number = connection.execute(query).scalar_one()
        if getattr(end, name) != number:
            return f"the {name} number says {getattr(end, name)}, the chain {number}"
    return ""


def check_references(engine: Engine, folder: Path) -> list[tuple[str, str, int]]:
    """Replay every closed batch into an empty cross-reference beside, and name the (record, source key, generation) that differ."""
    with tempfile.TemporaryDirectory(dir=folder, prefix="replay-") as place:
        replayed = open_engine(Path(place) / "replay.sqlite")
        try:
            with engine.connect() as connection, replayed.begin() as copy:
                _replay(connection, copy)
                return [*_differing(connection, copy), *_differing(copy, connection, only_missing=True)]
        finally:
            replayed.dispose()


def _replay(connection: Connection, copy: Connection) -> None:
    table = References(copy.dialect)
    closings = select(link.c.batch).where(link.c.kind == "closed").order_by(link.c.position)
    for batch in connection.execute(closings).scalars().all():
        query = settled().where(intent.c.id >= intent_id(batch, 0), intent.c.id < intent_id(batch + 1, 0)).order_by(intent.c.id)
        apply_moves(copy, table, [_move(row) for row in connection.execute(query)])


def _move(row: Row[*tuple[Any, ...]]) -> Move:
    noted = Intent(
        row.operation, row.record, row.object, row.destination_id, row.source_object, row.source_key, row.content, row.staged
    )
    return Move(row.generation, row.id, noted, Outcome(row.state))


def _differing(one: Connection, other: Connection, only_missing: bool = False) -> Iterator[tuple[str, str, int]]:
    key = tuple_(xref.c.record, xref.c.source_key, xref.c.generation)
    query = select(xref).order_by(xref.c.record, xref.c.source_key, xref.c.generation).limit(_PAGE)
    after: tuple[str, str, int] | None = None
    while rows := one.execute(query if after is None else query.where(key > after)).all():
        places = [(row.record, row.source_key, row.generation) for row in rows]
        records, keys, _ = map(set, zip(*places, strict=True))
        near = select(xref).where(xref.c.record.in_(records), xref.c.source_key.in_(keys))
        there = {(row.record, row.source_key, row.generation): row for row in other.execute(near)}
        for place, row in zip(places, rows, strict=True):
            found = there.get(place)
            if found is None or (not only_missing and tuple(found) != tuple(row)):
                yield place
        after = places[-1]

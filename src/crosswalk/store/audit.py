"""The audit log (E8): every insert, update, delete, error and approval, in the order they were noted."""

from collections.abc import Iterator
from dataclasses import dataclass
from heapq import merge
from itertools import islice
from typing import Any

from sqlalchemy import Engine, Row, select

from crosswalk.store.chain import unpack
from crosswalk.store.entries import AuditEntry
from crosswalk.store.history import make_findable
from crosswalk.store.reading import INTENT_COLUMNS
from crosswalk.store.tables import BATCH_LIMIT, batch_and_ordinal, intent, link, outcome, target

_PAGE = 2_000


@dataclass(frozen=True, slots=True)
class Search:
    """What to look for; None takes everything. Events bear no record, so any condition on one leaves them out."""

    source_key: str | None = None
    destination_id: str | None = None
    run: int | None = None
    state: str | None = None
    operation: str | None = None

    def wants_events(self) -> bool:
        """Whether an event could meet the conditions."""
        return self.source_key is None and self.destination_id is None and self.state is None and self.operation is None


def audit(engine: Engine, search: Search, limit: int | None) -> Iterator[AuditEntry]:
    """The lines that meet the search, oldest first. Read in pages, each a query of its own."""
    if search.destination_id is not None:
        make_findable(engine)
    lines = _intents(engine, search)
    if search.wants_events():
        lines = merge(lines, _events(engine, search.run), key=lambda line: line.position)
    return islice(lines, limit)


def _events(engine: Engine, run: int | None) -> Iterator[AuditEntry]:
    query = select(link).where(link.c.kind == "event").order_by(link.c.position).limit(_PAGE)
    if run is not None:
        query = query.where(link.c.run == run)
    after = 0
    while True:
        with engine.connect() as connection:
            rows = connection.execute(query.where(link.c.position > after)).all()
        for row in rows:
            yield AuditEntry(row.position, row.at, row.name, row.run, details=unpack(row.body))
        if len(rows) < _PAGE:
            return
        after = rows[-1].position


def _intents(engine: Engine, search: Search) -> Iterator[AuditEntry]:
    opened, closed = link.alias("opened"), link.alias("closed")
    batch = intent.c.id // BATCH_LIMIT
    query = (
        select(*INTENT_COLUMNS, outcome.c.state, outcome.c.message, opened.c.position, opened.c.at, opened.c.run,
               closed.c.at.label("settled_at"))
        .join(target, target.c.id == intent.c.target)
        .join(opened, (opened.c.batch == batch) & (opened.c.kind == "opened"))
        .outerjoin(closed, (closed.c.batch == batch) & (closed.c.kind == "closed"))
        .outerjoin(outcome, outcome.c.id == intent.c.id)
    )  # fmt: skip
    conditions = {
        intent.c.source_key: search.source_key,
        intent.c.destination_id: search.destination_id,
        opened.c.run: search.run,
        target.c.operation: search.operation,
        outcome.c.state: None if search.state == "open" else search.state,
    }
    query = query.where(*[column == value for column, value in conditions.items() if value is not None])
    if search.state == "open":
        query = query.where(outcome.c.id.is_(None))
    query = query.order_by(intent.c.id).limit(_PAGE)
    after = 0
    while True:
        with engine.connect() as connection:
            rows = connection.execute(query.where(intent.c.id > after)).all()
        yield from map(_line, rows)
        if len(rows) < _PAGE:
            return
        after = rows[-1].id


def _line(row: Row[*tuple[Any, ...]]) -> AuditEntry:
    batch, ordinal = batch_and_ordinal(row.id)
    return AuditEntry(
        position=row.position,
        at=row.at,
        event=None,
        run=row.run,
        batch=batch,
        ordinal=ordinal,
        operation=row.operation,
        record=row.record,
        object=row.object,
        destination_id=row.destination_id,
        source_object=row.source_object,
        source_key=row.source_key,
        state=row.state or "open",
        settled_at=row.settled_at,
        message=row.message or "",
    )

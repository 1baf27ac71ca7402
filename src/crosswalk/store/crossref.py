"""The cross-reference: which destination record stands for which source key, and what was last written into it."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, delete, select

from crosswalk.store.bulk import BulkInsert
from crosswalk.store.entries import STANDING, TAKEN_BACK, UNDOING, WRITTEN, Intent, Outcome
from crosswalk.store.tables import xref

_SLICE = 500
"""Keys per IN list: far below SQLite's 32,766 and PostgreSQL's 65,535 parameters."""


Place = tuple[str, str, int]
"""(record, source key, generation)."""


@dataclass(frozen=True, slots=True)
class Reference:
    """One row of `xref`. `content` is the digest of what stands in the destination, empty when nothing of ours does;
    `state` tells what stands, `last_state` what came of the latest attempt."""

    record: str
    source_key: str
    generation: int
    destination_id: str
    state: str
    last_state: str
    content: str
    intent: int


@dataclass(frozen=True, slots=True)
class Move:
    """A settled intent that may move a reference."""

    generation: int
    identity: int
    intent: Intent
    outcome: Outcome


def moved(current: Reference | None, move: Move) -> Reference | None:
    """The reference after a settled intent; None when there is none still. Pure.

    A refused update leaves the record that stands as it stands, so that the next run tries again instead of creating it anew.
    """
    intent, state = move.intent, move.outcome.state
    if intent.operation == "upload":
        return current
    stands = current is not None and current.state in STANDING
    if state in WRITTEN or state == "restored":
        same = stands and current is not None and intent.operation in ("update", "restore")
        place, content = current.destination_id if same and current else intent.destination_id, intent.content
    elif current is not None and intent.operation in UNDOING and state in TAKEN_BACK:
        place, content = current.destination_id, ""
    elif current is not None and stands and state == "kept":
        place, content = current.destination_id, current.content
    elif current is not None and stands:
        return Reference(current.record, current.source_key, current.generation, current.destination_id,
                         current.state, state, current.content, current.intent)  # fmt: skip
    else:
        place, content = intent.destination_id, ""
    generation = current.generation if current is not None else move.generation
    return Reference(intent.record, intent.source_key, generation, place, state, state, content, move.identity)


def apply_moves(connection: Connection, bulk: BulkInsert, moves: Sequence[Move]) -> None:
    """Move the references in `xref`, in order. An undo moves the generation that its destination id belongs to."""
    references: dict[Place, Reference] = {}
    keys: dict[str, set[str]] = defaultdict(set)
    for move in moves:
        keys[move.intent.record].add(move.intent.source_key)
    for record, wanted in keys.items():
        for row in _stored(connection, record, sorted(wanted)):
            references[row.record, row.source_key, row.generation] = row
    before = dict(references)
    for move in moves:
        place = _place(references, move)
        after = moved(references.get(place), move)
        if after is not None:
            references[place] = after
    changed = {place: row for place, row in references.items() if before.get(place) is not row}
    _remove(connection, [place for place in changed if place in before])
    bulk.insert(connection, [_row(row) for row in changed.values()])


def _place(references: dict[Place, Reference], move: Move) -> Place:
    record, key = move.intent.record, move.intent.source_key
    if move.intent.operation in UNDOING:
        for generation in range(move.generation, 0, -1):
            found = references.get((record, key, generation))
            if found is not None and found.destination_id == move.intent.destination_id:
                return (record, key, generation)
    return (record, key, move.generation)


def _stored(connection: Connection, record: str, keys: Sequence[str]) -> Iterable[Reference]:
    for start in range(0, len(keys), _SLICE):
        query = select(xref).where(xref.c.record == record, xref.c.source_key.in_(keys[start : start + _SLICE]))
        for row in connection.execute(query):
            yield Reference(*row)


def _remove(connection: Connection, places: Sequence[Place]) -> None:
    groups: dict[tuple[str, int], list[str]] = defaultdict(list)
    for record, key, generation in places:
        groups[record, generation].append(key)
    for (record, generation), keys in groups.items():
        for start in range(0, len(keys), _SLICE):
            connection.execute(
                delete(xref).where(
                    xref.c.record == record, xref.c.generation == generation, xref.c.source_key.in_(keys[start : start + _SLICE])
                )
            )


def _row(row: Reference) -> tuple[str, str, int, str, str, str, str, int]:
    return (row.record, row.source_key, row.generation, row.destination_id, row.state, row.last_state, row.content, row.intent)

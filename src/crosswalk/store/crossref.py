"""The cross-reference: which destination record stands for which source key, and what was last written into it."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from sqlalchemy import Connection, Dialect, bindparam, delete

from crosswalk.store.bulk import BulkInsert, BulkLookup
from crosswalk.store.entries import STANDING, TAKEN_BACK, UNDOING, WRITTEN, Intent, Outcome
from crosswalk.store.tables import slices, xref

_REMOVED = delete(xref).where(
    xref.c.record == bindparam("record"),
    xref.c.generation == bindparam("generation"),
    xref.c.source_key.in_(bindparam("keys", expanding=True)),
)


Place = tuple[str, str, int]
"""(record, source key, generation)."""


class Reference(NamedTuple):
    """One row of `xref`, in the table's order. `content` is the digest of what stands in the destination, empty when nothing
    of ours does; `state` tells what stands, `last_state` what came of the latest attempt."""

    record: str
    source_key: str
    generation: int
    destination_id: str
    state: str
    last_state: str
    content: str
    intent: int


class Move(NamedTuple):
    """A settled intent that may move a reference. A tuple, as `Reference` is: one of each is made per record."""

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
        return current._replace(last_state=state)
    else:
        place, content = intent.destination_id, ""
    generation = current.generation if current is not None else move.generation
    return Reference(intent.record, intent.source_key, generation, place, state, state, content, move.identity)


class References:
    """The table `xref`, read and written many rows at a time within a transaction."""

    def __init__(self, dialect: Dialect) -> None:
        self.insertion = BulkInsert(xref, dialect)
        self.lookup = BulkLookup(xref, "record", "source_key", dialect)


def apply_moves(connection: Connection, table: References, moves: Sequence[Move]) -> None:
    """Move the references in `xref`, in order. An undo moves the generation that its destination id belongs to."""
    keys: dict[str, list[str]] = defaultdict(list)
    for move in moves:
        keys[move.intent.record].append(move.intent.source_key)
    stored: dict[Place, Reference] = {}
    for record, wanted in keys.items():
        for row in table.lookup.find(connection, record, wanted):
            found = Reference(*row)
            stored[found.record, found.source_key, found.generation] = found
    references = dict(stored)
    for move in moves:
        place = _place(references, move)
        after = moved(references.get(place), move)
        if after is not None:
            references[place] = after
    if stored:
        _remove(connection, [place for place, row in stored.items() if references[place] is not row])
        table.insertion.insert(connection, [row for place, row in references.items() if stored.get(place) is not row])
    else:
        table.insertion.insert(connection, list(references.values()))


def _place(references: dict[Place, Reference], move: Move) -> Place:
    record, key = move.intent.record, move.intent.source_key
    if move.intent.operation in UNDOING:
        for generation in range(move.generation, 0, -1):
            found = references.get((record, key, generation))
            if found is not None and found.destination_id == move.intent.destination_id:
                return (record, key, generation)
    return (record, key, move.generation)


def _remove(connection: Connection, places: Iterable[Place]) -> None:
    groups: dict[tuple[str, int], list[str]] = defaultdict(list)
    for record, key, generation in places:
        groups[record, generation].append(key)
    for (record, generation), keys in groups.items():
        for some in slices(keys):
            connection.execute(_REMOVED, {"record": record, "generation": generation, "keys": some})

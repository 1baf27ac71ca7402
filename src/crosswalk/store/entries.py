"""The journal's words as values: what we are about to do, what came of it, and how both are told afterwards."""

from dataclasses import dataclass, field
from typing import Literal

from crosswalk.model.values import Value, Values

Operation = Literal["create", "update", "remove", "restore", "upload", "schema_apply", "schema_undo", "match"]
"""`match` changes nothing: it notes that a row standing in the destination is a source row's (`Journal.record_matches`)."""

State = Literal[
    "loaded", "loaded_with_findings", "matched", "updated", "removed", "restored", "kept",
    "rejected", "conflict", "absent", "applied", "undone", "failed",
]  # fmt: skip
RunKind = Literal["sample", "full", "delta", "rollback", "apply"]

LOAD_RUNS: tuple[RunKind, ...] = ("sample", "full", "delta")
WRITING: frozenset[str] = frozenset({"create", "update", "upload", "schema_apply"})
"""Operations that an undo takes back."""
UNDOING: frozenset[str] = frozenset({"remove", "restore", "schema_undo"})
WRITTEN: frozenset[str] = frozenset({"loaded", "loaded_with_findings", "matched", "updated", "applied"})
"""Outcomes of a writing operation after which the destination holds what was written."""
TAKEN_BACK: frozenset[str] = frozenset({"removed", "restored", "undone", "absent"})
"""Outcomes of an undoing operation after which the destination no longer holds what was written."""
STANDING: frozenset[str] = WRITTEN | {"restored", "kept"}
"""States of a cross-reference whose record stands in the destination."""


@dataclass(frozen=True, slots=True)
class Intent:
    """One effect on the destination, noted before its request leaves (law 4)."""

    operation: Operation
    record: str
    """The mapping's record name, or `schema`."""
    object: str
    destination_id: str
    source_object: str
    source_key: str
    content: str
    """The digest of the staged write."""
    staged: str
    """Where the staged write lies: `writes/<digest>/people.parquet`."""
    before: Values | None = None
    """The before-image of a record that is changed."""
    undoes: tuple[int, int] | None = None
    """(batch, ordinal) of the entry an undoing operation takes back; without it, the record's latest not yet undone."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of an intent. The message is the destination's words, freed of patients' values by the caller (law 8)."""

    state: State
    after: Values | None = None
    """The record as the destination answered it: what compare and undo hold it against."""
    message: str = ""


@dataclass(frozen=True, slots=True)
class OpenBatch:
    """Intents without outcome: to be settled by reading the destination, never by resending (law 4)."""

    id: int
    run: int
    opened_at: str
    intents: tuple[Intent, ...]


@dataclass(frozen=True, slots=True)
class RunRecord:
    """One run. `state` is `running` until it has ended: `done`, `paused` (Ctrl-C), `failed` (an error), `interrupted` (its process
    was killed; a later one noted it), a rollback's also `kept` or `unproved`. Times are instants as in model/values.py."""

    id: int
    kind: RunKind
    marker: str
    started: str
    ended: str | None
    state: str
    details: dict[str, str]


@dataclass(frozen=True, slots=True)
class Entry:
    """An intent and its outcome. `ordinal` counts from 0 within the batch."""

    record: str
    source_key: str
    source_object: str
    object: str
    destination_id: str
    state: State
    content: str
    batch: int
    ordinal: int
    generation: int
    before: Values | None
    after: Values | None
    operation: Operation
    run: int
    message: str


@dataclass(frozen=True, slots=True)
class Event:
    """Something that is no write: an approval, an accepted finding, a verb, a side effect."""

    position: int
    """Its place in the chain."""
    at: str
    kind: str
    run: int | None
    details: dict[str, Value]


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One line of the audit log, in the order things happened: an event, or an intent with its outcome (`open` until settled)."""

    position: int
    at: str
    event: str | None
    """The event's kind; None for an intent."""
    run: int | None
    batch: int | None = None
    ordinal: int | None = None
    operation: Operation | None = None
    record: str | None = None
    object: str | None = None
    destination_id: str | None = None
    source_object: str | None = None
    source_key: str | None = None
    state: State | Literal["open"] | None = None
    settled_at: str | None = None
    message: str = ""
    details: dict[str, Value] = field(default_factory=lambda: {})


@dataclass(frozen=True, slots=True)
class ChainCheck:
    """Whether the journal is what was written into it. `head` is the last link's digest: noted elsewhere, it also proves
    that nothing was cut off the end."""

    ok: bool
    links: int
    head: str
    broken: str = ""
    """Where it first breaks: `batch 12 (opened)`, `batch 12 (closed)`, `event approval`, with the position."""
    position: int | None = None
    batch: int | None = None

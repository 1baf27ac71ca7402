"""A destination in memory: a CRM's real semantics without a network, and faults on demand, for tests of the engine.

Batches are atomic, unique values are held by soft-deleted rows too, references must point at a row, deleting a parent
empties (or, for `cascades`, takes away) the rows that refer to it, e-mails come back in lower case. People and automations
act through `person_*`.
"""

from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Literal, TypeVar, get_args

from crosswalk.model.destination_schema import DestinationField, DestinationObject, DestinationSchema, FieldType
from crosswalk.model.errors import RejectedError, UncertainError, UnreachableError
from crosswalk.model.finding import Finding
from crosswalk.model.record import Actor, ActorKind, Row, User, Write
from crosswalk.model.schema_plan import ObjectCreation, SchemaChange
from crosswalk.model.values import Value, Values, instant_text, referred_ids
from crosswalk.spi.capabilities import Capabilities
from crosswalk.spi.destination import Expected, Traffic
from crosswalk.testing.memory_schema import applied, created, undone

T = TypeVar("T")
FaultKind = Literal["reject", "uncertain_before", "uncertain_after", "killed_before", "killed_after", "unreachable"]
CLOCK_START = 1_700_000_000
CAPABILITIES = Capabilities(
    batch_size=5,
    batch_is_atomic=True,
    update_size=1,
    field_types=frozenset(get_args(FieldType)),
    assumed_requests_per_minute=100,
    max_body_bytes=1_000_000,
    read_size=10,
    not_restorable=("updatedBy of restored rows",),
    not_fingerprinted=("updatedAt: server time",),
)


class Killed(BaseException):
    """The process died here: nothing may handle this, so it is no Exception."""


@dataclass
class Faults:
    """What goes wrong, by the number of the changing call (from 0, counted over the destination's life)."""

    at: dict[int, FaultKind] = field(default_factory=lambda: {})
    calls: Iterator[int] = field(default_factory=count)

    def next(self) -> FaultKind | None:
        """The fault of the call that is made now."""
        return self.at.get(next(self.calls))


@dataclass
class MemoryDestination:
    """Rows by object and id; `sent` is what reached the platform, in order, as (verb, object, ids, stored)."""

    schema: DestinationSchema
    capabilities: Capabilities = CAPABILITIES
    cascades: frozenset[tuple[str, str]] = frozenset()
    """(object, reference path) whose rows go with their parent."""
    refuse: Callable[[str, Values], str | None] = lambda _object, _values: None
    """A validation rule: the destination's words when it refuses this row."""
    faults: Faults = field(default_factory=Faults)
    tables: dict[str, dict[str, Row]] = field(default_factory=lambda: {})
    sent: list[tuple[str, str, tuple[str, ...], bool]] = field(default_factory=lambda: [])
    members: list[User] = field(default_factory=lambda: [])
    clock: int = CLOCK_START

    def __post_init__(self) -> None:
        for item in self.schema.objects:
            self.tables.setdefault(item.name, {})

    async def __aenter__(self) -> "MemoryDestination":
        return self

    async def __aexit__(self, *details: object) -> None:
        return None

    # -- reading

    async def describe(self) -> DestinationSchema:
        """The schema as it is now."""
        return self.schema

    async def users(self) -> Sequence[User]:
        """The members."""
        return list(self.members)

    async def rows(self, object_name: str, *, deleted: bool = False) -> AsyncIterator[Sequence[Row]]:
        """Live or soft-deleted rows by id, `read_size` at a time."""
        found = sorted((row for row in self.tables[object_name].values() if row.deleted == deleted), key=lambda row: row.id)
        for start in range(0, len(found), self.capabilities.read_size):
            yield found[start : start + self.capabilities.read_size]

    async def fetch(self, object_name: str, ids: Sequence[str]) -> Sequence[Row]:
        """The rows with these ids; asking for more than `read_size` is a programming error."""
        if len(ids) > self.capabilities.read_size:
            raise ValueError(f"{len(ids)} ids asked of {object_name}, at most {self.capabilities.read_size} are allowed")
        return [self.tables[object_name][wanted] for wanted in ids if wanted in self.tables[object_name]]

    async def find(self, object_name: str, path: str, values: Sequence[str]) -> Sequence[Row]:
        """The rows, live and soft-deleted, that hold one of the values."""
        wanted = set(values)
        return [row for row in self.tables[object_name].values() if wanted & {*referred_ids(row.values.get(path))}]

    async def referring(self, object_name: str, path: str) -> Sequence[tuple[str, str]]:
        """(row id, referenced id) of live rows whose reference is filled."""
        live = [row for row in self.tables[object_name].values() if not row.deleted]
        return [(row.id, to_id) for row in live for to_id in referred_ids(row.values.get(path))]

    async def probe(self, written: Mapping[str, int], currency: str) -> Sequence[Finding]:
        """Nothing lurks here."""
        return ()

    def created_object(self, creation: ObjectCreation) -> DestinationObject:
        """A new object, with its name."""
        return created(creation)

    def kept_marker(self, marker: str) -> str:
        """The marker itself."""
        return marker

    def expected(self, field: DestinationField, value: Value) -> Expected:
        """E-mails are kept in lower case."""
        if field.type == "email" and isinstance(value, str) and value != value.lower():
            return Expected(value.lower(), "e-mail lower-cased")
        return Expected(value)

    def traffic(self) -> Traffic:
        """Calls so far; there is no limit."""
        return Traffic(len(self.sent), 0, 0.0, None)

    # -- writing

    async def create(self, object_name: str, writes: Sequence[Write], marker: str) -> Sequence[Row | RejectedError]:
        """All or none (or, where batches are not atomic, each on its own), stamped with the marker."""
        ids = tuple(write.id for write in writes)
        if len(ids) > self.capabilities.batch_size:
            raise RejectedError(f"at most {self.capabilities.batch_size} records at a time", "too_large")
        actor = Actor("import", "Crosswalk", marker)

        def change() -> Sequence[Row | RejectedError]:
            if self.capabilities.batch_is_atomic:
                return self._created(object_name, writes, actor)
            return [_answer(lambda one=write: self._created(object_name, [one], actor)[0]) for write in writes]

        return await self._change("create", object_name, ids, change)

    async def update(self, object_name: str, writes: Sequence[Write]) -> Sequence[Row | RejectedError]:
        """Change the given fields of live or soft-deleted rows, each on its own."""
        ids = tuple(write.id for write in writes)
        if len(ids) > self.capabilities.update_size:
            raise RejectedError(f"at most {self.capabilities.update_size} records at a time", "too_large")

        def change(write: Write) -> Row:
            if write.id not in self.tables[object_name]:
                raise RejectedError("record not found", "not_found")
            return self._changed(object_name, write.id, write.values, Actor("integration", "key"))

        return await self._change("update", object_name, ids, lambda: [_answer(lambda one=write: change(one)) for write in writes])

    async def remove(self, object_name: str, ids: Sequence[str]) -> None:
        """Delete for good, and what that does to the rows that refer to them."""
        await self._change("remove", object_name, tuple(ids), lambda: self._removed(object_name, ids))

    async def upload(self, path: Path, name: str) -> Value:
        """The file's name stands for its bytes."""
        return await self._change("upload", "file", (name,), lambda: [{"fileId": f"file-{len(self.sent)}", "label": name}])

    async def apply(self, change: SchemaChange, schema: DestinationSchema) -> DestinationSchema:
        """Carry out a schema change; one that stands is done."""

        def carry_out() -> DestinationSchema:
            self.schema = applied(change, self.schema)
            if change.operation == "create_object":
                self.tables.setdefault(change.object, {})
            return self.schema

        return await self._change("apply", change.object, (change.label(),), carry_out)

    async def undo(self, change: SchemaChange, schema: DestinationSchema) -> DestinationSchema:
        """Take a schema change back, its data too; one that is gone is done."""

        def take_back() -> DestinationSchema:
            before, self.schema = self.schema, undone(change, self.schema)
            if change.operation == "create_object":
                self.tables.pop(change.object, None)
            else:
                self._forget_leaves(change.object, before)
            return self.schema

        return await self._change("undo", change.object, (change.label(),), take_back)

    # -- people and automations

    def person_adds(self, object_name: str, id: str, values: Values, kind: ActorKind = "person") -> Row:
        """A row made by somebody else: a person, an integration, or (kind) an automation."""
        return self._created(object_name, [Write(id, values)], Actor(kind, "somebody"))[0]

    def person_edits(self, object_name: str, id: str, values: Values, kind: ActorKind = "person") -> None:
        """A row changed by somebody else."""
        self._changed(object_name, id, values, Actor(kind, "somebody"))

    def person_deletes(self, object_name: str, id: str, *, soft: bool = True) -> None:
        """A row deleted by somebody: soft, or for good."""
        if soft:
            row = self.tables[object_name][id]
            self.tables[object_name][id] = replace(
                row, deleted=True, updated_by=Actor("person", "somebody"), updated_at=self._now()
            )
        else:
            self._removed(object_name, [id])

    # -- inside

    async def _change(self, verb: str, object_name: str, ids: tuple[str, ...], change: Callable[[], T]) -> T:
        fault = self.faults.next()
        if fault in BEFORE:
            self.sent.append((verb, object_name, ids, False))
            raise BEFORE[fault]()
        try:
            answer = change()
        except RejectedError:
            self.sent.append((verb, object_name, ids, False))
            raise
        self.sent.append((verb, object_name, ids, True))
        if fault is not None:
            raise AFTER[fault]()
        return answer

    def _created(self, object_name: str, writes: Sequence[Write], actor: Actor) -> list[Row]:
        table = self.tables[object_name]
        made: dict[str, Row] = {}
        for write in writes:
            if write.id in table or write.id in made:
                raise RejectedError("a duplicate entry was detected", "duplicate")
            values: Values = {path: value for path, value in self._checked(object_name, write, made).items() if value is not None}
            moment = self._now()
            made[write.id] = Row(write.id, values, False, actor, actor, str(values.get("createdAt", moment)), moment)
        table.update(made)
        return list(made.values())

    def _changed(self, object_name: str, id: str, values: Values, actor: Actor) -> Row:
        old = self.tables[object_name][id]
        merged = {**old.values, **self._checked(object_name, Write(id, values), {})}
        kept: Values = {path: value for path, value in merged.items() if value is not None}
        row = replace(old, values=kept, updated_by=actor, updated_at=self._now())
        self.tables[object_name][id] = row
        return row

    def _checked(self, object_name: str, write: Write, beside: dict[str, Row]) -> Values:
        if words := self.refuse(object_name, write.values):
            raise RejectedError(words, "validation")
        described = self.schema.object(object_name)
        stored: Values = {}
        for path, value in write.values.items():
            leaf = described.field(path) if described else None
            if leaf is None:
                raise RejectedError(f"{object_name} has no field {path}", "validation")
            if not leaf.on_create and write.id not in self.tables[object_name]:
                raise RejectedError(f"{path} cannot be set on create", "validation")
            if not leaf.on_update and write.id in self.tables[object_name]:
                raise RejectedError(f"{path} can be set on create only", "validation")
            stored[path] = self.expected(leaf, value).value
            if value is not None:
                self._check_leaf(object_name, leaf, stored[path], write.id, beside)
        return stored

    def _check_leaf(self, object_name: str, leaf: DestinationField, value: Value, id: str, beside: dict[str, Row]) -> None:
        if leaf.options and value not in leaf.options:
            raise RejectedError(f"{leaf.path} does not know this option", "validation")
        if leaf.to_object is not None and not {*referred_ids(value)} <= self.tables[leaf.to_object].keys():
            raise RejectedError(f"{leaf.path} violates a foreign key", "validation")
        if leaf.unique:
            holders = [*self.tables[object_name].values(), *beside.values()]
            if any(row.values.get(leaf.path) == value and row.id != id for row in holders):
                raise RejectedError("a duplicate entry was detected", "duplicate")

    def _removed(self, object_name: str, ids: Sequence[str]) -> None:
        gone = {id for id in ids if self.tables[object_name].pop(id, None) is not None}
        if not gone:
            return
        for described in self.schema.objects:
            for leaf in described.fields:
                if leaf.to_object == object_name:
                    self._let_go(described.name, leaf.path, gone)

    def _let_go(self, object_name: str, path: str, gone: set[str]) -> None:
        table = self.tables[object_name]
        held = [row for row in table.values() if gone & {*referred_ids(row.values.get(path))}]
        if (object_name, path) in self.cascades:
            self._removed(object_name, [row.id for row in held])
            return
        for row in held:
            left = [id for id in referred_ids(row.values.get(path)) if id not in gone]
            others = {name: value for name, value in row.values.items() if name != path}
            table[row.id] = replace(row, values=others | ({path: left[0] if len(left) == 1 else left} if left else {}))

    def _forget_leaves(self, object_name: str, before: DestinationSchema) -> None:
        old, new = before.object(object_name), self.schema.object(object_name)
        lost = {leaf.path for leaf in (old.fields if old else ())} - {leaf.path for leaf in (new.fields if new else ())}
        table = self.tables.get(object_name, {})
        for id, row in table.items():
            table[id] = replace(row, values={path: value for path, value in row.values.items() if path not in lost})

    def _now(self) -> str:
        self.clock += 1
        return instant_text(datetime.fromtimestamp(self.clock, UTC))


def _answer(change: Callable[[], Row]) -> Row | RejectedError:
    try:
        return change()
    except RejectedError as refusal:
        return refusal


def _rejected() -> RejectedError:
    return RejectedError("the destination is in a bad mood", "validation")


def _uncertain() -> UncertainError:
    return UncertainError("the connection dropped")


def _unreachable() -> UnreachableError:
    return UnreachableError("nobody answers", "Try again later.")


BEFORE: dict[FaultKind | None, Callable[[], BaseException]] = {
    "reject": _rejected,
    "uncertain_before": _uncertain,
    "killed_before": Killed,
    "unreachable": _unreachable,
}
AFTER: dict[FaultKind, Callable[[], BaseException]] = {"uncertain_after": _uncertain, "killed_after": Killed}

"""What a destination platform must offer: read, write, change schema. Network verbs are async.

Common to all verbs: UnreachableError when the destination cannot be reached or refuses our credentials (nothing was
changed); limits are met inside the connector by pacing, so no verb ever raises for "too many requests".
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from crosswalk.model.destination_schema import DestinationField, DestinationObject, DestinationSchema
from crosswalk.model.errors import RejectedError
from crosswalk.model.finding import Finding
from crosswalk.model.record import Row, User, Write
from crosswalk.model.schema_plan import ObjectCreation, SchemaChange
from crosswalk.model.values import Value
from crosswalk.spi.capabilities import Capabilities


@dataclass(frozen=True, slots=True)
class Expected:
    """What a written value must read back as. `rule` names the platform's normalisation and its source when it differs."""

    value: Value
    rule: str | None = None


@dataclass(frozen=True, slots=True)
class Traffic:
    """What the connection has done so far."""

    requests: int
    throttled: int
    waited_seconds: float
    """Time spent waiting for the live limit (not for answers)."""
    requests_per_minute: float | None
    """The steady rate the limit was found to allow; None while it was never felt."""


class DestinationReader(Protocol):
    """Everything that only looks."""

    capabilities: Capabilities

    async def describe(self) -> DestinationSchema:
        """All objects and leaf fields, introspected."""
        ...

    async def users(self) -> Sequence[User]:
        """Everybody who can own records."""
        ...

    def rows(self, object_name: str, *, deleted: bool = False) -> AsyncIterator[Sequence[Row]]:
        """Every live (or every soft-deleted) row of an object, in pages, stable while rows change."""
        ...

    async def fetch(self, object_name: str, ids: Sequence[str]) -> Sequence[Row]:
        """The rows with these ids (at most `read_size`), live and soft-deleted; those that do not exist are absent."""
        ...

    async def find(self, object_name: str, path: str, values: Sequence[str]) -> Sequence[Row]:
        """The rows, live and soft-deleted, whose field holds one of the values (any number: asked in slices)."""
        ...

    async def referring(self, object_name: str, path: str) -> Sequence[tuple[str, str]]:
        """(row id, referenced id) of every live row whose reference field is filled."""
        ...

    async def probe(self, written: Mapping[str, int], currency: str) -> Sequence[Finding]:
        """The platform's own gotchas (E3) for a migration that writes these objects (so many records of each) and amounts in
        this currency (ISO 4217): automations, webhooks, limits."""
        ...

    def created_object(self, creation: ObjectCreation) -> DestinationObject:
        """What an object will look like right after it is created: the fields that come with it. Pure."""
        ...

    def kept_marker(self, marker: str) -> str:
        """The run marker as rows carry it (`Actor.marker`): a platform may have room for less than its text. Pure."""
        ...

    def expected(self, field: DestinationField, value: Value) -> Expected:
        """What a canonical value reads back as once stored. Pure."""
        ...

    def traffic(self) -> Traffic:
        """Requests so far and the live limit."""
        ...


class DestinationWriter(Protocol):
    """Everything that changes records. Each raises RejectedError (refused whole, nothing stored) or UncertainError
    (dropped connection, time-out, server error: perhaps stored)."""

    async def create(self, object_name: str, writes: Sequence[Write], marker: str) -> Sequence[Row | RejectedError]:
        """Create records (at most `batch_size`), stamped with the run marker; for each, in order, the row as answered or why
        it alone was refused (never where `batch_is_atomic`: there one refusal is everybody's, and raised)."""
        ...

    async def update(self, object_name: str, writes: Sequence[Write]) -> Sequence[Row | RejectedError]:
        """Change exactly the given leaf fields of records (at most `update_size`), each on its own: the row as answered, or why
        it was refused, in order."""
        ...

    async def remove(self, object_name: str, ids: Sequence[str]) -> None:
        """Delete for good (at most `read_size`); ids that do not exist are no error."""
        ...

    async def upload(self, path: Path, name: str) -> Value:
        """Hand over a file's bytes; the value to write into a `file` field. An item's `size`, where it has one, is in bytes."""
        ...


class SchemaWriter(Protocol):
    """Everything that changes the destination's schema; same errors as writing."""

    async def apply(self, change: SchemaChange, schema: DestinationSchema) -> DestinationSchema:
        """Carry out one change; the schema read back after it. A change that already stands as asked is done."""
        ...

    async def undo(self, change: SchemaChange, schema: DestinationSchema) -> DestinationSchema:
        """Take one change back; the schema read back after it. A change already gone is done."""
        ...


class Destination(DestinationReader, DestinationWriter, SchemaWriter, Protocol):
    """A connected destination: an async context manager that closes its connections."""

    async def __aenter__(self) -> "Destination": ...

    async def __aexit__(self, *details: object) -> None: ...

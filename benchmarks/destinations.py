"""Destinations for benchmarks: one that keeps nothing, and one that counts how long another is waited for."""

from collections.abc import AsyncIterator, Awaitable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from benchmarks.measuring import Waiting
from crosswalk.connectors.twenty.connector import CAPABILITIES
from crosswalk.connectors.twenty.expected import expected
from crosswalk.model.destination_schema import DestinationField, DestinationSchema
from crosswalk.model.finding import Finding
from crosswalk.model.record import Actor, Row, User, Write
from crosswalk.model.schema_plan import SchemaChange
from crosswalk.model.values import Value
from crosswalk.spi.capabilities import Capabilities
from crosswalk.spi.destination import Destination, Expected, Traffic
from crosswalk.testing.memory_schema import applied, undone

T = TypeVar("T")
OWNER = "frontdesk@clinic.test"


@dataclass(slots=True)
class NullDestination:
    """Has Twenty's schema, takes every record and keeps none: what is left is the engine's own speed.

    `schema_file` holds the schema as described once by a real connector; changes to it are kept there, for the next process.
    """

    schema_file: Path
    capabilities: Capabilities = CAPABILITIES
    requests: int = 0
    _fields: dict[str, dict[str, DestinationField]] = field(default_factory=lambda: {})

    async def __aenter__(self) -> "NullDestination":
        return self

    async def __aexit__(self, *details: object) -> None:
        return None

    async def describe(self) -> DestinationSchema:
        """The schema in the file."""
        return DestinationSchema.model_validate_json(self.schema_file.read_bytes())

    async def users(self) -> Sequence[User]:
        """The one who owns everything."""
        return [User("11111111-1111-4111-8111-111111111111", OWNER, "Front desk")]

    async def rows(self, object_name: str, *, deleted: bool = False) -> AsyncIterator[Sequence[Row]]:
        """None."""
        for nothing in ():
            yield nothing

    async def fetch(self, object_name: str, ids: Sequence[str]) -> Sequence[Row]:
        """None."""
        return ()

    async def find(self, object_name: str, path: str, values: Sequence[str]) -> Sequence[Row]:
        """None."""
        return ()

    async def referring(self, object_name: str, path: str) -> Sequence[tuple[str, str]]:
        """None."""
        return ()

    async def probe(self, written: Sequence[str]) -> Sequence[Finding]:
        """Nothing lurks here."""
        return ()

    def expected(self, field: DestinationField, value: Value) -> Expected:
        """As Twenty normalises."""
        return expected(field, value)

    def traffic(self) -> Traffic:
        """Calls so far; there is no limit."""
        return Traffic(self.requests, 0, 0.0, None)

    async def create(self, object_name: str, writes: Sequence[Write], marker: str) -> Sequence[Row]:
        """Answer every record as it was sent, and forget it."""
        self.requests += 1
        ours = Actor("import", "Crosswalk", marker)
        return [Row(write.id, write.values, False, ours, ours) for write in writes]

    async def update(self, object_name: str, write: Write) -> Row:
        """Answer the record as it was sent."""
        self.requests += 1
        return Row(write.id, write.values)

    async def remove(self, object_name: str, ids: Sequence[str]) -> None:
        """Nothing is there."""
        self.requests += 1

    async def upload(self, path: Path, name: str) -> Value:
        """A file by its name."""
        self.requests += 1
        return [{"fileId": name, "label": name}]

    async def apply(self, change: SchemaChange, schema: DestinationSchema) -> DestinationSchema:
        """Keep the changed schema."""
        return self._keep(applied(change, await self.describe()))

    async def undo(self, change: SchemaChange, schema: DestinationSchema) -> DestinationSchema:
        """Keep the schema without the change."""
        return self._keep(undone(change, await self.describe()))

    def _keep(self, schema: DestinationSchema) -> DestinationSchema:
        self.schema_file.write_text(schema.model_dump_json(by_alias=True))
        return schema


@dataclass(slots=True)
class WatchedDestination:
    """Another destination, with the time its network verbs take noted in `waiting`."""

    inner: Destination
    waiting: Waiting
    capabilities: Capabilities = CAPABILITIES

    async def _watched(self, call: Awaitable[T]) -> T:
        with self.waiting:
            return await call

    async def __aenter__(self) -> "WatchedDestination":
        await self.inner.__aenter__()
        return self

    async def __aexit__(self, *details: object) -> None:
        await self.inner.__aexit__(*details)

    async def describe(self) -> DestinationSchema:
        """As the other."""
        return await self._watched(self.inner.describe())

    async def users(self) -> Sequence[User]:
        """As the other."""
        return await self._watched(self.inner.users())

    async def rows(self, object_name: str, *, deleted: bool = False) -> AsyncIterator[Sequence[Row]]:
        """As the other; only the reading of a page counts, not what is done with it."""
        pages = self.inner.rows(object_name, deleted=deleted)
        while (page := await self._watched(anext(pages, None))) is not None:
            yield page

    async def fetch(self, object_name: str, ids: Sequence[str]) -> Sequence[Row]:
        """As the other."""
        return await self._watched(self.inner.fetch(object_name, ids))

    async def find(self, object_name: str, path: str, values: Sequence[str]) -> Sequence[Row]:
        """As the other."""
        return await self._watched(self.inner.find(object_name, path, values))

    async def referring(self, object_name: str, path: str) -> Sequence[tuple[str, str]]:
        """As the other."""
        return await self._watched(self.inner.referring(object_name, path))

    async def probe(self, written: Sequence[str]) -> Sequence[Finding]:
        """As the other."""
        return await self._watched(self.inner.probe(written))

    def expected(self, field: DestinationField, value: Value) -> Expected:
        """As the other."""
        return self.inner.expected(field, value)

    def traffic(self) -> Traffic:
        """As the other."""
        return self.inner.traffic()

    async def create(self, object_name: str, writes: Sequence[Write], marker: str) -> Sequence[Row]:
        """As the other."""
        return await self._watched(self.inner.create(object_name, writes, marker))

    async def update(self, object_name: str, write: Write) -> Row:
        """As the other."""
        return await self._watched(self.inner.update(object_name, write))

    async def remove(self, object_name: str, ids: Sequence[str]) -> None:
        """As the other."""
        await self._watched(self.inner.remove(object_name, ids))

    async def upload(self, path: Path, name: str) -> Value:
        """As the other."""
        return await self._watched(self.inner.upload(path, name))

    async def apply(self, change: SchemaChange, schema: DestinationSchema) -> DestinationSchema:
        """As the other."""
        return await self._watched(self.inner.apply(change, schema))

    async def undo(self, change: SchemaChange, schema: DestinationSchema) -> DestinationSchema:
        """As the other."""
        return await self._watched(self.inner.undo(change, schema))

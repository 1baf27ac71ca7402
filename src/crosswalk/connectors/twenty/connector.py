"""How Twenty introduces itself, and the destination that the other files of this folder make up."""

from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Self, get_args

from crosswalk.connectors.twenty import files, probes, read
from crosswalk.connectors.twenty import schema as schema_changes
from crosswalk.connectors.twenty import write as writing
from crosswalk.connectors.twenty.client import READ_SIZE, TwentyClient
from crosswalk.connectors.twenty.describe import Description, describe
from crosswalk.connectors.twenty.errors import KEY_VARIABLE
from crosswalk.connectors.twenty.expected import expected
from crosswalk.kit.http import split_address
from crosswalk.model.destination_schema import DestinationField, DestinationObject, DestinationSchema, FieldType
from crosswalk.model.errors import UsageError
from crosswalk.model.finding import Finding
from crosswalk.model.record import Row, User, Write
from crosswalk.model.schema_plan import ObjectCreation, SchemaChange
from crosswalk.model.values import Value
from crosswalk.spi.capabilities import Capabilities
from crosswalk.spi.connector import Connector
from crosswalk.spi.destination import Destination, Expected, Traffic

CAPABILITIES = Capabilities(
    batch_size=writing.BATCH_SIZE,
    batch_is_atomic=True,
    update_size=1,
    field_types=frozenset(get_args(FieldType)) - {"id", "file", "other"},
    assumed_requests_per_minute=100,  # facts/twenty.md §9
    max_body_bytes=writing.MAX_BODY_BYTES,
    read_size=READ_SIZE,
    not_restorable=(
        "who changed a record last and when: Twenty stamps every change itself",  # facts/twenty.md §3
        "webhooks already delivered and workflow runs already started by a change",  # facts/twenty.md §11
    ),
    not_fingerprinted=(
        "updatedAt: moved by every change, a restored one too",
        "updatedBy.source: always the API key after a change",
        "updatedBy.name: always the API key after a change",
        "updatedBy.context: always the API key after a change",
        "searchVector: computed from the other fields",
    ),
    derived_objects=("timelineActivities",),  # facts/twenty.md §6: one per created or updated row, gone with the row
)


class TwentyDestination:
    """A connected Twenty workspace; see spi/destination.py for what each verb promises."""

    capabilities = CAPABILITIES

    def __init__(self, client: TwentyClient) -> None:
        self._client = client
        self._described: Description | None = None

    async def __aenter__(self) -> Self:
        await self._client.__aenter__()
        return self

    async def __aexit__(self, *details: object) -> None:
        await self._client.__aexit__(*details)

    async def _description(self) -> Description:
        if self._described is None:
            self._described = await describe(self._client)
        return self._described

    async def describe(self) -> DestinationSchema:
        """All active objects and leaf fields."""
        self._described = await describe(self._client)
        return self._described.schema

    async def users(self) -> Sequence[User]:
        """Every workspace member."""
        return await read.users(self._client)

    async def rows(self, object_name: str, *, deleted: bool = False) -> AsyncIterator[Sequence[Row]]:
        """Every live (or soft-deleted) row, in pages."""
        async for page in read.read_rows(self._client, await self._description(), object_name, deleted):
            yield page

    async def fetch(self, object_name: str, ids: Sequence[str]) -> Sequence[Row]:
        """The rows with these ids, live and soft-deleted."""
        return await read.fetch(self._client, await self._description(), object_name, ids)

    async def find(self, object_name: str, path: str, values: Sequence[str]) -> Sequence[Row]:
        """The rows, live and soft-deleted, whose field equals one of the values."""
        return await read.find(self._client, await self._description(), object_name, path, values)

    async def referring(self, object_name: str, path: str) -> Sequence[tuple[str, str]]:
        """(row id, referenced id) of every live row whose reference is filled."""
        return await read.referring(self._client, await self._description(), object_name, path)

    async def probe(self, written: Mapping[str, int], currency: str) -> Sequence[Finding]:
        """Twenty's own gotchas for a migration that writes these objects; each amount carries its currency there."""
        return await probes.probe(self._client, await self._description(), sorted(written))

    def created_object(self, creation: ObjectCreation) -> DestinationObject:
        """What a new object brings along, as far as a map may write it (facts/twenty.md §8)."""
        times = (DestinationField(path=path, type="datetime", computed=True) for path in ("createdAt", "updatedAt"))
        fields = (DestinationField(path="name", type="text"), *times)
        return DestinationObject(name=creation.name, singular=creation.singular, label=creation.label, custom=True, fields=fields)

    def kept_marker(self, marker: str) -> str:
        """The marker itself: it stands in createdBy.context (facts/twenty.md §3)."""
        return marker

    def expected(self, field: DestinationField, value: Value) -> Expected:
        """What a canonical value reads back as."""
        return expected(field, value)

    def traffic(self) -> Traffic:
        """Requests so far and the live limit."""
        return self._client.traffic()

    async def create(self, object_name: str, writes: Sequence[Write], marker: str) -> Sequence[Row]:
        """Create all (at most 200) or none, stamped with the run marker."""
        return await writing.create(self._client, await self._description(), object_name, writes, marker)

    async def update(self, object_name: str, writes: Sequence[Write]) -> Sequence[Row]:
        """Change exactly the given leaves of one record."""
        return [await writing.update(self._client, await self._description(), object_name, write) for write in writes]

    async def remove(self, object_name: str, ids: Sequence[str]) -> None:
        """Destroy for good (at most 200)."""
        await writing.remove(self._client, await self._description(), object_name, ids)

    async def upload(self, path: Path, name: str) -> Value:
        """Hand over a file's bytes."""
        return await files.upload(self._client, await self._description(), path, name)

    async def apply(self, change: SchemaChange, schema: DestinationSchema) -> DestinationSchema:
        """Carry out one schema change."""
        self._described = await schema_changes.apply(self._client, change, await self._description())
        return self._described.schema

    async def undo(self, change: SchemaChange, schema: DestinationSchema) -> DestinationSchema:
        """Take one schema change back."""
        self._described = await schema_changes.undo(self._client, change, await self._description())
        return self._described.schema


def check_address(url: str) -> None:
    """Raises UsageError for what is no web address. One's own server may answer without TLS."""
    parts = split_address(url)
    if parts.scheme not in ("https", "http") or not parts.hostname or parts.query or parts.fragment:
        raise UsageError(
            f"“{url}” is not the address of a Twenty server.",
            "Give it as https://crm.example.org, as your browser shows it, up to the first page.",
        )


def open_destination(url: str, environment: Mapping[str, str]) -> Destination:
    """Raises UsageError when the API key is missing or the URL is none."""
    check_address(url)
    key = environment.get(KEY_VARIABLE, "").strip()
    if not key:
        raise UsageError(
            f"{KEY_VARIABLE} is not set.",
            f"Create a key in Twenty under Settings → APIs & Webhooks and give it in the environment as {KEY_VARIABLE}.",
        )
    return TwentyDestination(TwentyClient(url, key))


CONNECTOR = Connector(
    name="twenty",
    title="Twenty CRM",
    open_destination=open_destination,
    check_address=check_address,
    environment={KEY_VARIABLE: "api_key"},
    shipped_maps={"pulse": Path(__file__).with_name("pulse.yaml")},
)

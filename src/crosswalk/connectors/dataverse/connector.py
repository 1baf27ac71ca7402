"""How Dynamics 365 introduces itself, and the destination that the other files of this folder make up."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Self

from crosswalk.connectors.dataverse import probes, read
from crosswalk.connectors.dataverse.bulk import BulkMessages
from crosswalk.connectors.dataverse.client import DataverseClient
from crosswalk.connectors.dataverse.created import created_object
from crosswalk.connectors.dataverse.describe import describe
from crosswalk.connectors.dataverse.description import Description
from crosswalk.connectors.dataverse.expected import expected
from crosswalk.connectors.dataverse.files import Documents
from crosswalk.connectors.dataverse.login import MICROSOFT, Credentials
from crosswalk.connectors.dataverse.payloads import FIELD_TYPES
from crosswalk.connectors.dataverse.schema import SchemaEditor
from crosswalk.connectors.dataverse.update import UPDATE_SIZE, Updater
from crosswalk.connectors.dataverse.write import BATCH_SIZE, MAX_BODY_BYTES, READ_SIZE, Creator, marker_number, remove
from crosswalk.kit.http import split_address
from crosswalk.model.destination_schema import DestinationField, DestinationObject, DestinationSchema
from crosswalk.model.errors import RejectedError, UsageError
from crosswalk.model.finding import Finding
from crosswalk.model.record import Row, User, Write
from crosswalk.model.schema_plan import ObjectCreation, SchemaChange
from crosswalk.model.values import Value
from crosswalk.spi.capabilities import Capabilities
from crosswalk.spi.connector import Connector
from crosswalk.spi.destination import Destination, Expected, Traffic

TENANT_VARIABLE = "CROSSWALK_DYNAMICS_TENANT_ID"
CLIENT_VARIABLE = "CROSSWALK_DYNAMICS_CLIENT_ID"
SECRET_VARIABLE = "CROSSWALK_DYNAMICS_CLIENT_SECRET"
AUTHORITY_VARIABLE = "CROSSWALK_DYNAMICS_AUTHORITY"
CALLER_VARIABLE = "CROSSWALK_DYNAMICS_CALLER_OBJECT_ID"

CAPABILITIES = Capabilities(
    batch_size=BATCH_SIZE,
    batch_is_atomic=False,
    update_size=UPDATE_SIZE,
    max_body_bytes=MAX_BODY_BYTES,
    read_size=READ_SIZE,
    field_types=FIELD_TYPES,
    assumed_requests_per_minute=1200.0,  # 6,000 in five minutes (facts/dataverse.md §5.1)
    not_restorable=(
        "who changed a record last and when: Dataverse stamps every change itself",  # facts/dataverse.md §0.5
        "the recycle bin: where the organisation has switched it on, deleted records stay there for up to 30 days, and their ids "
        "with them",  # facts/dataverse.md §0.12
        "the audit log, where auditing is on: it keeps what was written and deleted",
        "mail, flows and webhooks that a change has already set off",
    ),
    not_fingerprinted=(
        "modifiedon: moved by every change, a restored one too",
        "modifiedby: always our application user after a change",
        "versionnumber: counts every change",
        "exchangerate: computed from the currency",
    ),
)


class DynamicsDestination:
    """A connected organisation; see spi/destination.py for what each verb promises."""

    capabilities = CAPABILITIES

    def __init__(self, client: DataverseClient) -> None:
        self._client = client
        self._documents = Documents(client)
        self._bulk = BulkMessages(client)
        self._schema = SchemaEditor(client)
        self._described: Description | None = None

    async def __aenter__(self) -> Self:
        await self._client.__aenter__()
        return self

    async def __aexit__(self, *details: object) -> None:
        """Publish what was changed, then close. An error under way is not hidden by one of publishing."""
        try:
            if not details or details[0] is None:
                await self._schema.publish()
        finally:
            await self._client.__aexit__()

    async def _description(self) -> Description:
        if self._described is None:
            self._described = await describe(self._client)
        return self._described

    async def describe(self) -> DestinationSchema:
        """The tables a migration may write or must look at, and their leaves."""
        self._described = await describe(self._client)
        return self._described.schema

    async def users(self) -> Sequence[User]:
        """Everybody who can own records."""
        return await read.users(self._client)

    async def rows(self, object_name: str, *, deleted: bool = False) -> AsyncIterator[Sequence[Row]]:
        """Every row, in pages; there is no soft deletion, so `deleted` gives none."""
        if deleted:
            return
        async for page in read.read_rows(self._client, await self._description(), object_name):
            yield page

    async def fetch(self, object_name: str, ids: Sequence[str]) -> Sequence[Row]:
        """The rows with these ids."""
        return await read.fetch(self._client, await self._description(), object_name, ids)

    async def find(self, object_name: str, path: str, values: Sequence[str]) -> Sequence[Row]:
        """The rows whose field equals one of the values."""
        return await read.find(self._client, await self._description(), object_name, path, values)

    async def referring(self, object_name: str, path: str) -> Sequence[tuple[str, str]]:
        """(row id, referenced id) of every row whose lookup is filled."""
        return await read.referring(self._client, await self._description(), object_name, path)

    async def probe(self, written: Mapping[str, int], currency: str) -> Sequence[Finding]:
        """Dataverse's own gotchas for a migration that writes so many records of these tables."""
        return await probes.probe(self._client, await self._description(), written, currency)

    def created_object(self, creation: ObjectCreation) -> DestinationObject:
        """What a new table brings along, as far as a map may use it."""
        return created_object(creation, self._described is not None and self._described.may_set_created_on)

    def kept_marker(self, marker: str) -> str:
        """The number that stands for a run marker."""
        return str(marker_number(marker))

    def expected(self, field: DestinationField, value: Value) -> Expected:
        """What a canonical value reads back as."""
        return expected(field, value)

    def traffic(self) -> Traffic:
        """Requests so far and the live limit."""
        return self._client.traffic()

    async def create(self, object_name: str, writes: Sequence[Write], marker: str) -> Sequence[Row | RejectedError]:
        """Create records, each answered on its own."""
        creator = Creator(self._client, self._bulk, self._documents, await self._description(), object_name, marker)
        return await creator.create(writes)

    async def update(self, object_name: str, writes: Sequence[Write]) -> Sequence[Row | RejectedError]:
        """Change exactly the given leaves of records, each answered on its own."""
        updater = Updater(self._client, self._bulk, self._documents, await self._description(), object_name)
        return await updater.update(writes)

    async def remove(self, object_name: str, ids: Sequence[str]) -> None:
        """Delete records."""
        await remove(self._client, self._bulk, await self._description(), object_name, ids)

    async def upload(self, path: Path, name: str) -> Value:
        """Take note of a file that a note is going to hold."""
        return await self._documents.upload(path, name)

    async def apply(self, change: SchemaChange, schema: DestinationSchema) -> DestinationSchema:
        """Carry out one schema change; published when the connection is closed."""
        return await self._changed(self._schema.apply, change)

    async def undo(self, change: SchemaChange, schema: DestinationSchema) -> DestinationSchema:
        """Take one schema change back."""
        return await self._changed(self._schema.undo, change)

    async def _changed(
        self, verb: Callable[[SchemaChange, Description], Awaitable[Description]], change: SchemaChange
    ) -> DestinationSchema:
        """What is known is known no more when a change fails half-way."""
        known, self._described = await self._description(), None
        self._described = await verb(change, known)
        return self._described.schema


def check_address(url: str) -> None:
    """Raises UsageError for what is not an organisation's URL: https, and nothing behind the host."""
    parts = split_address(url)
    if parts.scheme != "https" or not parts.hostname or parts.path.strip("/") or parts.query:
        raise UsageError(
            f"“{url}” is not the address of an organisation.",
            "Give it as https://yourorg.crm.dynamics.com, with nothing behind it.",
        )


def open_destination(url: str, environment: Mapping[str, str]) -> Destination:
    """Raises UsageError when a credential is missing or the URL is not an organisation's."""
    check_address(url)
    tenant, client, secret = (_given(environment, name) for name in (TENANT_VARIABLE, CLIENT_VARIABLE, SECRET_VARIABLE))
    authority = environment.get(AUTHORITY_VARIABLE, "").strip() or MICROSOFT
    caller = environment.get(CALLER_VARIABLE, "").strip() or None
    return DynamicsDestination(DataverseClient(url, Credentials(tenant, client, secret, authority), caller))


def _given(environment: Mapping[str, str], variable: str) -> str:
    value = environment.get(variable, "").strip()
    if not value:
        raise UsageError(
            f"{variable} is not set.",
            "Register an app in Microsoft Entra, make it an application user of the environment, and give its tenant id, client "
            f"id and client secret in the environment as {TENANT_VARIABLE}, {CLIENT_VARIABLE} and {SECRET_VARIABLE}.",
        )
    return value


CONNECTOR = Connector(
    name="dynamics",
    title="Microsoft Dynamics 365 Sales",
    open_destination=open_destination,
    check_address=check_address,
    environment={
        TENANT_VARIABLE: "tenant_id",
        CLIENT_VARIABLE: "client_id",
        SECRET_VARIABLE: "client_secret",
        AUTHORITY_VARIABLE: "url",
        "SSL_CERT_FILE": "ca",
    },
    shipped_maps={"pulse": Path(__file__).with_name("pulse.yaml")},
)

"""Creating and deleting records (facts/dataverse.md §3.1, §3.2, §4): many at once, each answered on its own."""

from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any
from urllib.parse import quote

from crosswalk.connectors.dataverse import read
from crosswalk.connectors.dataverse.answers import answers_of, judged, refused_alone
from crosswalk.connectors.dataverse.bulk import CREATE_MULTIPLE, BulkMessages
from crosswalk.connectors.dataverse.chunks import in_chunks
from crosswalk.connectors.dataverse.client import DataverseClient
from crosswalk.connectors.dataverse.description import DOCUMENT, MARKER_COLUMN, NOTE, Description, Table
from crosswalk.connectors.dataverse.errors import UNKNOWN
from crosswalk.connectors.dataverse.files import Documents
from crosswalk.connectors.dataverse.leaves import Leaves
from crosswalk.connectors.dataverse.multipart import Part
from crosswalk.connectors.dataverse.settling import is_unknown
from crosswalk.kit.http import json_body
from crosswalk.model.errors import CrosswalkError, RejectedError, UncertainError
from crosswalk.model.record import Row, Write
from crosswalk.model.values import Value

BATCH_SIZE = 1000
"""Records given to one create, cut likewise (§4.5)."""
READ_SIZE = 1000
"""Ids asked for or deleted at once: ten filters of a hundred in one batch."""
MAX_BODY_BYTES = 32_000_000
"""Of all that one create is given; it is cut into smaller requests."""
_MARKER_NUMBERS = 2**31 - 1

Outcomes = list[Row | RejectedError]


def marker_number(marker: str) -> int:
    """The run marker as a number from 1 to 2^31-1, all that `importsequencenumber` has room for (§4.8).

    >>> marker_number("run-1") == marker_number("run-1") != marker_number("run-2")
    True
    """
    return int.from_bytes(sha256(marker.encode()).digest()[:8]) % _MARKER_NUMBERS + 1


async def remove(
    client: DataverseClient, bulk: BulkMessages, description: Description, object_name: str, ids: Sequence[str]
) -> None:
    """Delete for good, as far as the platform does (§0.12); records that do not exist are done.

    RejectedError naming the first refusal, after all others were deleted.
    """
    table = description.table(object_name)
    refusals: list[CrosswalkError] = []

    async def send(chunk: Sequence[str]) -> None:
        parts = [Part("DELETE", row_path(table, identity)) for identity in chunk]
        for answer in await answers_of(client, parts, table):
            if not answer.ok and (answer.status != 404 or is_unknown(answer)):
                refusals.append(judged(answer, f"DELETE {object_name}"))

    await in_chunks(client, list(dict.fromkeys(ids)), bulk.size(table, "$batch"), lambda _: 1, send)
    if refusals:
        raise next((error for error in refusals if not isinstance(error, RejectedError)), refusals[0])


class Creator:
    """One call of `create`: creates records of one table."""

    def __init__(
        self,
        client: DataverseClient,
        bulk: BulkMessages,
        documents: Documents,
        description: Description,
        object_name: str,
        marker: str,
    ) -> None:
        self._client = client
        self._bulk = bulk
        self._documents = documents
        self._description = description
        self._table = description.table(object_name)
        self._leaves = Leaves(description, object_name)
        self._is_note = object_name == NOTE
        self._number = marker_number(marker)
        self._refused: dict[str, RejectedError] = {}
        self._large: dict[str, Value] = {}
        """Note id → a document that follows in blocks."""

    async def create(self, writes: Sequence[Write]) -> Outcomes:
        """Create all that can be; in the order of `writes`, the row as read back or why it was refused."""
        if len(writes) > BATCH_SIZE:
            raise RejectedError(f"At most {BATCH_SIZE} records go out at once, not {len(writes)}.", "too_large", "Send fewer.")
        documents = {write.id: write.values.get(DOCUMENT) for write in writes} if self._is_note else {}
        self._large = {identity: value for identity, value in documents.items() if self._documents.is_large(value)}
        multiple = not self._has_parties(writes) and await self._bulk.offers(self._table, CREATE_MULTIPLE)
        size = self._bulk.size(self._table, CREATE_MULTIPLE if multiple else "$batch")

        async def send(chunk: Sequence[Write]) -> None:
            bodies = await self._bodies(chunk)
            await (self._send_multiple(bodies) if multiple else self._send_batch(bodies))
            await self._send_large_documents([write.id for write in chunk])

        await in_chunks(self._client, writes, size, self._documents.weigh, send)
        stored = [write.id for write in writes if write.id not in self._refused]
        rows = await read_back(self._client, self._description, self._table, stored)
        return [self._refused.get(write.id) or rows[write.id.lower()] for write in writes]

    async def _bodies(self, writes: Sequence[Write]) -> list[tuple[str, bytes]]:
        """(id, encoded record) of each write that can be encoded; the others are refused."""
        bodies: list[tuple[str, bytes]] = []
        for write in writes:
            try:
                bodies.append((write.id, json_body(await self._body(write), self._table.logical)))
            except RejectedError as error:
                self._refused[write.id] = error
        return bodies

    async def _body(self, write: Write) -> dict[str, Any]:
        body = {self._table.primary_id: write.id, **self._leaves.unflatten(write.values, clear=False)}
        if MARKER_COLUMN in self._table.columns:
            body[MARKER_COLUMN] = self._number
        return body | await self._documents.inline(write.values.get(DOCUMENT)) if self._is_note else body

    def _has_parties(self, writes: Sequence[Write]) -> bool:
        """Whether records carry others inside, which the Multiple messages are not made for (§3.8)."""
        return any(path in self._table.parties for write in writes for path in write.values)

    async def _send_multiple(self, chunk: Sequence[tuple[str, bytes]]) -> None:
        """All of a chunk in one message, which is all or nothing; refused, each record gets an answer of its own."""
        if not chunk:
            return
        try:
            await self._bulk.send(self._table, CREATE_MULTIPLE, [body for _, body in chunk])
        except RejectedError as error:
            await self._send_batch(chunk)
            if error.code not in UNKNOWN and not any(identity in self._refused for identity, _ in chunk):
                self._bulk.withdraw(self._table, CREATE_MULTIPLE)

    async def _send_batch(self, chunk: Sequence[tuple[str, bytes]]) -> None:
        """Each record by a request of its own inside a batch. A note of this migration that is there without its document
        was interrupted between the two: it is not refused, its document follows."""
        parts = [Part("POST", self._table.entity_set, body) for _, body in chunk]
        for (identity, body), answer in zip(chunk, await answers_of(self._client, parts, self._table), strict=True):
            if not answer.ok:
                self._refused[identity] = refused_alone(answer, f"POST {self._table.entity_set}", body)
        for identity in await self._interrupted([identity for identity, _ in chunk if identity in self._large]):
            del self._refused[identity]

    async def _interrupted(self, notes: Sequence[str]) -> list[str]:
        duplicates = [identity for identity in notes if (error := self._refused.get(identity)) and error.code == "duplicate"]
        found = await read.fetch(self._client, self._description, self._table.logical, duplicates) if duplicates else []
        ours = {row.id for row in found if row.created_by.marker == str(self._number) and row.values.get(DOCUMENT) is None}
        return [identity for identity in duplicates if identity.lower() in ours]

    async def _send_large_documents(self, ids: Sequence[str]) -> None:
        """The bytes that do not fit inside their notes. A note whose document is refused is taken away again."""
        for identity in ids:
            if identity not in self._large or identity in self._refused:
                continue
            try:
                await self._documents.send_blocks(identity, self._large[identity])
            except RejectedError as error:
                await self._client.write("DELETE", row_path(self._table, identity))
                self._refused[identity] = error


async def read_back(client: DataverseClient, description: Description, table: Table, ids: Sequence[str]) -> Mapping[str, Row]:
    """The rows with these ids, by lower-case id. UncertainError when one is not there, or when reading is refused: that is no
    refusal of what was written."""
    found: dict[str, Row] = {}
    try:
        for start in range(0, len(ids), READ_SIZE):
            for row in await read.fetch(client, description, table.logical, ids[start : start + READ_SIZE]):
                found[row.id.lower()] = row
    except RejectedError as error:
        raise UncertainError(error.message, error.remedy) from error
    missing = sum(identity.lower() not in found for identity in ids)
    if missing:
        raise UncertainError(
            f"{missing} of {len(ids)} {table.logical} written just now cannot be read.",
            "Whether they were stored is settled by reading the destination.",
        )
    return found


def row_path(table: Table, identity: str) -> str:
    """The address of one record."""
    return f"{table.entity_set}({quote(identity, safe='-')})"

"""Changing records (facts/dataverse.md §3.9): state last, and completed records only where it was us who completed them."""

from collections.abc import Sequence
from typing import Any

from crosswalk.connectors.dataverse import read
from crosswalk.connectors.dataverse.answers import answers_of, refused_alone
from crosswalk.connectors.dataverse.bulk import UPDATE_MULTIPLE, BulkMessages
from crosswalk.connectors.dataverse.chunks import in_chunks
from crosswalk.connectors.dataverse.client import DataverseClient
from crosswalk.connectors.dataverse.description import DOCUMENT, NOTE, Description, Raw
from crosswalk.connectors.dataverse.errors import UNKNOWN
from crosswalk.connectors.dataverse.files import Documents
from crosswalk.connectors.dataverse.leaves import Leaves
from crosswalk.connectors.dataverse.multipart import MOST_PARTS, BatchItem, Changeset, Part, count
from crosswalk.connectors.dataverse.parties import sent_again, standing_parties
from crosswalk.connectors.dataverse.write import Outcomes, read_back, row_path
from crosswalk.kit.http import json_body
from crosswalk.kit.paging import slices
from crosswalk.model.errors import RejectedError
from crosswalk.model.record import Row, Write
from crosswalk.model.values import Values

UPDATE_SIZE = 500
"""Records given to one update, cut into smaller requests where they take long (100 to 1,000 to begin with: §4.5)."""
STATE, STATUS = "statecode", "statuscode"
_OPEN = 0
"""The state in which a record can be changed: Open of activities, Active of other tables (§3.9)."""
_ONLY_UPDATE = {"If-Match": "*"}
"""Without it a PATCH of a record that is gone would create it anew (§2)."""
_NOTHING = b"{}"
_OURS = frozenset({"integration", "import"})


class Updater:
    """One call of `update`: changes records of one table."""

    def __init__(
        self, client: DataverseClient, bulk: BulkMessages, documents: Documents, description: Description, object_name: str
    ) -> None:
        self._client = client
        self._bulk = bulk
        self._documents = documents
        self._description = description
        self._table = description.table(object_name)
        self._leaves = Leaves(description, object_name)
        self._is_note = object_name == NOTE
        self._refused: dict[str, RejectedError] = {}
        self._parties: dict[str, list[Raw]] = {}
        """Lower-case id → the parties that stand, of the activities whose parties change."""

    async def update(self, writes: Sequence[Write]) -> Outcomes:
        """Change exactly the given leaves of each record, on its own; the row as read back, or why it was refused."""
        plain = [write for write in writes if not self._needs_care(write)]
        others: Sequence[Write] = [write for write in writes if self._needs_care(write)]
        if plain and not await self._bulk.offers(self._table, UPDATE_MULTIPLE):
            plain, others = [], writes
        weigh = self._documents.weigh
        await in_chunks(self._client, plain, self._bulk.size(self._table, UPDATE_MULTIPLE), weigh, self._send_multiple)
        await in_chunks(self._client, others, self._bulk.size(self._table, "update"), weigh, self._send)
        await self._send_to_completed([write for write in writes if _is_read_only(self._refused.get(write.id))])
        changed = [write.id for write in writes if write.id not in self._refused]
        rows = await read_back(self._client, self._description, self._table, changed)
        return [self._refused.get(write.id) or rows[write.id.lower()] for write in writes]

    def _needs_care(self, write: Write) -> bool:
        """State goes last, parties go together, documents may go in blocks: none of this in a message for many records."""
        paths = write.values.keys()
        return bool(paths & {STATE, STATUS} or paths & self._table.parties.keys() or (self._is_note and DOCUMENT in paths))

    async def _send_multiple(self, writes: Sequence[Write]) -> None:
        """All of a chunk in one message, which is all or nothing; refused, each record gets an answer of its own."""
        try:
            bodies = [
                json_body(
                    {self._table.primary_id: write.id, **self._leaves.unflatten(write.values, clear=True)}, self._table.logical
                )
                for write in writes
            ]
            await self._bulk.send(self._table, UPDATE_MULTIPLE, bodies)
        except RejectedError as error:
            await self._send(writes)
            if error.code not in UNKNOWN and not any(write.id in self._refused for write in writes):
                self._bulk.withdraw(self._table, UPDATE_MULTIPLE)

    async def _send(self, writes: Sequence[Write]) -> None:
        """One batch: a record's state goes after its other columns, both or neither."""
        items: list[tuple[str, BatchItem]] = []
        try:
            await self._read_parties(writes)
        except RejectedError as error:
            self._refused |= {write.id: error for write in writes}
            return
        for write in writes:
            try:
                items += [(write.id, item) for item in await self._items(write)]
            except RejectedError as error:
                self._refused[write.id] = error
        await self._carry_out(items)
        if self._is_note:
            await self._send_large_documents(writes)

    async def _items(self, write: Write) -> list[BatchItem]:
        state = {path: value for path, value in write.values.items() if path in {STATE, STATUS}}
        others = {path: value for path, value in write.values.items() if path not in state}
        parts = [await self._patch(write.id, values) for values in (others, state) if values]
        parts = [part for part in parts if part.body != _NOTHING]  # a document that goes in blocks
        return [Changeset(parts)] if len(parts) > 1 else [*parts]

    async def _send_large_documents(self, writes: Sequence[Write]) -> None:
        for write in writes:
            value = write.values.get(DOCUMENT)
            if write.id not in self._refused and self._documents.is_large(value):
                try:
                    await self._documents.send_blocks(write.id, value)
                except RejectedError as error:
                    self._refused[write.id] = error

    async def _send_to_completed(self, writes: Sequence[Write]) -> None:
        """Records found to be completed: reopened, changed and closed again in one go, if they are as we left them."""
        if not writes:
            return
        try:
            rows = await self._standing(writes)
        except RejectedError:
            return  # they stay refused as completed
        items: list[tuple[str, BatchItem]] = []
        for write in writes:
            row = rows.get(write.id.lower())
            if row is not None and row.updated_by.kind in _OURS:
                items.append((write.id, Changeset(await self._reopened(write, row))))
                del self._refused[write.id]
        await self._carry_out(items)

    async def _reopened(self, write: Write, row: Row) -> list[Part]:
        others = {path: value for path, value in write.values.items() if path not in {STATE, STATUS}}
        state: Values = {path: row.values.get(path) for path in (STATE, STATUS)}
        state |= {path: value for path, value in write.values.items() if path in state}
        if STATE in write.values and STATUS not in write.values:
            del state[STATUS]  # the one it has belongs to its old state; the new state's default takes its place
        options = self._table.options(STATE)
        opened: dict[str, Any] = {STATE: _OPEN}
        if _OPEN in options.default_status:
            opened[STATUS] = options.default_status[_OPEN]
        parts = [Part("PATCH", row_path(self._table, write.id), opened, _ONLY_UPDATE)]
        if others:
            parts.append(await self._patch(write.id, others))
        return [*parts, await self._patch(write.id, state)]

    async def _read_parties(self, writes: Sequence[Write]) -> None:
        """Parties are replaced as a list (§3.8): what a write does not name of them is to be sent along as it stands."""
        ids = [write.id for write in writes if self._table.parties.keys() & write.values.keys()]
        if ids:
            self._parties |= await standing_parties(self._client, self._leaves, ids)

    async def _standing(self, writes: Sequence[Write]) -> dict[str, Row]:
        """The rows to be changed as they stand, by lower-case id."""
        rows = await read.fetch(self._client, self._description, self._table.logical, [write.id for write in writes])
        return {row.id.lower(): row for row in rows}

    async def _carry_out(self, items: Sequence[tuple[str, BatchItem]]) -> None:
        for chunk in slices(items, MOST_PARTS, MOST_PARTS, lambda item: count([item[1]])):
            await self._carry_out_together(chunk)

    async def _carry_out_together(self, chunk: Sequence[tuple[str, BatchItem]]) -> None:
        """One batch. Refused as a whole, it is no word on the records of other batches: halved where it is too large, else each
        of its records is refused."""
        try:
            answers = await answers_of(self._client, [item for _, item in chunk], self._table)
        except RejectedError as error:
            if error.code == "too_large" and len(chunk) > 1:
                await self._carry_out_together(chunk[: len(chunk) // 2])
                await self._carry_out_together(chunk[len(chunk) // 2 :])
            else:
                self._refused |= {identity: error for identity, _ in chunk}
            return
        for (identity, item), answer in zip(chunk, answers, strict=True):
            if not answer.ok:
                sent = [part.body for part in item.parts] if isinstance(item, Changeset) else item.body
                self._refused[identity] = refused_alone(answer, f"PATCH {self._table.entity_set}", sent)

    async def _patch(self, identity: str, values: Values) -> Part:
        body = self._leaves.unflatten(values, clear=True)
        if self._table.party_list in body:
            standing = self._parties.get(identity.lower(), [])
            body[str(self._table.party_list)] += sent_again(self._description, self._table, standing, values.keys())
        if self._is_note:
            body |= await self._documents.inline(values.get(DOCUMENT))
        return Part("PATCH", row_path(self._table, identity), json_body(body, self._table.logical), _ONLY_UPDATE)


def _is_read_only(error: RejectedError | None) -> bool:
    return error is not None and error.code == "read_only"

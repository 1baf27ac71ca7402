"""Documents of notes: inside the note while small, in blocks when large (facts/dataverse.md §9).

A note's bytes have no place of their own to be uploaded to, so `upload` only looks at the file and remembers where it is;
`create` sends the bytes with, or right after, the note that holds them.
"""

import asyncio
import base64
import mimetypes
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from crosswalk.connectors.dataverse.chunks import weight
from crosswalk.connectors.dataverse.client import DataverseClient
from crosswalk.connectors.dataverse.description import DOCUMENT, NOTE
from crosswalk.model.errors import RejectedError, UncertainError
from crosswalk.model.record import Write
from crosswalk.model.values import Value

INLINE_BYTES = 3_000_000
"""Base64 makes four bytes of three, and an inline body should stay below 4 MB (§9)."""
BLOCK_BYTES = 3_000_000
"""A block must stay below 4 MB (§9)."""
DEFAULT_LIMIT = 5_242_880
"""organization.maxuploadfilesize where it was never changed."""
_OCTETS = "application/octet-stream"


class Documents:
    """The files handed over for this connection's notes."""

    def __init__(self, client: DataverseClient) -> None:
        self._client = client
        self._paths: dict[tuple[str, int], Path] = {}
        self._limit: int | None = None

    async def limit(self) -> int:
        """The most bytes a document may have."""
        if self._limit is None:
            content = await self._client.read("organizations", {"$select": "maxuploadfilesize"})
            rows = cast(list[Mapping[str, Any]], content["value"])
            self._limit = int((rows[0].get("maxuploadfilesize") if rows else None) or DEFAULT_LIMIT)
        return self._limit

    async def upload(self, path: Path, name: str) -> Value:
        """Remember a file; the value to write into a note's document leaf. RejectedError `too_large`."""
        size = path.stat().st_size
        most = await self.limit()
        if size > most:
            raise RejectedError(
                f"A document of {size} bytes is more than this organisation takes ({most}).",
                "too_large",
                "Raise the limit under Settings → Email → file size limit for attachments, or keep the file elsewhere.",
            )
        self._paths[name, size] = path
        return [{"name": name, "size": size}]

    def path(self, value: Value) -> tuple[str, Path]:
        """Name and path of the file that a document value stands for. RejectedError when it was not handed over here."""
        name = _name(value)
        path = self._paths.get((name, _size(value)))
        if path is None:
            raise RejectedError(
                "A note's document was not handed over in this connection.", "validation", "Upload the file, then write the note."
            )
        return name, path

    def is_large(self, value: Value) -> bool:
        """Whether a document is too large to go inside its note."""
        return _size(value) > INLINE_BYTES

    def weigh(self, write: Write) -> int:
        """About how many bytes a record takes on the wire, a note with the document inside it."""
        document = write.values.get(DOCUMENT)
        return weight(write) + (0 if self.is_large(document) else -(-_size(document) // 3) * 4)

    async def inline(self, value: Value) -> dict[str, Any]:
        """The columns that hold a document inside its note; none when there is no document, or it has to go in blocks."""
        if value is None or self.is_large(value):
            return {}
        name, path = self.path(value)
        content = await asyncio.to_thread(path.read_bytes)
        return {**_described(name), DOCUMENT: base64.b64encode(content).decode("ascii")}

    async def send_blocks(self, note: str, value: Value) -> None:
        """Send a large document into a note that exists.

        UncertainError when the last step got lost; until it is taken, nothing of the document is stored.
        """
        name, path = self.path(value)
        target = {"@odata.type": f"Microsoft.Dynamics.CRM.{NOTE}", "annotationid": note, **_described(name)}
        begun = (await self._client.write("POST", "InitializeAnnotationBlocksUpload", {"Target": target})).json()
        token = str(begun["FileContinuationToken"])
        blocks: list[str] = []
        with path.open("rb") as file:
            while content := await asyncio.to_thread(file.read, BLOCK_BYTES):
                blocks.append(_block_id(len(blocks)))
                await self._send_block(token, blocks[-1], content)
        body = {"Target": target, "BlockList": blocks, "FileContinuationToken": token}
        await self._client.write("POST", "CommitAnnotationBlocksUpload", body)

    async def _send_block(self, token: str, block: str, content: bytes) -> None:
        body = {"BlockId": block, "BlockData": base64.b64encode(content).decode("ascii"), "FileContinuationToken": token}
        try:
            await self._client.write("POST", "UploadBlock", body)
        except UncertainError:
            await self._client.write("POST", "UploadBlock", body)  # the same block twice is the same block


def _described(name: str) -> dict[str, str]:
    """The columns of a note that say what its document is."""
    return {"filename": name, "mimetype": mimetypes.guess_type(name)[0] or _OCTETS}


def _held(value: Value) -> Mapping[str, Any]:
    first: Any = value[0] if isinstance(value, list) and value else None
    return cast(Mapping[str, Any], first) if isinstance(first, Mapping) else {}


def _name(value: Value) -> str:
    return str(_held(value).get("name") or "")


def _size(value: Value) -> int:
    return int(_held(value).get("size") or 0)


def _block_id(number: int) -> str:
    """Of equal length for all blocks, in base64 (§9)."""
    return base64.b64encode(f"block{number:06d}".encode()).decode("ascii")

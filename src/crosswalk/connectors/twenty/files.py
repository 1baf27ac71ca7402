"""Handing over a file's bytes: upload link, bytes, completion (facts/twenty.md §7, way A)."""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast
from urllib.parse import urljoin, urlsplit

from crosswalk.connectors.twenty.client import TwentyClient
from crosswalk.connectors.twenty.describe import Description
from crosswalk.connectors.twenty.errors import refusal
from crosswalk.model.errors import RejectedError, UncertainError
from crosswalk.model.values import Value

MOST_BYTES = 1_000_000_000
_START = """
mutation Start($name: String!, $size: Float!, $field: String) {
  createFileUpload(filename: $name, size: $size, fileFolder: FilesField, fieldMetadataId: $field) {
    fileId uploadUrl contentType expiresAt
  }
}"""
_FINISH = "mutation Finish($file: String!) { completeFileUpload(fileId: $file) { id } }"


async def upload(client: TwentyClient, description: Description, path: Path, name: str) -> Value:
    """Upload for use in an attachment; the value to write into its `file` leaf. One file serves one row (§7).

    RejectedError when the file is too large or the workspace has no attachments.
    """
    field = description.raw_field("attachments", "file")
    if field is None:
        raise RejectedError("Twenty's attachments have no `file` field.", "unknown_field", "Use a server from version 2 on.")
    content = await asyncio.to_thread(path.read_bytes)
    if len(content) > MOST_BYTES:
        raise RejectedError(f"A file of {len(content)} bytes is more than Twenty takes.", "too_large", "Keep it elsewhere.")
    started = await client.mutate("/metadata", _START, {"name": name, "size": float(len(content)), "field": field["id"]})
    link = cast(Mapping[str, Any], started["createFileUpload"])
    address = _address(client.base_url, str(link["uploadUrl"]))
    answer = await client.put_bytes(address, content, str(link.get("contentType") or "application/octet-stream"))
    if not 200 <= answer.status < 300:
        raise refusal(answer, "PUT file-upload")
    file_id = str(link["fileId"])
    await _finish(client, file_id)
    return [{"fileId": file_id, "label": name}]


async def _finish(client: TwentyClient, file_id: str) -> None:
    try:
        await client.mutate("/metadata", _FINISH, {"file": file_id})
    except UncertainError:
        # Completing twice is harmless, and an upload left incomplete could not be attached.
        await client.mutate("/metadata", _FINISH, {"file": file_id})


def _address(base_url: str, link: str) -> str:
    """The upload link; a server behind a proxy may hand out its inner host only as a path."""
    return link if urlsplit(link).scheme else urljoin(base_url + "/", link)

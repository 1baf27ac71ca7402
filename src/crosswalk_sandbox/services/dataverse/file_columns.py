"""File columns: one PATCH with the bytes, or chunks; download with ranges (facts/dataverse.md §9)."""

import base64
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import unquote

from .blocks import too_large_or_blocked
from .clock import new_id
from .errors import DataverseError, not_found
from .http import Answer, Call
from .metadata import Column, Row, Table

if TYPE_CHECKING:
    from .app import Server

CHUNK = 4 * 1024 * 1024
READ_MAXIMUM = 16 * 1024 * 1024
ADDRESS = re.compile(r"(\w+)\(([0-9a-fA-F-]{36})\)/(\w+)(/\$value)?")
RANGE = re.compile(r"bytes[ =](\d+)-(\d*)(?:/(\d+))?")


@dataclass(slots=True)
class Place:
    """A file column of one row."""

    table: Table
    row: Row
    column: Column


@dataclass(slots=True)
class Session:
    """A chunked upload: where it goes, and the bytes that arrived."""

    place: Place
    name: str
    content: bytearray = field(default_factory=bytearray)


def register(server: "Server") -> None:
    """Answer for file columns before other routes see the address of a column."""
    server.gates.append(FileColumns(server).gate)


class FileColumns:
    """Contents are rows of fileattachment, so that an undone changeset takes them back; the column holds that row's id."""

    def __init__(self, server: "Server") -> None:
        self.server = server
        self.sessions: dict[str, Session] = {}

    def gate(self, call: Call) -> Answer | None:
        """Handle the address of a file column; anything else passes."""
        match = ADDRESS.fullmatch(call.resource)
        table = self.server.organization.schema.sets.get(match.group(1)) if match else None
        column = table.columns.get(match.group(3)) if match and table else None
        if match is None or table is None or column is None or column.kind not in ("File", "Virtual") or column.max_size_kb is None:
            return None
        row = self.server.organization.find(table.logical, match.group(2).lower())
        if row is None:
            raise not_found(table.logical, match.group(2))
        place = Place(table, row, column)
        if call.method == "GET" and match.group(4):
            return self.read(call, place)
        if call.method == "DELETE":
            self.store(call, place, None, b"")
            return Answer(204)
        return self.write(call, place) if call.method in ("PATCH", "PUT") else None

    def write(self, call: Call, place: Place) -> Answer:
        """The whole file, the beginning of a chunked upload, or one of its chunks."""
        parameters = call.parameters()
        token = parameters.get("sessiontoken")
        name = unquote(call.header("x-ms-file-name") or parameters.get("x-ms-file-name", ""))
        if token is not None:
            return self.chunk(call, token)
        if not name:
            raise DataverseError(400, "0x80048d19", "The x-ms-file-name header is missing or empty.")
        if call.header("x-ms-transfer-mode") == "chunked":
            token = new_id()
            self.sessions[token] = Session(place, name)
            location = f"{call.base_url}{call.path}?sessiontoken={token}"
            return Answer(200, headers={"Location": location, "x-ms-chunk-size": str(CHUNK), "Accept-Ranges": "bytes"})
        self.store(call, place, name, call.raw)
        return Answer(204)

    def chunk(self, call: Call, token: str) -> Answer:
        """206 for a chunk with more to come, 204 for the last. Raises DataverseError 400 for one that does not follow on."""
        session = self.sessions.get(token)
        found = RANGE.fullmatch(call.header("content-range") or "")
        if session is None or found is None or int(found.group(1)) != len(session.content):
            raise DataverseError(400, "0x80040203", "The chunk does not follow on the ones before it in its session.")
        session.content += call.raw
        if len(session.content) < int(found.group(3) or 0):
            return Answer(206)
        self.store(call, session.place, session.name, bytes(session.content))
        del self.sessions[token]
        return Answer(204)

    def store(self, call: Call, place: Place, name: str | None, content: bytes) -> None:
        """Replace the column's file; `name` None removes it."""
        organization = self.server.organization
        if len(content) > (place.column.max_size_kb or 0) * 1024:
            raise too_large_or_blocked()
        table, column = place.table, place.column.logical
        row = dict(organization.get(table.logical, place.row[table.primary_id]))
        old = row.pop(column, None)
        row.pop(f"{column}_name", None)
        if old is not None:
            organization.put("fileattachment", old, None)
        if name is not None:
            file_id = new_id()
            kept = {"filename": name, "filesizeinbytes": len(content), "body": base64.b64encode(content).decode()}
            organization.put("fileattachment", file_id, {"fileattachmentid": file_id, **kept})
            row |= {column: file_id, f"{column}_name": name}
        organization.put(table.logical, row[table.primary_id], row)
        call.written.object, call.written.ids = table.logical, [row[table.primary_id]]

    def read(self, call: Call, place: Place) -> Answer:
        """The bytes, or a range of them; at most 16 MB in one answer."""
        file_id = place.row.get(place.column.logical)
        if file_id is None:
            raise DataverseError(404, "0x80040217", "No file attachment found for the attribute.")
        file = self.server.organization.get("fileattachment", file_id)
        content = base64.b64decode(file["body"])
        found = RANGE.match(call.header("range") or "")
        start = int(found.group(1)) if found else 0
        end = min(int(found.group(2)) + 1 if found and found.group(2) else len(content), start + READ_MAXIMUM, len(content))
        headers = {
            "x-ms-file-name": file["filename"],
            "x-ms-file-size": str(len(content)),
            "Accept-Ranges": "bytes",
            "Content-Range": f"bytes {start}-{max(start, end - 1)}/{len(content)}",
        }
        status = 200 if (start, end) == (0, len(content)) else 206
        return Answer(status, content[start:end], headers, content_type="application/octet-stream")

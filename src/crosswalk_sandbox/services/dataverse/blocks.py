"""Documents of notes: size and type rules, upload and download in blocks, the bare body (facts/dataverse.md §9)."""

import base64
import binascii
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

from .clock import new_id
from .errors import DataverseError, bad_payload
from .http import Answer, Call
from .metadata import Row

if TYPE_CHECKING:
    import re

    from .app import Server

BLOCK_MAXIMUM = 4 * 1024 * 1024
DEFAULT_MAXIMUM = 5_242_880  # organization.maxuploadfilesize, in bytes (facts §9)
GUID = r"\(([0-9a-fA-F-]{36})\)"


@dataclass(slots=True)
class Upload:
    """Blocks under way by their ids; a download holds its content in `content`."""

    blocks: dict[str, bytes] = field(default_factory=dict[str, bytes])
    content: bytes = b""


def register(server: "Server") -> None:
    """Route the block messages and `documentbody/$value`; look at every document that a note is given."""
    blocks = Blocks(server)
    for message, handler in {
        "InitializeAnnotationBlocksUpload": blocks.begin,
        "UploadBlock": blocks.upload,
        "CommitAnnotationBlocksUpload": blocks.commit,
        "InitializeAnnotationBlocksDownload": blocks.begin_download,
        "DownloadBlock": blocks.download,
    }.items():
        server.routes.add("POST", message, handler)
    server.routes.add("GET", rf"annotations{GUID}/documentbody/\$value", blocks.body)
    server.gates.append(blocks.gate)


def too_large_or_blocked() -> DataverseError:
    """facts §10: size and extension share one refusal."""
    message = "The attachment is either not a valid type or is too large. It cannot be uploaded or downloaded."
    return DataverseError(400, "0x80043e09", message)


def decoded(text: Any, what: str) -> bytes:
    """Base64 text as bytes. Raises DataverseError 400."""
    try:
        return base64.b64decode(cast("str", text), validate=True)
    except (binascii.Error, TypeError, ValueError):
        raise bad_payload("annotations", f"The property '{what}' is no Base64 text.") from None


class Blocks:
    """The uploads and downloads under way, and the rules for a note's document."""

    def __init__(self, server: "Server") -> None:
        self.server = server
        self.uploads: dict[str, Upload] = {}

    # -- rules ------------------------------------------------------------------------------------------------------

    def gate(self, call: Call) -> Answer | None:
        """Refuse a note whose document is too large or of a blocked type."""
        if call.method in ("POST", "PATCH") and call.resource.startswith("annotations") and b"documentbody" in call.raw:
            values = cast("Row", call.json())
            if values.get("documentbody") is not None:
                self.check(values, len(decoded(values["documentbody"], "documentbody")))
        return None

    def check(self, values: Row, size: int) -> None:
        """Raise DataverseError 400 for a document over the organisation's limit or with a blocked extension."""
        organization = next(self.server.organization.scan("organization"), cast("Row", {}))
        blocked = str(organization.get("blockedattachments") or "").lower().split(";")
        extension = str(values.get("filename") or "").lower().rpartition(".")[2]
        if size > int(organization.get("maxuploadfilesize") or DEFAULT_MAXIMUM) or (extension and extension in blocked):
            raise too_large_or_blocked()

    # -- upload -----------------------------------------------------------------------------------------------------

    def begin(self, call: Call, _match: "re.Match[str]") -> Answer:
        """A token for the blocks of one document."""
        _target(call)
        token = new_id()
        self.uploads[token] = Upload()
        return Answer(200, {"@odata.context": _context(call, "InitializeAnnotationBlocksUpload"), "FileContinuationToken": token})

    def upload(self, call: Call, _match: "re.Match[str]") -> Answer:
        """One block under its id; ids are Base64 of one length, blocks at most 4 MB (facts §9)."""
        body = cast("Row", call.json())
        blocks = self.of(body).blocks
        name = str(body.get("BlockId") or "")
        decoded(name, "BlockId")
        data = decoded(body.get("BlockData"), "BlockData")
        if not name or any(len(other) != len(name) for other in blocks) or len(data) > BLOCK_MAXIMUM:
            raise DataverseError(400, "0x80040203", "Block ids must be Base64 text of one length, and blocks at most 4 MB.")
        blocks[name] = data
        return Answer(204)

    def commit(self, call: Call, _match: "re.Match[str]") -> Answer:
        """Put the blocks together in the order of the list, and store the note: a new one, or the one with the target's id."""
        body = cast("Row", call.json())
        upload = self.of(body)
        names = cast("list[str]", body.get("BlockList") or [])
        if any(name not in upload.blocks for name in names):
            raise DataverseError(400, "0x80040203", "The block list names a block that was not uploaded.")
        content = b"".join(upload.blocks[name] for name in names)
        target = _target(call)
        self.check(target, len(content))
        values = {name: value for name, value in target.items() if not name.startswith("@odata.")}
        values["documentbody"] = base64.b64encode(content).decode()
        table = self.server.organization.table("annotation")
        row_id = str(values.get(table.primary_id) or "").lower()
        with self.server.organization.atomic():
            if row_id and self.server.organization.find("annotation", row_id) is not None:
                del values[table.primary_id]
                row = self.server.records.update(table, row_id, values, call.who)
            else:
                row = self.server.records.create(table, values, call.who)
        del self.uploads[str(body["FileContinuationToken"])]
        call.written.object, call.written.ids = "annotation", [row["annotationid"]]
        context = _context(call, "CommitAnnotationBlocksUpload")
        return Answer(200, {"@odata.context": context, "AnnotationId": row["annotationid"], "FileSizeInBytes": len(content)})

    def of(self, body: Row) -> Upload:
        """The upload or download of a token. Raises DataverseError 400."""
        upload = self.uploads.get(str(body.get("FileContinuationToken")))
        if upload is None:
            raise DataverseError(400, "0x80040203", "The FileContinuationToken is unknown or was used up.")
        return upload

    # -- download ---------------------------------------------------------------------------------------------------

    def begin_download(self, call: Call, _match: "re.Match[str]") -> Answer:
        """A token for reading a note's document in blocks, with its name and size."""
        row = self.server.organization.get("annotation", str(_target(call).get("annotationid")).lower())
        token, content = new_id(), base64.b64decode(row.get("documentbody") or "")
        self.uploads[token] = Upload(content=content)
        answer = {"FileContinuationToken": token, "FileSizeInBytes": len(content), "FileName": row.get("filename")}
        return Answer(200, {"@odata.context": _context(call, "InitializeAnnotationBlocksDownload"), **answer})

    def download(self, call: Call, _match: "re.Match[str]") -> Answer:
        """A range of the document: Offset and BlockLength in bytes."""
        body = cast("Row", call.json())
        start = int(body.get("Offset") or 0)
        length = min(int(body.get("BlockLength") or BLOCK_MAXIMUM), BLOCK_MAXIMUM)
        data = base64.b64encode(self.of(body).content[start : start + length]).decode()
        return Answer(200, {"@odata.context": _context(call, "DownloadBlock"), "Data": data})

    def body(self, call: Call, match: "re.Match[str]") -> Answer:
        """The document as the Base64 text that it is stored as, not as bytes (PowerApps-Samples, AnnotationOperations)."""
        row = self.server.organization.get("annotation", match.group(1).lower())
        if row.get("documentbody") is None:
            return Answer(204)
        return Answer(200, row["documentbody"].encode(), content_type="text/plain; charset=utf-8")


def _target(call: Call) -> Row:
    """The Target of the message. Raises DataverseError 400 when it is no note."""
    target = call.json().get("Target")
    if not isinstance(target, dict) or not str(cast("Row", target).get("@odata.type", "")).endswith("CRM.annotation"):
        raise bad_payload("annotations", "The parameter 'Target' must be a Microsoft.Dynamics.CRM.annotation.")
    return cast("Row", target)


def _context(call: Call, message: str) -> str:
    return f"{call.base_url}/api/data/v9.2/$metadata#Microsoft.Dynamics.CRM.{message}Response"

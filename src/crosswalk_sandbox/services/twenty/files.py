"""Uploaded files: two ways in, one row per file, signed links that expire (facts/twenty.md §7)."""

import hashlib
import hmac
import os
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from .errors import TwentyError, coded
from .ids import Clock, iso, new_id, stable_id
from .schema import Row

UPLOAD_SECONDS = 15 * 60
DOWNLOAD_SECONDS = 24 * 3600
MULTIPART_LIMIT = 10 * 1024 * 1024
DIRECT_LIMIT = 1024**3
CONTENT_TYPE = "application/octet-stream"


@dataclass(slots=True)
class StoredFile:
    """One uploaded file; `content` is None until its bytes came, `row` names the row that it serves."""

    id: str
    name: str
    size: int
    field_id: str
    created: float
    content: bytes | None = None
    complete: bool = False
    row: str | None = None

    @property
    def extension(self) -> str:
        return PurePosixPath(self.name).suffix.lower()


class FileStore:
    """All files of the workspace. `directory` keeps the bytes on disk when the sandbox has a state directory."""

    def __init__(self, clock: Clock, directory: Path | None = None) -> None:
        self.clock = clock
        self.directory = directory
        self.files: dict[str, StoredFile] = {}
        self.secret = os.urandom(32)
        self.base_url = ""

    def token(self, purpose: str, file_id: str, seconds: float) -> str:
        expires = str(int(self.clock.seconds() + seconds))
        return f"{expires}.{self._sign(purpose, file_id, expires)}"

    def _sign(self, purpose: str, file_id: str, expires: str) -> str:
        return hmac.new(self.secret, f"{purpose}/{file_id}/{expires}".encode(), hashlib.sha256).hexdigest()

    def token_is_good(self, purpose: str, file_id: str, token: str) -> bool:
        """Whether a token is ours and has not expired."""
        expires, _, signature = token.partition(".")
        good = hmac.compare_digest(signature.encode(), self._sign(purpose, file_id, expires).encode())
        return good and int(expires) >= self.clock.seconds()

    def begin(self, name: str, size: int, field_id: str) -> Row:
        """createFileUpload: where to PUT the bytes within 15 minutes (transcript file_createFileUpload)."""
        if size > DIRECT_LIMIT:
            raise coded(f"File size exceeds the maximum of {DIRECT_LIMIT} bytes", "FILE_TOO_LARGE")
        file = StoredFile(new_id(), name, size, field_id, self.clock.seconds())
        self.files[file.id] = file
        return {
            "fileId": file.id,
            "uploadUrl": f"{self.base_url}/file-upload/{file.id}?token={self.token('upload', file.id, UPLOAD_SECONDS)}",
            "contentType": CONTENT_TYPE,
            "expiresAt": iso(self.clock.seconds() + UPLOAD_SECONDS),
        }

    def put(self, file: StoredFile, content: bytes) -> None:
        if self.directory is not None:
            self.directory.mkdir(parents=True, exist_ok=True)
            (self.directory / file.id).write_bytes(content)
            file.content = b""
        else:
            file.content = content
        file.size = len(content)

    def read(self, file: StoredFile) -> bytes:
        if self.directory is not None:
            return (self.directory / file.id).read_bytes()
        return file.content or b""

    def complete(self, file_id: str) -> Row:
        """completeFileUpload. Raises when the file or its bytes are not there."""
        file = self.files.get(file_id)
        if file is None or file.content is None:
            raise TwentyError(f"File not found: {file_id}", sub_code="FILE_NOT_FOUND")
        file.complete = True
        return self.described(file)

    def add(self, name: str, content: bytes, field_id: str) -> Row:
        """uploadFilesFieldFile: name and bytes in one multipart request of at most 10 MB (transcript file_multipart)."""
        file = StoredFile(new_id(), name, len(content), field_id, self.clock.seconds(), complete=True)
        self.files[file.id] = file
        self.put(file, content)
        return self.described(file)

    def described(self, file: StoredFile) -> Row:
        application = stable_id("application", "custom")
        return {
            "id": file.id,
            "path": f"files-field/{application}/{file.id}{file.extension}",
            "size": file.size,
            "createdAt": iso(file.created),
            "url": self.url(file.id),
        }

    def url(self, file_id: str) -> str:
        return f"{self.base_url}/file/files-field/{file_id}?token={self.token('download', file_id, DOWNLOAD_SECONDS)}"

    def claim(self, value: list[Row], row: str) -> list[Row]:
        """A FILES value as stored, its files bound to the row.

        Raises for an unknown file (transcript attachment_bad_file) and for one that serves another row (facts/twenty.md §7).
        """
        result: list[Row] = []
        for item in value:
            file = self.files.get(item["fileId"])
            if file is None or not file.complete:
                raise TwentyError(f"File not found: {item['fileId']}", sub_code="FILE_NOT_FOUND")
            if file.row not in (None, row):
                raise TwentyError(f"File {file.id} is already associated with another record", sub_code="INVALID_ARGS_DATA")
            result.append({"label": item.get("label") or file.name, "fileId": file.id, "extension": file.extension})
        return result

    def bind(self, value: list[Row] | None, row: str) -> None:
        for item in value or []:
            file = self.files.get(item["fileId"])
            if file is not None:
                file.row = row

    def release(self, value: list[Row] | None) -> None:
        """Forget the files of a destroyed row."""
        for item in value or []:
            file = self.files.pop(item["fileId"], None)
            if file is not None and self.directory is not None:
                (self.directory / file.id).unlink(missing_ok=True)

    def signed(self, value: list[Row]) -> list[Row]:
        """A FILES value with its download links."""
        return [{**item, "url": self.url(item["fileId"])} for item in value]

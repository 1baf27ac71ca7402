"""A sandbox that survives its process: rows, schema, files and webhooks in a directory."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import orjson

from crosswalk_sandbox.control.state_file import StateFile

from .files import StoredFile
from .rows import DiskRows
from .schema import Field, ObjectType, Row
from .state import Workspace


class Disk:
    """The directory. `save` is called after every write request; timeline activities that nobody looked at yet are not kept."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.file = StateFile(directory / "twenty.sqlite")

    def make_rows(self, name: str) -> DiskRows:
        return DiskRows(self.file.connection, name)

    def wipe(self) -> None:
        """Forget everything."""
        self.file.wipe()
        for file in (self.directory / "files").glob("*"):
            file.unlink()

    def save(self, workspace: Workspace, extra: Row) -> None:
        """Commit the rows and what else changed."""
        parts: dict[str, Any] = {
            "schema": [_plain(kind) for kind in workspace.kinds.values()],
            "files": [asdict(file) | {"content": file.content is not None} for file in workspace.files.files.values()],
            "webhooks": list(workspace.webhooks.values()),
            "extra": {**extra, "born": workspace.born},
        }
        for name, part in parts.items():
            self.file.keep(name, orjson.dumps(part))
        self.file.commit()

    def load(self, workspace: Workspace) -> Row | None:
        """Bring a workspace back as it was saved. Returns the extra part, None when nothing was saved yet."""
        found = self.file.parts()
        if "schema" not in found:
            return None
        parts = {name: orjson.loads(data) for name, data in found.items()}
        workspace.born = parts["extra"]["born"]
        workspace.restore_schema({shape["name"]: _kind(shape) for shape in parts["schema"]})
        for shape in parts["files"]:
            content = b"" if shape.pop("content") else None
            workspace.files.files[shape["id"]] = StoredFile(**shape, content=content)
        workspace.webhooks.update({hook["id"]: hook for hook in parts["webhooks"]})
        return parts["extra"]

    def close(self) -> None:
        self.file.close()


DERIVED = ("columns", "template", "unique", "joins", "now_fields", "file_fields", "rich_fields", "searched")


def _plain(kind: ObjectType) -> Row:
    shape = {name: getattr(kind, name) for name in ObjectType.__slots__ if name not in (*DERIVED, "fields")}
    return {**shape, "fields": [asdict(field) for field in kind.fields.values()]}


def _kind(shape: Row) -> ObjectType:
    fields = [Field(**field) for field in shape.pop("fields")]
    shape["search_fields"] = tuple(shape["search_fields"])
    kind = ObjectType(**shape)
    kind.fields = {field.name: field for field in fields}
    return kind

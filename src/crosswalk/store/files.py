"""The one door to the workspace's files (DESIGN.md, "Colours and ownership"): encryption at rest will be switched on here.

Files are readable by their owner only (0600), folders too (0700): they hold patients' data.
"""

import os
import tempfile
from pathlib import Path
from typing import BinaryIO, Literal
from urllib.parse import quote

FILE_MODE = 0o600
FOLDER_MODE = 0o700


def open_bytes(path: Path, mode: Literal["rb", "wb", "ab", "r+b"] = "rb") -> BinaryIO:
    """Open a workspace file; a new one gets mode 0600. Raises OSError as `open` does."""
    return open(path, mode, opener=lambda name, flags: os.open(name, flags, FILE_MODE))


def make_folder(path: Path) -> Path:
    """The folder, created with mode 0700 (parents too) when it is not there yet."""
    for missing in reversed([folder for folder in (path, *path.parents) if not folder.exists()]):
        missing.mkdir(mode=FOLDER_MODE, exist_ok=True)
    return path


def object_file(folder: Path, object_name: str) -> Path:
    """The Parquet file of an object in `folder`; the folder need not exist.

    Sheets and files are named by people: whatever a file name cannot carry is percent-encoded, so no two names meet.
    """
    return folder / f"{quote(object_name, safe=' ()').replace('.', '%2E')}.parquet"


def write_atomically(path: Path, content: bytes) -> None:
    """Replace a file so that whoever reads it, even after a power cut, finds the old content or the new, never a part.

    Temporary file beside it, fsync, rename, fsync of the folder.
    """
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, FILE_MODE)  # noqa: PTH101
        os.replace(temporary, path)  # noqa: PTH105
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make a rename in this folder durable."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)

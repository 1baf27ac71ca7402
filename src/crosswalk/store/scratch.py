"""The DuckDB in which stages compute: scratch, fresh at every opening. What must last is Parquet (DESIGN.md, "Dependencies").

While one opening holds the file `scratch.duckdb` (a consultant may query it afterwards), any other, here or in another
process, computes in memory with its own folder for spilling: two engines must never share a database or spill file.
"""

import fcntl
import shutil
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from crosswalk.store.files import FILE_MODE, make_folder, open_bytes

MEMORY_LIMIT = "512MB"
"""Measured in DESIGN.md: 600 k records pass in 581 MB of process memory; beyond the limit DuckDB spills to disk (law 7)."""
THREADS = 2
"""The measurements' machine has two cores; every further thread needs its own share of the memory limit."""


@contextmanager
def open_scratch(root: Path) -> Generator[duckdb.DuckDBPyConnection]:
    """A connection that sees nothing outside `root` (an absolute path), installs nothing, thinks in UTC; settings locked."""
    file, spill = root / "scratch.duckdb", make_folder(root / "spill")
    with open_bytes(root / "scratch.lock", "ab") as guard:
        try:
            fcntl.flock(guard, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            with (
                tempfile.TemporaryDirectory(dir=spill, prefix="memory-") as folder,
                _connection(":memory:", root, Path(folder)) as db,
            ):
                yield db
            return
        for leftover in (file, file.with_name(file.name + ".wal")):
            leftover.unlink(missing_ok=True)
        folder = spill / "file"
        shutil.rmtree(folder, ignore_errors=True)
        with _connection(str(file), root, make_folder(folder)) as db:
            file.chmod(FILE_MODE)
            yield db


@contextmanager
def _connection(database: str, root: Path, spill: Path) -> Generator[duckdb.DuckDBPyConnection]:
    settings: dict[str, str | bool | int | float | list[str]] = {
        "memory_limit": MEMORY_LIMIT,
        "threads": THREADS,
        "preserve_insertion_order": False,
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
        "temp_directory": str(spill),
        "TimeZone": "UTC",
    }
    db = duckdb.connect(database)
    try:
        for name, value in settings.items():
            db.execute(f"SET {name} = {_literal(value)}")
        db.execute(f"SET allowed_directories = [{_literal(str(root))}]")
        db.execute("SET enable_external_access = false")
        db.execute("SET lock_configuration = true")
        yield db
    finally:
        db.close()


def _literal(value: object) -> str:
    return "'" + str(value).replace("'", "''") + "'"

"""A migration's folder: every file a stage keeps is opened through here."""

import fcntl
import os
import re
from collections.abc import Generator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import duckdb
import orjson
from pydantic import ValidationError

from crosswalk.model.artefact import Artefact
from crosswalk.model.errors import RefusedError, UsageError
from crosswalk.store.config import Config, config_text, parse_config
from crosswalk.store.files import make_folder, object_file, open_bytes, write_atomically
from crosswalk.store.journal import Journal
from crosswalk.store.scratch import open_scratch

T = TypeVar("T", bound=Artefact)

CONFIG_FILE = "crosswalk.toml"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


@dataclass(frozen=True, slots=True)
class Workspace:
    """One folder per migration.

    crosswalk.toml, mapping.yaml, artefacts/, raw/, writes/, reports/, scratch.duckdb, journal.sqlite, lock.
    """

    root: Path
    config: Config

    @classmethod
    def create(cls, root: Path, config: Config) -> "Workspace":
        """Make the folder and its crosswalk.toml. Raises UsageError when a migration lives there already."""
        root = root.resolve()
        path = root / CONFIG_FILE
        if path.exists():
            raise UsageError(f"{path} exists already: a migration lives in this folder", "Choose another folder.")
        make_folder(root)
        write_atomically(path, config_text(config).encode())
        return cls(root, config)

    @classmethod
    def open(cls, root: Path) -> "Workspace":
        """The workspace in that folder. Raises UsageError when there is none or its configuration is wrong."""
        root = root.resolve()  # one spelling, which DuckDB's list of allowed folders knows too
        path = root / CONFIG_FILE
        if not path.is_file():
            raise UsageError(
                f"there is no migration in {root}: {CONFIG_FILE} is missing", "Run crosswalk init first, or point -C at the folder."
            )
        with open_bytes(path) as file:
            return cls(root, parse_config(file.read().decode("utf-8", "replace"), str(path)))

    @property
    def mapping_path(self) -> Path:
        """The map a person reads, edits and approves."""
        return self.root / "mapping.yaml"

    @property
    def journal_path(self) -> Path:
        """The journal's database."""
        return self.root / "journal.sqlite"

    def journal(self) -> Journal:
        """The journal, opened: a context manager. Only the holder of `lock()` may write to it."""
        return Journal.open(self.journal_path)

    def save(self, name: str, artefact: Artefact) -> str:
        """Keep an artefact as artefacts/NAME.json, atomically, replacing an older one; its digest."""
        content = orjson.dumps(artefact.model_dump(mode="json", by_alias=True), option=orjson.OPT_INDENT_2)
        write_atomically(self._artefact_path(name), content)
        return artefact.digest()

    def load(self, name: str, cls: type[T]) -> T | None:
        """The artefact of that name, or None when it has not been made. Raises UsageError when the file is not one of `cls`."""
        path = self._artefact_path(name)
        try:
            with open_bytes(path) as file:
                return cls.model_validate_json(file.read())
        except FileNotFoundError:
            return None
        except ValidationError as error:
            # Only the places: pydantic's own text repeats the values (law 8).
            places = ", ".join(".".join(map(str, item["loc"])) or "the file" for item in error.errors(include_input=False)[:3])
            raise UsageError(
                f"{path} does not hold a {cls.__name__} of this version (at {places}; {error.error_count()} places)",
                "Run the verb that makes it again.",
            ) from None

    def withdraw(self, name: str) -> None:
        """Forget the artefact of that name, since what it describes is about to be overwritten."""
        self._artefact_path(name).unlink(missing_ok=True)

    def load_required(self, name: str, cls: type[T], made_by: str) -> T:
        """The artefact of that name. Raises RefusedError naming the verb `made_by` when it has not been made."""
        artefact = self.load(name, cls)
        if artefact is None:
            raise RefusedError(f"“{made_by}” has not been done in {self.root} yet", f"Run crosswalk {made_by} first.")
        return artefact

    @contextmanager
    def lock(self) -> Generator[None]:
        """Keep every other crosswalk from working here meanwhile. Raises RefusedError naming the process that does."""
        with open_bytes(self.root / "lock", "ab") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise RefusedError(
                    f"another crosswalk (process {self._lock_holder()}) works in {self.root}",
                    "Wait for it, or stop it; nothing is lost by stopping.",
                ) from None
            file.truncate(0)
            file.write(str(os.getpid()).encode())
            file.flush()
            try:
                yield
            finally:
                file.truncate(0)

    def raw_path(self, object_name: str) -> Path:
        """The Parquet file of an object's extracted rows. Its folder exists; the file need not."""
        return object_file(make_folder(self.root / "raw"), object_name)

    def writes_folder(self, digest: str) -> Path:
        """The folder of the staged writes with that digest, created when missing."""
        return make_folder(self.root / "writes" / _checked(digest))

    def report_path(self, name: str) -> Path:
        """Where a report (its name with the extension) is written. Its folder exists."""
        return make_folder(self.root / "reports") / _checked(name)

    def scratch(self) -> AbstractContextManager[duckdb.DuckDBPyConnection]:
        """An empty DuckDB to compute in: sees the workspace only, spills beyond its memory limit, thinks in UTC.

        Write instants out with `::VARCHAR` or fetch them through Arrow: DuckDB's own Python values need pytz.
        """
        return open_scratch(self.root)

    def _artefact_path(self, name: str) -> Path:
        return make_folder(self.root / "artefacts") / f"{_checked(name)}.json"

    def _lock_holder(self) -> str:
        with open_bytes(self.root / "lock") as file:
            return file.read(20).decode("ascii", "replace") or "unknown"


def _checked(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise ValueError(f"{name!r} cannot name a workspace file: letters, digits, '.', '_' and '-' only")
    return name

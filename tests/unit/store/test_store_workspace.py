"""A workspace is one folder per migration; every file opens through it, whole or not at all, for its owner only."""

import multiprocessing
import os
import stat
import tomllib
from multiprocessing.synchronize import Event
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crosswalk.model.artefact import Artefact
from crosswalk.model.errors import RefusedError, UsageError
from crosswalk.store.config import Config, config_text, parse_config
from crosswalk.store.files import write_atomically
from crosswalk.store.workspace import Workspace

CONFIG = Config(
    source="pulse",
    source_location="/exports/clinic",
    destination="twenty",
    destination_url="https://crm.example.org",
    migration_id="m1",
)


class Inventory(Artefact):
    """An artefact for these tests."""

    rows: dict[str, int] = {}
    names: tuple[str, ...] = ()


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """An empty workspace."""
    return Workspace.create(tmp_path / "it's a clinic", CONFIG)


TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)


ADDRESS = TEXT.filter(lambda text: "@" not in text and not any(map(str.isspace, text))).map(lambda text: f"{text}@clinic.test")


@given(source=TEXT, location=TEXT.filter(lambda text: "@" not in text), owner=st.none() | ADDRESS, migration=TEXT)
def test_what_the_configuration_says_comes_back_from_its_toml(
    source: str, location: str, owner: str | None, migration: str
) -> None:
    """Whatever characters a path or a name holds, the written TOML is well-formed and reads back as it was."""
    config = CONFIG.model_copy(
        update={"source": source, "source_location": location, "fallback_owner": owner, "migration_id": migration}
    )
    text = config_text(config)
    assert set(tomllib.loads(text)) == {name for name, value in config.model_dump().items() if value is not None}
    assert parse_config(text, "crosswalk.toml") == config


@pytest.mark.parametrize(
    ("line", "named"),
    [
        ('timezone = "Mars/Olympus"', "timezone"),
        ('policy = "overwrite"', "policy"),
        ('country = "usa"', "country"),
        ('currency = "rupees"', "currency"),
        ('fallback_owner = "hunter2"', "fallback_owner"),
        ('name_prefix = "mscrmpulse"', "name_prefix"),
        ('name_prefix = "P"', "name_prefix"),
        ('name_suffix = "__a-b"', "name_suffix"),
        ('destination_url = "https://me:hunter2@crm.example.org"', "destination_url"),
        ('api_key = "hunter2"', "api_key"),
        ("timezone =", "TOML"),
    ],
)
def test_a_wrong_configuration_is_refused_by_the_key_and_without_the_value(line: str, named: str) -> None:
    """The message names the key and where it stands; what was typed, perhaps a secret, is not repeated."""
    key = line.split(" =")[0]
    text = "\n".join(kept for kept in config_text(CONFIG).splitlines() if not kept.startswith(f"{key} =")) + f"\n{line}\n"
    with pytest.raises(UsageError) as error:
        parse_config(text, "somewhere/crosswalk.toml")
    assert named in error.value.message and "somewhere/crosswalk.toml" in error.value.message
    assert "hunter2" not in error.value.message + error.value.remedy


def test_a_folder_holds_one_migration(workspace: Workspace) -> None:
    """A second `create` in the folder is refused and changes nothing; `open` finds the first."""
    with pytest.raises(UsageError):
        Workspace.create(workspace.root, CONFIG.model_copy(update={"source": "other"}))
    assert Workspace.open(workspace.root) == workspace


def test_a_folder_without_a_migration_names_the_remedy(tmp_path: Path) -> None:
    """Opening any other folder says to run `crosswalk init`."""
    with pytest.raises(UsageError) as error:
        Workspace.open(tmp_path)
    assert "crosswalk init" in error.value.remedy


def test_an_artefact_comes_back_with_its_digest(workspace: Workspace) -> None:
    """What was saved under a name is what is loaded, and the latest save wins."""
    first, second = Inventory(rows={"b": 1, "a": 2}, names=("é", "z")), Inventory(based_on={"x": "y"})
    for artefact in (first, second):
        digest = workspace.save("inventory", artefact)
        loaded = workspace.load_required("inventory", Inventory, "scan")
        assert loaded == artefact and loaded.digest() == digest


def test_a_missing_artefact_names_the_verb_that_makes_it(workspace: Workspace) -> None:
    """`load` answers None, `load_required` refuses (exit 3) and says what to run."""
    assert workspace.load("inventory", Inventory) is None
    with pytest.raises(RefusedError) as error:
        workspace.load_required("inventory", Inventory, "scan")
    assert "crosswalk scan" in error.value.remedy


def test_a_damaged_artefact_is_refused_without_its_values(workspace: Workspace) -> None:
    """The error names the file and the place, never what stands there (law 8)."""
    workspace.save("inventory", Inventory())
    write_atomically(workspace.root / "artefacts" / "inventory.json", b'{"rows": {"Anna Miller": "born 1970"}}')
    with pytest.raises(UsageError) as error:
        workspace.load("inventory", Inventory)
    assert "inventory.json" in error.value.message and "1970" not in error.value.message


def test_a_save_cut_short_leaves_the_old_artefact(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the disk fails before the rename, the old content stands whole and no part file is left."""
    workspace.save("inventory", Inventory(rows={"old": 1}))

    def full(_handle: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(OSError, match="No space"):
            workspace.save("inventory", Inventory(rows={"new": 1}))
    assert workspace.load("inventory", Inventory) == Inventory(rows={"old": 1})
    assert [path.name for path in (workspace.root / "artefacts").iterdir()] == ["inventory.json"]


@pytest.mark.parametrize("name", ["../outside", "a/b", "", ".hidden"])
def test_a_name_cannot_lead_out_of_the_workspace(workspace: Workspace, name: str) -> None:
    """Artefacts, reports and writes have plain names."""
    for place in (workspace.report_path, workspace.writes_folder):
        with pytest.raises(ValueError, match="cannot name"):
            place(name)


def test_an_object_name_of_any_kind_gets_a_file_of_its_own(workspace: Workspace) -> None:
    """Sheets are named by people: slashes, dots and umlauts stay inside raw/, and no two names share a file."""
    names = ["Patients", "../Patients", "a/b", "a%2Fb", "Ärzte", "x.parquet", ".."]
    paths = {workspace.raw_path(name) for name in names}
    assert len(paths) == len(names) and {path.parent for path in paths} == {workspace.root / "raw"}


def test_files_are_their_owners_only(workspace: Workspace) -> None:
    """Folders 0700 and files 0600, DuckDB's and the journal's too, whatever the umask."""
    workspace.save("inventory", Inventory())
    workspace.writes_folder("abc")
    with workspace.lock(), workspace.journal() as journal, workspace.scratch() as db:
        journal.record_event("verb", {})
        db.execute("CREATE TABLE t AS SELECT 1 AS one")
        modes = {path: stat.S_IMODE(path.stat().st_mode) for path in [workspace.root, *workspace.root.rglob("*")]}
    wrong = {
        path.name: oct(mode)
        for path, mode in modes.items()
        if mode != (0o700 if path.is_dir() else 0o600) and "scratch.duckdb.wal" not in path.name
    }
    assert wrong == {}


def _hold(root: str, ready: Event, done: Event) -> None:
    with Workspace.open(Path(root)).lock():
        ready.set()
        done.wait(60)


def test_two_processes_cannot_work_in_one_workspace(workspace: Workspace) -> None:
    """The second is refused with the first's process number; when the first ends, even by force, the lock is free."""
    context = multiprocessing.get_context("spawn")
    ready, done = context.Event(), context.Event()
    other = context.Process(target=_hold, args=(str(workspace.root), ready, done))
    other.start()
    assert ready.wait(60)
    with pytest.raises(RefusedError, match=str(other.pid)), workspace.lock():
        pass
    other.kill()
    other.join()
    with workspace.lock(), pytest.raises(RefusedError, match=str(os.getpid())), workspace.lock():
        pass

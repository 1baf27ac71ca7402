"""kill -9 at random instants, lost answers and refusals: whatever happens, calling the verb again leads to the same state.

The judge is outside: the sandbox's request ledger, and the fingerprint of scripts/check_twenty.py. What that fingerprint leaves
out (server times, positions, updatedBy, ...) it lists itself.
"""

import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

sys.path.insert(0, str(Path(__file__).parents[2]))

from scripts.drill import WITHOUT_SAMPLE, Halted, Migration, demo_clinic
from scripts.drill import World as AnyWorld
from scripts.drill_twenty import Twenty, is_write, resumed, sandbox

from crosswalk.runs.workspaces import open_workspace
from crosswalk.store.entries import Intent

Json = dict[str, Any]
World = AnyWorld[Twenty]

SEED = 4711
ROUNDS = 10
SLOW = {"kind": "slow", "match": {"method": "POST"}, "times": 100_000, "delay_ms": 60}
"""Stretches every write, so that kills land between request and answer, too."""
INDIA = ("--country", "IN", "--timezone", "Asia/Kolkata", "--currency", "INR")
KINDS = ("drop_before_commit", "drop_after_commit", "500", "429")
LOADED = (0, 5)
"""The demo clinic's planted dirt is for a person to see."""

pytestmark = pytest.mark.slow


@dataclass(frozen=True)
class Prepared:
    """A migration that was approved and applied, the clinic it reads, and how the CRM was before."""

    clinic: Path
    halted: Halted[Twenty]
    before: Json


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    """Done once, forked for every drill."""
    folder = tmp_path_factory.mktemp("prepared")
    clinic = demo_clinic(folder / "clinic")
    with resumed(folder / "state") as crm:
        before = crm.found(folder)
        migration = Migration(folder / "migration", crm)
        migration.init(clinic, *INDIA)
        migration.prepare()
    return Prepared(clinic, Halted(folder / "migration", folder / "state", resumed), before)


@pytest.fixture(scope="module")
def undisturbed(prepared: Prepared, tmp_path_factory: pytest.TempPathFactory) -> Json:
    """What the CRM holds after a run that nothing disturbed."""
    folder = tmp_path_factory.mktemp("undisturbed")
    with prepared.halted.forked(folder) as world:
        world.migration.verb(*WITHOUT_SAMPLE, expect=LOADED)
        entries = world.crm.ledger()
        assert_created_once(entries)
        assert not [entry for entry in entries if entry["status"] >= 400]
        return world.found()


@pytest.fixture
def world(prepared: Prepared, tmp_path: Path) -> Iterator[World]:
    """The prepared migration in a sandbox of its own."""
    with prepared.halted.forked(tmp_path) as made:
        yield made


def test_run_killed_at_ten_random_instants(world: World, undisturbed: Json) -> None:
    """Killed ten times and called again: the same rows as an undisturbed run, each created once, nothing resent unread."""
    kills = killed(world, WITHOUT_SAMPLE, ROUNDS, random.Random(SEED), most_writes=24)
    world.migration.verb(*WITHOUT_SAMPLE, expect=LOADED)
    entries = world.crm.ledger()
    assert_created_once(entries)
    assert any(kill.open_ids for kill in kills), "no kill landed between intent and outcome: the drill proved nothing"
    for kill in kills:
        assert_read_before_anything_else(entries, kill)
    assert world.found() == undisturbed


def test_sample_killed(world: World, undisturbed: Json) -> None:
    """A killed sample is called again; the run after it holds what an undisturbed run holds."""
    kills = killed(world, ("sample", "--size", "40"), 2, random.Random(SEED + 1), most_writes=30)
    world.migration.sample(40)
    world.migration.verb("run", expect=LOADED)
    entries = world.crm.ledger()
    assert_created_once(entries)
    for kill in kills:
        assert_read_before_anything_else(entries, kill)
    assert world.found() == undisturbed


def test_apply_killed(prepared: Prepared, undisturbed: Json, tmp_path: Path) -> None:
    """A killed schema plan goes on where it stood: nothing twice, nothing left out, in a fresh sandbox."""
    with sandbox(workflow="off") as crm:
        migration = Migration(tmp_path / "migration", crm)
        migration.init(prepared.clinic, *INDIA)
        migration.prepare(apply=False)
        world = World(crm, migration, tmp_path)
        killed(world, ("apply",), 3, random.Random(SEED + 2), most_writes=20)
        migration.verb("apply")
        entries = [entry for entry in crm.ledger() if entry["status"] >= 400]
        assert entries == [], "a change that stands already was sent again"
        migration.verb(*WITHOUT_SAMPLE, expect=LOADED)
        assert world.found() == undisturbed


def test_rollback_killed(world: World, prepared: Prepared) -> None:
    """A killed rollback is called again until the CRM is as it was, and says that it is proved."""
    world.migration.verb(*WITHOUT_SAMPLE, expect=LOADED)
    killed(world, ("rollback",), 3, random.Random(SEED + 3), most_writes=12)
    report = world.migration.verb("rollback").document
    assert report["proved"] and report["complete"]
    assert world.found() == prepared.before


def test_faults_change_nothing_in_the_end(world: World, undisturbed: Json) -> None:
    """Lost answers are settled by reading before anything is sent again; refusals by the limit are waited out.

    Connections lost before and after the rows were stored, server errors and limits, three of each.
    """
    match = {"method": "POST", "path_prefix": "/rest/batch/"}
    world.crm.control("faults", [{"kind": kind, "match": match, "after": 2 * place} for place, kind in enumerate(KINDS * 3)])
    world.migration.verb(*WITHOUT_SAMPLE, expect=LOADED)
    entries = world.crm.ledger()
    assert Counter(entry["fault"] for entry in entries if entry["fault"]) == dict.fromkeys(KINDS, 3)
    assert_created_once(entries)
    for entry in entries:
        if entry["fault"] not in (None, "429"):
            assert_read_before_resent(entries, entry)
    assert world.found() == undisturbed


def test_lost_uploads_are_made_again(world: World, undisturbed: Json) -> None:
    """A file whose upload got no answer is uploaded anew: no document is left out, none hangs on a patient twice."""
    match = {"method": "PUT", "path_prefix": "/file-upload/"}
    lost = KINDS[:3]
    world.crm.control("faults", [{"kind": kind, "match": match, "after": 7 * place} for place, kind in enumerate(lost * 2)])
    world.migration.verb(*WITHOUT_SAMPLE, expect=LOADED)
    assert Counter(entry["fault"] for entry in world.crm.ledger() if entry["fault"]) == dict.fromkeys(lost, 2)
    assert world.found() == undisturbed


def test_a_request_that_is_carried_out_late(world: World, undisturbed: Json) -> None:
    """What a killed run had sent is carried out only after the next run has read that nothing stands: still no row twice."""
    late = {"kind": "slow", "match": {"method": "POST", "path_prefix": "/rest/batch/tasks"}, "delay_ms": 8_000}
    world.crm.control("faults", late)
    process = world.migration.start(*WITHOUT_SAMPLE)
    while not open_tasks(world.migration):
        assert process.poll() is None, "the run ended before it could be killed"
        time.sleep(0.1)
    time.sleep(1)
    process.kill()
    process.communicate()
    world.migration.verb(*WITHOUT_SAMPLE, expect=LOADED)
    wait_until_carried_out(world.crm)
    stored = Counter(id for entry in creates(world.crm.ledger()) for id in entry["ids"])
    assert max(stored.values()) == 1
    assert world.found() == undisturbed


# -- drilling -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Kill:
    """One kill: the last request that had been answered, and the ids whose outcome the journal did not know."""

    after: int
    open_ids: frozenset[str]


def killed(world: World, verb: Sequence[str], rounds: int, chance: random.Random, *, most_writes: int) -> list[Kill]:
    """Start the verb and kill it, so many times: after a random number of its writes and a random moment more."""
    world.crm.control("faults", SLOW)
    kills: list[Kill] = []
    for _ in range(rounds):
        process = world.migration.start(*verb)
        landed = wait_for_writes(world.crm, process, chance.randint(0, most_writes))
        time.sleep(chance.uniform(0, 0.1))
        process.kill()
        process.communicate()
        assert landed and process.returncode == -9, "the verb had ended before it was killed"
        time.sleep(0.2)  # what was on its way arrives and is carried out: the server does not know of the kill
        kills.append(Kill(world.crm.requests(), open_ids(world.migration)))
    world.crm.control("faults", {"clear": True})
    return kills


def wait_for_writes(crm: Twenty, process: "subprocess.Popen[str]", writes: int) -> bool:
    """Until the process has made so many writes (0: its first request). False when it ended before."""
    begun = crm.requests()
    counts: Callable[[], bool] = (
        (lambda: crm.requests() > begun) if not writes else (lambda: sum(map(is_write, crm.ledger(begun))) >= writes)
    )
    while process.poll() is None:
        if counts():
            return True
        time.sleep(0.02)
    return False


def open_creates(migration: Migration) -> list[Intent]:
    """The creates that the journal has an intent of and no outcome."""
    with open_workspace(migration.folder).journal() as journal:
        intents = [intent for batch in journal.open_batches() for intent in batch.intents]
    return [intent for intent in intents if intent.operation == "create"]


def open_ids(migration: Migration) -> frozenset[str]:
    """Their destination ids."""
    return frozenset(intent.destination_id for intent in open_creates(migration))


def open_tasks(migration: Migration) -> bool:
    """Whether a batch of tasks is on its way."""
    return any(intent.object == "tasks" for intent in open_creates(migration))


def wait_until_carried_out(crm: Twenty) -> None:
    """Until the delayed request stands in the ledger."""
    deadline = time.monotonic() + 30
    while not any(entry["fault"] == "slow" for entry in crm.ledger()):
        assert time.monotonic() < deadline, "the delayed request never arrived"
        time.sleep(0.2)


# -- what the request ledger must show ------------------------------------------------------------------------------------


def creates(entries: Sequence[Json]) -> Iterator[Json]:
    """The batch creates that stored rows."""
    return (entry for entry in entries if entry["path"].startswith("/rest/batch/") and entry["status"] == 201)


def assert_created_once(entries: Sequence[Json]) -> None:
    """No id was stored twice, and no row that stood already was offered again (Twenty answers 400 to that)."""
    stored: dict[str, int] = {}
    for entry in creates(entries):
        for id in entry["ids"]:
            assert id not in stored, f"request {entry['seq']} created a row of request {stored[id]} again"
            stored[id] = entry["seq"]
    refused = [entry["seq"] for entry in entries if entry["path"].startswith("/rest/batch/") and entry["status"] == 400]
    assert refused == [], "rows were offered that stood already"


def assert_read_before_anything_else(entries: Sequence[Json], kill: Kill) -> None:
    """The first request after the kill that names a row of unknown outcome reads it."""
    waiting = set(kill.open_ids)
    for entry in entries:
        named = {id for id in waiting if id in entry["ids"] or id in entry["path"]} if entry["seq"] > kill.after else set[str]()
        assert not named or entry["method"] == "GET", f"request {entry['seq']} resent rows that had not been read"
        waiting -= named
    assert not waiting, f"{len(waiting)} rows of unknown outcome were never looked at"


def assert_read_before_resent(entries: Sequence[Json], lost: Json) -> None:
    """Between a lost answer and the next create of that object lies a read of rows by their ids."""
    plural = lost["path"].removeprefix("/rest/batch/").partition("?")[0]
    for entry in entries:
        if entry["seq"] <= lost["seq"]:
            continue
        if entry["method"] == "GET" and entry["path"].startswith(f"/rest/{plural}?") and "id[in]" in unquote(entry["path"]):
            return
        assert not entry["path"].startswith(f"/rest/batch/{plural}"), f"request {entry['seq']} followed a lost answer unread"
    raise AssertionError(f"the lost answer of request {lost['seq']} was never settled")

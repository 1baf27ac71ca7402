"""With Dynamics: kill -9 at random instants, lost answers and refusals; calling the verb again always leads to the same state.

The sibling of test_run_kill.py. The judge is outside: the sandbox's request ledger, and everything that the Web API shows, but
for server times, counters, the last writer and the run's mark (scripts/drill_dynamics.py).
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

import pytest

sys.path.insert(0, str(Path(__file__).parents[2]))

from scripts.drill import WITHOUT_SAMPLE, Halted, Migration, demo_clinic
from scripts.drill import World as AnyWorld
from scripts.drill_dynamics import Dynamics, asked, created, resumed

from crosswalk.runs.workspaces import open_workspace
from crosswalk.store.entries import Intent

Json = dict[str, Any]
World = AnyWorld[Dynamics]

SEED = 4711
ROUNDS = 10
API = "/api/data/v9.2/"
SLOW = {"kind": "slow", "match": {"method": "POST"}, "times": 100_000, "delay_ms": 60}
"""Stretches every write, so that kills land between request and answer, too."""
INDIA = ("--country", "IN", "--timezone", "Asia/Kolkata", "--currency", "INR")
KINDS = ("drop_before_commit", "drop_after_commit", "500", "429")
LOADED = (0, 5)
"""The demo clinic's planted dirt is for a person to see."""

pytestmark = pytest.mark.slow


@dataclass(frozen=True)
class Prepared:
    """A migration whose plan was approved, and that one with the plan applied; and how the CRM was before."""

    planned: Halted[Dynamics]
    applied: Halted[Dynamics]
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
        migration.prepare(apply=False)
    planned = Halted(folder / "migration", folder / "state", resumed)
    with planned.forked(folder) as world:
        world.migration.verb("apply")
        applied = world.migration.folder
    return Prepared(planned, Halted(applied, folder / "fork" / "state", resumed), before)


@pytest.fixture(scope="module")
def undisturbed(prepared: Prepared, tmp_path_factory: pytest.TempPathFactory) -> Json:
    """What the CRM holds after a run that nothing disturbed."""
    with prepared.applied.forked(tmp_path_factory.mktemp("undisturbed")) as world:
        world.migration.verb(*WITHOUT_SAMPLE, expect=LOADED)
        entries = world.crm.ledger()
        assert_created_once(entries)
        assert not [entry for entry in entries if entry["status"] >= 400]
        return world.found()


@pytest.fixture
def world(prepared: Prepared, tmp_path: Path) -> Iterator[World]:
    """The applied migration in a sandbox of its own."""
    with prepared.applied.forked(tmp_path) as made:
        yield made


def test_run_killed_at_ten_random_instants(world: World, undisturbed: Json) -> None:
    """Killed ten times and called again: the same rows as an undisturbed run, each created once, nothing resent unread."""
    kills = killed(world, WITHOUT_SAMPLE, ROUNDS, random.Random(SEED), most_writes=6)
    world.migration.verb(*WITHOUT_SAMPLE, expect=LOADED)
    entries = world.crm.ledger()
    assert_created_once(entries)
    assert any(kill.open_ids for kill in kills), "no kill landed between intent and outcome: the drill proved nothing"
    for kill in kills:
        assert_read_before_anything_else(entries, kill)
    assert world.found() == undisturbed


def test_run_killed_while_states_are_set(world: World, undisturbed: Json) -> None:
    """The second pass closes the visits that were created open; killed in its midst, it closes the others only."""
    world.crm.control("faults", {**SLOW, "match": {"path_prefix": API + "$batch"}, "delay_ms": 300})
    kills = [kill_when(world, setting_states) for _ in range(3)]
    world.crm.control("faults", {"clear": True})
    world.migration.verb(*WITHOUT_SAMPLE, expect=LOADED)
    entries = world.crm.ledger()
    assert_created_once(entries)
    for kill in kills:
        assert kill.open_ids
        assert_read_before_anything_else(entries, kill)
    assert world.found() == undisturbed


def test_sample_killed(world: World, undisturbed: Json) -> None:
    """A killed sample is called again; the run after it holds what an undisturbed run holds."""
    kills = killed(world, ("sample", "--size", "40"), 2, random.Random(SEED + 1), most_writes=10)
    world.migration.sample(40)
    world.migration.verb("run", expect=LOADED)
    entries = world.crm.ledger()
    assert_created_once(entries)
    for kill in kills:
        assert_read_before_anything_else(entries, kill)
    assert world.found() == undisturbed


def test_apply_killed(prepared: Prepared, undisturbed: Json, tmp_path: Path) -> None:
    """A killed schema plan goes on where it stood: nothing twice, nothing left out."""
    with prepared.planned.forked(tmp_path) as world:
        killed(world, ("apply",), 3, random.Random(SEED + 2), most_writes=20)
        world.migration.verb("apply")
        refused = [entry for entry in world.crm.ledger() if entry["status"] >= 400]
        assert refused == [], "a change that stands already was sent again"
        world.migration.verb(*WITHOUT_SAMPLE, expect=LOADED)
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

    Connections lost before and after the rows were stored, server errors and limits: each kind hits a table that goes out in
    CreateMultiple, and batches here and there.
    """
    tables = ("accounts/", "pulse_practitioners/", "pulse_insurancecarriers/", "campaigns/")  # one request each
    batches = [("$batch", 2 * place) for place in range(8)]
    faults = [fault(kind, *place) for kind, place in zip(KINDS * 3, [*((name, 0) for name in tables), *batches], strict=True)]
    world.crm.control("faults", faults)
    world.migration.verb(*WITHOUT_SAMPLE, expect=LOADED)
    entries = world.crm.ledger()
    assert Counter(entry["fault"] for entry in entries if entry["fault"]) == dict.fromkeys(KINDS, 3)
    assert_created_once(entries)
    for entry in entries:
        if entry["fault"] not in (None, "429"):
            assert_read_before_resent(entries, entry)
    assert world.found() == undisturbed


def test_lost_answers_while_the_schema_changes_and_while_rows_go(prepared: Prepared, undisturbed: Json, tmp_path: Path) -> None:
    """Definitions go by name: what a lost answer left is found by reading. Deletions are repeated harmlessly."""
    kinds = ("drop_after_commit", "drop_before_commit")
    definitions = [fault(kind, "", after) for after, kind in zip(range(3, 60, 7), kinds * 5, strict=False)]
    with prepared.planned.forked(tmp_path) as world:
        world.crm.control("faults", definitions)
        world.migration.verb("apply")
        world.crm.control("faults", {"clear": True})
        world.migration.verb(*WITHOUT_SAMPLE, expect=LOADED)
        assert world.found() == undisturbed
        world.crm.control("faults", [fault(kind, "$batch", after) for after, kind in enumerate(kinds * 4)])
        report = world.migration.verb("rollback").document
        assert report["proved"] and report["complete"]
        assert sum(entry["fault"] in kinds for entry in world.crm.ledger()) == len(definitions) + 8
        assert world.found() == prepared.before


def test_a_request_that_is_carried_out_late(world: World, undisturbed: Json) -> None:
    """What a killed run had sent is carried out only after the next run has read that nothing stands: still no row twice."""
    late = {"kind": "slow", "match": {"method": "POST", "path_prefix": API + "pulse_prescriptions/"}, "delay_ms": 8_000}
    world.crm.control("faults", late)
    kill_when(world, lambda intent: intent.object == "pulse_prescription", linger=1)
    world.migration.verb(*WITHOUT_SAMPLE, expect=LOADED)
    wait_until_carried_out(world.crm)
    times = Counter(row_id for entry in world.crm.ledger() for row_id in created(entry) if entry["status"] < 400)
    assert max(times.values()) == 1
    assert world.found() == undisturbed


# -- drilling -------------------------------------------------------------------------------------------------------------


def fault(kind: str, path: str, after: int) -> Json:
    """One fault that hits a POST to an address below the API's root, after so many of them."""
    return {"kind": kind, "match": {"method": "POST", "path_prefix": API + path}, "after": after}


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
        assert wait_for_writes(world.crm, process, chance.randint(0, most_writes)), "the verb had ended before it was killed"
        time.sleep(chance.uniform(0, 0.1))
        kills.append(kill(world, process))
    world.crm.control("faults", {"clear": True})
    return kills


def kill_when(world: World, meant: Callable[[Intent], bool], linger: float = 0) -> Kill:
    """Start a run and kill it while a request that is meant has no outcome; `linger` so many seconds before."""
    process = world.migration.start(*WITHOUT_SAMPLE)
    while not any(meant(intent) for intent in open_intents(world.migration)):
        assert process.poll() is None, "the run ended before it could be killed"
        time.sleep(0.05)
    time.sleep(linger)
    return kill(world, process)


def kill(world: World, process: "subprocess.Popen[str]") -> Kill:
    """Kill it. What was on its way arrives and is carried out: the server does not know of the kill."""
    process.kill()
    process.communicate()
    assert process.returncode == -9, "the verb had ended before it was killed"
    time.sleep(0.5)
    return Kill(world.crm.requests(), frozenset(intent.destination_id for intent in open_intents(world.migration)))


def wait_for_writes(crm: Dynamics, process: "subprocess.Popen[str]", writes: int) -> bool:
    """Until the process has made so many writes (0: its first request). False when it ended before."""
    begun = crm.requests()
    while process.poll() is None:
        if crm.requests() > begun and len(crm.writes(begun)) >= writes:
            return True
        time.sleep(0.05)
    return False


def open_intents(migration: Migration) -> list[Intent]:
    """The creates and updates that the journal has an intent of and no outcome."""
    with open_workspace(migration.folder).journal() as journal:
        intents = [intent for batch in journal.open_batches() for intent in batch.intents]
    return [intent for intent in intents if intent.operation in ("create", "update")]


def setting_states(intent: Intent) -> bool:
    """Whether a visit is being closed."""
    return intent.object == "appointment" and intent.operation == "update"


def wait_until_carried_out(crm: Dynamics) -> None:
    """Until the delayed request stands in the ledger."""
    deadline = time.monotonic() + 30
    while not any(entry["fault"] == "slow" for entry in crm.ledger()):
        assert time.monotonic() < deadline, "the delayed request never arrived"
        time.sleep(0.2)


# -- what the request ledger must show ------------------------------------------------------------------------------------


def assert_created_once(entries: Sequence[Json]) -> None:
    """No id was stored twice, and no row that stood already was offered again (Dataverse answers 412 to that)."""
    stored: dict[str, int] = {}
    for entry in entries:
        for row_id in created(entry):
            assert row_id not in stored, f"request {entry['seq']} created a row of request {stored[row_id]} again"
            stored[row_id] = entry["seq"]
    assert stored
    offered = [entry["seq"] for entry in entries if entry["status"] == 412 or 412 in entry["refusals"]]
    assert offered == [], "rows were offered that stood already"


def assert_read_before_anything_else(entries: Sequence[Json], kill: Kill) -> None:
    """The first request after the kill that names a row of unknown outcome reads it."""
    waiting = set(kill.open_ids)
    for entry in entries:
        if entry["seq"] > kill.after:
            words = asked(entry)
            waiting = {row_id for row_id in waiting if row_id not in words}
            assert not waiting & set(entry["ids"]), f"request {entry['seq']} resent rows that had not been read"
    assert not waiting, f"{len(waiting)} rows of unknown outcome were never looked at"


def assert_read_before_resent(entries: Sequence[Json], lost: Json) -> None:
    """After a lost answer the rows are read before they are sent again; which ones a lost batch held, only a stored one tells."""
    after = [entry for entry in entries if entry["seq"] > lost["seq"]]
    if lost["ids"]:
        return assert_read_before_anything_else(entries, Kill(lost["seq"], frozenset(lost["ids"])))
    if lost["path"].endswith("$batch"):
        return None
    again = next(entry for entry in after if entry["path"] == lost["path"])
    entity_set = lost["path"].removeprefix(API).partition("/")[0]
    read = [entry for entry in after if entry["seq"] < again["seq"] and f"{entity_set}?" in asked(entry)]
    assert read, f"request {again['seq']} followed a lost answer unread"
    return None

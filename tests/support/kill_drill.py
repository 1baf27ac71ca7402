"""kill -9 at random instants, and what must hold afterwards, whichever the CRM is.

The judge is outside: the sandbox's request ledger, and everything that the CRM shows.
"""

import random
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, Generic

from scripts.drill import WITHOUT_SAMPLE, Halted, Kind, Migration, Sandbox, World, demo_clinic

from crosswalk.runs.workspaces import open_workspace
from crosswalk.store.entries import Intent

Json = dict[str, Any]

SEED = 4711
ROUNDS = 10
SLOW = {"kind": "slow", "match": {"method": "POST"}, "times": 100_000, "delay_ms": 120}
"""Stretches every write, so that kills land between request and answer, too."""
SLOWER = SLOW | {"delay_ms": 400}
"""Long enough for an open intent to be seen; what was sent still arrives while `kill` waits."""
INDIA = ("--country", "IN", "--timezone", "Asia/Kolkata", "--currency", "INR")
KINDS = ("drop_before_commit", "drop_after_commit", "500", "429")
LOADED = (0, 5)
"""The demo clinic's planted dirt is for a person to see."""


# -- what every drill begins with ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Prepared(Generic[Kind]):
    """A migration whose plan was approved, and that one with the plan applied; and how the CRM was before."""

    planned: Halted[Kind]
    applied: Halted[Kind]
    before: Json


def prepare(resumed: Callable[[Path], AbstractContextManager[Kind]], folder: Path) -> Prepared[Kind]:
    """The demo clinic's migration, as far as nothing is loaded yet."""
    clinic = demo_clinic(folder / "clinic")
    with resumed(folder / "state") as crm:
        before = crm.found(folder)
        migration = Migration(folder / "migration", crm)
        migration.init(clinic, *INDIA)
        migration.prepare(apply=False)
    planned = Halted(folder / "migration", folder / "state", resumed)
    with planned.forked(folder) as world:
        world.migration.verb("apply")
        return Prepared(planned, Halted(world.migration.folder, folder / "fork" / "state", resumed), before)


def run_undisturbed(applied: Halted[Kind], folder: Path) -> Json:
    """What the CRM holds after a run that nothing disturbed."""
    with applied.forked(folder) as world:
        world.migration.verb(*WITHOUT_SAMPLE, expect=LOADED)
        entries = world.crm.ledger()
        assert_created_once(world.crm, entries)
        assert not [entry for entry in entries if entry["status"] >= 400]
        return world.found()


# -- what is killed, and how it goes on ------------------------------------------------------------------------------------


def drill_run(world: World[Kind], undisturbed: Json, *, most_writes: int) -> None:
    """Killed ten times and called again: the same rows as an undisturbed run, each created once, nothing resent unread.

    The tenth kill is aimed at an open intent: nine random ones may all miss.
    """
    kills = killed(world, WITHOUT_SAMPLE, ROUNDS - 1, random.Random(SEED), most_writes=most_writes)
    world.crm.control("faults", SLOWER)
    kills.append(kill_when(world, lambda _: True))
    world.crm.control("faults", {"clear": True})
    world.migration.verb(*WITHOUT_SAMPLE, expect=LOADED)
    assert any(kill.open_ids for kill in kills), "no kill landed between intent and outcome: the drill proved nothing"
    assert_nothing_twice(world, kills)
    assert world.found() == undisturbed


def drill_sample(world: World[Kind], undisturbed: Json, *, most_writes: int) -> None:
    """A killed sample is called again; the run after it holds what an undisturbed run holds."""
    kills = killed(world, ("sample", "--size", "40"), 2, random.Random(SEED + 1), most_writes=most_writes)
    world.migration.sample(40)
    world.migration.verb("run", expect=LOADED)
    assert_nothing_twice(world, kills)
    assert world.found() == undisturbed


def drill_apply(world: World[Kind], undisturbed: Json) -> None:
    """A killed schema plan goes on where it stood: nothing twice, nothing left out."""
    killed(world, ("apply",), 3, random.Random(SEED + 2), most_writes=20)
    world.migration.verb("apply")
    refused = [entry for entry in world.crm.ledger() if entry["status"] >= 400]
    assert refused == [], "a change that stands already was sent again"
    world.migration.verb(*WITHOUT_SAMPLE, expect=LOADED)
    assert world.found() == undisturbed


def drill_rollback(world: World[Kind], before: Json) -> None:
    """A killed rollback is called again until the CRM is as it was, and says that it is proved."""
    world.migration.verb(*WITHOUT_SAMPLE, expect=LOADED)
    killed(world, ("rollback",), 3, random.Random(SEED + 3), most_writes=12)
    report = world.migration.verb("rollback").document
    assert report["proved"] and report["complete"]
    assert world.found() == before


def drill_faults(world: World[Kind], faults: Sequence[Json], undisturbed: Json) -> list[Json]:
    """A run meets each kind of fault three times and ends like an undisturbed one; the entries whose answers were lost."""
    world.crm.control("faults", faults)
    world.migration.verb(*WITHOUT_SAMPLE, expect=LOADED)
    entries = world.crm.ledger()
    assert Counter(entry["fault"] for entry in entries if entry["fault"]) == dict.fromkeys(KINDS, 3)
    assert_created_once(world.crm, entries)
    assert world.found() == undisturbed
    return [entry for entry in entries if entry["fault"] not in (None, "429")]


def drill_late(world: World[Kind], table: str, path_prefix: str, undisturbed: Json) -> None:
    """What a killed run had sent is carried out only after the next run has read that nothing stands: still no row twice."""
    world.crm.control("faults", {"kind": "slow", "match": {"method": "POST", "path_prefix": path_prefix}, "delay_ms": 8_000})
    kill_when(world, lambda intent: intent.object == table, linger=1)
    world.migration.verb(*WITHOUT_SAMPLE, expect=LOADED)
    wait_until_carried_out(world.crm)
    stored = [entry for entry in world.crm.ledger() if entry["status"] < 400]
    times = Counter(row_id for entry in stored for row_id in world.crm.created(entry))
    assert max(times.values()) == 1
    assert world.found() == undisturbed


# -- killing ---------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Kill:
    """One kill: the last request that had been answered, and the ids whose outcome the journal did not know."""

    after: int
    open_ids: frozenset[str]


def killed(world: World[Kind], verb: Sequence[str], rounds: int, chance: random.Random, *, most_writes: int) -> list[Kill]:
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


def kill_when(world: World[Kind], meant: Callable[[Intent], bool], linger: float = 0) -> Kill:
    """Start a run and kill it while a request that is meant has no outcome; `linger` so many seconds before."""
    process = world.migration.start(*WITHOUT_SAMPLE)
    while not any(meant(intent) for intent in open_intents(world.migration)):
        assert process.is_alive(), "the run ended before it could be killed"
        time.sleep(0.05)
    time.sleep(linger)
    return kill(world, process)


def kill(world: World[Kind], process: BaseProcess) -> Kill:
    """Kill it. What was on its way arrives and is carried out: the server does not know of the kill."""
    process.kill()
    process.join()
    assert process.exitcode == -9, "the verb had ended before it was killed"
    time.sleep(0.5)
    return Kill(world.crm.requests(), frozenset(intent.destination_id for intent in open_intents(world.migration)))


def wait_for_writes(crm: Sandbox, process: BaseProcess, writes: int) -> bool:
    """Until the process has made so many writes (0: its first request). False when it ended before."""
    begun = crm.requests()
    while process.is_alive():
        if crm.requests() > begun and len(crm.writes(begun)) >= writes:
            return True
        time.sleep(0.02)
    return False


def open_intents(migration: Migration) -> list[Intent]:
    """The creates and updates that the journal has an intent of and no outcome."""
    with open_workspace(migration.folder).journal() as journal:
        intents = [intent for batch in journal.open_batches() for intent in batch.intents]
    return [intent for intent in intents if intent.operation in ("create", "update")]


def wait_until_carried_out(crm: Sandbox) -> None:
    """Until the delayed request stands in the ledger."""
    deadline = time.monotonic() + 30
    while not any(entry["fault"] == "slow" for entry in crm.ledger()):
        assert time.monotonic() < deadline, "the delayed request never arrived"
        time.sleep(0.2)


# -- what the request ledger must show ---------------------------------------------------------------------------------------


def assert_nothing_twice(world: World[Kind], kills: Sequence[Kill]) -> None:
    """Over kills and repeated calls every row was created once, and what had no outcome was read before anything else."""
    entries = world.crm.ledger()
    assert_created_once(world.crm, entries)
    for one in kills:
        assert_read_before_anything_else(world.crm, entries, one)


def assert_created_once(crm: Sandbox, entries: Sequence[Json]) -> None:
    """No id was stored twice, and no row that stood already was offered again."""
    stored: dict[str, int] = {}
    for entry in entries:
        for row_id in crm.created(entry):
            assert row_id not in stored, f"request {entry['seq']} created a row of request {stored[row_id]} again"
            stored[row_id] = entry["seq"]
    assert stored
    assert [entry["seq"] for entry in entries if crm.offered_again(entry)] == [], "rows were offered that stood already"


def assert_read_before_anything_else(crm: Sandbox, entries: Sequence[Json], kill: Kill) -> None:
    """The first request after the kill that names a row of unknown outcome reads it."""
    waiting = set(kill.open_ids)
    for entry in entries:
        if entry["seq"] > kill.after:
            read = crm.asked(entry)
            waiting = {row_id for row_id in waiting if row_id not in read}
            named = " ".join([entry["path"], *entry["ids"]])
            assert not any(row_id in named for row_id in waiting), f"request {entry['seq']} resent rows that had not been read"
    assert not waiting, f"{len(waiting)} rows of unknown outcome were never looked at"

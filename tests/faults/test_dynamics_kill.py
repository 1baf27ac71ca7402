"""With Dynamics: kill -9 at random instants, lost answers and refusals; calling the verb again always leads to the same state.

What every CRM must stand is in support/kill_drill.py; here are Dynamics' tables, batches and states. The judge is the sandbox's
request ledger, and everything that the Web API shows, but for server times, counters, the last writer and the run's mark
(scripts/drill_dynamics.py).
"""

from collections.abc import Iterator
from pathlib import Path

import pytest
from kill_drill import (
    KINDS,
    LOADED,
    SLOW,
    Json,
    Kill,
    Prepared,
    assert_nothing_twice,
    assert_read_before_anything_else,
    drill_apply,
    drill_faults,
    drill_late,
    drill_rollback,
    drill_run,
    drill_sample,
    kill_when,
    prepare,
    run_undisturbed,
)
from scripts.drill import WITHOUT_SAMPLE, World
from scripts.drill_dynamics import API, Dynamics, resumed

from crosswalk.store.entries import Intent

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Prepared[Dynamics]:
    """Done once, forked for every drill."""
    return prepare(resumed, tmp_path_factory.mktemp("prepared"))


@pytest.fixture(scope="module")
def undisturbed(prepared: Prepared[Dynamics], tmp_path_factory: pytest.TempPathFactory) -> Json:
    """What the CRM holds after a run that nothing disturbed."""
    return run_undisturbed(prepared.applied, tmp_path_factory.mktemp("undisturbed"))


@pytest.fixture
def world(prepared: Prepared[Dynamics], tmp_path: Path) -> Iterator[World[Dynamics]]:
    """The applied migration in a sandbox of its own."""
    with prepared.applied.forked(tmp_path) as made:
        yield made


def test_run_killed_at_ten_random_instants(world: World[Dynamics], undisturbed: Json) -> None:
    """The same rows as an undisturbed run, each created once, nothing resent unread."""
    drill_run(world, undisturbed, most_writes=6)


def test_run_killed_while_states_are_set(world: World[Dynamics], undisturbed: Json) -> None:
    """The second pass closes the visits that were created open; killed in its midst, it closes the others only."""
    world.crm.control("faults", {**SLOW, "match": {"path_prefix": API + "$batch"}, "delay_ms": 300})
    kills = [kill_when(world, setting_states) for _ in range(3)]
    world.crm.control("faults", {"clear": True})
    world.migration.verb(*WITHOUT_SAMPLE, expect=LOADED)
    assert all(kill.open_ids for kill in kills)
    assert_nothing_twice(world, kills)
    assert world.found() == undisturbed


def test_sample_killed(world: World[Dynamics], undisturbed: Json) -> None:
    """The run after the sample holds what an undisturbed run holds."""
    drill_sample(world, undisturbed, most_writes=10)


def test_apply_killed(prepared: Prepared[Dynamics], undisturbed: Json, tmp_path: Path) -> None:
    """A killed schema plan goes on where it stood."""
    with prepared.planned.forked(tmp_path) as world:
        drill_apply(world, undisturbed)


def test_rollback_killed(world: World[Dynamics], prepared: Prepared[Dynamics]) -> None:
    """Called again, it leads back all the same."""
    drill_rollback(world, prepared.before)


def test_faults_change_nothing_in_the_end(world: World[Dynamics], undisturbed: Json) -> None:
    """Lost answers are settled by reading before anything is sent again; refusals by the limit are waited out.

    Connections lost before and after the rows were stored, server errors and limits: each kind hits a table that goes out in
    CreateMultiple, and batches here and there.
    """
    tables = ("accounts/", "pulse_practitioners/", "pulse_insurancecarriers/", "campaigns/")  # one request each
    batches = [("$batch", 2 * place) for place in range(8)]
    faults = [fault(kind, *place) for kind, place in zip(KINDS * 3, [*((name, 0) for name in tables), *batches], strict=True)]
    for lost in drill_faults(world, faults, undisturbed):
        assert_read_before_resent(world.crm, lost)


def test_lost_answers_while_the_schema_changes_and_while_rows_go(
    prepared: Prepared[Dynamics], undisturbed: Json, tmp_path: Path
) -> None:
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


def test_a_request_that_is_carried_out_late(world: World[Dynamics], undisturbed: Json) -> None:
    """A bulk create of prescriptions."""
    drill_late(world, "pulse_prescription", API + "pulse_prescriptions/", undisturbed)


def fault(kind: str, path: str, after: int) -> Json:
    """One fault that hits a POST to an address below the API's root, after so many of them."""
    return {"kind": kind, "match": {"method": "POST", "path_prefix": API + path}, "after": after}


def setting_states(intent: Intent) -> bool:
    """Whether a visit is being closed."""
    return intent.object == "appointment" and intent.operation == "update"


def assert_read_before_resent(crm: Dynamics, lost: Json) -> None:
    """After a lost answer the rows are read before they are sent again; which ones a lost batch held, only a stored one tells."""
    entries = crm.ledger()
    after = [entry for entry in entries if entry["seq"] > lost["seq"]]
    if lost["ids"]:
        return assert_read_before_anything_else(crm, entries, Kill(lost["seq"], frozenset(lost["ids"])))
    if lost["path"].endswith("$batch"):
        return None
    again = next(entry for entry in after if entry["path"] == lost["path"])
    entity_set = lost["path"].removeprefix(API).partition("/")[0]
    read = [entry for entry in after if entry["seq"] < again["seq"] and f"{entity_set}?" in crm.asked(entry)]
    assert read, f"request {again['seq']} followed a lost answer unread"
    return None

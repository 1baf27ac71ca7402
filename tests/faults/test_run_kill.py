"""kill -9 at random instants, lost answers and refusals: whatever happens, calling the verb again leads to the same state.

What every CRM must stand is in support/kill_drill.py; here are Twenty's batches and uploads. The judge is the sandbox's request
ledger, and the fingerprint of scripts/check_twenty.py. What that fingerprint leaves out (server times, positions, ...) it lists
itself.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from urllib.parse import unquote

import pytest
from kill_drill import (
    KINDS,
    LOADED,
    Json,
    Prepared,
    drill_apply,
    drill_faults,
    drill_late,
    drill_rollback,
    drill_run,
    drill_sample,
    prepare,
    run_undisturbed,
)
from scripts.drill import WITHOUT_SAMPLE, World
from scripts.drill_twenty import BATCH, Twenty, resumed

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Prepared[Twenty]:
    """Done once, forked for every drill."""
    return prepare(resumed, tmp_path_factory.mktemp("prepared"))


@pytest.fixture(scope="module")
def undisturbed(prepared: Prepared[Twenty], tmp_path_factory: pytest.TempPathFactory) -> Json:
    """What the CRM holds after a run that nothing disturbed."""
    return run_undisturbed(prepared.applied, tmp_path_factory.mktemp("undisturbed"))


@pytest.fixture
def world(prepared: Prepared[Twenty], tmp_path: Path) -> Iterator[World[Twenty]]:
    """The applied migration in a sandbox of its own."""
    with prepared.applied.forked(tmp_path) as made:
        yield made


def test_run_killed_at_ten_random_instants(world: World[Twenty], undisturbed: Json) -> None:
    """The same rows as an undisturbed run, each created once, nothing resent unread."""
    drill_run(world, undisturbed, most_writes=24)


def test_sample_killed(world: World[Twenty], undisturbed: Json) -> None:
    """The run after the sample holds what an undisturbed run holds."""
    drill_sample(world, undisturbed, most_writes=30)


def test_apply_killed(prepared: Prepared[Twenty], undisturbed: Json, tmp_path: Path) -> None:
    """A killed schema plan goes on where it stood."""
    with prepared.planned.forked(tmp_path) as world:
        drill_apply(world, undisturbed)


def test_rollback_killed(world: World[Twenty], prepared: Prepared[Twenty]) -> None:
    """Called again, it leads back all the same."""
    drill_rollback(world, prepared.before)


def test_faults_change_nothing_in_the_end(world: World[Twenty], undisturbed: Json) -> None:
    """Lost answers are settled by reading before anything is sent again; refusals by the limit are waited out.

    Connections lost before and after the rows were stored, server errors and limits, three of each.
    """
    match = {"method": "POST", "path_prefix": BATCH}
    faults = [{"kind": kind, "match": match, "after": 2 * place} for place, kind in enumerate(KINDS * 3)]
    for lost in drill_faults(world, faults, undisturbed):
        assert_read_before_resent(world.crm.ledger(), lost)


def test_lost_uploads_are_made_again(world: World[Twenty], undisturbed: Json) -> None:
    """A file whose upload got no answer is uploaded anew: no document is left out, none hangs on a patient twice."""
    match = {"method": "PUT", "path_prefix": "/file-upload/"}
    lost = KINDS[:3]
    world.crm.control("faults", [{"kind": kind, "match": match, "after": 7 * place} for place, kind in enumerate(lost * 2)])
    world.migration.verb(*WITHOUT_SAMPLE, expect=LOADED)
    assert Counter(entry["fault"] for entry in world.crm.ledger() if entry["fault"]) == dict.fromkeys(lost, 2)
    assert world.found() == undisturbed


def test_a_request_that_is_carried_out_late(world: World[Twenty], undisturbed: Json) -> None:
    """A batch of tasks."""
    drill_late(world, "tasks", BATCH + "tasks", undisturbed)


def assert_read_before_resent(entries: Sequence[Json], lost: Json) -> None:
    """Between a lost answer and the next create of that object lies a read of rows by their ids."""
    plural = lost["path"].removeprefix(BATCH).partition("?")[0]
    for entry in entries:
        if entry["seq"] <= lost["seq"]:
            continue
        if entry["method"] == "GET" and entry["path"].startswith(f"/rest/{plural}?") and "id[in]" in unquote(entry["path"]):
            return
        assert not entry["path"].startswith(f"{BATCH}{plural}"), f"request {entry['seq']} followed a lost answer unread"
    raise AssertionError(f"the lost answer of request {lost['seq']} was never settled")

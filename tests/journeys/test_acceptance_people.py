"""Acceptance: what people do around a migration. Their edits, their approvals, their addresses, their workspace's own workflow."""

import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parents[2]))

from scripts.drill import BY, WITHOUT_SAMPLE, Halted, Migration
from scripts.drill import World as AnyWorld
from scripts.drill_twenty import WORKFLOW, Twenty, resumed, sandbox
from scripts.tiny_clinic import TinyClinic

Json = dict[str, Any]

PATIENTS = 12
VISITS = PATIENTS * 4
SAMPLE = 4
FALLBACK = "frontdesk@clinic.test"

World = AnyWorld[Twenty]

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def clinic(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve patients with four visits each."""
    return TinyClinic(PATIENTS).write(tmp_path_factory.mktemp("clinic") / "export")


@pytest.fixture(scope="module")
def before(tmp_path_factory: pytest.TempPathFactory) -> Json:
    """What a fresh workspace holds."""
    with sandbox(workflow="off") as crm:
        return crm.found(tmp_path_factory.mktemp("fresh"))


@pytest.fixture(scope="module")
def applied(clinic: Path, tmp_path_factory: pytest.TempPathFactory) -> Halted[Twenty]:
    """A migration whose map and plan are approved and applied."""
    folder = tmp_path_factory.mktemp("applied")
    with resumed(folder / "state") as crm:
        migration = Migration(folder / "migration", crm)
        migration.init(clinic)
        migration.prepare()
    return Halted(folder / "migration", folder / "state", resumed)


@pytest.fixture(scope="module")
def finished(applied: Halted[Twenty], tmp_path_factory: pytest.TempPathFactory) -> Halted[Twenty]:
    """A migration that was sampled, approved and run."""
    folder = tmp_path_factory.mktemp("finished")
    with applied.forked(folder) as world:
        world.migration.sample(SAMPLE)
        world.migration.verb("run")
        world.crm.stop()
        return Halted(world.migration.folder, folder / "fork" / "state", resumed)


@pytest.fixture
def ready(applied: Halted[Twenty], tmp_path: Path) -> Iterator[World]:
    """A world in which the plan is applied."""
    with applied.forked(tmp_path) as world:
        yield world


@pytest.fixture
def done(finished: Halted[Twenty], tmp_path: Path) -> Iterator[World]:
    """A world in which everything is migrated."""
    with finished.forked(tmp_path) as world:
        yield world


# -- after the run ----------------------------------------------------------------------------------------------------------


def test_what_people_did_since_survives_a_rollback(done: World, before: Json) -> None:
    """An edited and a soft-deleted patient stay, listed with the reason and the fields; everything else of ours goes."""
    edited, binned = people_of_ours(done.crm)[:2]
    done.crm.control("edit", {"object": "person", "id": edited["id"], "values": {"city": "Salem", "jobTitle": "Nurse"}})
    done.crm.control("soft-delete", {"object": "person", "id": binned["id"]})
    seen = done.crm.requests()
    previewed = done.migration.verb("rollback", "--preview", expect=(5,)).document["preview"]
    assert done.crm.writes(seen) == [], "a preview changes nothing"
    report = done.migration.verb("rollback", expect=(5,)).document
    for kept in (kept_people(previewed), kept_people(report)):
        assert kept == {edited["id"]: ("edited", {"city", "jobTitle"}), binned["id"]: ("deleted_by_person", set())}
    assert report["proved"] and not report["complete"]
    left = people_of_ours(done.crm)
    assert [(row["id"], row["city"], row["jobTitle"]) for row in left] == [(edited["id"], "Salem", "Nurse")]
    assert done.crm.rows("tasks") == [] and "billingLedgers" not in plurals(done.crm)
    done.migration.verb("rollback", "--force")
    assert done.found() == before


def test_a_forced_rollback_takes_edited_rows_too(done: World, before: Json) -> None:
    """--force removes what people changed as well."""
    edited, binned = people_of_ours(done.crm)[:2]
    done.crm.control("edit", {"object": "person", "id": edited["id"], "values": {"city": "Salem"}})
    done.crm.control("soft-delete", {"object": "person", "id": binned["id"]})
    assert done.migration.verb("rollback", "--force").document["kept_total"] == 0
    assert done.found() == before


def test_a_second_run_writes_nothing(done: World) -> None:
    """A finished migration run again only reads."""
    seen = done.crm.requests()
    loaded = done.migration.verb("run").document["load"]
    assert done.crm.writes(seen) == []
    assert sum(item["unchanged"] for item in loaded["records"]) == sum(item["rows"] for item in loaded["records"]) > 0


# -- around the sample ------------------------------------------------------------------------------------------------------


def test_a_map_edited_after_the_sample_updates_its_rows(ready: World, before: Json) -> None:
    """The sample's rows are rows of the run: what the new map writes differently is a journaled update, not a second row."""
    ready.migration.sample(SAMPLE)
    edit_map(ready.migration)
    ready.migration.verb("approve", "--by", BY, "map")
    ready.migration.replan()
    seen = ready.crm.requests()
    assert ready.migration.sample(SAMPLE).document["differences_total"] == 0
    sent = Counter((entry["method"], entry["path"].split("/")[2]) for entry in ready.crm.writes(seen))
    assert sent == {("PATCH", "tasks"): SAMPLE * 4}
    updates = ready.migration.verb("audit", "--operation", "update").document["entries"]
    assert len(updates) == SAMPLE * 4 and {entry["state"] for entry in updates} == {"updated"}
    ready.migration.verb("run")
    titles = [row["title"] for row in ready.crm.rows("tasks")]
    assert len(titles) == VISITS and all(title.startswith("Visit, ") for title in titles)
    ready.migration.verb("rollback")
    assert ready.found() == before


def test_the_sample_alone_is_rolled_back(ready: World, before: Json) -> None:
    """--run takes the sample's rows only; the schema stays, and the migration goes on from there."""
    standing = ready.found()
    ready.migration.sample(SAMPLE)
    [number] = [run["id"] for run in ready.migration.verb("status").document["runs"] if run["kind"] == "sample"]
    ready.migration.verb("rollback", "--run", str(number))
    assert ready.found() == standing
    ready.migration.verb(*WITHOUT_SAMPLE)
    assert ready.migration.verb("verify").document["balanced"]
    ready.migration.verb("rollback")
    assert ready.found() == before


# -- gates ------------------------------------------------------------------------------------------------------------------


def unapproved_sample(_: World) -> tuple[str, ...]:
    """Map, plan and schema stand, but nobody looked at a sample."""
    return ("run",)


def edited_map(world: World) -> tuple[str, ...]:
    """A map that was changed after its approval closes every later gate."""
    edit_map(world.migration)
    return ("plan", "apply", "sample", "run")


def stale_plan(world: World) -> tuple[str, ...]:
    """A newly approved map needs a plan of its own."""
    edit_map(world.migration)
    world.migration.verb("approve", "--by", BY, "map")
    return ("apply", "sample", "run")


def unapproved_plan(world: World) -> tuple[str, ...]:
    """The plan of the new map was not looked at."""
    stale_plan(world)
    world.migration.verb("plan")
    return ("apply", "sample", "run")


def unapplied_plan(world: World) -> tuple[str, ...]:
    """The approved plan is not the one that was applied."""
    unapproved_plan(world)
    world.migration.verb("approve", "--by", BY, "plan")
    return ("sample", "run")


def field_gone(world: World) -> tuple[str, ...]:
    """A field that the map writes was deleted in the CRM meanwhile."""
    path = f"/rest/metadata/fields/{field_id(world.crm, 'person', 'city')}"
    world.crm.call("PATCH", path, {"isActive": False})
    world.crm.call("DELETE", path)
    return ("sample", *WITHOUT_SAMPLE[:1])


def options_changed(world: World) -> tuple[str, ...]:
    """An option of a field that the map writes was added in the CRM meanwhile."""
    status = next(item for item in fields(world.crm, "task") if item["name"] == "status")
    options = [*status["options"], {"label": "No show", "value": "NO_SHOW", "color": "red", "position": 9}]
    world.crm.call("PATCH", f"/rest/metadata/fields/{status['id']}", {"options": options})
    return ("sample",)


@pytest.mark.parametrize(
    "arrange",
    [unapproved_sample, edited_map, stale_plan, unapproved_plan, unapplied_plan, field_gone, options_changed],
    ids=lambda arrange: arrange.__name__.replace("_", " "),
)
def test_a_closed_gate_writes_nothing(ready: World, arrange: Callable[[World], tuple[str, ...]]) -> None:
    """Refused with exit 3 and a remedy; the request ledger shows no write."""
    verbs = arrange(ready)
    seen = ready.crm.requests()
    for verb in verbs:
        said = ready.migration.verb(verb, expect=(3,))
        assert said.document["error"]["message"] and said.document["error"]["remedy"]
    assert ready.crm.writes(seen) == []


def test_nothing_is_written_before_the_first_approval(clinic: Path, tmp_path: Path) -> None:
    """A fresh map is not approved: no verb that needs it touches the CRM."""
    with sandbox(workflow="off") as crm:
        migration = Migration(tmp_path / "migration", crm)
        migration.init(clinic)
        migration.verb("scan", expect=(0, 5))
        migration.verb("map", expect=(0, 5))
        for verb in ("plan", "apply", "sample", "run"):
            migration.verb(verb, expect=(3,))
        assert crm.writes() == []


# -- owners -----------------------------------------------------------------------------------------------------------------


def test_owners_by_address(clinic: Path, tmp_path: Path) -> None:
    """A doctor's own address is matched; one that several doctors share never, though a member has it; the rest fall back."""
    with sandbox("--member", "asha@doctors.example", "--member", "shared@doctors.example", workflow="off") as crm:
        migration = Migration(tmp_path / "migration", crm)
        migration.init(clinic)
        found = {item["code"]: item["count"] for item in migration.prepare()["findings"]}
        assert (found["owner_shared_email"], found["owner_unmatched"]) == (1, 1)
        migration.verb(*WITHOUT_SAMPLE)
        members = {row["id"]: row["userEmail"] for row in crm.rows("workspaceMembers")}
        owners = {(row["sourceSystemId"][-1], members[row["assigneeId"]]) for row in crm.rows("tasks")}
    assert owners == {("0", "asha@doctors.example"), ("1", FALLBACK), ("2", FALLBACK), ("3", FALLBACK)}


@pytest.mark.parametrize(
    "owner, code",
    [
        pytest.param(None, "owner_missing", id="no fallback owner"),
        pytest.param("nobody@clinic.test", "fallback_owner_unknown", id="a fallback owner whom the CRM does not know"),
    ],
)
def test_nothing_moves_without_an_owner(clinic: Path, tmp_path: Path, owner: str | None, code: str) -> None:
    """Records that need an owner and have none block the whole migration, before the first write."""
    with sandbox(workflow="off") as crm:
        migration = Migration(tmp_path / "migration", crm)
        migration.init(clinic, owner=owner)
        for verb in ("scan", "map"):
            migration.verb(verb, expect=(0, 5))
        migration.verb("approve", "--by", BY, "map")
        assert migration.verb("plan", expect=(5,)).document["blocking"] == [code]
        migration.verb("approve", "--by", BY, "plan")
        for verb in ("apply", "sample", "run"):
            assert code in migration.verb(verb, expect=(3,)).message
        assert crm.writes() == []


# -- the workspace's own workflow -------------------------------------------------------------------------------------------


def test_the_default_workflow_is_accepted_by_name_seen_and_undone(clinic: Path, tmp_path: Path) -> None:
    """Left active it blocks; accepted, what it does is listed beside our own rows, which are right, and undone with them."""
    with sandbox(workflow="on") as crm:
        migration = Migration(tmp_path / "migration", crm)
        world = World(crm, migration, tmp_path)
        crm.control("workflow", {"delay_s": 0.05})
        before = world.found()
        migration.init(clinic)
        migration.prepare(apply=False)
        assert WORKFLOW in migration.verb("apply", expect=(3,)).message and crm.writes() == []
        migration.verb("apply", "--accept", WORKFLOW, "--by", BY)
        migration.verb(*WITHOUT_SAMPLE)
        wait_for_workflow(crm)
        proof = migration.verb("verify", expect=(5,)).document
        assert proof["balanced"] and not proof["problems"]
        effects = {(item["object"], item["kind"]): (item["rows"], item["fields"]) for item in proof["side_effects"]}
        assert effects[("companies", "created")] == (5, [])
        assert effects[("people", "changed")] == (PATIENTS, ["companyId"])
        assert all(item["found"] == item["expected"] and not item["different"] for item in proof["records"])
        report = migration.verb("rollback").document
        assert report["side_effects_total"] >= 5 + PATIENTS
        assert world.found() == before


# -- looking and doing ------------------------------------------------------------------------------------------------------


def people_of_ours(crm: Twenty) -> list[Json]:
    """The live people that carry a source id (any, while the workspace has that field)."""
    return [row for row in crm.rows("people") if row.get("sourceSystemId")]


def kept_people(report: Json) -> dict[str, tuple[str, set[str]]]:
    """Destination id → why it stays, and the changed fields."""
    return {row["destination_id"]: (row["reason"], set(row["fields"])) for row in report["kept"] if row["object"] == "people"}


def edit_map(migration: Migration) -> None:
    """A person changes how appointments are called."""
    path = migration.folder / "mapping.yaml"
    before = path.read_text()
    after = before.replace("title: {template: '[{Visit Type}: ]{Purpose}'", "title: {template: 'Visit, {Purpose}'")
    assert before != after
    path.write_text(after)


def fields(crm: Twenty, singular: str) -> list[Json]:
    """The fields of an object as the metadata API shows them."""
    found = crm.call("GET", "/rest/metadata/objects")["data"]
    return next(item["fields"] for item in found if item["nameSingular"] == singular)


def field_id(crm: Twenty, singular: str, name: str) -> str:
    """The metadata id of a field."""
    return next(item["id"] for item in fields(crm, singular) if item["name"] == name)


def plurals(crm: Twenty) -> set[str]:
    """The plural names of all objects."""
    return {item["namePlural"] for item in crm.call("GET", "/rest/metadata/objects")["data"]}


def wait_for_workflow(crm: Twenty) -> None:
    """Until no run of the workflow is waiting."""
    deadline = time.monotonic() + 60
    while crm.control("workflow", {})["waiting"]:
        assert time.monotonic() < deadline, "the workflow does not come to an end"
        time.sleep(0.1)

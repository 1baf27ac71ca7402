"""Acceptance: what people do around a migration. Their edits, their approvals, their addresses, their workspace's own workflow."""

import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from journey import (
    FALLBACK,
    PATIENTS,
    SAMPLE,
    VISITS,
    Applied,
    Arrange,
    Json,
    apply_plan,
    assert_closed,
    assert_nothing_moves_without_an_owner,
    assert_sample_alone_is_rolled_back,
    assert_second_run_writes_nothing,
    edit_map,
    finish,
    gates,
)
from scripts.drill import BY, WITHOUT_SAMPLE, Halted, Migration
from scripts.drill import World as AnyWorld
from scripts.drill_twenty import WORKFLOW, Twenty, resumed, sandbox
from scripts.tiny_clinic import TinyClinic

World = AnyWorld[Twenty]

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def clinic(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve patients with four visits each."""
    return TinyClinic(PATIENTS).write(tmp_path_factory.mktemp("clinic") / "export")


@pytest.fixture(scope="module")
def applied(clinic: Path, tmp_path_factory: pytest.TempPathFactory) -> Applied[Twenty]:
    """Done once, forked for every test."""
    return apply_plan(resumed, clinic, tmp_path_factory.mktemp("applied"))


@pytest.fixture(scope="module")
def before(applied: Applied[Twenty]) -> Json:
    """What the CRM held when it was fresh."""
    return applied.before


@pytest.fixture(scope="module")
def finished(applied: Applied[Twenty], tmp_path_factory: pytest.TempPathFactory) -> Halted[Twenty]:
    """Done once, forked for every test after the run."""
    return finish(applied, tmp_path_factory.mktemp("finished"))


@pytest.fixture
def ready(applied: Applied[Twenty], tmp_path: Path) -> Iterator[World]:
    """A world in which the plan is applied."""
    with applied.halted.forked(tmp_path) as world:
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
    assert_second_run_writes_nothing(done)


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
    assert_sample_alone_is_rolled_back(ready, before)


# -- gates ------------------------------------------------------------------------------------------------------------------


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


@gates(field_gone, options_changed)
def test_a_closed_gate_writes_nothing(ready: World, arrange: Arrange) -> None:
    """Refused with exit 3 and a remedy; the request ledger shows no write."""
    assert_closed(ready, arrange)


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
        assert_nothing_moves_without_an_owner(Migration(tmp_path / "migration", crm), clinic, owner, code)


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

"""Acceptance with Dynamics: what people do around a migration. Their edits, their approvals, their addresses, their names.

The sibling of test_acceptance_people.py. Nothing is soft-deleted here: a row that a person deletes is gone.
"""

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
from scripts.drill_dynamics import Dynamics, resumed, sandbox
from scripts.tiny_clinic import TinyClinic

World = AnyWorld[Dynamics]

ATTRIBUTES = "/api/data/v9.2/EntityDefinitions(LogicalName='{}')/Attributes(LogicalName='{}')"

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def clinic(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve patients with four visits each."""
    return TinyClinic(PATIENTS).write(tmp_path_factory.mktemp("clinic") / "export")


@pytest.fixture(scope="module")
def applied(clinic: Path, tmp_path_factory: pytest.TempPathFactory) -> Applied[Dynamics]:
    """Done once, forked for every test."""
    return apply_plan(resumed, clinic, tmp_path_factory.mktemp("applied"))


@pytest.fixture(scope="module")
def before(applied: Applied[Dynamics]) -> Json:
    """What the CRM held when it was fresh."""
    return applied.before


@pytest.fixture(scope="module")
def finished(applied: Applied[Dynamics], tmp_path_factory: pytest.TempPathFactory) -> Halted[Dynamics]:
    """Done once, forked for every test after the run."""
    return finish(applied, tmp_path_factory.mktemp("finished"))


@pytest.fixture
def ready(applied: Applied[Dynamics], tmp_path: Path) -> Iterator[World]:
    """A world in which the plan is applied."""
    with applied.halted.forked(tmp_path) as world:
        yield world


@pytest.fixture
def done(finished: Halted[Dynamics], tmp_path: Path) -> Iterator[World]:
    """A world in which everything is migrated."""
    with finished.forked(tmp_path) as world:
        yield world


# -- after the run ----------------------------------------------------------------------------------------------------------


def test_what_people_did_since_survives_a_rollback(done: World, before: Json) -> None:
    """An edited patient stays, listed with the fields, until --force; a prescription that somebody deleted is simply gone."""
    patient = ours(done.crm, "contacts")[0]
    done.crm.control(
        "edit", {"object": "contact", "id": patient["contactid"], "values": {"address1_city": "Salem", "jobtitle": "Nurse"}}
    )
    taken = ours(done.crm, "pulse_prescriptions")[0]["pulse_prescriptionid"]
    done.crm.control("delete", {"object": "pulse_prescription", "id": taken})
    seen = done.crm.requests()
    previewed = done.migration.verb("rollback", "--preview", expect=(5,)).document["preview"]
    assert done.crm.writes(seen) == [], "a preview changes nothing"
    report = done.migration.verb("rollback", expect=(5,)).document
    for told in (previewed, report):
        assert kept(told) == {("contact", patient["contactid"]): ("edited", {"address1_city", "jobtitle"})}
    assert report["proved"] and not report["complete"]
    left = ours(done.crm, "contacts")
    assert [(row["contactid"], row["address1_city"], row["jobtitle"]) for row in left] == [(patient["contactid"], "Salem", "Nurse")]
    assert "pulse_prescription" not in done.crm.tables()
    done.migration.verb("rollback", "--force")
    assert done.found() == before


def test_a_forced_rollback_takes_edited_rows_too(done: World, before: Json) -> None:
    """--force removes what people changed as well."""
    patient = ours(done.crm, "contacts")[0]
    done.crm.control("edit", {"object": "contact", "id": patient["contactid"], "values": {"address1_city": "Salem"}})
    assert done.migration.verb("rollback", "--force").document["kept_total"] == 0
    assert done.found() == before


def test_a_patient_whom_somebody_deleted_takes_nothing_of_others_along(done: World, before: Json) -> None:
    """Dynamics deletes the patient's visits too and empties links to them; a forced rollback still leads back."""
    patient = ours(done.crm, "contacts")[0]
    done.crm.control("delete", {"object": "contact", "id": patient["contactid"]})
    assert len(ours(done.crm, "appointments")) == VISITS - 4, "visits go with their patient (facts/dataverse.md §0.7)"
    done.migration.verb("rollback", "--force")
    assert done.found() == before


@pytest.mark.parametrize(
    "values, fields",
    [
        pytest.param({"statecode": 0, "statuscode": 1}, {"statecode", "statuscode"}, id="reopened"),
        pytest.param({"subject": "Rescheduled by phone"}, {"subject"}, id="reopened, edited and completed again"),
    ],
)
def test_a_completed_visit_that_a_person_changed_since_is_kept(done: World, values: Json, fields: set[str]) -> None:
    """It is read-only for us now: the rollback keeps it with its patient, says so, and takes everything else."""
    visit = ours(done.crm, "appointments")[0]
    assert (visit["statecode"], visit["statuscode"]) == (1, 3), "a finished visit is completed"
    edit = {"object": "appointment", "id": visit["activityid"]}
    done.crm.control("edit", {**edit, "values": {"statecode": 0, "statuscode": 1}})
    if "statecode" not in values:
        done.crm.control("edit", {**edit, "values": values})
        done.crm.control("edit", {**edit, "values": {"statecode": 1, "statuscode": 3}})
    report = done.migration.verb("rollback", expect=(5,)).document
    assert kept(report)["appointment", visit["activityid"]] == ("edited", fields)
    assert report["proved"] and not report["complete"]
    [left] = ours(done.crm, "appointments")
    assert {name: left[name] for name in values} == values
    assert [row["contactid"] for row in ours(done.crm, "contacts")] == [visit["_regardingobjectid_value"]]


def test_a_second_run_writes_nothing(done: World) -> None:
    """A finished migration run again only reads."""
    assert_second_run_writes_nothing(done)


# -- around the sample ------------------------------------------------------------------------------------------------------


def test_a_map_edited_after_the_sample_updates_its_rows(ready: World, before: Json) -> None:
    """The sample's visits, completed and so read-only, are reopened, renamed and closed; no second row comes of it."""
    ready.migration.sample(SAMPLE)
    sampled = {row["activityid"] for row in ours(ready.crm, "appointments")}
    assert len(sampled) == SAMPLE * 4
    edit_map(ready.migration)
    ready.migration.verb("approve", "--by", BY, "map")
    ready.migration.replan()
    seen = ready.crm.requests()
    assert ready.migration.sample(SAMPLE).document["differences_total"] == 0
    sent = ready.crm.writes(seen)
    assert {method for entry in sent for method in entry["methods"]} == {"PATCH"}
    assert {row_id for entry in sent for row_id in entry["ids"]} == sampled
    updates = ready.migration.verb("audit", "--operation", "update").document["entries"]
    renamed = Counter(entry["destination_id"] for entry in updates if entry["state"] == "updated")
    assert renamed.keys() >= sampled
    ready.migration.verb("run")
    visits = ours(ready.crm, "appointments")
    assert len(visits) == VISITS and all(row["subject"].startswith("Visit, ") for row in visits)
    assert {row["statecode"] for row in visits} == {1}
    ready.migration.verb("rollback")
    assert ready.found() == before


def test_the_sample_alone_is_rolled_back(ready: World, before: Json) -> None:
    """--run takes the sample's rows only; the schema stays, and the migration goes on from there."""
    assert_sample_alone_is_rolled_back(ready, before)


# -- gates ------------------------------------------------------------------------------------------------------------------


def column_gone(world: World) -> tuple[str, ...]:
    """A column that the map writes was deleted in the CRM meanwhile."""
    world.crm.call("DELETE", ATTRIBUTES.format("appointment", "pulse_purpose"))
    return ("sample", *WITHOUT_SAMPLE[:1])


def option_added(world: World) -> tuple[str, ...]:
    """An option of a column that the map writes was added in the CRM meanwhile."""
    labels = [{"@odata.type": "Microsoft.Dynamics.CRM.LocalizedLabel", "Label": "No show", "LanguageCode": 1033}]
    label = {"@odata.type": "Microsoft.Dynamics.CRM.Label", "LocalizedLabels": labels}
    option = {"EntityLogicalName": "appointment", "AttributeLogicalName": "pulse_visittype", "Value": 727_000_900, "Label": label}
    world.crm.call("POST", "/api/data/v9.2/InsertOptionValue", option)
    world.crm.call("POST", "/api/data/v9.2/PublishAllXml", {})
    return ("sample",)


@gates(column_gone, option_added)
def test_a_closed_gate_writes_nothing(ready: World, arrange: Arrange) -> None:
    """Refused with exit 3 and a remedy; the request ledger shows no write."""
    assert_closed(ready, arrange)


# -- owners and names -------------------------------------------------------------------------------------------------------


def test_owners_by_address(tmp_path: Path) -> None:
    """By internalemailaddress, then domainname; never by what doctors share, nor a disabled or an application user."""
    addresses = ("asha@doctors.example", "b.cole@login.example", "former@clinic.test", "migration@clinic.test")
    with sandbox("--member", "asha@doctors.example") as crm:
        cole = {"lastname": "Cole", "internalemailaddress": "cole@elsewhere.example", "domainname": "b.cole@login.example"}
        [cole_id] = crm.control("seed", {"object": "systemuser", "rows": [cole]})["ids"]
        found, owners = moved(crm, TinyClinic(PATIENTS, addresses), tmp_path)
        users = {row["systemuserid"]: row["internalemailaddress"] for row in crm.rows("systemusers")}
    assert (found["owner_disabled"], found["owner_unmatched"]) == (1, 1)
    assert users[cole_id] == "cole@elsewhere.example"
    assert {(doctor, users[owner]) for doctor, owner in owners} == {
        ("0", "asha@doctors.example"), ("1", "cole@elsewhere.example"), ("2", FALLBACK), ("3", FALLBACK),
    }  # fmt: skip


def test_an_address_that_doctors_share_is_nobodys(tmp_path: Path) -> None:
    """Though a user has it, both doctors' records go to the fallback owner."""
    addresses = ("shared@doctors.example", "shared@doctors.example", "mehta@clinic.test", "iyer@clinic.test")
    with sandbox("--member", "shared@doctors.example") as crm:
        found, owners = moved(crm, TinyClinic(PATIENTS, addresses), tmp_path)
        users = {row["systemuserid"]: row["internalemailaddress"] for row in crm.rows("systemusers")}
    assert found["owner_shared_email"] == 1
    assert {(doctor, users[owner]) for doctor, owner in owners} == {
        ("0", FALLBACK), ("1", FALLBACK), ("2", "mehta@clinic.test"), ("3", "iyer@clinic.test"),
    }  # fmt: skip


@pytest.mark.parametrize(
    "owner, code",
    [
        pytest.param(None, "owner_missing", id="no fallback owner"),
        pytest.param("nobody@clinic.test", "fallback_owner_unknown", id="a fallback owner whom the CRM does not know"),
        pytest.param("former@clinic.test", "fallback_owner_unknown", id="a fallback owner who is disabled"),
    ],
)
def test_nothing_moves_without_an_owner(clinic: Path, tmp_path: Path, owner: str | None, code: str) -> None:
    """Records that need an owner and have none block the whole migration, before the first write."""
    with sandbox() as crm:
        assert_nothing_moves_without_an_owner(Migration(tmp_path / "migration", crm), clinic, owner, code)


def test_names_of_the_clinics_choice(tmp_path: Path) -> None:
    """Prefix `new` and suffix `__c` give new_bloodtype__c and its like, by the publisher of that prefix; all of it goes again."""
    clinic = TinyClinic(2, cells={"Blood Group": "A+"}).write(tmp_path / "export")
    with sandbox() as crm:
        before = crm.found(tmp_path)
        migration = Migration(tmp_path / "migration", crm)
        migration.init(clinic, "--name-prefix", "new", "--name-suffix", "__c")
        migration.prepare()
        migration.verb(*WITHOUT_SAMPLE)
        assert crm.columns("contact")["new_bloodtype__c"]["SchemaName"] == "new_BloodType__c"
        assert {table for table in crm.tables() if table.startswith("new_")} == {
            f"new_{name}__c" for name in ("practitioner", "prescription", "payment", "diagnosis")
        }
        assert not [table for table in crm.tables() if table.startswith("pulse")]
        patients = [row for row in crm.rows("contacts") if row["new_sourcesystemid__c"]]
        assert len(patients) == 2 and all(row["new_bloodtype__c"] is not None for row in patients)
        migration.verb("rollback")
        assert crm.found(tmp_path) == before


# -- looking and doing ------------------------------------------------------------------------------------------------------


def ours(crm: Dynamics, entity_set: str) -> list[Json]:
    """The rows that carry a source id (any, while the table has that column)."""
    return [row for row in crm.rows(entity_set) if row.get("pulse_sourcesystemid")]


def kept(report: Json) -> dict[tuple[str, str], tuple[str, set[str]]]:
    """(table, id) → why a row stays, and its changed fields; rows that stay for another's sake left out."""
    changed = [row for row in report["kept"] if row["fields"]]
    return {(row["object"], row["destination_id"]): (row["reason"], set(row["fields"])) for row in changed}


def moved(crm: Dynamics, clinic: TinyClinic, folder: Path) -> tuple[Counter[str], set[tuple[str, str]]]:
    """Move a clinic: the plan's findings counted by code, and (last digit of the doctor's number, owner's id) of all visits."""
    migration = Migration(folder / "migration", crm)
    migration.init(clinic.write(folder / "export"))
    found: Counter[str] = Counter()
    for item in migration.prepare()["findings"]:
        if item["code"].startswith("owner_") and "doctors" in item["message"]:
            found[item["code"]] += item["count"]
    migration.verb(*WITHOUT_SAMPLE)
    return found, {(row["pulse_sourcesystemid"][-1], row["_ownerid_value"]) for row in ours(crm, "appointments")}

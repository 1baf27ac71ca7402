"""The shipped map on whole exports: D1–D10 of the brief arrive in the staged writes, and nothing is lost on the way."""

import csv
import json
from collections import Counter
from collections.abc import Generator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from map_scanned import Scanned, broken_references, by_key, scanned, unaccounted
from map_world import Plain

from crosswalk.model.mapping import Settings
from crosswalk.stages.preflight import preflight
from crosswalk.store.files import object_file
from crosswalk.testing.memory_destination import CAPABILITIES
from crosswalk_sandbox.services.pulse.clinic.generate import generate

REAL = Path(__file__).parents[4] / "shared" / "data" / "clinic"
needs_real = pytest.mark.skipif(not REAL.is_dir(), reason="../shared/data/clinic is not beside this repository")
ROWS = {
    "people": 1083,
    "companies": 1288,
    "physicians": 1784,
    "tasks": 9560,
    "billing_ledgers": 9443,
    "clinical_notes": 117,
    "insurance_policies": 2005,
}


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Generator[Scanned]:
    """The demo clinic, as small as it comes."""
    folder = tmp_path_factory.mktemp("demo") / "export"
    generate(folder, 200, 7, "csv")
    with scanned(
        folder, tmp_path_factory.mktemp("world"), Settings(country="IN", timezone="Asia/Kolkata", currency="INR")
    ) as found:
        yield found


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Generator[Scanned]:
    """The clinic made of real Synthea output."""
    with scanned(REAL, tmp_path_factory.mktemp("real"), Settings(country="US", timezone="America/New_York")) as found:
        yield found


def raw(found: Scanned, name: str) -> list[Plain]:
    """The staged source rows of an object, by concept."""
    item = found.schema.object(name)
    assert item is not None
    concepts = {field.name: field.concept or field.name for field in item.fields} | {"_row": "_row", "_state": "_state"}
    rows = found.world.read(object_file(found.world.raw, name), "_row")
    return [
        {concepts[column]: cell for column, cell in row.items() if column in concepts} for row in rows if row["_state"] == "staged"
    ]


def lines(found: Scanned, gathered: str, patient: str, *parts: str) -> list[bool]:
    """Per row of an object: whether one line of its patient's `prescriptionHistory` holds these columns."""
    people = by_key(found, "people")
    told = {key: str(row["prescriptionHistory"] or "").split("\n") for key, row in people.items()}
    return [
        any(all(str(row[part]) in line for part in parts) for line in told.get(str(row[patient]).strip(), ()))
        for row in raw(found, gathered)
    ]


def test_the_demo_clinic_has_every_row_of_the_brief(demo: Scanned) -> None:
    """D1–D10: each record is staged and filled."""
    staged = {item.record: item.rows for item in demo.world.staged.records} if demo.world.staged else {}
    wanted = "companies physicians people tasks task_targets billing_ledgers insurance_carriers insurance_policies visit_notes"
    wanted += " visit_note_targets clinical_notes clinical_note_targets message_notes message_note_targets campaign_notes"
    assert set(staged) == {*wanted.split(), "campaign_note_targets", "attachments"}
    assert all(staged.values())
    people = demo.world.rows("people")
    filled = {path: sum(row[path] is not None for row in people) for path in people[0] if not path.startswith("_")}
    empty = {path for path, number in filled.items() if not number and not path.endswith("AsWritten")}
    assert empty <= {"emails.additionalEmails", "otherPhones"}
    for path in ("primaryPhysicianId", "campaigns", "emergencyContactName", "referralSource", "chronicConditions", "bloodGroup"):
        assert filled[path] > 10, path


def test_only_the_clinics_own_column_of_the_demo_has_no_place(demo: Scanned) -> None:
    """Everything Pulse has a word for is mapped."""
    assert [(item.object, item.field) for item in demo.mapping.unmapped] == [("patients", "Smoker?")]


def test_no_row_of_the_demo_goes_nowhere(demo: Scanned) -> None:
    """Every staged source row stands in at least one write."""
    assert unaccounted(demo) == {}


def test_every_prescription_of_the_demo_is_on_its_patient(demo: Scanned) -> None:
    """Drug code and start in one line of the history (D6)."""
    found = lines(
        demo, "prescriptions", "prescription.patient", "prescription.drug_code", "prescription.start", "prescription.doctor"
    )
    assert found and all(found)


def test_every_message_and_campaign_of_the_demo_is_a_note(demo: Scanned) -> None:
    """Their words are in the body, sender and time kept (D7, D8)."""
    notes, messages = demo.world.rows("message_notes"), raw(demo, "messages")
    assert all(row["createdAt"] and row["createdBy.name"] for row in notes)
    # Of WhatsApp messages Pulse exports that they were, not what they said.
    assert [bool(row["bodyV2.markdown"]) for row in notes] == [bool(str(row["message.text"] or "").strip()) for row in messages]
    assert all(row["bodyV2.markdown"] for row in demo.world.rows("campaign_notes"))


def test_the_demos_map_fits_a_new_workspace(demo: Scanned) -> None:
    """Preflight blocks nothing: every path exists or is created, every option is known, nothing is too long."""
    staged = demo.world.staged
    assert staged
    found = preflight(demo.mapping, staged, demo.world.schema, CAPABILITIES, demo.world.root, demo.world.connection)
    assert [item for item in found if item.severity == "blocking"] == []
    assert all(item.count <= 3 for item in found), "a finding on many rows is noise, not dirt"


def test_a_sample_of_the_demo_is_closed(demo: Scanned) -> None:
    """Each reference of a selected row leads to a selected row."""
    assert broken_references(demo, 10) == []


@pytest.mark.slow
@needs_real
class TestRealClinic:
    """The numbers that `data/clinic` must arrive with."""

    def test_rows(self, real: Scanned) -> None:
        """As many records as the export has, none rejected."""
        assert real.world.staged
        assert {item.record: item.rows for item in real.world.staged.records if item.record in ROWS} == ROWS
        assert all(set(item.states) == {"ready"} for item in real.world.staged.records)
        assert unaccounted(real) == {}

    def test_nothing_but_pulse_words_is_unmapped(self, real: Scanned) -> None:
        """Every column has a place."""
        assert real.mapping.unmapped == ()

    def test_amounts(self, real: Scanned) -> None:
        """Exact sums."""
        truth = json.loads((REAL / "TRUTH.json").read_text(encoding="utf-8"))
        rows = real.world.rows("billing_ledgers")
        sums = {
            path: sum((row[path] or Decimal(0) for row in rows), Decimal(0)) for path in ("amount.value", "insuranceCovered.value")
        }
        assert sums["amount.value"] == Decimal(truth["sum_total_amount"]) == Decimal("23680292.01")
        assert sums["insuranceCovered.value"] == Decimal(truth["sum_insurance_covered"])
        assert all(row["amount.currencyCode"] == "USD" for row in rows)

    def test_prescriptions(self, real: Scanned) -> None:
        """Drug code and start of each of the 6,230 stand in one line on its patient."""
        found = lines(real, "prescriptions", "prescription.patient", "prescription.drug_code", "prescription.start")
        assert len(found) == 6230 and all(found)

    def test_diagnoses(self, real: Scanned) -> None:
        """Each of the 6,336 stands with code and date in a note of its patient, once."""
        people = {row["_id"]: row["_key"] for row in real.world.rows("people")}
        patients = {row["noteId"]: people[row["targetPersonId"]] for row in real.world.rows("visit_note_targets")}
        told: Counter[tuple[str, str]] = Counter()
        for row in real.world.rows("visit_notes"):
            told.update((patients[row["_id"]], line.partition(":")[0] + line.partition("(SNOMED ")[2].partition(")")[0])
                        for line in row["bodyV2.markdown"].split("\n"))  # fmt: skip
        with (REAL / "visit_history.csv").open(encoding="utf-8", newline="") as file:
            wanted = Counter((row["Patient ID"], f"- {row['Diagnosed On']}{row['SNOMED Code']}") for row in csv.DictReader(file))
        assert wanted.total() == 6336 and told == wanted

    def test_codes_keep_their_zeros(self, real: Scanned) -> None:
        """813 PIN codes begin with one."""
        codes = real.world.values("people", "pinCode")
        with (REAL / "patients.csv").open(encoding="utf-8", newline="") as file:
            wanted = [row["PIN Code"] or None for row in csv.DictReader(file) if row["Type"] == "Patient"]
        assert codes == wanted
        codes += real.world.values("companies", "address.addressPostcode")
        assert sum(str(code).startswith("0") for code in codes) >= 813

    def test_appointments(self, real: Scanned) -> None:
        """Each task is tied to its patient and starts when the appointment did."""
        tasks, people = by_key(real, "tasks"), by_key(real, "people")
        tied = {(row["taskId"], row["targetPersonId"]) for row in real.world.rows("task_targets")}
        with (REAL / "appointments.csv").open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                task = tasks[row["Appointment ID"]]
                assert (task["_id"], people[row["Patient ID"]]["_id"]) in tied
                assert task["startsAt"].replace(tzinfo=UTC) == datetime.fromisoformat(row["Start Time"])

    def test_policies(self, real: Scanned) -> None:
        """All 2,005 lead to their patient; those without a number are found."""
        assert real.world.staged
        policies = real.world.rows("insurance_policies")
        assert len(policies) == 2005 and all(row["patientId"] for row in policies)
        record = real.world.staged.record("insurance_policies")
        assert record and record.findings["missing_value:policyNumber"] == 285

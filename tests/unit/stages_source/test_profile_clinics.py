"""A1, A3, A4: what TRUTH.json says of the clinic and PLANTED.json of the demo clinic is what extract and profile find."""

import html
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from source_world import read_rows

from crosswalk.connectors.pulse.connector import PulseSource
from crosswalk.model.errors import RefusedError
from crosswalk.model.extraction import Extraction
from crosswalk.model.finding import Finding
from crosswalk.model.profile import FieldProfile, Profile
from crosswalk.model.source_schema import SourceSchema
from crosswalk.stages.discover import discover
from crosswalk.stages.extract import extract
from crosswalk.stages.profile import profile
from crosswalk.stages.profile_report import profile_html
from crosswalk.store.scratch import open_scratch
from crosswalk_sandbox.services.pulse.clinic.generate import generate

PRIVATE = ("name", "e-mail", "phone", "id number", "birth date")
SHARED = Path(__file__).resolve().parents[4] / "shared" / "data" / "clinic"


@dataclass(frozen=True, slots=True)
class Scan:
    """One clinic, scanned."""

    truth: dict[str, Any]
    folder: Path
    schema: SourceSchema
    extraction: Extraction
    profile: Profile

    def field(self, object_name: str, concept: str) -> FieldProfile:
        """The profile of the column that carries a concept."""
        found = self.profile.object(object_name)
        assert found is not None
        return next(field for field in found.fields if field.concept == concept)

    def findings(self, code: str) -> list[Finding]:
        """All findings of a code."""
        return [finding for finding in self.profile.findings if finding.code == code]

    def relations(self) -> dict[str, tuple[str, int]]:
        """`object.concept` to the target object and its orphans."""
        concepts = {(item.name, field.name): field.concept for item in self.schema.objects for field in item.fields}
        return {
            f"{item.name}.{concepts[item.name, relation.field]}": (relation.to_object, relation.orphans)
            for item in self.profile.objects
            for relation in item.relations
        }


def scan(location: Path, workspace: Path, truth: dict[str, Any], country: str) -> Scan:
    source = PulseSource(str(location))
    schema = discover(source)
    raw = workspace / "raw"
    raw.mkdir(parents=True)
    with open_scratch(workspace) as connection:
        extraction = extract(source, schema, raw, connection, lambda _name, _rows: None)
        profiled = profile(schema, extraction, raw, connection, country)
    return Scan(truth, workspace, schema, extraction, profiled)


@pytest.fixture(scope="module")
def clinic(tmp_path_factory: pytest.TempPathFactory) -> Scan:
    if not SHARED.is_dir():
        pytest.skip(f"the reference data is not at {SHARED}")
    truth = json.loads((SHARED / "TRUTH.json").read_text("utf-8"))
    return scan(SHARED, tmp_path_factory.mktemp("clinic"), truth, "US")


@pytest.fixture(scope="module", params=["csv", "xlsx"])
def demo(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Scan:
    folder = tmp_path_factory.mktemp("demo")
    planted = generate(folder / "export", 200, 11, request.param)
    return scan(folder / "export", folder / "workspace", planted, "IN")


def test_clinic_rows(clinic: Scan) -> None:
    """Every row is staged, none folded, none damaged."""
    assert {item.name: item.staged for item in clinic.extraction.objects} == clinic.truth["rows"]
    assert [item.name for item in clinic.extraction.objects if item.folded or item.quarantined or item.blank] == []
    assert all(item.key_unique for item in clinic.profile.objects)


def test_clinic_relations(clinic: Scan) -> None:
    """All of them are found from the values alone, without an orphan."""
    assert clinic.relations() == {
        "patients.patient.doctor": ("doctors", 0),
        "patients.patient.clinic": ("patients", 0),
        "doctors.doctor.clinic": ("patients", 0),
        "appointments.appointment.patient": ("patients", 0),
        "appointments.appointment.doctor": ("doctors", 0),
        "appointments.appointment.clinic": ("patients", 0),
        "prescriptions.prescription.patient": ("patients", 0),
        "prescriptions.prescription.appointment": ("appointments", 0),
        "prescriptions.prescription.doctor": ("doctors", 0),
        "billing.billing.id": ("appointments", 0),
        "billing.billing.patient": ("patients", 0),
        "billing.billing.appointment": ("appointments", 0),
        "insurance_policies.policy.patient": ("patients", 0),
        "insurance_policies.policy.company": ("insurance_companies", 0),
        "visit_history.history.patient": ("patients", 0),
        "visit_history.history.appointment": ("appointments", 0),
        "clinical_notes.note.patient": ("patients", 0),
        "clinical_notes.note.appointment": ("appointments", 0),
        "clinical_notes.note.doctor": ("doctors", 0),
    }


def test_clinic_fields(clinic: Scan) -> None:
    """Values of enumerations, fill and lengths as counted by hand."""
    truth = clinic.truth
    assert dict(clinic.field("patients", "patient.type").values) == truth["patients_by_type"]
    assert dict(clinic.field("patients", "patient.gender").values) == truth["patients_by_gender"]
    assert dict(clinic.field("appointments", "appointment.type").values) == truth["appointments_by_visit_type"]
    assert clinic.field("patients", "patient.deceased_on").filled == truth["deceased_patients"]
    assert clinic.field("patients", "patient.allergies").filled == truth["patients_with_allergies"]
    assert clinic.field("patients", "patient.email").type == "empty"
    assert clinic.field("prescriptions", "prescription.medicine").max_length == truth["medicine_name_max_chars"]
    assert clinic.field("doctors", "doctor.email").distinct == truth["distinct_doctor_emails"]
    assert clinic.field("clinical_notes", "note.text").personal == "health"
    assert clinic.field("patients", "patient.date_of_birth").date_order == "ymd"


def test_clinic_findings(clinic: Scan) -> None:
    """280 addresses are shared by 682 doctors; no person and no key stands twice."""
    (shared,) = clinic.findings("doctor_email_shared")
    assert shared.count == clinic.truth["doctor_emails_shared"]
    assert f" {clinic.truth['doctors_sharing_an_email']} rows" in shared.message
    assert len(clinic.findings("duplicate_persons")) == clinic.truth["duplicate_name_dob"] == 0
    assert {finding.code for finding in clinic.profile.findings} == {"personal_data", "doctor_email_shared", "not_exportable"}


def test_demo_rows(demo: Scan) -> None:
    """Every record of every file is staged; copies, damage and blank lines are counted where they were planted."""
    wanted = dict(demo.truth["objects"])
    wanted["patients"] += wanted.pop("clinics")
    assert {item.name: item.staged for item in demo.extraction.objects} == wanted
    files = {item.name: item.files[0].path for item in demo.schema.objects}
    assert {files[item.name]: item.rows for item in demo.extraction.objects} == demo.truth["rows"]
    assert {files[item.name]: item.blank for item in demo.extraction.objects if item.blank} == demo.truth["blank_rows"]


def test_demo_dirt(demo: Scan) -> None:
    """Each planted damage is quarantined on its line; each planted copy is folded, the stale one into the newer row."""
    planted: dict[str, set[tuple[str, int]]] = {"quarantined": set(), "folded": set()}
    for mark in demo.truth["dirt"]:
        if mark["expect"] in planted:
            planted[mark["expect"]].add((mark["file"], mark["line"]))
    said = {place for finding in demo.findings("rows_quarantined") for place in finding.examples}
    assert said == {f"{file}:{line}" for file, line in planted["quarantined"]}
    same = {place for finding in demo.findings("duplicate_rows_folded") for place in finding.examples}
    differing = {text.split(" and ")[0] for finding in demo.findings("duplicate_key_differs") for text in finding.examples}
    assert same | differing == {f"{file}:{line}" for file, line in planted["folded"]}


def test_demo_findings(demo: Scan) -> None:
    """Orphans, the address two doctors share, missing and empty documents are found on the planted lines."""
    for kind, code in (("orphan_appointment", "orphans"), ("orphan_bill", "orphans"), ("document_missing", "document_missing")):
        places = {f"{mark['file']}:{mark['line']}" for mark in demo.truth["dirt"] if mark["kind"] == kind}
        found = {place for finding in demo.findings(code) for place in finding.examples}
        assert places <= found, kind
    assert sum(finding.count for finding in demo.findings("orphans")) == sum(
        mark["kind"] in ("orphan_appointment", "orphan_bill") for mark in demo.truth["dirt"]
    )
    assert [finding.count for finding in demo.findings("doctor_email_shared")] == [len(demo.truth["owners"]["shared"])]
    assert [finding.count for finding in demo.findings("document_empty")] == [1]


def test_report_holds_no_patient(demo: Scan) -> None:
    """The page and the JSON show no e-mail address, phone number, name, id or birth date of anybody; the page stands alone."""
    page = profile_html(demo.profile, demo.schema, demo.extraction)
    assert "<script" not in page
    assert "http" not in page
    shown = page + demo.profile.model_dump_json()
    checked = 0
    for item in demo.profile.objects:
        rows = read_rows(demo.folder / "raw" / f"{item.name}.parquet")
        for field in (field for field in item.fields if field.personal in PRIVATE):
            values = {str(row[field.name] or "").strip() for row in rows}
            checked += len(values)
            assert [value for value in values if len(value) > 5 and value in shown] == [], (item.name, field.name)
    assert checked > 500


def test_report_says_everything(demo: Scan) -> None:
    """Every object, field and finding of the profile, and what cannot be exported, is on the page."""
    page = html.unescape(profile_html(demo.profile, demo.schema, demo.extraction))
    for item in demo.profile.objects:
        assert f'id="{item.name}"' in page
        assert [field.name for field in item.fields if f"<td>{field.name}<" not in page] == []
    assert [finding.code for finding in demo.profile.findings if finding.message not in page] == []
    assert all(line in page for line in demo.schema.not_exportable)


def test_a_profile_of_another_schema_is_refused(demo: Scan) -> None:
    """Law 2: the extraction must be based on exactly this schema."""
    other = demo.schema.model_copy(update={"location": "elsewhere"})
    with open_scratch(demo.folder) as connection, pytest.raises(RefusedError):
        profile(other, demo.extraction, demo.folder / "raw", connection)

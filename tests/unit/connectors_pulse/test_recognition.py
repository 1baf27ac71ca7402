"""A1: Pulse's objects and columns are recognised by headers and values, whatever the files are called."""

import csv
import shutil
from pathlib import Path

import pytest

from crosswalk.connectors.pulse.connector import CONNECTOR, PulseSource
from crosswalk.connectors.pulse.vocabulary import load_vocabulary
from crosswalk.model.source_schema import SourceSchema
from crosswalk_sandbox.services.pulse.clinic.generate import generate

SHARED = Path(__file__).resolve().parents[4] / "shared" / "data" / "clinic"
KEYS = {
    "patients": ("source", "patient.id"),
    "doctors": ("source", "doctor.id"),
    "appointments": ("source", "appointment.id"),
    "prescriptions": ("business", "prescription.patient prescription.appointment prescription.drug_code prescription.start"),
    "billing": ("source", "billing.id"),
    "insurance_policies": ("business", "policy.patient policy.company policy.number policy.valid_from"),
    "insurance_companies": ("source", "company.id"),
    "visit_history": ("business", "history.patient history.appointment history.code history.diagnosed_on"),
    "clinical_notes": ("source", "note.id"),
    "messages": ("source", "message.id"),
    "campaigns": ("source", "campaign.id"),
    "campaign_members": ("business", "member.campaign member.patient"),
    "intake_forms": ("business", "intake.patient intake.submitted_on"),
    "documents": ("business", "document.patient document.file"),
}


def discover(folder: Path) -> SourceSchema:
    return PulseSource(str(folder)).discover()


def write(path: Path, rows: list[list[str]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(rows)


def numbered_copy(folder: Path, target: Path) -> Path:
    """The same tables under names that say nothing."""
    target.mkdir()
    for number, path in enumerate(sorted(item for item in folder.iterdir() if item.suffix in (".csv", ".tsv"))):
        shutil.copy(path, target / f"t{number}{path.suffix}")
    return target


def keys_of(schema: SourceSchema) -> dict[str, tuple[str, str]]:
    """Object to kind and concepts of its key."""
    concepts = {item.name: {field.name: field.concept or "?" for field in item.fields} for item in schema.objects}
    return {item.name: (item.key_kind, " ".join(concepts[item.name][name] for name in item.key)) for item in schema.objects}


@pytest.mark.parametrize("named", [True, False], ids=["named files", "numbered files"])
def test_the_clinic_of_the_shared_data(named: bool, tmp_path: Path) -> None:
    """Nine objects with their keys and no column left over, with and without telling file names."""
    if not SHARED.is_dir():
        pytest.skip(f"the reference data is not at {SHARED}")
    folder = SHARED if named else numbered_copy(SHARED, tmp_path / "numbered")
    schema = discover(folder)
    assert keys_of(schema) == {name: key for name, key in KEYS.items() if (SHARED / f"{name}.csv").exists()}
    assert [field.name for item in schema.objects for field in item.fields if field.concept is None] == []
    assert any("WhatsApp" in line for line in schema.not_exportable)


@pytest.mark.parametrize("form", ["csv", "xlsx", "numbered"])
def test_the_demo_clinic(form: str, tmp_path: Path) -> None:
    """Fourteen objects under quite other headers, as files, as sheets and under names that say nothing."""
    generate(tmp_path / "demo", 200, 7, "xlsx" if form == "xlsx" else "csv")
    folder = numbered_copy(tmp_path / "demo", tmp_path / "numbered") if form == "numbered" else tmp_path / "demo"
    schema = discover(folder)
    assert keys_of(schema) == KEYS
    patients = schema.object("patients")
    assert patients is not None
    assert patients.modified == "Last Updated"
    assert patients.by_concept("patient.type") == "Record Type"


VARIATIONS = [
    ("patients", "id full_name sex birth_date cell_phone e_mail zip registered_at updated_at", "patient.id patient.name"),
    ("patients", "patientId firstName lastName dateOfBirth gender phoneNumber", "patient.id patient.first_name patient.last_name"),
    ("patients", "Pt.Id|Pt.Name|D.O.B.|Blood Type", "patient.id patient.name patient.date_of_birth patient.blood_group"),
    ("doctors", "providerId providerName specialization email", "doctor.id doctor.name doctor.specialty doctor.email"),
    ("appointments", "encounterId patientId providerId startTime endTime status", "appointment.id appointment.patient"),
    (
        "appointments",
        "Visit No|MRN|Physician|Visit Date|Reason",
        "appointment.id appointment.patient appointment.doctor appointment.date",
    ),
    ("prescriptions", "MRN|Rx No|Drug|Dose|Freq|Start Dt|Stop Date", "prescription.patient prescription.id prescription.medicine"),
    ("billing", "Receipt No|MRN|Visit No|Receipt Dt|Total Amt|Amt Paid|Balance Due|Pay Mode", "billing.id billing.patient"),
    ("clinics", "clinicId clinicName address city phone", "clinic.id clinic.name clinic.address"),
    ("messages", "messageId patientId sentAt channel direction body", "message.id message.patient message.sent_on"),
    ("campaigns", "campaignId campaignName scheduledAt audience", "campaign.id campaign.name campaign.scheduled_on"),
    ("documents", "documentId patientId filename uploadedAt", "document.id document.patient document.file"),
]


@pytest.mark.parametrize(("name", "headers", "concepts"), VARIATIONS)
def test_headers_as_people_write_them(name: str, headers: str, concepts: str, tmp_path: Path) -> None:
    """Spelling, case, punctuation, order of words and abbreviations do not matter."""
    columns = headers.split("|" if "|" in headers else " ")
    write(tmp_path / "x.csv", [columns, *([f"{column[:2]}{row}" for column in columns] for row in "pqr")])
    found = discover(tmp_path).objects[0]
    assert found.name == name
    assert " ".join(str(field.concept) for field in found.fields).startswith(concepts)


def test_a_general_id_is_told_by_who_refers_to_it(tmp_path: Path) -> None:
    """Two tables of Id and Name: the one whose ids the appointments call patients holds the patients."""
    write(tmp_path / "a.csv", [["Id", "Name", "Gender"], *([f"D{n}", f"N{n}", "M"] for n in range(9))])
    write(tmp_path / "b.csv", [["Id", "Name", "Gender"], *([f"P{n}", f"N{n}", "F"] for n in range(9))])
    (tmp_path / "b.csv").write_text((tmp_path / "b.csv").read_text().replace("Gender", "Sex"))
    visits = [["Visit Id", "Patient Id", "Start Time"], *([f"V{n}", f"P{n}", "2024-01-01 10:00"] for n in range(9))]
    write(tmp_path / "c.csv", visits)
    patients = discover(tmp_path).object("patients")
    assert patients is not None
    assert [file.path for file in patients.files] == ["b.csv"]
    assert "refers to" in patients.recognised_by


def test_an_email_column_is_told_by_its_values(tmp_path: Path) -> None:
    """Under an unknown header, addresses are the doctors' e-mail."""
    write(
        tmp_path / "d.csv",
        [["Doctor ID", "Name", "Speciality", "Kontakt"], ["1", "A", "ENT", "a@x.in"], ["2", "B", "ENT", "b@x.in"]],
    )
    doctors = discover(tmp_path).object("doctors")
    assert doctors is not None
    assert doctors.by_concept("doctor.email") == "Kontakt"


def test_monthly_exports_are_one_object(tmp_path: Path) -> None:
    """Files with the same columns, or all but a few, are read one after the other as one object."""
    header = ["Appointment ID", "Patient ID", "Doctor ID", "Start Time", "End Time", "Status"]
    for month in ("2024-01", "2024-02"):
        write(
            tmp_path / f"visits_{month}.csv", [header, [f"A{month}", "P1", "D1", f"{month}-03 10:00", f"{month}-03 10:30", "done"]]
        )
    write(
        tmp_path / "visits_2024-03.csv",
        [[*header, "Notes"], ["A3", "P1", "D1", "2024-03-03 10:00", "2024-03-03 10:30", "done", "n"]],
    )
    schema = discover(tmp_path)
    assert [(item.name, len(item.files)) for item in schema.objects] == [("appointments", 3)]
    source = PulseSource(str(tmp_path))
    notes = [row["Notes"] for batch in source.read(schema, "appointments") for row in batch.rows.to_pylist()]
    assert notes == [None, None, "n"]


def test_lines_of_a_prescription_are_no_copies(tmp_path: Path) -> None:
    """A prescription number on several drugs is no key: the rows are keyed by what tells them apart."""
    header = ["Rx No", "Patient ID", "Appointment ID", "Drug Code", "Medicine", "Start Date"]
    rows = [[f"R{n // 2}", f"P{n // 2}", f"A{n // 2}", f"C{n % 2}", "m", "2024-01-01"] for n in range(12)]
    write(tmp_path / "rx.csv", [header, *rows])
    assert keys_of(discover(tmp_path)) == {"prescriptions": KEYS["prescriptions"]}


def test_what_is_not_known_is_kept(tmp_path: Path) -> None:
    """A table that fits nothing is an object of its own name; a URL is refused."""
    write(tmp_path / "Shelf List.csv", [["sku", "shelf", "count"], ["a", "1", "2"]])
    found = discover(tmp_path).objects[0]
    assert (found.name, found.key_kind) == ("shelf_list", "content")
    assert found.recognised_by.startswith("not recognised")


def test_the_vocabulary_is_sound() -> None:
    """Keys, needs, telling and referred objects name concepts and objects there are; no alias means two things in one object."""
    words = load_vocabulary()
    for name, item in words.objects.items():
        named = {*item.key, *item.business_key, *item.telling, *(concept for group in item.needs for concept in group)}
        assert named | ({item.modified} if item.modified else set()) <= set(item.concepts), name
        assert {concept.refers for concept in item.concepts.values() if concept.refers} <= set(words.objects)
        for concept, spelled in item.concepts.items():
            for alias in spelled.aliases:
                match = words.match(name, alias)
                assert match is not None
                assert match.concept == concept, (name, alias)
    assert CONNECTOR.name == "pulse"

"""A4: what an export lacks although it speaks of it is a warning; what nothing refers to may be missing without a word."""

from pathlib import Path

import pytest
from source_world import write_table

from crosswalk.connectors.pulse.connector import PulseSource
from crosswalk.model.finding import Finding
from crosswalk.stages.discover import discover
from crosswalk.stages.extract import extract
from crosswalk.stages.profile import profile
from crosswalk.store.scratch import open_scratch

PATIENTS = [["Patient ID", "Patient Name", "DOB", "Gender"], *([f"P{n}", f"Name {n}", "2001-02-03", "F"] for n in range(4))]
VISITS = [
    ["Appointment ID", "Patient ID", "Doctor", "Start Time", "Status"],
    *([f"A{n}", f"P{n}", "Dr Anne Rao", "2021-02-03T10:00:00Z", "Done"] for n in range(4)),
]
DAMAGE = {
    "without its header line": b"P0,Anne,2001-02-03,F\nP1,Asha,2001-02-04,F\n",
    "a page of HTML": b"<!DOCTYPE html>\n<html><head><title>Login</title></head>\n<body><p>Please log in</p></body></html>\n",
    "garbage": bytes(range(1, 256)) * 40,
}


def absences(folder: Path) -> list[Finding]:
    """What a scan of the export says is missing or could not be read."""
    source = PulseSource(str(folder / "export"))
    schema = discover(source)
    raw = folder / "workspace" / "raw"
    raw.mkdir(parents=True)
    with open_scratch(folder / "workspace") as connection:
        extraction = extract(source, schema, raw, connection, lambda _name, _rows: None)
        found = profile(schema, extraction, raw, connection).findings
    codes = ("object_absent", "object_unrecognised", "file_empty", "file_unreadable")
    return sorted((item for item in found if item.code in codes), key=lambda item: item.code)


def test_an_export_that_holds_what_it_refers_to_is_silent(tmp_path: Path) -> None:
    """No campaigns, no clinics, doctors by name only: nothing of it is missing."""
    write_table(tmp_path / "export" / "patients.csv", PATIENTS)
    write_table(tmp_path / "export" / "appointments.csv", VISITS)
    assert absences(tmp_path) == []


@pytest.mark.parametrize("patients", [None, PATIENTS[:1]], ids=["no file", "a header only"])
def test_rows_that_refer_to_an_absent_object_are_counted(tmp_path: Path, patients: list[list[str]] | None) -> None:
    """Named with the object, the rows that refer to it and their column."""
    write_table(tmp_path / "export" / "appointments.csv", VISITS)
    if patients:
        write_table(tmp_path / "export" / "patients.csv", patients)
    (finding,) = absences(tmp_path)
    assert (finding.code, finding.severity, finding.object, finding.count) == ("object_absent", "warning", "patients", 4)
    assert "4 of appointments (Patient ID)" in finding.message


@pytest.mark.parametrize("content", DAMAGE.values(), ids=DAMAGE)
def test_a_file_that_could_not_be_read_as_what_it_is_called_is_a_warning(tmp_path: Path, content: bytes) -> None:
    """The file and what will be missing are named."""
    write_table(tmp_path / "export" / "appointments.csv", VISITS)
    (tmp_path / "export" / "patients.csv").write_bytes(content)
    absent, unread = absences(tmp_path)
    assert (absent.code, absent.object) == ("object_absent", "patients")
    assert (unread.code, unread.severity) == ("object_unrecognised", "warning")
    assert "patients.csv is called like patients" in unread.message


def test_a_table_of_somebodys_own_is_no_warning(tmp_path: Path) -> None:
    """What is called like nothing that the source knows is only told."""
    write_table(tmp_path / "export" / "patients.csv", PATIENTS)
    write_table(tmp_path / "export" / "parking lots.csv", [["Lot", "Plate"], ["1", "KA-1"], ["2", "KA-2"]])
    assert [(item.code, item.severity) for item in absences(tmp_path)] == [("object_unrecognised", "info")]


def test_an_empty_file_is_a_warning(tmp_path: Path) -> None:
    """It is there, so it was meant to hold something."""
    write_table(tmp_path / "export" / "patients.csv", PATIENTS)
    (tmp_path / "export" / "billing.csv").write_bytes(b"")
    assert [(item.code, item.severity, item.examples) for item in absences(tmp_path)] == [
        ("file_empty", "warning", ("billing.csv",))
    ]

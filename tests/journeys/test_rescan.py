"""A scan that finds other rows makes the plan stale: nothing that was not planned is ever called excluded."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from test_verbs import Clinic, planned

from crosswalk.runs.rehearsal import sandbox

DAMAGED = "PDC-000004,Too,Many,Cells,In,This,Row,Here"
CORRECTED = "PDC-000004,Leela Nair,F,21/05/1980,98450 12349,,17/02/2020 10:00"
STALE = "The export was scanned anew since the plan"


@pytest.fixture
def clinic(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> Iterator[Clinic]:
    """A migration of four patients' rows into a Twenty of its own."""
    with sandbox("twenty", limits=False) as service:
        yield Clinic(tmp_path, service, capfd)


def edit(clinic: Clinic, old: str, new: str) -> None:
    """Change the export as a person would."""
    path = clinic.folder.parent / "export" / "Patient Master.csv"
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new), "utf-8")


def loaded(clinic: Clinic) -> None:
    """Everything up to the full run."""
    planned(clinic)
    clinic.expect(0, "apply", "--accept", "workflow_active", "--by", "Ann")
    clinic.expect(0, "sample", "--size", "2")
    clinic.expect(0, "run", "--without-sample", "--by", "Ann")


def test_a_corrected_row_is_loaded_only_after_a_new_plan(clinic: Clinic) -> None:
    """Every gate refuses until the plan is of the rows that are there; then the corrected patient arrives."""
    loaded(clinic)
    edit(clinic, DAMAGED, CORRECTED)
    clinic.expect(0, "scan")
    for verb in (["apply"], ["sample"], ["diff"], ["run"], ["run", "--without-sample", "--by", "Ann"], ["verify"]):
        error = clinic.expect(3, *verb)["error"]
        assert error["message"].startswith(STALE)
        assert "crosswalk" in error["remedy"]
        assert " plan" in error["remedy"]
    clinic.expect(0, "plan")
    clinic.expect(0, "approve", "--by", "Ann", "plan")
    clinic.expect(0, "apply")
    run = clinic.expect(0, "run", "--without-sample", "--by", "Ann")["load"]
    assert sum(record["created"] for record in run["records"]) == 1
    (patients,) = clinic.expect(0, "verify")["ledger"]
    assert patients["states"] == {"loaded": 3, "loaded_with_findings": 1, "folded": 1}


@pytest.mark.parametrize(("old", "new"), [("Asha Rao", "Asha Raò"), (DAMAGED, f"{CORRECTED}\n{DAMAGED}")])
def test_a_changed_or_added_row_makes_the_plan_stale(clinic: Clinic, old: str, new: str) -> None:
    """As many rows with another name, or one row more: both are seen."""
    loaded(clinic)
    edit(clinic, old, new)
    clinic.expect(0, "scan")
    assert clinic.expect(3, "verify")["error"]["message"].startswith(STALE)


def test_a_scan_of_the_same_rows_keeps_the_plan(clinic: Clinic) -> None:
    """Rows byte for byte the same: a new plan is the one that was approved, and what was approved goes on."""
    planned(clinic)
    (clinic.folder.parent / "export" / "readme.pdf").write_bytes(b"nothing of the source's")
    clinic.expect(0, "scan")
    clinic.expect(5, "plan")
    clinic.expect(0, "apply", "--accept", "workflow_active", "--by", "Ann")
    clinic.expect(0, "run", "--without-sample", "--by", "Ann")
    clinic.expect(0, "scan")
    assert clinic.expect(5, "verify")["balanced"]


def test_a_scan_that_was_interrupted_closes_the_gates(clinic: Clinic) -> None:
    """Its rows may be overwritten in part: no older extraction speaks for them."""
    loaded(clinic)
    (clinic.folder / "artefacts" / "extraction.json").unlink()
    assert "scan" in clinic.expect(3, "verify")["error"]["remedy"]


def test_a_clinic_without_its_patients_stops_at_the_plan(clinic: Clinic) -> None:
    """Rows that refer to patients who are not exported block, as does a map that moves no patients."""
    export = clinic.folder.parent / "export"
    (export / "Patient Master.csv").unlink()
    visits = [f"A{n},PDC-00000{n},2021-02-0{n}T10:00:00Z,Done" for n in range(1, 5)]
    (export / "appointments.csv").write_text("\n".join(["Appointment ID,UHID,Start Time,Status", *visits, ""]), "utf-8")
    told = clinic.expect(0, "scan")["findings"]
    assert [(item["object"], item["count"]) for item in told if item["code"] == "object_absent"] == [("patients", 4)]
    clinic.expect(0, "map")
    clinic.expect(0, "approve", "--by", "Ann", "map")
    blocking = clinic.expect(5, "plan")["blocking"]
    assert {"object_absent", "sample_root_missing"} <= set(blocking)

"""Acceptance with Dynamics: a real clinic's export through the command line into the sandbox, looked at from outside, and back.

The sibling of test_acceptance_clinic.py. The numbers come from the Web API, read by scripts/check_dynamics.py with Microsoft's
own client, which knows nothing of the engine.
"""

import json
from pathlib import Path

import pytest
from journey import CLINIC, NEEDS_CLINIC, Cell, load_and_prove
from scripts.drill import Migration
from scripts.drill_dynamics import Dynamics, outside, sandbox

NUMBERS = {
    "contacts by source id": "1083",
    "accounts by source id": "1288",
    "doctors: practitioner or user": "1784",
    "appointments: id, contact, start, end, completed": "9560",
    "prescriptions: contact, drug code, start": "6230",
    "payments: id, contact, amount": "9443",
    "sum of the payments": "23680292.01",
    "insurance carriers by name": "9",
    "policies: contact, number": "2005",
    "diagnoses: contact, SNOMED code, date": "6336",
    "notes: contact, time, text": "117",
}
"""What the clinic holds, by its README."""

pytestmark = [pytest.mark.slow, NEEDS_CLINIC]


def test_a_clinic_moves_and_comes_back(tmp_path: Path, subtests: pytest.Subtests) -> None:
    """Everything the clinic holds arrives, is proved, a wrong cell is seen, and the way back leads to the very same state."""
    before = tmp_path / "before.json"
    with sandbox() as crm:
        assert outside(crm, "--fingerprint", str(before)).returncode == 0
        migration = Migration(tmp_path / "clinic", crm, in_process=False)
        report = load_and_prove(
            migration, subtests, lambda: purpose_of_a_visit(crm), lambda: assert_the_numbers_agree(crm)
        ).document
        with subtests.test("the rollback is complete and proved"):
            assert report["complete"] and report["proved"]
        with subtests.test("rolled back, the CRM is as it was, metadata and rows"):
            said = outside(crm, "--same-as", str(before))
            assert said.returncode == 0, said.stdout


def assert_the_numbers_agree(crm: Dynamics) -> None:
    """Every number, worked out from the CSV files and again from the CRM, fact by fact."""
    said = outside(crm, "--source", str(CLINIC), "--json")
    checked = json.loads(said.stdout)
    found = {name: item["found"] for name, item in checked["measures"].items() if not name.startswith("TRUTH.json")}
    assert found == NUMBERS
    assert said.returncode == 0, checked


def purpose_of_a_visit(crm: Dynamics) -> Cell:
    """What a sampled appointment was for."""
    visit = next(row for row in crm.rows("appointments") if row["pulse_sourcesystemid"])
    return Cell("appointment", visit["activityid"], "pulse_purpose", visit["pulse_purpose"])

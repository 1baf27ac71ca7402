"""Acceptance with Dynamics: a real clinic's export through the command line into the sandbox, looked at from outside, and back.

The sibling of test_acceptance_clinic.py. The numbers come from the Web API, read by scripts/check_dynamics.py with Microsoft's
own client, which knows nothing of the engine.
"""

import json
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2]))

from scripts.drill import SHARED, Migration
from scripts.drill_dynamics import Dynamics, outside, sandbox

CLINIC = SHARED / "data" / "clinic"
SAMPLE = 100
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

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not CLINIC.is_dir(), reason="the clinic's export lies beside the repository, in ../shared, and is not here"),
]


def test_a_clinic_moves_and_comes_back(tmp_path: Path, subtests: pytest.Subtests) -> None:
    """Everything the clinic holds arrives, is proved, a wrong cell is seen, and the way back leads to the very same state."""
    before = tmp_path / "before.json"
    with sandbox() as crm:
        assert outside(crm, "--fingerprint", str(before)).returncode == 0
        migration = Migration(tmp_path / "clinic", crm, in_process=False)
        migration.init(CLINIC)
        migration.prepare()
        with subtests.test("the sample holds exactly what was meant"):
            assert migration.sample(SAMPLE).document["differences_total"] == 0
        with subtests.test("a cell that changed unseen is different, that cell alone"):
            corrupted_cell_is_different(migration, crm)
        migration.verb("run")
        with subtests.test("the CRM's own answers hold the clinic's numbers"):
            the_numbers_agree(crm)
        with subtests.test("the ledger balances"):
            assert migration.verb("verify").document["balanced"]
        with subtests.test("a second run of a finished migration writes nothing"):
            seen = crm.requests()
            migration.verb("run")
            assert crm.writes(seen) == []
        with subtests.test("the rollback is complete and proved"):
            report = migration.verb("rollback").document
            assert report["complete"] and report["proved"]
        with subtests.test("rolled back, the CRM is as it was, metadata and rows"):
            said = outside(crm, "--same-as", str(before))
            assert said.returncode == 0, said.stdout


def the_numbers_agree(crm: Dynamics) -> None:
    """Every number, worked out from the CSV files and again from the CRM, fact by fact."""
    said = outside(crm, "--source", str(CLINIC), "--json")
    checked = json.loads(said.stdout)
    found = {name: item["found"] for name, item in checked["measures"].items() if not name.startswith("TRUTH.json")}
    assert found == NUMBERS
    assert said.returncode == 0, checked


def corrupted_cell_is_different(migration: Migration, crm: Dynamics) -> None:
    """Diff names the one row and field; put back, nothing differs."""
    visit = next(row for row in crm.rows("appointments") if row["pulse_sourcesystemid"])
    cell = {"object": "appointment", "id": visit["activityid"], "field": "pulse_purpose"}
    crm.control("corrupt", {**cell, "value": "changed by nobody"})
    found = migration.verb("diff", expect=(5,)).document
    crm.control("corrupt", {**cell, "value": visit["pulse_purpose"]})
    assert [(item["destination_id"], item["field"], item["verdict"]) for item in found["differences"]] == [
        (visit["activityid"], "pulse_purpose", "different")
    ]
    migration.verb("diff")

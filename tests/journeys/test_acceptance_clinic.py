"""Acceptance: a real clinic's export through the command line into the sandbox, looked at from outside, and back.

The numbers come from the CRM's own API, read by scripts/check_twenty.py, which knows nothing of the engine.
"""

import json
from pathlib import Path

import pytest
from journey import CLINIC, NEEDS_CLINIC, Cell, load_and_prove
from scripts.drill import Migration
from scripts.drill_twenty import Twenty, fingerprint, outside, sandbox

NUMBERS = {
    "people by source id": "1083",
    "people that were there before": "5",
    "companies by source id": "1288",
    "companies that were there before": "5",
    "physicians by source id": "1784",
    "tasks: id, person, start, end": "9560",
    "ledger rows: id, person, amount": "9443",
    "sum of the ledger's amounts": "23680292.01",
    "prescriptions: person, drug code, start": "6230",
    "diagnoses: person, SNOMED code, date": "6336",
    "clinical notes: id, person, time, text": "117",
    "policies: person, number, company": "2005",
    "PIN codes of people": "985",
    "PIN codes with a leading zero": "813",
}
"""What the clinic holds, by its README."""

pytestmark = [pytest.mark.slow, NEEDS_CLINIC]


def test_a_clinic_moves_and_comes_back(tmp_path: Path, subtests: pytest.Subtests) -> None:
    """Everything the clinic holds arrives, is proved, a wrong cell is seen, and the way back leads to the very same state."""
    with sandbox() as crm:
        before = fingerprint(crm.url, tmp_path / "before.json", times=True)
        migration = Migration(tmp_path / "clinic", crm, in_process=False)
        load_and_prove(migration, subtests, lambda: purpose_of_a_task(crm), lambda: assert_the_numbers_agree(crm))
        after = fingerprint(crm.url, tmp_path / "after.json", times=True)
        with subtests.test("rolled back, the CRM is as it was, schema and times included"):
            assert after["objects"] == before["objects"]


def assert_the_numbers_agree(crm: Twenty) -> None:
    """Every number, worked out from the CSV files and again from the CRM, fact by fact."""
    said = outside("--url", crm.url, "--source", str(CLINIC), "--json")
    checked = json.loads(said.stdout)
    assert {name: item["found"] for name, item in checked["measures"].items()} == NUMBERS
    assert said.returncode == 0, checked


def purpose_of_a_task(crm: Twenty) -> Cell:
    """What a sampled appointment was for."""
    task = next(row for row in crm.rows("tasks") if row["sourceSystemId"])
    return Cell("task", task["id"], "purpose", task["purpose"])

"""Acceptance: a real clinic's export through the command line into the sandbox, looked at from outside, and back.

The numbers come from the CRM's own API, read by scripts/check_twenty.py, which knows nothing of the engine.
"""

import json
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2]))

from scripts.drill import SHARED, Migration
from scripts.drill_twenty import Twenty, fingerprint, outside, sandbox

CLINIC = SHARED / "data" / "clinic"
SAMPLE = 100
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

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not CLINIC.is_dir(), reason="the clinic's export lies beside the repository, in ../shared, and is not here"),
]


def test_a_clinic_moves_and_comes_back(tmp_path: Path, subtests: pytest.Subtests) -> None:
    """Everything the clinic holds arrives, is proved, a wrong cell is seen, and the way back leads to the very same state."""
    with sandbox() as crm:
        before = fingerprint(crm.url, tmp_path / "before.json", times=True)
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
        migration.verb("rollback")
        after = fingerprint(crm.url, tmp_path / "after.json", times=True)
        with subtests.test("rolled back, the CRM is as it was, schema and times included"):
            assert after["objects"] == before["objects"]


def the_numbers_agree(crm: Twenty) -> None:
    """Every number, worked out from the CSV files and again from the CRM, fact by fact."""
    said = outside("--url", crm.url, "--source", str(CLINIC), "--json")
    checked = json.loads(said.stdout)
    assert {name: item["found"] for name, item in checked["measures"].items()} == NUMBERS
    assert said.returncode == 0, checked


def corrupted_cell_is_different(migration: Migration, crm: Twenty) -> None:
    """Diff names the one row and field; put back, nothing differs."""
    task = next(row for row in crm.rows("tasks") if row["sourceSystemId"])
    cell = {"object": "task", "id": task["id"], "field": "purpose"}
    crm.control("corrupt", {**cell, "value": "changed by nobody"})
    found = migration.verb("diff", expect=(5,)).document
    crm.control("corrupt", {**cell, "value": task["purpose"]})
    assert [(item["destination_id"], item["field"], item["verdict"]) for item in found["differences"]] == [
        (task["id"], "purpose", "different")
    ]
    migration.verb("diff")

"""A map that grows after its first apply: what stood in the CRM before is known of the objects it came to write only then, too."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from test_verbs import Clinic, planned

from crosswalk.runs.rehearsal import sandbox

EMPLOYERS = "  employers: {title: Employers, to: companies, from: patients, fields: {name: {from: Name of Patient}}}\n"


@pytest.fixture
def clinic(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> Iterator[Clinic]:
    """A migration of four patients' rows into a Twenty of its own, which has companies of somebody's."""
    with sandbox("twenty", limits=False) as service:
        yield Clinic(tmp_path, service, capfd)


def grow(clinic: Clinic) -> None:
    """Companies are written from now on; everything is approved and applied again."""
    path = clinic.folder / "mapping.yaml"
    text = path.read_text("utf-8")
    assert text.count("\nrecords:\n") == 1
    path.write_text(text.replace("\nrecords:\n", f"\nrecords:\n{EMPLOYERS}"), "utf-8")
    clinic.expect(0, "approve", "--by", "Ann", "map")
    clinic.expect(0, "plan")
    clinic.expect(0, "approve", "--by", "Ann", "plan")


def test_rows_of_an_object_mapped_later_are_known_to_have_stood_before(clinic: Clinic) -> None:
    """The second apply notes them and keeps what the first had noted; the undo is proved without an excuse."""
    planned(clinic)
    noted = clinic.expect(0, "apply", "--accept", "workflow_active", "--by", "Ann")["before"]
    assert "companies" not in noted
    clinic.expect(0, "run", "--without-sample", "--by", "Ann")
    grow(clinic)
    known = clinic.expect(0, "apply")["before"]
    assert known["companies"]["live"] > 0
    assert {name: known[name] for name in noted} == noted
    clinic.expect(0, "run", "--without-sample", "--by", "Ann")
    assert clinic.expect(0, "apply")["before"] == known
    undone = clinic.expect(0, "rollback")
    assert undone["proved"]
    assert undone["differences"] == []

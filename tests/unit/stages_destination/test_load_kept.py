"""Fields that only the creation of a row can set: a row that stands keeps its own, and everything says so."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from destination_world import SCHEMA, Staged, World, extract, id_of, stage

from crosswalk.model.destination_schema import DestinationSchema
from crosswalk.model.load_report import LoadReport
from crosswalk.model.staged_writes import StagedWrites
from crosswalk.testing.memory_destination import Faults, Killed, MemoryDestination

FIRST, EMAIL = "name.firstName", "emails.primaryEmail"
FOUND = [("kept_from_creation", FIRST, 1)]


def first_name_by_creation_only() -> DestinationSchema:
    """The world's schema, but for a first name that cannot be changed."""
    people = SCHEMA.object("people")
    assert people is not None
    fields = tuple(leaf.model_copy(update={"on_update": leaf.path != FIRST}) for leaf in people.fields)
    changed = people.model_copy(update={"fields": fields})
    return SCHEMA.model_copy(update={"objects": tuple(changed if item.name == "people" else item for item in SCHEMA.objects)})


@pytest.fixture
def there(tmp_path: Path) -> World:
    """A destination that sets first names when it creates a person, never after."""
    return World(tmp_path, MemoryDestination(first_name_by_creation_only()))


def person(there: World, first: str, email: str, state: str = "ready", version: str = "one") -> StagedWrites:
    """One staged person; `existing`: matched with the destination's own row “theirs”."""
    row = Staged("p", {FIRST: first, EMAIL: email}, state, id="theirs" if state == "existing" else None)
    return stage(there.folder, {"people": [row]}, version)


def found(report: LoadReport) -> list[tuple[str, str | None, int]]:
    return [(item.code, item.field, item.count) for item in report.findings]


async def said_by_all(there: World, staged: StagedWrites) -> None:
    """The comparison leaves the field out by a rule, the ledger balances and names it, a rerun has nothing to do."""
    diff = await there.diff(staged)
    (field,) = [item for item in diff.fields if item.field == FIRST]
    assert diff.clean() and field.left_out == 1 and "creates" in field.rules[0]
    nothing: Sequence[str] = []
    objects = {"companies": nothing, "people": ["staged"], "notes": nothing, "note_links": nothing}
    proof = await there.reconciled(staged, extract(there.folder, objects))
    assert proof.balanced, proof.problems
    assert [(item.state, item.code, item.rows) for item in proof.reasons] == [
        ("loaded_with_findings", f"kept_from_creation:{FIRST}", 1)
    ]
    sent = len(there.destination.sent)
    report, _ = await there.run_load(staged)
    counted = report.record("people")
    assert counted is not None and counted.unchanged == 1 and len(there.destination.sent) == sent


async def test_an_adopted_row_keeps_what_only_its_creation_sets(there: World) -> None:
    """Policy update: the other fields are written, and the undo takes exactly these back."""
    there.destination.person_adds("people", "theirs", {FIRST: "Old", EMAIL: "old@x.test"})
    before = await there.remember()
    staged = person(there, "New", "new@x.test", "existing")
    report, _ = await there.run_load(staged)
    counted = report.record("people")
    assert counted is not None and (counted.updated, counted.rejected, counted.with_findings) == (1, 0, 1)
    assert found(report) == FOUND
    assert there.held("people")["theirs"] == {FIRST: "Old", EMAIL: "new@x.test"}
    await said_by_all(there, staged)
    undone = await there.run_rollback(before, staged)
    assert (undone.proved, undone.complete, undone.restored) == (True, True, 1)
    assert there.held("people")["theirs"] == {FIRST: "Old", EMAIL: "old@x.test"}


@pytest.mark.parametrize("email", ["a@x.test", "b@x.test"], ids=["nothing else", "another field, too"])
async def test_a_correction_leaves_it_as_created(there: World, email: str) -> None:
    """A source corrected after the load: what can be changed is, the rest is a finding, not a refusal of the row."""
    await there.run_load(person(there, "Ada", "a@x.test"))
    staged = person(there, "Aida", email, version="two")
    report, _ = await there.run_load(staged)
    counted = report.record("people")
    assert counted is not None and (counted.updated, counted.unchanged) == ((1, 0) if email == "b@x.test" else (0, 1))
    assert found(report) == FOUND
    assert there.held("people")[id_of("people", "p")] == {FIRST: "Ada", EMAIL: email}
    await said_by_all(there, staged)
    report, _ = await there.run_load(person(there, "Ada", email, version="three"))
    assert found(report) == []
    assert (await there.diff(person(there, "Ada", email, version="three"))).clean()


async def test_a_killed_correction_is_settled_with_what_it_kept(there: World) -> None:
    """The row was changed when the process died: the next run knows what it left out."""
    await there.run_load(person(there, "Ada", "a@x.test"))
    staged = person(there, "Aida", "b@x.test", version="two")
    there.destination.faults = Faults(at={0: "killed_after"})
    with pytest.raises(Killed):
        await there.run_load(staged)
    await there.run_load(staged)
    await said_by_all(there, staged)


async def test_what_creation_did_not_take_is_still_different(there: World) -> None:
    """Only what an update had to leave out is excused."""
    staged = person(there, "Ada", "a@x.test")
    await there.run_load(staged)
    row = there.destination.tables["people"][id_of("people", "p")]
    row.values[FIRST] = "Somebody"
    assert [item.field for item in (await there.diff(staged)).differences] == [FIRST]

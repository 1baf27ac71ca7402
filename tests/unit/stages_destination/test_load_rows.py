"""Loading: what a staged row becomes, alone and on a rerun."""

from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from clinic import clinic
from destination_world import Staged, World, id_of, stage

from crosswalk.model.errors import RejectedError
from crosswalk.model.record import Row
from crosswalk.model.values import Values


@pytest.fixture
def world(tmp_path: Path) -> World:
    """An empty destination."""
    return World(tmp_path)


async def test_every_row_arrives_once_with_its_marker_and_values(world: World) -> None:
    """A first load creates everything, parents before children, in batches the destination takes."""
    report, _ = await world.run_load(stage(world.folder, clinic()))
    assert {name: len(world.held(name)) for name in world.destination.tables} == {
        "companies": 2,
        "people": 7,
        "notes": 7,
        "noteTargets": 7,
        "visits": 0,
    }
    person = world.destination.tables["people"][id_of("people", "p3")]
    assert person.values == {
        "name.firstName": "Person 3",
        "emails.primaryEmail": "p3@example.test",
        "companyId": id_of("companies", "c2"),
    }
    assert person.created_by.marker == "run-1"
    assert [(item.record, item.created) for item in report.records] == [
        ("companies", 2),
        ("people", 7),
        ("notes", 7),
        ("note_links", 7),
    ]
    assert world.progress[-1].done == world.progress[-1].total == 23


async def test_a_rerun_sends_nothing(world: World) -> None:
    """What stands as staged is passed over."""
    staged = stage(world.folder, clinic())
    await world.run_load(staged)
    sent = len(world.destination.sent)
    report, _ = await world.run_load(staged)
    assert len(world.destination.sent) == sent
    assert [item.unchanged for item in report.records] == [2, 7, 7, 7]


async def test_a_changed_write_changes_only_the_fields_that_differ(world: World) -> None:
    """A sample row whose map changed is updated, field by field, and not written anew."""
    await world.run_load(stage(world.folder, clinic()))
    changed = clinic()
    changed["people"][3].values["name.firstName"] = "Persona 3"
    report, _ = await world.run_load(stage(world.folder, changed, "two"))
    people = report.record("people")
    assert people is not None
    assert (people.updated, people.unchanged, people.created) == (1, 6, 0)
    assert world.destination.sent[-1][:3] == ("update", "people", (id_of("people", "p3"),))
    with world.journal() as journal:
        entry = journal.entry("people", "p3")
    assert entry is not None
    assert entry.before == {"name.firstName": "Person 3"}


CONFLICTS = {
    "the same field": ({"name.firstName": "Ann"}, {"name.firstName": "Ann"}, 1),
    "another field": ({"birthDate": "1990-01-01"}, {"name.firstName": "Persona 3", "birthDate": "1990-01-01"}, 0),
    "the same field, to the same value": ({"name.firstName": "Persona 3"}, {"name.firstName": "Persona 3"}, 0),
}


@pytest.mark.parametrize(("edit", "after", "conflicts"), CONFLICTS.values(), ids=CONFLICTS)
async def test_an_edit_made_meanwhile(world: World, edit: Values, after: Values, conflicts: int) -> None:
    """What a person changed is never overwritten unseen: the same field is a conflict, another field is left alone (E7)."""
    await world.run_load(stage(world.folder, clinic()))
    person = id_of("people", "p3")
    world.destination.person_edits("people", person, edit)
    changed = clinic()
    changed["people"][3].values["name.firstName"] = "Persona 3"
    for _ in range(2):
        report, _ = await world.run_load(stage(world.folder, changed, "two"))
        people = report.record("people")
        assert people is not None
        assert people.conflicts == conflicts
        held = world.held("people")[person]
        assert {path: held.get(path) for path in after} == after


async def test_a_row_somebody_deleted_is_not_brought_back(world: World) -> None:
    """A soft-deleted row is a conflict when its write changes, and stays deleted."""
    await world.run_load(stage(world.folder, clinic()))
    world.destination.person_deletes("people", id_of("people", "p3"))
    changed = clinic()
    changed["people"][3].values["name.firstName"] = "Persona 3"
    report, _ = await world.run_load(stage(world.folder, changed, "two"))
    people = report.record("people")
    assert people is not None
    assert people.conflicts == 1
    assert id_of("people", "p3") not in world.held("people")


async def test_rows_the_map_no_longer_makes_are_taken_back(world: World) -> None:
    """Unedited leftovers are removed, leaf first; an edited one, and one that others refer to, stays and is listed."""
    await world.run_load(stage(world.folder, clinic()))
    world.destination.person_edits("notes", id_of("notes", "n5"), {"title": "Mine"})
    world.destination.person_adds("people", "guest", {"companyId": id_of("companies", "c2")})
    fewer = clinic(5)
    fewer["companies"].pop()
    for person in fewer["people"]:
        person.values["companyId"] = id_of("companies", "c1")
    report, _ = await world.run_load(stage(world.folder, fewer, "two"))
    assert {item.record: (item.removed, item.conflicts) for item in report.records} == {
        "companies": (0, 1), "people": (2, 0), "notes": (1, 1), "note_links": (2, 0),
    }  # fmt: skip
    assert id_of("notes", "n5") in world.held("notes")
    assert id_of("companies", "c2") in world.held("companies")
    again, _ = await world.run_load(stage(world.folder, clinic(), "three"))
    assert [item.rejected for item in again.records] == [0, 0, 0, 0]
    assert len(world.held("people")) == 8


async def test_a_leftover_that_is_one_of_several_referred_to_stays(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A reference may hold a list: the attendees of an appointment."""
    await world.run_load(stage(world.folder, clinic()))
    ids = sorted(id_of("people", f"p{number}") for number in (0, 6))

    async def find(object_name: str, path: str, values: Sequence[str]) -> list[Row]:
        return [Row("visit", {path: ids})] if path == "targetPersonId" and set(ids) & set(values) else []

    monkeypatch.setattr(world.destination, "find", find)
    report, _ = await world.run_load(stage(world.folder, clinic(5), "two"))
    people = report.record("people")
    assert people is not None and (people.removed, people.conflicts) == (1, 1)
    assert id_of("people", "p6") in world.held("people")


async def test_a_leftover_stays_where_we_may_not_see_who_refers_to_it(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Deleting cascades: what a table that our role cannot read holds of it must not vanish unseen. The run goes on."""
    await world.run_load(stage(world.folder, clinic()))

    async def find(object_name: str, path: str, values: Sequence[str]) -> list[Row]:
        if path == "targetPersonId":
            raise RejectedError("no right to read", "permission")
        return []

    monkeypatch.setattr(world.destination, "find", find)
    report, _ = await world.run_load(stage(world.folder, clinic(5), "two"))
    people = report.record("people")
    assert people is not None and (people.removed, people.conflicts) == (0, 2)
    assert {id_of("people", "p5"), id_of("people", "p6")} <= world.held("people").keys()


async def test_policies(world: World) -> None:
    """link: the destination's row stands for ours and parents children; update: exactly the mapped, filled fields change; skip."""
    world.destination.person_adds("companies", "theirs", {"name": "North"})
    world.destination.person_adds(
        "people", "ann", {"name.firstName": "Ann", "status": "SEEN", "emails.primaryEmail": "ann@example.test"}
    )
    staged = stage(world.folder, {
        "companies": [Staged("c1", {"name": "North"}, "matched", id="theirs"), Staged("c9", {"name": "X"}, "excluded")],
        "people": [
            Staged("p1", {"name.firstName": "Anna", "companyId": "theirs"}, "existing", id="ann"),
            Staged("p2", {"name.firstName": "Bo", "companyId": "theirs"}),
        ],
    })  # fmt: skip
    report, _ = await world.run_load(staged)
    assert [(item.matched, item.excluded, item.updated, item.created) for item in report.records[:2]] == [
        (1, 1, 0, 0),
        (0, 0, 1, 1),
    ]
    assert world.held("companies") == {"theirs": {"name": "North"}}
    ann = {"name.firstName": "Anna", "status": "SEEN", "emails.primaryEmail": "ann@example.test", "companyId": "theirs"}
    assert world.held("people")["ann"] == ann
    sent = len(world.destination.sent)
    await world.run_load(staged)
    assert len(world.destination.sent) == sent


async def test_a_sample_then_the_full_load(world: World) -> None:
    """The full load passes over what the sample wrote and takes nothing of it back (law 3)."""
    staged = stage(world.folder, clinic())
    chosen = [("companies", "c1"), ("people", "p0"), ("notes", "n0"), ("note_links", "n0")]
    selection = world.folder / "selection.parquet"
    pq.write_table(pa.table({"record": [record for record, _ in chosen], "_key": [key for _, key in chosen]}), selection)
    sample, _ = await world.run_load(staged, selection)
    assert [item.created for item in sample.records] == [1, 1, 1, 1]
    full, _ = await world.run_load(staged)
    assert [(item.created, item.unchanged, item.removed) for item in full.records] == [(1, 1, 0), (6, 1, 0), (6, 1, 0), (6, 1, 0)]


async def test_documents(world: World) -> None:
    """A file is handed over before its record; a missing and an empty one reject the record, and nothing else."""
    (world.folder / "scan.pdf").write_bytes(b"%PDF")
    (world.folder / "empty.pdf").write_bytes(b"")
    world.attachment = lambda name: world.folder / name
    rows = [Staged(name, {"title": name, "file": name}) for name in ("scan.pdf", "empty.pdf", "gone.pdf")]
    report, _ = await world.run_load(stage(world.folder, {"notes": [*rows, Staged("plain", {"title": "no file"})]}))
    assert {values["title"]: values.get("file") is not None for values in world.held("notes").values()} == {
        "scan.pdf": True,
        "no file": False,
    }
    assert {(finding.code, finding.examples) for finding in report.findings} == {
        ("document_missing", ("gone.pdf",)), ("document_empty", ("empty.pdf",)),
    }  # fmt: skip
    sent = len(world.destination.sent)
    await world.run_load(stage(world.folder, {"notes": [*rows, Staged("plain", {"title": "no file"})]}))
    assert len(world.destination.sent) == sent


async def test_rejections_of_the_transform_are_in_the_journal(world: World) -> None:
    """A row that transform rejected is not sent, but audited with its reason, and tried again once it is ready."""
    refused = stage(world.folder, {"companies": [Staged("c1", {}, "rejected", "required_missing:name")]})
    report, _ = await world.run_load(refused)
    assert (report.records[0].rejected, report.records[0].created) == (1, 0)
    assert world.destination.sent == []
    with world.journal() as journal:
        assert [entry.message for entry in journal.audit(state="rejected")] == ["required_missing:name"]
    report, _ = await world.run_load(stage(world.folder, {"companies": [Staged("c1", {"name": "North"})]}, "two"))
    assert report.records[0].created == 1


async def test_a_value_only_one_may_hold(world: World) -> None:
    """A duplicate is refused with the field and the row that holds it, deleted rows included, never with the value."""
    world.destination.person_adds("people", "old", {"emails.primaryEmail": "p1@example.test"})
    world.destination.person_deletes("people", "old")
    report, _ = await world.run_load(stage(world.folder, clinic(3)))
    assert {(finding.code, finding.examples) for finding in report.findings} >= {("duplicate", ("p1",))}
    with world.journal() as journal:
        messages = [entry.message for entry in journal.audit(source_key="p1", state="rejected")]
    assert messages == ["duplicate: a duplicate entry was detected (emails.primaryEmail is held by the deleted row old)"]

"""Fields that only an update can set are written when everything else stands; destinations that answer each record on its own."""

from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
from destination_world import SCHEMA, Staged, World, extract, id_of, stage

from crosswalk.model.destination_schema import DestinationSchema
from crosswalk.model.staged_writes import StagedWrites
from crosswalk.model.values import Values
from crosswalk.testing.memory_destination import CAPABILITIES, FaultKind, Faults, Killed, MemoryDestination

ON_ITS_OWN = replace(CAPABILITIES, batch_is_atomic=False, update_size=5)


def title_by_update_only() -> DestinationSchema:
    """The world's schema, but for a title that a note cannot be created with."""
    notes = SCHEMA.object("notes")
    assert notes is not None
    fields = tuple(leaf.model_copy(update={"on_create": leaf.path != "title"}) for leaf in notes.fields)
    changed = notes.model_copy(update={"fields": fields})
    return SCHEMA.model_copy(update={"objects": tuple(changed if item.name == "notes" else item for item in SCHEMA.objects)})


def world(folder: Path) -> World:
    """A destination that answers each record on its own and takes titles by an update only."""
    return World(folder, MemoryDestination(title_by_update_only(), capabilities=ON_ITS_OWN))


def seven_notes(folder: Path, title: str = "seen") -> StagedWrites:
    """Seven titled notes, one without a title, and a link to a person."""
    notes = [Staged(f"n{number}", {"title": title}) for number in range(7)]
    links: list[Staged] = [Staged("l", {"noteId": id_of("notes", "n0"), "targetPersonId": id_of("people", "p")})]
    rows = {"people": [Staged("p", {"name.firstName": "A"})], "notes": [*notes, Staged("bare", {})], "note_links": links}
    return stage(folder, rows, version=title)


async def test_what_only_an_update_can_set_is_written_last(tmp_path: Path) -> None:
    """Parents, children and links first; then the deferred field, many rows to a request, each counted once."""
    there = world(tmp_path)
    report, _ = await there.run_load(seven_notes(tmp_path))
    assert [(verb, name, len(ids)) for verb, name, ids, _ in there.destination.sent] == [
        ("create", "people", 1), ("create", "notes", 5), ("create", "notes", 3), ("create", "noteTargets", 1),
        ("update", "notes", 5), ("update", "notes", 2),
    ]  # fmt: skip
    assert sorted(str(row.get("title")) for row in there.held("notes").values()) == ["None", *["seen"] * 7]
    counted = report.record("notes")
    assert counted is not None and (counted.rows, counted.created, counted.updated, counted.finished) == (8, 8, 0, 7)
    assert there.progress[-1].done == there.progress[-1].total
    again, _ = await there.run_load(seven_notes(tmp_path))
    assert len(there.destination.sent) == 6, "a second run wrote something"
    counted = again.record("notes")
    assert counted is not None and (counted.unchanged, counted.finished) == (8, 0)


@pytest.mark.parametrize("kind", ["killed_before", "killed_after", "uncertain_before", "uncertain_after"])
@pytest.mark.parametrize("call", range(6))
async def test_a_load_that_dies_before_the_end_is_finished_by_the_next(tmp_path: Path, kind: FaultKind, call: int) -> None:
    """Killed, or left without an answer, at any request: the next run brings every row to the same end, none twice."""
    there = world(tmp_path)
    there.destination.faults = Faults(at={call: kind})
    staged = seven_notes(tmp_path)
    with suppress(Killed):
        await there.run_load(staged)
    await there.run_load(staged)
    assert sorted(str(row.get("title")) for row in there.held("notes").values()) == ["None", *["seen"] * 7]
    created = [id for verb, _, ids, stored in there.destination.sent for id in ids if verb == "create" and stored]
    assert len(created) == len(set(created)) == 10
    rows = {"companies": [], "people": ["staged"], "notes": ["staged"] * 8, "note_links": ["staged"]}
    reconciled = await there.reconciled(staged, extract(tmp_path, rows))
    assert reconciled.balanced, reconciled.problems


async def test_a_changed_map_changes_deferred_fields_too(tmp_path: Path) -> None:
    """A row that stands gets its new value, and nothing else is sent."""
    there = world(tmp_path)
    await there.run_load(seven_notes(tmp_path))
    sent = len(there.destination.sent)
    await there.run_load(seven_notes(tmp_path, "closed"))
    assert [(verb, len(ids)) for verb, _, ids, _ in there.destination.sent[sent:]] == [("update", 5), ("update", 2)]
    assert {str(row.get("title")) for row in there.held("notes").values()} == {"None", "closed"}


async def test_a_refused_finish_is_a_rejected_row_and_is_tried_again(tmp_path: Path) -> None:
    """The row stands without its last field: it is counted as rejected, named, and completed by a later run."""
    there = world(tmp_path)

    def refuse(name: str, values: Values) -> str | None:
        return "closed for today" if values.get("title") else None

    there.destination.refuse = refuse
    staged = seven_notes(tmp_path)
    report, _ = await there.run_load(staged)
    assert [(item.code, item.count) for item in report.findings] == [("rejected_by_destination", 7)]
    there.destination.refuse = lambda _name, _values: None
    await there.run_load(staged)
    assert {str(row.get("title")) for row in there.held("notes").values()} == {"None", "seen"}


async def test_one_bad_record_is_refused_alone(tmp_path: Path) -> None:
    """Where records are answered on their own, one request stores the others and names the bad one; nothing is halved."""
    there = World(tmp_path, MemoryDestination(SCHEMA, capabilities=ON_ITS_OWN))
    there.destination.refuse = lambda _name, values: "too odd" if values.get("name.firstName") == "odd" else None
    people = [Staged(name, {"name.firstName": name}) for name in ("a", "b", "odd", "c")]
    report, _ = await there.run_load(stage(tmp_path, {"people": people}))
    assert len(there.destination.sent) == 1
    assert sorted(str(row["name.firstName"]) for row in there.held("people").values()) == ["a", "b", "c"]
    counted = report.record("people")
    assert counted is not None and (counted.created, counted.rejected, report.halved) == (3, 1, 0)
    assert [(item.code, item.examples) for item in report.findings] == [("rejected_by_destination", ("odd",))]

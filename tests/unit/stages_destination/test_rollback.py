"""Undo: the state before comes back and is proved, and what people did since survives (E10)."""

import asyncio
import itertools
import tempfile
from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import replace
from pathlib import Path

import pytest
from clinic import clinic
from destination_world import Staged, World, id_of, stage
from hypothesis import given, settings
from hypothesis import strategies as st

from crosswalk.model.destination_schema import DestinationField, DestinationSchema
from crosswalk.model.errors import RefusedError, RejectedError, UnreachableError
from crosswalk.model.record import Actor, Write
from crosswalk.model.rollback_report import RollbackReport
from crosswalk.stages.rollback import LATE_ROUNDS
from crosswalk.testing.memory_destination import FaultKind, Faults, Killed


@pytest.fixture
def world(tmp_path: Path) -> World:
    """A destination that people used before."""
    world = World(tmp_path)
    world.destination.person_adds("companies", "theirs", {"name": "Theirs"})
    world.destination.person_adds("people", "guest", {"name.firstName": "Guest", "companyId": "theirs"})
    return world


def with_leaf(schema: DestinationSchema, object_name: str, path: str) -> DestinationSchema:
    """The schema with one more reference to people."""
    leaf = DestinationField(path=path, type="reference", to_object="people")
    objects = [
        item.model_copy(update={"fields": (*item.fields, leaf)}) if item.name == object_name else item for item in schema.objects
    ]
    return schema.model_copy(update={"objects": tuple(objects)})


def kept(report: RollbackReport) -> dict[str, str]:
    """Key → why it stays."""
    return {row.key: row.reason for row in report.kept}


async def test_the_undo_of_everything_restores_the_fingerprint(world: World) -> None:
    """Rows created go, rows changed get their before-image back, and the reading afterwards proves it."""
    before, tables = await world.remember(), deepcopy(world.destination.tables)
    rows = clinic()
    rows["people"].append(Staged("px", {"name.firstName": "Ours", "companyId": id_of("companies", "c1")}, "existing", id="guest"))
    staged = stage(world.folder, rows)
    await world.run_load(staged)
    assert world.held("people")["guest"]["name.firstName"] == "Ours"
    report = await world.run_rollback(before, staged)
    assert (report.proved, report.complete, report.removed, report.restored) == (True, True, 23, 1)
    assert {name: {id: row.values for id, row in rows.items()} for name, rows in world.destination.tables.items()} == {
        name: {id: row.values for id, row in rows.items()} for name, rows in tables.items()
    }
    with world.journal() as journal:
        assert journal.generation() == 2


async def test_an_edited_row_is_kept_with_what_it_needs(world: World) -> None:
    """A person's edit stays, and so do the rows it refers to; everything else goes, and the difference is explained."""
    before = await world.remember()
    staged = stage(world.folder, clinic())
    await world.run_load(staged)
    world.destination.person_edits("people", id_of("people", "p3"), {"birthDate": "1990-01-01"})
    report = await world.run_rollback(before, staged)
    assert kept(report) == {"p3": "edited", "c2": "needed_by_kept_row"}
    assert next(row.fields for row in report.kept if row.key == "p3") == ("birthDate",)
    assert set(world.held("people")) == {"guest", id_of("people", "p3")}
    assert (report.proved, report.complete) == (True, False)
    assert {entry.explained for entry in report.differences} == {"kept: edited", "kept: needed_by_kept_row"}
    forced = await world.run_rollback(before, staged, force=True)
    assert (forced.proved, forced.complete, forced.removed) == (True, True, 2)


async def test_links_of_a_kept_note_stay_with_it_and_its_person(world: World) -> None:
    """A link row lives and dies with the record it belongs to; what it links to is needed."""
    before = await world.remember()
    staged = stage(world.folder, clinic())
    await world.run_load(staged)
    world.destination.person_edits("notes", id_of("notes", "n2"), {"title": "Edited"})
    report = await world.run_rollback(before, staged)
    assert {(row.record, row.key, row.reason) for row in report.kept} == {
        ("notes", "n2", "edited"), ("note_links", "n2", "link_of_kept_row"), ("people", "p2", "needed_by_kept_row"),
        ("companies", "c1", "needed_by_kept_row"),
    }  # fmt: skip
    assert report.proved


async def test_a_deletion_by_a_person_counts_as_an_edit(world: World) -> None:
    """Softly deleted: kept and listed. Deleted for good: listed as gone, and no error."""
    before = await world.remember()
    staged = stage(world.folder, clinic())
    await world.run_load(staged)
    world.destination.person_deletes("notes", id_of("notes", "n1"))
    world.destination.person_deletes("notes", id_of("notes", "n4"), soft=False)
    report = await world.run_rollback(before, staged)
    assert kept(report)["n1"] in ("deleted_by_person", "link_of_kept_row")
    assert {count.record: count.gone for count in report.counts}["notes"] == 1
    assert world.destination.tables["notes"][id_of("notes", "n1")].deleted
    assert report.proved


async def test_a_parent_of_somebody_elses_rows_is_never_removed(world: World) -> None:
    """Deleting cascades: a company that a person's own row refers to stays, even when forced."""
    before = await world.remember()
    staged = stage(world.folder, clinic())
    await world.run_load(staged)
    world.destination.person_adds("people", "friend", {"companyId": id_of("companies", "c2")})
    for force in (False, True):
        report = await world.run_rollback(before, staged, force=force)
        assert kept(report) == {"c2": "foreign_children"}
        assert world.held("people")["friend"] == {"companyId": id_of("companies", "c2")}
        assert report.proved


async def test_the_automations_doings_are_side_effects(world: World) -> None:
    """The platform's own actors' rows and edits are undone and listed: facts/twenty.md §11.1, the company of the domain."""
    world.destination.person_adds("companies", "auto-before", {"name": "old"}, "automation")
    before = await world.remember()
    staged = stage(world.folder, clinic())
    await world.run_load(staged)
    world.destination.clock = 4_000_000_000
    world.destination.person_adds("companies", "auto", {"name": "example.test"}, "automation")
    world.destination.person_edits("people", id_of("people", "p1"), {"companyId": "auto"}, "automation")
    report = await world.run_rollback(before, staged)
    assert {(effect.object, effect.kind, effect.fields) for effect in report.side_effects} == {
        ("companies", "created", ()), ("people", "changed", ("companyId",)),
    }  # fmt: skip
    assert set(world.held("companies")) == {"theirs", "auto-before"}
    assert (report.proved, report.complete) == (True, True)


async def test_nothing_of_the_platforms_own_goes_when_the_state_before_is_not_known(world: World) -> None:
    """A new workspace's example rows are made by the system, too: without a fingerprint nobody can tell, so they stay."""
    staged = stage(world.folder, clinic(2))
    await world.run_load(staged)
    world.destination.clock = 4_000_000_000
    world.destination.person_adds("companies", "example", {"name": "Example"}, "automation")
    report = await world.run_rollback(None, staged)
    assert set(world.held("companies")) == {"theirs", "example"}
    assert (report.proved, report.side_effects_total) == (None, 0)


def automation_answers_removals(world: World, times: int) -> None:
    """The automation makes a company whenever companies were removed, so many times: its runs are queued, and end late."""
    remove = world.destination.remove
    made = itertools.count()

    async def remove_and_run_late(object_name: str, ids: Sequence[str]) -> None:
        await remove(object_name, ids)
        number = next(made) if object_name == "companies" else times
        if number < times:
            world.destination.clock = 4_000_000_000
            world.destination.person_adds("companies", f"late{number}", {"name": "example.test"}, "automation")

    world.destination.remove = remove_and_run_late  # pyright: ignore[reportAttributeAccessIssue]


async def test_what_the_automation_makes_while_we_remove_goes_too(world: World) -> None:
    """A run that ends between our reading and the proof leaves a row that was not foreseen: it is removed and listed as well."""
    before = await world.remember()
    staged = stage(world.folder, clinic(2))
    await world.run_load(staged)
    automation_answers_removals(world, 2)
    report = await world.run_rollback(before, staged, undisturbed=False)
    assert (report.proved, report.complete, report.side_effects_total) == (True, True, 2)
    assert {effect.destination_id for effect in report.side_effects} == {"late0", "late1"}
    assert set(world.held("companies")) == {"theirs"}


async def test_a_late_row_that_a_persons_row_needs_stays(world: World) -> None:
    """What the automation made late is judged like all its rows: a parent of somebody's row is kept and listed."""
    before = await world.remember()
    staged = stage(world.folder, clinic(2))
    await world.run_load(staged)
    automation_answers_removals(world, 1)
    remove = world.destination.remove

    async def and_somebody_uses_it(object_name: str, ids: Sequence[str]) -> None:
        await remove(object_name, ids)
        if "late0" in world.held("companies") and "friend" not in world.held("people"):
            world.destination.person_adds("people", "friend", {"companyId": "late0"})

    world.destination.remove = and_somebody_uses_it  # pyright: ignore[reportAttributeAccessIssue]
    report = await world.run_rollback(before, staged, undisturbed=False)
    assert kept(report) == {"late0": "foreign_children"}
    assert (report.proved, report.complete) == (True, False)
    assert set(world.held("companies")) == {"theirs", "late0"}


async def test_what_the_automation_makes_too_late_goes_with_the_next_undo(world: World) -> None:
    """An automation that never rests leaves an unexplained difference; calling again takes it back and proves the state."""
    before = await world.remember()
    staged = stage(world.folder, clinic(2))
    await world.run_load(staged)
    automation_answers_removals(world, LATE_ROUNDS + 1)
    first = await world.run_rollback(before, staged, undisturbed=False)
    second = await world.run_rollback(before, staged)
    assert (first.proved, second.proved, second.complete) == (False, True, True)
    assert set(world.held("companies")) == {"theirs"}
    with world.journal() as journal:
        assert journal.generation() == 2


def while_we_remove(world: World, object_name: str, happens: Callable[[], None]) -> None:
    """Something happens once, just after rows of an object were removed."""
    remove, waiting = world.destination.remove, [happens]

    async def remove_and_go_on(name: str, ids: Sequence[str]) -> None:
        await remove(name, ids)
        if name == object_name and waiting:
            waiting.pop()()

    world.destination.remove = remove_and_go_on  # pyright: ignore[reportAttributeAccessIssue]


async def test_what_people_do_while_we_remove_is_kept(world: World) -> None:
    """An edit, a deletion, a row of their own on one of ours: made after the rows were judged, and seen before they go."""
    before = await world.remember()
    staged = stage(world.folder, clinic())
    await world.run_load(staged)

    def at_work() -> None:
        world.destination.person_edits("people", id_of("people", "p3"), {"birthDate": "1990-01-01"})
        world.destination.person_deletes("people", id_of("people", "p4"))
        world.destination.person_adds("visits", "theirs", {"attendees": id_of("people", "p5")})
        world.destination.person_edits("people", id_of("people", "p6"), {"status": "SEEN"}, "automation")

    while_we_remove(world, "noteTargets", at_work)
    report = await world.run_rollback(before, staged, undisturbed=False)
    reasons = kept(report)
    assert {key: reasons[key] for key in ("p3", "p4", "p5")} == {
        "p3": "edited", "p4": "deleted_by_person", "p5": "foreign_children",
    }  # fmt: skip
    assert next(row.fields for row in report.kept if row.key == "p3") == ("birthDate",)
    assert set(reasons) == {"p3", "p4", "p5", "c1", "c2"}
    assert (report.proved, report.complete) == (True, False)
    assert world.held("visits")["theirs"]["attendees"] == id_of("people", "p5")


async def test_every_id_of_a_list_holds_its_row(world: World) -> None:
    """A visit of somebody's with several of our people, as a destination gives them in one field: all of them stay."""
    before = await world.remember()
    staged = stage(world.folder, clinic())
    await world.run_load(staged)
    world.destination.person_adds("visits", "theirs", {"attendees": [id_of("people", "p1"), id_of("people", "p2"), "guest"]})
    report = await world.run_rollback(before, staged)
    assert {key for key, reason in kept(report).items() if reason == "foreign_children"} == {"p1", "p2"}
    assert report.proved


async def test_an_edited_field_may_hold_a_list(world: World) -> None:
    """A list of ids that a person chose is an edit like any other."""
    before = await world.remember()
    staged = stage(world.folder, clinic())
    await world.run_load(staged)
    world.destination.schema = with_leaf(world.destination.schema, "notes", "readers")
    world.destination.person_edits("notes", id_of("notes", "n1"), {"readers": [id_of("people", "p1"), "guest"]})
    assert kept(await world.run_rollback(before, staged))["n1"] == "edited"


@pytest.mark.parametrize(("edited", "force", "goes"), [(False, False, True), (True, False, False), (True, True, True)])
async def test_a_write_that_arrives_after_it_was_given_up(world: World, edited: bool, force: bool, goes: bool) -> None:
    """A row with our marker that the journal does not hold is ours all the same: it goes, unless a person works with it."""
    before = await world.remember()
    staged = stage(world.folder, clinic(2))
    await world.run_load(staged)
    with world.journal() as journal:
        marker = journal.runs()[-1].marker
    world.destination.faults = Faults()
    await world.destination.create("companies", [Write("late", {"name": "Late"})], marker)
    if edited:
        world.destination.person_edits("companies", "late", {"name": "Later"})
    report = await world.run_rollback(before, staged, force=force)
    assert ("late" in world.held("companies"), kept(report)) == (not goes, {} if goes else {"late": "edited"})
    assert (report.proved, report.complete) == (True, goes)


async def test_a_table_we_may_not_read_stops_the_undo_before_anything_goes(world: World) -> None:
    """Its rows may hang on ours and would be deleted unseen: the undo, and its preview, say which privilege is missing."""
    before = await world.remember()
    staged = stage(world.folder, clinic(2))
    await world.run_load(staged)
    referring = world.destination.referring

    async def refused(object_name: str, path: str) -> Sequence[tuple[str, str]]:
        if object_name == "visits":
            raise RejectedError("visits cannot be read", "permission", "Give our role Read on visits.")
        return await referring(object_name, path)

    world.destination.referring = refused  # pyright: ignore[reportAttributeAccessIssue]
    fingerprinted = before.model_copy(update={"objects": tuple(item for item in before.objects if item.object != "visits")})
    sent = len(world.destination.sent)
    with pytest.raises(RefusedError, match="visits cannot be read") as refusal:
        await world.run_rollback(fingerprinted, staged)
    assert "Give our role Read on visits." in refusal.value.remedy
    assert len(world.destination.sent) == sent


async def test_a_persons_work_on_a_row_that_the_automation_touched_later(world: World) -> None:
    """What the automation changes it changes in many rows; a lone edit or a deletion under its hand is a person's, and kept."""
    before = await world.remember()
    staged = stage(world.folder, clinic())
    await world.run_load(staged)
    world.destination.person_edits("people", id_of("people", "p1"), {"birthDate": "1990-01-01"})
    for n in range(5):
        world.destination.person_edits("people", id_of("people", f"p{n}"), {"status": "SEEN"}, "automation")
    world.destination.person_deletes("people", id_of("people", "p4"))
    row = world.destination.tables["people"][id_of("people", "p4")]
    world.destination.tables["people"][row.id] = replace(row, updated_by=Actor("automation"))
    report = await world.run_rollback(before, staged)
    reasons = kept(report)
    assert (reasons.pop("p1"), reasons.pop("p4")) == ("edited", "deleted_by_person")
    assert set(reasons.values()) == {"needed_by_kept_row"}
    assert {effect.destination_id for effect in report.side_effects} == {id_of("people", f"p{n}") for n in (0, 2, 3)}
    assert report.proved


async def test_a_changed_row_gets_back_only_what_nobody_changed_since(world: World) -> None:
    """A before-image goes back field by field: a person's later value stays (three-way undo)."""
    before = await world.remember()
    company = id_of("companies", "c1")
    row = Staged("px", {"name.firstName": "Ours", "companyId": company}, "existing", id="guest")
    staged = stage(world.folder, {"companies": [Staged("c1", {"name": "North"})], "people": [row]})
    await world.run_load(staged)
    world.destination.person_edits("people", "guest", {"name.firstName": "Theirs now"})
    report = await world.run_rollback(before, staged)
    assert world.held("people")["guest"] == {"name.firstName": "Theirs now", "companyId": "theirs"}
    assert [(item.reason, item.fields) for item in report.kept] == [("edited", ("name.firstName",))]
    assert (report.proved, report.complete) == (True, False)


async def test_one_run_alone(world: World) -> None:
    """Undoing the second run leaves what the first wrote; nothing is claimed about the whole."""
    before = await world.remember()
    await world.run_load(stage(world.folder, clinic(3)))
    staged = stage(world.folder, clinic(5), "two")
    await world.run_load(staged)
    report = await world.run_rollback(before, staged, of_run=2)
    assert (report.removed, report.proved) == (6, None)
    assert set(world.held("people")) == {"guest", *(id_of("people", f"p{n}") for n in range(3))}
    again, _ = await world.run_load(staged)
    assert [item.created for item in again.records] == [0, 2, 2, 2]


async def test_an_unexplained_difference_is_not_proved(world: World) -> None:
    """A foreign row that changed without a person's hand is no proof."""
    before = await world.remember()
    staged = stage(world.folder, clinic())
    await world.run_load(staged)
    world.destination.person_edits("companies", "theirs", {"name": "Corrupted"}, "unknown")
    report = await world.run_rollback(before, staged)
    assert report.proved is False
    assert [(entry.object, entry.kind, entry.destination_id, entry.explained) for entry in report.differences] == [
        ("companies", "changed", "theirs", "")
    ]


KINDS: list[FaultKind] = ["reject", "uncertain_before", "uncertain_after", "killed_before", "killed_after", "unreachable"]


@settings(max_examples=8, deadline=None)
@given(st.dictionaries(st.integers(0, 12), st.sampled_from(KINDS), max_size=5))
def test_an_interrupted_undo_is_finished_by_the_next(faults: dict[int, FaultKind]) -> None:
    """Whatever goes wrong on the way, calling again ends in the state before, and never removes what is not ours."""

    async def scenario(folder: Path) -> RollbackReport:
        world = World(folder)
        world.destination.person_adds("companies", "theirs", {"name": "Theirs"})
        world.destination.person_adds("people", "guest", {"name.firstName": "Guest"})
        before = await world.remember()
        rows = clinic(6)
        rows["people"].append(Staged("px", {"name.firstName": "Ours"}, "existing", id="guest"))
        staged = stage(folder, rows)
        await world.run_load(staged)
        world.destination.faults = Faults(faults)
        for _ in range(20):
            try:
                report = await world.run_rollback(before, staged)
            except (Killed, UnreachableError):
                continue
            if report.complete:
                assert world.held("people") == {"guest": {"name.firstName": "Guest"}}
                return report
        raise AssertionError("no undo came to an end")

    with tempfile.TemporaryDirectory() as folder:
        report = asyncio.run(scenario(Path(folder)))
    assert (report.proved, report.complete) == (True, True)

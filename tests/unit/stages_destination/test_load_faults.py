"""Whatever goes wrong on the way, a rerun ends where an undisturbed run ends: nothing lost, nothing doubled (E6)."""

import asyncio
import tempfile
from collections.abc import Mapping
from pathlib import Path

import pytest
from clinic import clinic
from destination_world import World, id_of, stage
from hypothesis import given, settings
from hypothesis import strategies as st

from crosswalk.model.errors import UnreachableError
from crosswalk.model.values import Values
from crosswalk.testing.memory_destination import FaultKind, Faults, Killed

KINDS: list[FaultKind] = ["reject", "uncertain_before", "uncertain_after", "killed_before", "killed_after", "unreachable"]


async def load_until_done(world: World, rows: int) -> int:
    """Run again and again, as a person would, until a run ends without an exception and without a rejected row; the runs."""
    staged = stage(world.folder, clinic(rows))
    for attempt in range(1, 30):
        try:
            report, _ = await world.run_load(staged)
        except (Killed, UnreachableError):
            continue
        if not sum(item.rejected for item in report.records):
            return attempt
    raise AssertionError("no run came to an end")


def undisturbed(rows: int) -> Mapping[str, Mapping[str, Values]]:
    """What a run without faults leaves."""
    with tempfile.TemporaryDirectory() as folder:
        world = World(Path(folder))
        asyncio.run(load_until_done(world, rows))
        return {name: world.held(name) for name in world.destination.tables}


EXPECTED = undisturbed(6)


@settings(max_examples=12, deadline=None)
@given(st.dictionaries(st.integers(0, 25), st.sampled_from(KINDS), max_size=8))
def test_any_faults_then_a_rerun_end_in_the_same_rows(faults: dict[int, FaultKind]) -> None:
    """No row is lost or doubled, and no create is sent again for a row that was stored."""
    with tempfile.TemporaryDirectory() as folder:
        world = World(Path(folder))
        world.destination.faults = Faults(faults)
        asyncio.run(load_until_done(world, 6))
        assert {name: world.held(name) for name in world.destination.tables} == EXPECTED
        stored: set[str] = set()
        for verb, _, ids, was_stored in world.destination.sent:
            if verb == "create":
                assert not stored & set(ids)
                stored |= set(ids) if was_stored else set()


async def test_a_guilty_row_is_found_and_the_rest_arrives(tmp_path: Path) -> None:
    """A refused batch is halved down to the row the destination will not take; its words are kept."""
    world = World(tmp_path)
    world.destination.refuse = lambda name, values: "no such first name" if values.get("name.firstName") == "Person 3" else None
    report, _ = await world.run_load(stage(tmp_path, clinic(7)))
    people = report.record("people")
    assert people is not None
    assert (people.created, people.rejected) == (6, 1)
    assert id_of("people", "p3") not in world.held("people")
    with world.journal() as journal:
        entries = [entry for entry in journal.audit(source_key="p3") if entry.state == "rejected"]
    assert [entry.message for entry in entries] == ["validation: no such first name"]


async def test_children_of_a_rejected_parent(tmp_path: Path) -> None:
    """A required parent's loss rejects the child; an optional one's is a finding, mended by the run that brings the parent."""
    world = World(tmp_path)
    staged = stage(tmp_path, clinic(4))
    world.destination.refuse = lambda name, values: (
        "no" if values.get("name") == "South" or values.get("title") == "Note 2" else None
    )
    report, _ = await world.run_load(staged)
    people, links = report.record("people"), report.record("note_links")
    assert people is not None
    assert links is not None
    assert (people.created, people.with_findings) == (4, 2)
    assert (links.created, links.rejected) == (3, 1)
    assert "companyId" not in world.held("people")[id_of("people", "p1")]
    assert {(finding.code, finding.field) for finding in report.findings} >= {
        ("parent_left_out", "companyId"),
        ("parent_not_loaded", "noteId"),
    }
    world.destination.refuse = lambda name, values: None
    mended, _ = await world.run_load(staged)
    assert world.held("people")[id_of("people", "p1")]["companyId"] == id_of("companies", "c2")
    assert len(world.held("noteTargets")) == 4
    assert [item.rejected for item in mended.records] == [0, 0, 0, 0]


async def test_a_destination_that_never_answers_is_given_up(tmp_path: Path) -> None:
    """So many lost answers in a row mean it is not well: pause, with the state safe."""
    world = World(tmp_path)
    world.destination.faults = Faults(dict.fromkeys(range(30), "uncertain_before"))
    with pytest.raises(UnreachableError, match="20 requests in a row"):
        await world.run_load(stage(tmp_path, clinic(2)))
    world.destination.faults = Faults()
    _, settled = await world.run_load(stage(tmp_path, clinic(2)))
    assert settled.absent == 2
    assert len(world.held("people")) == 2


async def test_a_stop_finishes_what_is_in_flight(tmp_path: Path) -> None:
    """Ctrl-C in the middle of a batch: the batch gets its outcome, no intent stays open, the next run does the rest."""
    world = World(tmp_path)
    staged = stage(tmp_path, clinic(12))
    create, begun = world.destination.create, asyncio.Event()

    async def slow_create(*arguments: object) -> object:
        begun.set()
        await asyncio.sleep(0.05)
        return await create(*arguments)  # pyright: ignore[reportArgumentType]

    world.destination.create = slow_create  # pyright: ignore[reportAttributeAccessIssue]
    running = asyncio.create_task(world.run_load(staged))
    await begun.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    with world.journal() as journal:
        assert journal.open_batches() == []
    assert len(world.held("companies")) == 2
    assert not world.held("people")
    world.destination.create = create
    await world.run_load(staged)
    assert len(world.held("people")) == 12

"""Loading: what a staged row becomes, alone and on a rerun."""

from pathlib import Path

import pytest
from destination_world import Staged, World, id_of, stage


def clinic(people: int = 7) -> dict[str, list[Staged]]:
    """Two companies, people in them, a note on each person."""
    return {
        "companies": [Staged("c1", {"name": "North"}), Staged("c2", {"name": "South"})],
        "people": [
            Staged(
                f"p{n}",
                {
                    "name.firstName": f"Person {n}",
                    "emails.primaryEmail": f"P{n}@Example.test",
                    "companyId": id_of("companies", f"c{1 + n % 2}"),
                },
            )
            for n in range(people)
        ],
        "notes": [Staged(f"n{n}", {"title": f"Note {n}"}) for n in range(people)],
        "note_links": [
            Staged(f"n{n}", {"noteId": id_of("notes", f"n{n}"), "targetPersonId": id_of("people", f"p{n}")}) for n in range(people)
        ],
    }


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

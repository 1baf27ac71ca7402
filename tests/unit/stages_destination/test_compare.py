"""Comparing what was meant with what is there: field by field, and source row by source row (E5, E9)."""

from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from clinic import clinic
from destination_world import Staged, World, extract, id_of, stage

from crosswalk.model.mapping import Total


@pytest.fixture
def world(tmp_path: Path) -> World:
    """An empty destination."""
    return World(tmp_path)


async def test_what_was_loaded_is_equal_or_normalised(world: World) -> None:
    """Right after a load nothing differs; what the platform rewrites is said with its rule."""
    staged = stage(world.folder, clinic())
    await world.run_load(staged)
    diff = await world.diff(staged)
    assert diff.clean()
    assert (diff.rows, diff.rows_missing, diff.rows_not_written) == (23, 0, 0)
    fields = {(count.record, count.field): count for count in diff.fields}
    email = fields["people", "emails.primaryEmail"]
    assert (email.equal, email.normalised, email.rules) == (0, 7, ("e-mail lower-cased",))
    assert fields["people", "companyId"].equal == 7


async def test_every_kind_of_difference_is_named_and_no_value_leaves(world: World) -> None:
    """Changed, missing and unwritten fields are counted and listed by key; their values stay in the workspace's Parquet."""
    staged = stage(world.folder, clinic())
    await world.run_load(staged)
    world.destination.person_edits("people", id_of("people", "p3"), {"name.firstName": "Secret", "status": "SEEN"})
    world.destination.person_edits("people", id_of("people", "p4"), {"companyId": None})
    world.destination.person_deletes("notes", id_of("notes", "n1"))
    diff = await world.diff(staged)
    assert {(item.record, item.key, item.field, item.verdict) for item in diff.differences} == {
        ("people", "p3", "name.firstName", "different"), ("people", "p4", "companyId", "different"), ("notes", "n1", "", "missing"),
    }  # fmt: skip
    assert {count.field: count.not_written for count in diff.fields if count.not_written} == {"status": 1}
    assert "Secret" not in diff.model_dump_json()
    values = pq.read_table(world.folder / diff.values_file).to_pylist()
    assert ("Person 3", "Secret") in {(row["expected"], row["actual"]) for row in values}


async def test_the_ledger_balances_over_every_state(world: World) -> None:
    """Read = loaded + with findings + matched + folded + excluded + quarantined + rejected + conflict, each row once."""
    world.destination.person_adds("companies", "theirs", {"name": "North"})
    rows = clinic(6)
    rows["companies"] = [Staged("c1", {"name": "North"}, "matched", id="theirs"), Staged("c2", {"name": "South"}, "excluded")]
    for person in rows["people"]:
        person.values["companyId"] = "theirs"
    rows["people"][1].findings = ("phone_invalid:phones.primaryPhoneNumber",)
    rows["people"][2].state, rows["people"][2].reason = "rejected", "required_missing:name.firstName"
    staged = stage(world.folder, rows)
    world.destination.refuse = lambda name, values: "no" if values.get("title") == "Note 4" else None
    await world.run_load(staged)
    changed = {**rows, "people": [Staged(row.key, dict(row.values), row.state, row.reason, row.findings) for row in rows["people"]]}
    changed["people"][5].values["name.firstName"] = "Changed"
    world.destination.person_edits("people", id_of("people", "p5"), {"name.firstName": "By hand"})
    staged = stage(world.folder, changed, "two")
    await world.run_load(staged)
    extraction = extract(
        world.folder,
        {
            "companies": ["staged", "staged", "folded"], "people": ["staged"] * 7, "notes": ["staged"] * 6,
            "note_links": ["staged"] * 6, "unused": ["staged"] * 2,
        },
        {"people": 1},
    )  # fmt: skip
    proof = await world.reconciled(
        staged, extraction, [Total(name="People by name", record="people", kind="count_by", field="companyId")]
    )
    assert {line.source_object: dict(line.states) for line in proof.ledger} == {
        "companies": {"matched": 1, "excluded": 1, "folded": 1},
        "people": {"loaded": 3, "loaded_with_findings": 1, "rejected": 1, "conflict": 1, "excluded": 1, "quarantined": 1},
        "notes": {"loaded": 5, "rejected": 1},
        "note_links": {"loaded": 4, "rejected": 2},
        "unused": {"excluded": 2},
    }
    assert all(line.balanced() for line in proof.ledger)
    codes = {(reason.source_object, reason.code) for reason in proof.reasons}
    assert codes >= {
        ("people", "required_missing:name.firstName"), ("people", "phone_invalid:phones.primaryPhoneNumber"),
        ("note_links", "parent_not_loaded:noteId"), ("notes", "validation"), ("people", "too_few_cells"),
        ("people", "changed in the destination since: name.firstName"), ("companies", "duplicate_key"),
    }  # fmt: skip
    assert proof.problems == ()
    assert proof.balanced
    (total,) = proof.totals
    assert (total.source, total.expected, total.actual) == ({"theirs": "6"}, {"theirs": "4"}, {"theirs": "4"})


UNBALANCED: dict[str, tuple[Callable[[World], None], str]] = {
    "a missing row": (lambda world: world.destination.person_deletes("people", id_of("people", "p1"), soft=False), "not in people"),
    "a changed value": (
        lambda world: world.destination.person_edits("notes", id_of("notes", "n1"), {"title": "x"}),
        "hold something else",
    ),
    "a dangling link": (lambda world: world.destination.person_deletes("companies", id_of("companies", "c1")), "point at nothing"),
    "a lost link": (
        lambda world: world.destination.person_edits("noteTargets", id_of("note_links", "n1"), {"noteId": None}),
        "lost their",
    ),
}


@pytest.mark.parametrize(("harm", "problem"), UNBALANCED.values(), ids=UNBALANCED)
async def test_whatever_is_wrong_in_the_destination_unbalances(world: World, harm: Callable[[World], None], problem: str) -> None:
    """A missing row, a changed value, a dangling or a lost link: each is found by reading back."""
    staged = stage(world.folder, clinic())
    await world.run_load(staged)
    sizes = {"companies": 2, "people": 7, "notes": 7, "note_links": 7}
    extraction = extract(world.folder, {name: ["staged"] * count for name, count in sizes.items()})
    assert (await world.reconciled(staged, extraction)).balanced
    harm(world)
    proof = await world.reconciled(staged, extraction)
    assert not proof.balanced
    assert any(problem in sentence for sentence in proof.problems)


async def test_a_row_that_was_never_loaded_is_unaccounted_for(world: World) -> None:
    """Nothing is silent: staged rows without an outcome keep the ledger from balancing."""
    staged = stage(world.folder, clinic(2))
    await world.run_load(staged)
    more = stage(world.folder, clinic(3), "two")
    sizes = {"companies": 2, "people": 3, "notes": 3, "note_links": 3}
    proof = await world.reconciled(more, extract(world.folder, {name: ["staged"] * count for name, count in sizes.items()}))
    assert {line.source_object: line.states.get("unaccounted", 0) for line in proof.ledger}["people"] == 1
    assert not proof.balanced


async def test_a_row_that_the_map_takes_but_nobody_staged_unbalances(world: World) -> None:
    """A row that came into the export after the staged writes were made is never called excluded."""
    staged = stage(world.folder, clinic(2))
    await world.run_load(staged)
    sizes = {"companies": 2, "people": 3, "notes": 2, "note_links": 2}
    extraction = extract(world.folder, {name: ["staged"] * count for name, count in sizes.items()})
    proof = await world.reconciled(staged, extraction, taken=["people", "notes"])
    (people,) = [line for line in proof.ledger if line.source_object == "people"]
    assert people.states == {"loaded": 2, "unaccounted": 1}
    assert [(item.source_object, item.state, item.code, item.rows) for item in proof.reasons] == [
        ("people", "unaccounted", "not_planned", 1)
    ]
    assert not proof.balanced
    assert proof.problems == ("people: 1 rows are not in the staged writes; run crosswalk plan again",)


async def test_automations_rows_are_listed(world: World) -> None:
    """What the platform made because of us is a side effect, named with its ids."""
    staged = stage(world.folder, clinic(2))
    await world.run_load(staged)
    world.destination.clock = 4_000_000_000
    world.destination.person_adds("companies", "auto", {"name": "example.test"}, "automation")
    sizes = {"companies": 2, "people": 2, "notes": 2, "note_links": 2}
    proof = await world.reconciled(staged, extract(world.folder, {name: ["staged"] * count for name, count in sizes.items()}))
    assert [(effect.object, effect.rows, effect.examples) for effect in proof.side_effects] == [("companies", 1, ("auto",))]
    assert proof.balanced

"""sample: a slice that shows as much as its size allows, closed under relations, and honest about the rest (E5)."""

from itertools import combinations
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from map_world import Cells, Plain, World, made, open_world, the_map

from crosswalk.model.errors import UsageError
from crosswalk.model.mapping import Mapping
from crosswalk.model.sample import Sample
from crosswalk.model.staged_writes import StagedWrites
from crosswalk.stages.sample import choose_sample

TEXT = made("text")
OPTIONS = made("option")


def clinic_map() -> Mapping:
    """Patients of doctors, with visits tied by a link, remarks on visits, and bills of their own."""
    people: Plain = {
        "kind": {"from": "Kind", "transform": "option", "create": OPTIONS},
        "doctorId": {"lookup": "doctors", "from": "Doctor"},
        "age": {"from": "Age", "create": made("integer")},
    }
    tasks: Plain = {"status": {"from": "Status", "transform": "option"}, "doctorId": {"lookup": "doctors", "from": "Doctor"}}
    ties: Plain = {
        "taskId": {"lookup": "tasks", "required": True},
        "targetPersonId": {"lookup": "people", "from": "Patient", "required": True},
    }
    remarks: Plain = {"body": {"from": "Text", "create": TEXT}, "taskId": {"lookup": "tasks", "from": "Visit"}}
    bills: Plain = {"personId": {"lookup": "people", "from": "Patient"}, "taskId": {"lookup": "tasks", "from": "Visit"}}
    return the_map(
        {
            "people": {"to": "people", "from": "patients", "fields": people},
            "doctors": {"to": "companies", "from": "doctors", "fields": {"name": {"from": "Name"}}},
            "tasks": {"to": "tasks", "from": "visits", "fields": tasks},
            "ties": {"to": "taskTargets", "from": "visits", "link": True, "fields": ties},
            "remarks": {"to": "notes", "from": "remarks", "fields": remarks},
            "bills": {"to": "bills", "from": "bills", "fields": bills},
        }
    )


def clinic(world: World, patients: list[Cells], visits: list[Cells]) -> None:
    """The raw stage: two doctors, the patients and visits given, a remark on every visit and a bill for every second."""
    world.put("doctors", [{"Name": "A"}, {"Name": "B"}], keys=["d1", "d2"])
    world.put("patients", patients, columns=["Kind", "Doctor", "Age"])
    world.put("visits", visits, columns=["Patient", "Doctor", "Status"])
    world.put("remarks", [{"Text": f"remark {n}", "Visit": f"k{n}"} for n in range(1, len(visits) + 1)], columns=["Text", "Visit"])
    bills = [{"Patient": row.get("Patient"), "Visit": f"k{n}"} for n, row in enumerate(visits, 1) if n % 2]
    world.put("bills", [*bills, {"Patient": "nobody", "Visit": ""}])


PATIENTS: list[Cells] = [
    {"Kind": "new", "Doctor": "d1", "Age": "30"}, {"Kind": "new", "Doctor": "d1", "Age": "31"},
    {"Kind": "old", "Doctor": "d2", "Age": "99"}, {"Kind": "old", "Doctor": "d9", "Age": "1"},
    {"Kind": "", "Doctor": "", "Age": "many"}, {"Kind": "new", "Doctor": "d1", "Age": "32"},
]  # fmt: skip
VISITS: list[Cells] = [
    {"Patient": "k1", "Doctor": "d1", "Status": "open"}, {"Patient": "k2", "Doctor": "d2", "Status": "open"},
    {"Patient": "k2", "Doctor": "d1", "Status": "done"}, {"Patient": "k9", "Doctor": "d1", "Status": "lost"},
    {"Patient": "k6", "Doctor": "", "Status": "open"},
]  # fmt: skip


def chosen(world: World, size: int, staged: StagedWrites | None = None) -> tuple[Sample, set[tuple[str, str]]]:
    """A sample of that size, and its selection as (record, key)."""
    mapping = clinic_map()
    staged = staged or world.stage(mapping)
    selection = world.root / "selection.parquet"
    sample = choose_sample(mapping, staged, size, world.root, selection, world.connection)
    return sample, {(row["record"], row["_key"]) for row in world.read(selection, "record, _key")}


@pytest.mark.parametrize("size", [1, 2, 3, 6, 50])
def test_a_sample_is_closed_and_whole(world: World, size: int) -> None:
    """Every reference leads into it, and everything that belongs to a chosen patient is in, remarks on their visits too."""
    clinic(world, PATIENTS, VISITS)
    sample, selection = chosen(world, size)
    patients = {key for record, key in selection if record == "people"}
    assert sample.size == len(patients) == min(size, len(PATIENTS))
    assert sample.rows == {name: sum(record == name for record, _ in selection) for name in {record for record, _ in selection}}
    theirs = {f"k{n}" for n, row in enumerate(VISITS, 1) if row["Patient"] in patients}
    for record in ("ties", "tasks", "remarks"):
        assert {key for name, key in selection if name == record} == theirs
    by_id = {row["_id"]: (item.record, row["_key"]) for item in world.staged.records for row in world.rows(item.record)}  # type: ignore[union-attr]
    for item in world.staged.records if world.staged else ():
        for row in world.rows(item.record):
            if (item.record, row["_key"]) in selection:
                assert {by_id[row[column.path]] for column in item.columns if column.reference and row[column.path]} <= selection


def test_the_first_choices_show_the_most(world: World) -> None:
    """Rows with findings, extremes and rare option values come before the fourth ordinary patient."""
    clinic(world, PATIENTS, VISITS)
    _, selection = chosen(world, 4)
    patients = {key for record, key in selection if record == "people"}
    assert {"k4", "k5"} <= patients
    assert len(patients & {"k1", "k6"}) < 2


def test_what_a_sample_does_not_show_is_listed(world: World) -> None:
    """Counts per kind, names for what reads as words, and the size that would show everything."""
    clinic(world, PATIENTS, VISITS)
    small, _ = chosen(world, 1)
    options = next(item for item in small.coverage if item.kind == "option values")
    assert options.covered + len(options.uncovered) == options.total
    assert small.size_for_everything > 1
    everything, _ = chosen(world, small.size_for_everything)
    assert all(item.covered == item.total and not item.uncovered for item in everything.coverage)


def test_the_same_writes_give_the_same_sample(world: World) -> None:
    """A sample can be named and approved: choosing again chooses the same."""
    clinic(world, PATIENTS, VISITS)
    assert chosen(world, 3) == chosen(world, 3)


def test_a_clinic_without_patients_has_an_empty_sample(world: World) -> None:
    """Nothing to show is not an error."""
    clinic(world, [], [])
    sample, selection = chosen(world, 5)
    assert (sample.size, sample.size_for_everything, selection) == (0, 0, set())


def test_a_map_without_its_sample_root_says_so(world: World) -> None:
    """`sample_root` has to name an active record."""
    clinic(world, PATIENTS, VISITS)
    mapping = clinic_map().model_copy(update={"sample_root": "nobody"})
    with pytest.raises(UsageError, match="sample_root nobody"):
        choose_sample(mapping, world.stage(mapping), 3, world.root, world.root / "s.parquet", world.connection)


OPTION_SETS = st.lists(st.frozensets(st.sampled_from("ABCDEF"), max_size=3), min_size=1, max_size=6)


@settings(max_examples=15, deadline=None)
@given(shown=OPTION_SETS, size=st.integers(1, 4))
def test_a_sample_covers_nearly_what_the_best_choice_would(
    tmp_path_factory: pytest.TempPathFactory, shown: list[frozenset[str]], size: int
) -> None:
    """Against every possible choice: at least 63 % of the best (the bound of the greedy rule), all of it where everything fits."""
    fields: Plain = {"tags": {"from": "Tags", "create": made("options")}}
    mapping = the_map({"people": {"to": "people", "from": "patients", "fields": fields}})
    with open_world(Path(tmp_path_factory.mktemp("sample"))) as world:
        world.put("patients", [{"Tags": ";".join(sorted(tags))} for tags in shown])
        staged = world.stage(mapping)
        sample = choose_sample(mapping, staged, size, world.root, world.root / "s.parquet", world.connection)
    options = next((item for item in sample.coverage if item.kind == "option values"), None)
    best = max(len({tag for tags in choice for tag in tags}) for choice in combinations(shown, min(size, len(shown))))
    # Null patterns weigh on the choice too: there are at most two, worth less than half an option value each.
    assert (options.covered if options else 0) >= 0.63 * best - 1
    if size >= sample.size_for_everything:
        assert all(item.covered == item.total for item in sample.coverage)

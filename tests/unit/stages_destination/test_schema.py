"""The schema plan: what the map needs, applied once, taken back when nobody's data lives in it (E2, E10)."""

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import duckdb
import pytest
from clinic import clinic
from destination_world import SCHEMA, World, at_once, id_of, stage

from crosswalk.model.destination_schema import DestinationField, DestinationSchema
from crosswalk.model.errors import RejectedError
from crosswalk.model.fingerprint import Fingerprint
from crosswalk.model.mapping import Mapping, RecordMapping
from crosswalk.model.rollback_report import RollbackReport
from crosswalk.model.schema_plan import FieldCreation, ObjectCreation, SchemaChange
from crosswalk.stages.rollback import rollback
from crosswalk.stages.schema import apply_schema, field_name, plan_schema
from crosswalk.stages.settle import settle
from crosswalk.testing.memory_destination import Faults, Killed, MemoryDestination
from crosswalk.testing.memory_schema import with_fields

BILLS = ObjectCreation(name="bills", singular="bill", label="Bill", label_plural="Bills")
MAPPING = Mapping.model_validate(
    {
        "source": "test",
        "destination": "memory",
        "sample_root": "people",
        "objects": [BILLS.model_dump()],
        "records": {
            "people": {
                "to": "people",
                "from": "p",
                "fields": {
                    "name.firstName": {"from": "Name"},
                    "bloodGroup": {
                        "from": "Blood",
                        "create": {"type": "option", "label": "Blood group", "options": [("A", "A"), ("B", "B")]},
                    },
                    "status": {
                        "from": "Status",
                        "create": {"type": "option", "label": "Status", "options": [("NEW", "New"), ("GONE", "Gone")]},
                    },
                },
            },
            "bills": {
                "to": "bills",
                "from": "b",
                "fields": {
                    "patientId": {
                        "lookup": "people",
                        "from": "P",
                        "create": {"type": "reference", "label": "Patient", "to": "people", "reverse_label": "Bills"},
                    },
                    "amount.value": {"from": "A", "create": {"type": "money", "label": "Amount"}},
                    "amount.currencyCode": {"constant": "INR"},
                },
            },
        },
    }
)
LABELS = (
    "create_object bills", "create_field people.bloodGroup", "add_options people.status", "create_field bills.amount",
    "create_field bills.patient",
)  # fmt: skip
UNDONE = (
    "create_field bills.patient", "create_object bills", "create_field bills.amount", "add_options people.status",
    "create_field people.bloodGroup",
)  # fmt: skip
"""References first, then tables, whose fields go with them, then what is left, newest first."""


@pytest.fixture
def world(tmp_path: Path) -> World:
    """An empty destination."""
    return World(tmp_path)


async def apply(world: World, changes: Sequence[SchemaChange]) -> None:
    """One `crosswalk apply`: settle, then carry out."""
    with world.journal() as journal, duckdb.connect() as connection:
        schema = await world.destination.describe()
        await settle(world.destination, journal, folder=world.folder, connection=connection, schema=schema)
        run = journal.start_run("apply", "m", {})
        await apply_schema(changes, destination=world.destination, journal=journal, run=run, schema=schema)


async def undo(world: World, before: Fingerprint) -> RollbackReport:
    """One `crosswalk rollback` of everything."""
    with ExitStack() as stack:
        journal, connection = stack.enter_context(world.journal()), stack.enter_context(duckdb.connect())
        schema = await world.destination.describe()
        await settle(world.destination, journal, folder=world.folder, connection=connection, schema=schema)
        return await rollback(
            destination=world.destination, journal=journal, run=journal.start_run("rollback", "u", {}), connection=connection,
            schema=schema, workspace=world.folder, folder=world.folder / "undo", staged=None, before=before, sleep=at_once,
        )  # fmt: skip


NAMES = {
    "amount.value": ("money", "amount"), "bodyV2.markdown": ("rich_text", "bodyV2"), "patientId": ("reference", "patient"),
    "bloodGroup": ("option", "bloodGroup"), "sourceId": ("text", "sourceId"),
}  # fmt: skip


@pytest.mark.parametrize(("path", "kind", "name"), [(path, *rest) for path, rest in NAMES.items()])
def test_the_field_a_leaf_belongs_to(path: str, kind: str, name: str) -> None:
    """Changes name fields, maps name leaves."""
    assert field_name(path, FieldCreation.model_validate({"type": kind, "label": "x"})) == name


def test_the_plan_is_ordered_and_holds_only_what_is_missing() -> None:
    """Objects, then plain fields and options, then references; of options only the new ones."""
    planned = plan_schema(MAPPING, SCHEMA, SCHEMA)
    assert tuple(change.label() for change in planned.changes) == LABELS
    options = next(change for change in planned.changes if change.operation == "add_options")
    assert options.field is not None
    assert options.field.options == (("GONE", "Gone"),)
    assert planned.findings == ()


def test_a_field_that_stands_and_is_not_unique_is_said() -> None:
    """The plan does not touch somebody's field; that nothing keeps its values apart is for a person to know."""
    people = next(item for item in SCHEMA.objects if item.name == "people")
    mapping = MAPPING.model_copy(
        update={
            "objects": (),
            "records": {"people": RecordMapping.model_validate({"to": "people", "from": "patients", "fields": {
                "sourceId": {"template": "{key}", "create": {"type": "text", "label": "Source id", "unique": True}}}})},
        }
    )  # fmt: skip
    for unique, codes in ((False, ["field_not_unique"]), (True, [])):
        standing = with_fields(people, (*people.fields, DestinationField(path="sourceId", type="text", unique=unique)))
        schema = SCHEMA.model_copy(update={"objects": (standing,)})
        planned = plan_schema(mapping, schema, schema)
        assert ([finding.code for finding in planned.findings], planned.changes) == (codes, ())


def test_a_field_that_stands_with_another_type_blocks() -> None:
    """The plan never writes into somebody's field of another kind."""
    people = next(item for item in SCHEMA.objects if item.name == "people")
    taken = with_fields(people, (*people.fields, DestinationField(path="bloodGroup", type="text")))
    schema = SCHEMA.model_copy(update={"objects": tuple(taken if item.name == "people" else item for item in SCHEMA.objects)})
    planned = plan_schema(MAPPING, schema, schema)
    assert [(finding.code, finding.severity, finding.field) for finding in planned.findings] == [
        ("field_type_differs", "blocking", "bloodGroup")
    ]
    assert "create_field people.bloodGroup" not in [change.label() for change in planned.changes]


@pytest.mark.parametrize("fault", ["uncertain_before", "uncertain_after", "killed_before", "killed_after"])
@pytest.mark.parametrize("at", range(5))
async def test_an_interrupted_apply_is_finished_and_undone(world: World, fault: str, at: int) -> None:
    """Wherever it stops, the next apply does the rest, nothing twice, and undo leaves no trace."""
    before = await world.remember()
    world.destination.faults = Faults({at: fault})  # pyright: ignore[reportArgumentType]
    try:
        await apply(world, plan_schema(MAPPING, world.destination.schema, world.destination.schema).changes)
    except Killed:
        await apply(world, plan_schema(MAPPING, world.destination.schema, world.destination.schema).changes)
    assert plan_schema(MAPPING, world.destination.schema, world.destination.schema).changes == ()
    report = await undo(world, before)
    assert report.schema_undone == UNDONE
    assert world.destination.schema == SCHEMA
    assert (report.proved, report.complete) == (True, True)


async def test_a_field_that_was_left_without_its_uniqueness_gets_it(world: World) -> None:
    """Where that takes a second request (Dataverse's alternate keys), an apply killed between the two is finished by the next."""
    before = await world.remember()
    field = FieldCreation(type="text", label="Source ID", unique=True)
    change = SchemaChange(operation="create_field", object="people", name="sourceId", field=field)
    world.destination.faults = Faults({0: "killed_after"})
    with pytest.raises(Killed):
        await apply(world, [change])
    [people] = [item for item in world.destination.schema.objects if item.name == "people"]
    half = with_fields(
        people, tuple(leaf.model_copy(update={"unique": leaf.unique and leaf.path != "sourceId"}) for leaf in people.fields)
    )
    objects = tuple(half if item.name == "people" else item for item in world.destination.schema.objects)
    world.destination.schema = world.destination.schema.model_copy(update={"objects": objects})
    await apply(world, [change])
    [people] = [item for item in world.destination.schema.objects if item.name == "people"]
    assert [leaf.unique for leaf in people.fields if leaf.path == "sourceId"] == [True]
    report = await undo(world, before)
    assert (report.schema_undone, world.destination.schema) == ((change.label(),), SCHEMA)


UNIQUE = SchemaChange(
    operation="create_field", object="people", name="sourceId", field=FieldCreation(type="text", label="Source ID", unique=True)
)


class KeysRefused(MemoryDestination):
    """Creates a unique field in two steps, of which it refuses the second."""

    async def apply(self, change: SchemaChange, schema: DestinationSchema) -> DestinationSchema:
        assert change.field is not None
        plain = change.model_copy(update={"field": change.field.model_copy(update={"unique": False})})
        await super().apply(plain, schema)
        raise RejectedError("rows hold the same value", "duplicate")


async def test_a_field_whose_uniqueness_was_refused_is_ours_to_undo(tmp_path: Path) -> None:
    """The refusal is raised, and yet the field stands: rollback takes it back, and proves that nothing is left."""
    world = World(tmp_path, KeysRefused(SCHEMA))
    before = await world.remember()
    with pytest.raises(RejectedError, match="the same value"):
        await apply(world, [UNIQUE])
    assert world.destination.schema != SCHEMA
    report = await undo(world, before)
    assert (report.schema_undone, world.destination.schema, report.proved) == ((UNIQUE.label(),), SCHEMA, True)


async def test_somebodys_field_that_is_not_unique_is_passed_over(world: World) -> None:
    """Made since the plan, it is not touched by apply, and not by undo."""
    before = await world.remember()
    assert UNIQUE.field is not None
    theirs = UNIQUE.model_copy(update={"field": UNIQUE.field.model_copy(update={"unique": False})})
    await world.destination.apply(theirs, world.destination.schema)
    standing, sent = world.destination.schema, len(world.destination.sent)
    await apply(world, [UNIQUE])
    assert len(world.destination.sent) == sent
    assert (await undo(world, before)).schema_undone == () and world.destination.schema == standing


async def test_what_holds_somebodys_data_stays(world: World) -> None:
    """A created table, field or option with a person's data is kept and listed, the rest goes; the difference is explained."""
    before = await world.remember()
    await apply(world, plan_schema(MAPPING, SCHEMA, SCHEMA).changes)
    await world.run_load(stage(world.folder, clinic(2)))
    world.destination.person_adds("bills", "b", {"amount.value": "5"})
    world.destination.person_adds("people", "x", {"status": "GONE"})
    report = await undo(world, before)
    assert {(row.destination_id, row.reason) for row in report.schema_kept} == {
        ("create_object bills", "others_data"), ("create_field bills.amount", "others_data"),
        ("add_options people.status", "others_data"),
    }  # fmt: skip
    assert set(report.schema_undone) == {"create_field people.bloodGroup", "create_field bills.patient"}
    assert id_of("people", "p1") not in world.held("people")
    assert (report.proved, report.complete) == (True, False)


async def test_a_field_somebody_added_to_our_table_keeps_it(world: World) -> None:
    """A table is not dropped under a field that is not ours."""
    before = await world.remember()
    await apply(world, plan_schema(MAPPING, SCHEMA, SCHEMA).changes)
    theirs = SchemaChange(operation="create_field", object="bills", name="remark", field=FieldCreation(type="text", label="Remark"))
    await world.destination.apply(theirs, world.destination.schema)
    report = await undo(world, before)
    assert [(row.destination_id, row.reason) for row in report.schema_kept] == [("create_object bills", "others_fields")]


async def test_a_refusal_is_told_in_the_destinations_words(world: World) -> None:
    """A refused change raises, is in the journal, and what was applied before it can be undone."""
    before = await world.remember()
    world.destination.faults = Faults({2: "reject"})
    with pytest.raises(RejectedError, match="bad mood"):
        await apply(world, plan_schema(MAPPING, SCHEMA, SCHEMA).changes)
    report = await undo(world, before)
    assert report.schema_undone == LABELS[:2]
    assert report.proved

"""match: which rows of the destination already stand for a source row, and which would be in the way (E3)."""

import pytest
from map_world import Plain, World, crm, made, the_map

from crosswalk.model.finding import Finding
from crosswalk.model.mapping import Mapping
from crosswalk.model.ownership import Matches
from crosswalk.stages.match import match
from crosswalk.testing.memory_destination import MemoryDestination

FIELDS: Plain = {
    "emails.primaryEmail": {"from": "E", "unique": {}},
    "sourceSystemId": {"template": "{key}", "create": made("text", unique=True)},
}
ROWS = [{"E": "a@x.test"}, {"E": "b@x.test"}, {"E": ""}]
THEIRS = "00000000-0000-4000-8000-00000000000"


def people(policy: str = "link", by: tuple[str, ...] = ("sourceSystemId", "emails.primaryEmail")) -> Mapping:
    """Patients that are recognised by id or address."""
    record: Plain = {"to": "people", "from": "patients", "match": {"by": list(by)}, "fields": FIELDS}
    return the_map({"people": record}, settings={"policy": policy})


async def matched(
    world: World, destination: MemoryDestination, mapping: Mapping | None = None
) -> tuple[Matches, tuple[Finding, ...]]:
    """Stage three patients and look for them."""
    mapping = mapping or people()
    world.put("patients", ROWS)
    staged = world.stage(mapping)
    described = await destination.describe()
    existing = {item.name: {leaf.path for leaf in item.fields} for item in described.objects}
    return await match(mapping, staged, destination, existing, world.root, world.connection)


def crm_with(*rows: tuple[str, Plain, bool]) -> MemoryDestination:
    """A CRM in which somebody made these people; the flag says soft-deleted."""
    destination = MemoryDestination(crm())
    for suffix, values, deleted in rows:
        destination.person_adds("people", THEIRS + suffix, values)
        if deleted:
            destination.person_deletes("people", THEIRS + suffix)
    return destination


@pytest.mark.parametrize(
    ("policy", "words"), [("link", "tied to them, unchanged"), ("update", "written onto them"), ("skip", "left out")]
)
async def test_a_live_row_with_our_value_is_a_match(world: World, policy: str, words: str) -> None:
    """It is told by record, key and field, and the finding says what the policy does with it."""
    destination = crm_with(("1", {"emails.primaryEmail": "b@x.test"}, False), ("2", {"emails.primaryEmail": "c@x.test"}, False))
    found, findings = await matched(world, destination, people(policy))
    assert [(item.record, item.key, item.id, item.by) for item in found.matches] == [
        ("people", "k2", THEIRS + "1", "emails.primaryEmail")
    ]
    assert [(item.code, item.severity, item.count, item.examples) for item in findings] == [
        ("existing_match", "warning", 1, ("k2",))
    ]
    assert words in findings[0].message


async def test_a_row_found_by_two_fields_is_one_match(world: World) -> None:
    """The same row by id and by address is no contradiction."""
    destination = crm_with(("1", {"emails.primaryEmail": "a@x.test", "sourceSystemId": "k1"}, False))
    found, _ = await matched(world, destination)
    assert [(item.key, item.by) for item in found.matches] == [("k1", "sourceSystemId")]


AMBIGUOUS: dict[str, list[tuple[str, Plain, bool]]] = {
    "two rows hold one value": [("1", {"jobTitle": "k1"}, False), ("2", {"jobTitle": "k1"}, False)],
    "two fields find two rows": [("1", {"sourceSystemId": "k1"}, False), ("2", {"emails.primaryEmail": "a@x.test"}, False)],
    "two patients find one row": [("1", {"sourceSystemId": "k1", "emails.primaryEmail": "b@x.test"}, False)],
}


@pytest.mark.parametrize("case", AMBIGUOUS)
async def test_what_is_not_one_for_one_blocks(world: World, case: str) -> None:
    """Nobody is written onto a row that may be somebody else: a person merges first."""
    fields: Plain = {**FIELDS, "jobTitle": {"template": "{key}"}}
    record: Plain = {"to": "people", "from": "patients", "match": {"by": [*FIELDS, "jobTitle"]}, "fields": fields}
    found, findings = await matched(world, crm_with(*AMBIGUOUS[case]), the_map({"people": record}))
    assert found.matches == ()
    assert {(item.code, item.severity) for item in findings} == {("ambiguous_match", "blocking")}


async def test_a_soft_deleted_holder_blocks(world: World) -> None:
    """Twenty keeps the value for the deleted row: ours would be refused (facts/twenty.md §5)."""
    found, findings = await matched(world, crm_with(("1", {"emails.primaryEmail": "a@x.test"}, True)))
    assert found.matches == ()
    assert [(item.code, item.severity, item.field) for item in findings] == [
        ("soft_deleted_holds_value", "blocking", "emails.primaryEmail")
    ]


async def test_rows_we_wrote_never_match_themselves(world: World) -> None:
    """A second plan after the load sees our own rows, live or soft-deleted, and says nothing of them."""
    world.put("patients", ROWS)
    world.stage(people())
    destination = MemoryDestination(crm())
    for row in world.rows("people"):
        values: Plain = {"sourceSystemId": row["sourceSystemId"], "emails.primaryEmail": row["emails.primaryEmail"]}
        destination.person_adds("people", row["_id"], values)
    destination.person_deletes("people", world.rows("people")[0]["_id"])
    assert await matched(world, destination) == (Matches(based_on={"mapping": people().digest()}), ())


async def test_a_field_the_destination_lacks_matches_nothing(world: World) -> None:
    """Before the plan is applied there is no source id to look for; nothing is read for nothing."""
    destination = MemoryDestination(crm().model_copy(update={"objects": ()}))
    found, findings = await matched(world, destination)
    assert (found.matches, findings) == ((), ())

"""preflight: every finding about map, schema and staged writes fires here, with its severity and a remedy (E3)."""

from typing import Any

import pytest
from map_world import Plain, World, leaf, made, the_map

from crosswalk.model.destination_schema import DestinationObject
from crosswalk.model.finding import Finding
from crosswalk.stages.preflight import REMEDIES, preflight
from crosswalk.testing.memory_destination import CAPABILITIES

ROWS: list[dict[str, str | None]] = [
    {"A": "x" * 30, "B": "soon", "C": "k9", "D": "Other"}, {"A": "short", "B": "2024-01-02", "C": "", "D": "Male"}
]  # fmt: skip


def checked(world: World, fields: Plain, **more: Any) -> list[Finding]:
    """The findings of a map of people with these fields."""
    world.put("rows", ROWS)
    record: Plain = {"to": more.pop("to", "people"), "from": "rows", "fields": fields}
    parents: Plain = {"to": "companies", "from": "rows", "fields": {"name": {"from": "C"}}}
    mapping = the_map({"people": record, "parents": parents}, **more)
    staged = world.stage(mapping)
    return list(preflight(mapping, staged, world.schema, CAPABILITIES, world.root, world.connection))


TAGS = made("options", options=[["MALE", "Male"]])
CASES: list[tuple[str, str, Plain, int]] = [
    ("field_unknown", "blocking", {"shoeSize": {"from": "A"}}, 1),
    ("field_not_writable", "blocking", {"position": {"expression": "7"}}, 1),
    ("value_too_long", "blocking", {"jobTitle": {"from": "A"}}, 1),
    ("option_unknown", "blocking", {"gender": {"from": "D", "transform": "option"}}, 1),
    ("option_unknown", "blocking", {"tags": {"from": "D", "create": TAGS, "transform": "list.split"}}, 2),
    ("date_invalid", "warning", {"born": {"from": "B", "create": made("date")}}, 1),
    ("type_differs", "warning", {"size": {"template": "{D}", "create": made("integer")}}, 2),
    ("unmapped_value", "warning", {"gender": {"from": "D", "values": {"male": "MALE"}}}, 1),
    ("orphan", "warning", {"companyId": {"lookup": "parents", "from": "C"}}, 1),
    ("missing_value", "warning", {"note": {"from": "C", "wanted": True, "create": made("text")}}, 1),
    ("required_missing", "warning", {"note": {"from": "C", "required": True, "create": made("text")}}, 1),
]  # fmt: skip


@pytest.mark.parametrize(
    ("code", "severity", "fields", "count"), CASES, ids=[f"{code} {next(iter(fields))}" for code, _, fields, _ in CASES]
)
def test_each_finding_fires_with_its_place_count_and_remedy(
    world: World, code: str, severity: str, fields: Plain, count: int
) -> None:
    """One planted fault, one finding: which object and field, how many rows, and what to do."""
    found = [item for item in checked(world, fields) if item.code == code]
    assert [(item.severity, item.object, item.field, item.count) for item in found] == [
        (severity, "people", next(iter(fields)), count)
    ]
    assert len(found[0].remedy) > 20
    assert found[0].acceptable == (code not in ("field_unknown", "field_not_writable"))
    assert found[0].message


@pytest.mark.parametrize(
    "case", [case for case in CASES if case[1] == "warning" or case[0] == "value_too_long"], ids=lambda case: case[0]
)
def test_findings_name_keys_and_lines_and_never_values(world: World, case: tuple[str, str, Plain, int]) -> None:
    """Key, file and line lead a person to the rows; the cells themselves stay where they are (law 8)."""
    found = next(item for item in checked(world, case[2]) if item.code == case[0])
    assert found.examples and set(found.examples) <= {"k1 (rows.csv:2)", "k2 (rows.csv:3)"}
    assert not any(cell and cell in found.message for row in ROWS for cell in row.values())


def test_a_map_that_fits_has_no_findings(world: World) -> None:
    """Fields that stand there, fields about to be created and parts of them are all right."""
    fields: Plain = {
        "name.firstName": {"from": "A"},
        "amount.value": {"constant": 5, "create": made("money")},
        "amount.currencyCode": {"constant": "INR", "beside": "amount.value"},
    }
    assert checked(world, fields) == []


def test_an_object_that_nobody_has_blocks(world: World) -> None:
    """Neither in the destination nor about to be created."""
    found = checked(world, {"name": {"from": "A"}}, to="planets")
    assert [(item.code, item.severity, item.acceptable) for item in found] == [("object_unknown", "blocking", False)]


@pytest.mark.parametrize("changes", [{"sample_root": "patients"}, {"where": "A = 'nobody'"}], ids=["no such record", "no rows"])
def test_a_migration_without_its_people_blocks(world: World, changes: Plain) -> None:
    """The record that everything belongs to is not there, or none of its rows is."""
    world.put("rows", ROWS)
    where = {"where": changes["where"]} if "where" in changes else {}
    records: Plain = {"people": {"to": "people", "from": "rows", "fields": {"jobTitle": {"constant": "x"}}, **where}}
    mapping = the_map(records).model_copy(update={"sample_root": changes.get("sample_root", "people")})
    found = preflight(mapping, world.stage(mapping), world.schema, CAPABILITIES, world.root, world.connection)
    assert [(item.code, item.severity) for item in found] == [("sample_root_missing", "blocking")]


def test_an_object_about_to_be_created_is_known(world: World) -> None:
    """What comes with it stands in the schema already; its other fields have to be created too."""
    world.schema = world.schema.with_objects([DestinationObject(name="planets", singular="planet", fields=(leaf("name"),))])
    planets = {"name": "planets", "singular": "planet", "label": "Planet", "label_plural": "Planets"}
    found = checked(world, {"name": {"from": "A"}, "mass": {"from": "A"}}, to="planets", objects=[planets])
    assert [(item.code, item.field) for item in found] == [("field_unknown", "mass")]


def test_a_body_too_large_for_the_destination_blocks(world: World) -> None:
    """Where a field has no limit of its own the request's size is one."""
    world.put("rows", [{"A": "x" * (CAPABILITIES.max_body_bytes // 2 + 1)}])
    mapping = the_map({"people": {"to": "people", "from": "rows", "fields": {"sourceSystemId": {"from": "A"}}}})
    staged = world.stage(mapping)
    found = preflight(mapping, staged, world.schema, CAPABILITIES, world.root, world.connection)
    assert [item.code for item in found] == ["value_too_long"]


@pytest.mark.parametrize(
    ("text", "too_long"),
    [
        ("x" * 8, False),
        ("x" * 9, True),
        ("漢é" * 4, False),
        ("😀" * 4, False),
        ("😀" * 4 + "x", True),
        ("漢😀😀xxx", False),
        ("漢😀😀xxxx", True),
    ],
)
def test_an_emoji_counts_as_two_characters(world: World, text: str, too_long: bool) -> None:
    """Destinations count UTF-16 units: a text that they refuse is found before."""
    world.put("rows", [{"A": text}])
    people = world.schema.object("people")
    assert people is not None
    narrow = people.model_copy(update={"fields": (leaf("short", max_length=8),)})
    schema = world.schema.model_copy(update={"objects": (narrow,)})
    mapping = the_map({"people": {"to": "people", "from": "rows", "fields": {"short": {"from": "A"}}}})
    world.schema = schema
    found = preflight(mapping, world.stage(mapping), schema, CAPABILITIES, world.root, world.connection)
    assert [item.code for item in found] == (["value_too_long"] if too_long else [])


def test_where_the_words_are_kept_is_said(world: World) -> None:
    """A person who reads the finding knows that nothing is lost."""
    fields: Plain = {"born": {"from": "B", "create": made("date")}, "bornAsWritten": {"words_of": "born", "create": made("text")}}
    assert "kept in bornAsWritten" in checked(world, fields)[0].message


def test_a_shared_value_is_said_to_be_where_it_went(world: World) -> None:
    """The overflow field has it, not the words as written."""
    fields: Plain = {
        "emails.primaryEmail": {"from": "E", "unique": {"overflow": "emails.additionalEmails"}},
        "emails.additionalEmails": {"from": "E", "transform": "email.others"},
        "emailAsWritten": {"words_of": "emails.primaryEmail", "create": made("text")},
    }
    world.put("rows", [{"E": "kin@x.test"}, {"E": "kin@x.test"}])
    mapping = the_map({"people": {"to": "people", "from": "rows", "fields": fields}})
    found = preflight(mapping, world.stage(mapping), world.schema, CAPABILITIES, world.root, world.connection)
    assert [item.code for item in found] == ["shared_value"]
    assert "kept in emails.additionalEmails" in found[0].message


def test_every_finding_a_transform_may_raise_has_a_remedy() -> None:
    """No code leads a person nowhere."""
    assert all(len(remedy) > 20 for remedy in REMEDIES.values())
    assert {"orphan", "unmapped_value", "shared_value", "missing_value", "type_differs", "too_many_decimals"} <= set(REMEDIES)

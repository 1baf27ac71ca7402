"""Laws of transform: ids that never move, content that tells values apart, and no source row without a place."""

import tempfile
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from map_world import IDENTITY, Plain, World, made, open_world, owners, the_map

from crosswalk.model.mapping import Mapping
from crosswalk.stages.transform import Identity, destination_id

TEXT = made("text")
CELLS = [None, "", " ", "a", "b", "A", "a|b", "x\x1fy", "O'Hara", "अमित", "NULL", "k1", "1", "2024-01-02"]
CELL = st.sampled_from(CELLS)


def keyed(world: World, identity: Identity = IDENTITY) -> dict[str, str]:
    """Key → id of two people."""
    world.put("patients", [{"N": "a"}, {"N": "b"}], keys=["it's", "पी/1"])
    world.stage(
        the_map({"people": {"to": "people", "from": "patients", "fields": {"v": {"from": "N", "create": TEXT}}}}), identity=identity
    )
    return {row["_key"]: row["_id"] for row in world.rows("people")}


def test_ids_are_what_python_computes(world: World) -> None:
    """The loader, the undo and SQL agree on the id of every record (law 5)."""
    assert keyed(world) == {key: destination_id(IDENTITY, "people", key) for key in ("it's", "पी/1")}


@pytest.mark.parametrize("other", [Identity("tests", 1, 2026), Identity("other", 0, 2026)])
def test_another_migration_or_generation_has_other_ids(world: World, other: Identity) -> None:
    """After a rollback nothing collides with rows that were kept; two migrations never share an id."""
    assert not set(keyed(world).values()) & set(keyed(world, other).values())


def test_the_year_changes_no_id(world: World) -> None:
    """Resuming in January must not migrate everybody again."""
    assert keyed(world) == keyed(world, Identity("tests", 0, 2027))


SEVERAL: Plain = {
    "a": {"template": "{A}", "create": TEXT},
    "b": {"expression": "\"B\" || ''", "create": TEXT},
    "emails.primaryEmail": {"from": "E", "unique": {"overflow": "emails.additionalEmails"}},
    "emails.additionalEmails": {"from": "E", "transform": "email.others"},
    "code": {"from": "A", "unique": {}, "create": TEXT},
    "list": {"from": "L", "create": made("list")},
}


def test_content_is_equal_exactly_where_all_values_are(world: World) -> None:
    """A changed value always becomes an update, an unchanged row never does: over every mixture of awkward cells."""
    choices = product(CELLS, CELLS, ["", "x@y.test", "z@y.test"], ["", "a;b", "a", "a, b"])
    world.put("patients", [dict(zip("ABEL", cells, strict=True)) for cells in choices])
    world.stage(the_map({"people": {"to": "people", "from": "patients", "fields": SEVERAL}}))
    staged = [(row["_content"], str([row[path] for path in SEVERAL])) for row in world.rows("people")]
    assert len({content for content, _ in staged}) == len({values for _, values in staged}) == len(set(staged)) > 100


def test_the_same_input_gives_the_same_writes(world: World) -> None:
    """A resumed run computes exactly what the first one meant, whatever order threads finish in."""
    world.put("patients", [{"A": str(n % 7), "B": str(n), "E": f"{n % 5}@x.test", "L": "a;b"} for n in range(3000)])
    mapping = the_map({"people": {"to": "people", "from": "patients", "fields": SEVERAL}})
    first = world.stage(mapping)
    rows, told = world.rows("people"), world.contributions("people")
    world.connection.execute("SET threads = 2")
    second = world.stage(mapping, to="two")
    assert world.rows("people") == rows
    assert world.contributions("people") == told
    assert [item.states for item in first.records] == [item.states for item in second.records]


SMALL = st.fixed_dictionaries({"Id": CELL, "Ref": CELL, "Day": CELL, "Type": st.sampled_from(["p", "c", None])})
FIELD: st.SearchStrategy[Plain] = st.sampled_from(
    [
        {"from": "Day", "create": TEXT},
        {"from": "Day", "create": made("date")},
        {"from": "Day", "create": made("integer"), "required": True},
        {"template": "{Id}[ {Day}]", "fallback": "{key}", "create": TEXT},
        {"expression": 'CASE WHEN "Id" = \'a\' THEN "Day" END', "create": TEXT},
        {"from": "Type", "values": {"P": "PP"}, "create": made("option")},
        {"gather": {"from": "others", "match": {"Ref": "Id"}, "order": ["Day"], "lines": "{Day}"}, "create": TEXT},
        {"gather": {"from": "others", "match": {"Ref": "Id"}, "items": "Day"}, "values": {"a": "A"}, "create": made("options")},
        {"from": "one.Day", "create": TEXT},
        {"from": "Id", "unique": {}, "create": TEXT},
        {"owner": "Id", "required": True},
        {"lookup": "parents", "from": "Ref"},
        {"lookup": "parents", "from": "Ref", "required": True},
    ]
)
RECORD = st.fixed_dictionaries(
    {
        "fields": st.lists(FIELD, min_size=1, max_size=4).map(lambda some: {f"f{n}": one for n, one in enumerate(some)}),
        "where": st.sampled_from([None, "\"Type\" = 'p'", "NOT (\"Type\" = 'p')", '"Type" IS NULL OR "Id" = \'a\'']),
        "key": st.sampled_from([[], ["Id"], ["Id", "Ref"]]),
        "fold": st.booleans(),
    }
)
JOINS: Plain = {"one": {"from": "others", "match": {"Ref": "Id"}, "order": ["Day"]}}


def _map(child: Plain) -> Mapping:
    """A parent record of `others` and a drawn child of `rows`."""
    parents: Plain = {"to": "companies", "from": "others", "key": ["Id"], "fields": {"name": {"from": "Id", "required": True}}}
    children: Plain = {"to": "people", "from": "rows", "joins": JOINS, **{key: value for key, value in child.items() if value}}
    return the_map({"people": children, "parents": parents})


def _passes(where: str | None, row: dict[str, str | None]) -> bool:
    """The drawn filters in Python; NULL does not pass."""
    kind = row["Type"]
    if where is None:
        return True
    if "IS NULL" in where:
        return kind is None or row["Id"] == "a"
    return kind is not None and (kind == "p") == (not where.startswith("NOT"))


@settings(max_examples=20, deadline=None)
@given(child=RECORD, rows=st.lists(SMALL, max_size=8), others=st.lists(SMALL, max_size=6))
def test_every_source_row_is_excluded_or_stands_in_a_write(child: Plain, rows: list[Any], others: list[Any]) -> None:
    """Whatever the map: nothing vanishes, nothing doubles, every write has its own id and one state (laws 5 and 6)."""
    columns = ["Id", "Ref", "Day", "Type"]
    with tempfile.TemporaryDirectory() as folder, open_world(Path(folder)) as world:
        world.put("rows", rows, columns=columns)
        world.put("others", others, columns=columns)
        staged = world.stage(_map(child), owners({"a": "u1"}))
        writes, told = world.rows("people"), world.contributions("people")
        parents = world.rows("parents")
    passing = {number for number, row in enumerate(rows, 1) if _passes(child["where"], row)}
    assert {row for _, name, row in told if name == "rows"} == passing
    assert {key for key, *_ in told} == {row["_key"] for row in writes}
    assert len(writes) == len({row["_key"] for row in writes}) == len({row["_id"] for row in writes})
    assert len(writes) == (len({key for key, name, _ in told if name == "rows"}) if child["fold"] else len(passing))
    assert len(parents) == len(others)
    assert all((row["_state"] == "rejected") == (row["_reason"] is not None) for row in writes)
    assert all(item.rows == sum(item.states.values()) for item in staged.records)
    ids = {row["_id"] for row in parents}
    looked_up = [path for path, mapped in child["fields"].items() if mapped.get("lookup")]
    assert all(row[path] is None or row[path] in ids for row in writes for path in looked_up)

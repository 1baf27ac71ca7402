"""transform, field by field: what each kind of mapped field makes of a cell, and what it says when it cannot."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pytest
from map_world import Plain, World, made, one_field, the_map

from crosswalk.model.errors import UsageError

TEXT = made("text")
MONEY, MOMENT, OPTION = made("money"), made("datetime"), made("option")
moment = datetime.fromisoformat

VALUES: list[tuple[str, Plain, list[str | None], list[Any]]] = [
    ("text is trimmed", {"from": "A", "create": TEXT}, [" x ", "", None, "NULL"], ["x", None, None, None]),
    ("codes keep their zeros", {"from": "A", "transform": "code", "create": TEXT}, ["01201", " 007 "], ["01201", "007"]),
    ("a constant stands in every row", {"constant": "USD", "create": TEXT}, ["x", None], ["USD", "USD"]),
    ("a number may be constant", {"constant": 12.5, "create": MONEY}, ["x"], [Decimal("12.500000")]),
    ("a truth value may be constant", {"constant": True, "create": made("boolean")}, ["x"], [True]),
    ("an expression computes", {"expression": "upper(\"A\") || '!'", "create": TEXT}, ["x", None], ["X!", None]),
    ("an expression may find nothing", {"expression": "replace(\"A\", 'x', '')", "create": TEXT}, ["x"], [None]),
    ("an expression gets the type of its field", {"expression": '"A"', "create": made("integer")}, ["7"], [7]),
    ("decimals are exact", {"from": "A", "create": MONEY}, ["1,234.50", "0.1"], [Decimal("1234.5"), Decimal("0.1")]),
    ("a date stays a date", {"from": "A", "create": made("date")}, ["2024-02-29"], [date(2024, 2, 29)]),
    ("an instant is UTC", {"from": "A", "create": MOMENT}, ["2024-01-02T03:04:05Z"], [moment("2024-01-02 03:04:05")]),
    ("an offset is applied", {"from": "A", "create": MOMENT}, ["2024-01-02T03:04:05+05:30"], [moment("2024-01-01 21:34:05")]),
    ("a list is split", {"from": "A", "create": made("list")}, ["a; b", "a"], [["a", "b"], ["a"]]),
    ("a value map is case-blind and trims", {"from": "A", "values": {"M": "MALE"}, "create": OPTION}, [" m\t", "M"], ["MALE"] * 2),
    ("a fallback fills blanks", {"template": "{A}", "fallback": "Row {key}", "create": TEXT}, ["x", " "], ["x", "Row k2"]),
    ("a fallback fills a typed field", {"from": "A", "fallback": "2020-01-01", "create": made("date")}, [""], [date(2020, 1, 1)]),
]  # fmt: skip


@pytest.mark.parametrize(("mapped", "cells", "expected"), [case[1:] for case in VALUES], ids=[case[0] for case in VALUES])
def test_a_cell_becomes_a_typed_value(world: World, mapped: Plain, cells: list[str | None], expected: list[Any]) -> None:
    """Each case says what its field does; nothing is ever the empty text."""
    world.put("rows", [{"A": cell} for cell in cells])
    world.stage(one_field(mapped))
    assert world.values("people") == expected
    assert [row["_findings"] for row in world.rows("people")] == [[] for _ in cells]


FINDINGS: list[tuple[str, Plain, str, str]] = [
    ("a value the map does not know", {"from": "A", "values": {"x": "X"}, "create": OPTION}, "y", "unmapped_value"),
    ("an impossible date", {"from": "A", "create": made("date")}, "2023-02-30", "date_invalid"),
    ("too many decimals", {"from": "A", "create": made("decimal")}, "0.12345678", "too_many_decimals"),
    ("an expression of another type", {"expression": '"A"', "create": made("integer")}, "seven", "type_differs"),
    ("a template of another type", {"template": "{A}", "create": made("date")}, "soon", "type_differs"),
    ("a transform of another type", {"from": "A", "transform": "text", "create": made("date")}, "soon", "type_differs"),
    ("a blank that is wanted", {"from": "A", "wanted": True, "create": TEXT}, " ", "missing_value"),
    ("a wanted expression without result", {"expression": "trim(\"A\")", "wanted": True, "create": TEXT}, " ", "missing_value"),
]  # fmt: skip


@pytest.mark.parametrize(("mapped", "cell", "code"), [case[1:] for case in FINDINGS], ids=[case[0] for case in FINDINGS])
def test_what_cannot_be_written_as_mapped_is_a_finding(world: World, mapped: Plain, cell: str, code: str) -> None:
    """The row goes on without the value, and says so: never a guess, never a crash, never silence (law 6)."""
    world.put("rows", [{"A": cell}])
    staged = world.stage(one_field(mapped))
    assert world.values("people") == [None]
    assert world.rows("people")[0]["_findings"] == [f"{code}:value"]
    assert world.rows("people")[0]["_state"] == "ready"
    assert staged.records[0].findings == {f"{code}:value": 1}


def test_the_words_of_a_lost_value_are_kept(world: World) -> None:
    """`words_of` holds the source's own words exactly where the other field has a finding."""
    fields = {"born": {"from": "A", "create": made("date")}, "words": {"words_of": "born", "create": TEXT}}
    world.put("rows", [{"A": "about\x00 1980"}, {"A": "1980-05-06"}, {"A": ""}])
    world.stage(the_map({"people": {"to": "people", "from": "rows", "fields": fields}}))
    assert world.values("people", "born") == [None, date(1980, 5, 6), None]
    assert world.values("people", "words") == ["about 1980", None, None]


def test_a_field_beside_another_is_written_only_where_that_one_is(world: World) -> None:
    """A currency without an amount would be a value nobody meant."""
    fields = {
        "amount.currencyCode": {"constant": "INR", "beside": "amount.value"},
        "amount.value": {"from": "A", "create": MONEY},
    }
    world.put("rows", [{"A": "5"}, {"A": ""}, {"A": "many"}])
    world.stage(the_map({"people": {"to": "people", "from": "rows", "fields": fields}}))
    assert world.values("people", "amount.currencyCode") == ["INR", None, None]


@pytest.mark.parametrize(("order", "day"), [("dmy", date(2024, 4, 3)), ("mdy", date(2024, 3, 4))])
def test_a_date_is_read_in_its_columns_order(world: World, order: str, day: date) -> None:
    """03/04/2024 is what the column's other values say it is, as the map shows under date_orders."""
    world.put("rows", [{"A": "03/04/2024"}])
    mapping = one_field({"from": "A", "create": made("date")}).model_copy(update={"date_orders": {"rows": {"A": order}}})
    world.stage(mapping)
    assert world.values("people") == [day]


def test_a_moment_without_zone_is_the_clinics(world: World) -> None:
    """10:00 in New York in winter is 15:00 UTC."""
    world.put("rows", [{"A": "2024-01-02 10:00"}])
    records = {"people": {"to": "people", "from": "rows", "fields": {"value": {"from": "A", "create": MOMENT}}}}
    world.stage(the_map(records, settings={"timezone": "America/New_York"}))
    assert world.values("people") == [moment("2024-01-02 15:00")]


def test_spellings_that_differ_by_case_never_double_a_row(world: World) -> None:
    """Two entries of a value map that read the same are one: the row is written once."""
    world.put("rows", [{"A": "open"}, {"A": "OPEN"}, {"A": " Open"}])
    world.stage(one_field({"from": "A", "values": {"open": "OPEN", "Open": "OPEN", "OPEN ": "OPEN"}, "create": OPTION}))
    assert world.values("people") == ["OPEN"] * 3


@pytest.mark.parametrize(
    ("mapped", "words"),
    [
        ({"from": "Nowhere", "create": TEXT}, "people.value reads the column 'Nowhere' of rows"),
        ({"template": "{A}{Nowhere}", "create": TEXT}, "'Nowhere'"),
        ({"expression": '"Nowhere"', "create": TEXT}, "'Nowhere'"),
        ({"from": "A", "transform": "upside_down", "create": TEXT}, "no transform upside_down"),
        ({"expression": "read_text('/etc/passwd')", "create": TEXT}, "read_text"),
        ({"expression": "left(\"A\", 'x')", "create": TEXT}, "people"),
        ({"gather": {"from": "lost", "match": {"B": "A"}, "lines": "{B}"}, "create": TEXT}, "lost"),
    ],
)
def test_a_map_that_cannot_be_computed_names_its_place(world: World, mapped: Plain, words: str) -> None:
    """A wrong column, object, transform or function is a UsageError before anything is written."""
    world.put("rows", [{"A": "x"}])
    with pytest.raises(UsageError, match="people") as refused:
        world.stage(one_field(mapped))
    assert words in refused.value.message
    assert refused.value.remedy


def test_an_expression_that_fails_on_a_row_does_not_repeat_its_value(world: World) -> None:
    """DuckDB's own words would hold the cell (law 8)."""
    world.put("rows", [{"A": "Secret Patient"}])
    with pytest.raises(UsageError) as refused:
        world.stage(one_field({"expression": 'CAST("A" AS INT) + 1', "create": made("integer")}))
    assert "Secret" not in refused.value.message + refused.value.remedy
    assert "people" in refused.value.message

"""transform, row by row: which source rows become which records, and how records find each other."""

from typing import Any

import pytest
from map_world import Plain, World, made, matches, one_field, owners, the_map

TEXT = made("text")
NAME: Plain = {"name": {"from": "Name", "create": TEXT}}


def patients(**record: Any) -> dict[str, Plain]:
    """One record `people` from `patients`."""
    return {"people": {"to": "people", "from": "patients", **record}}


def test_where_says_which_rows_become_records(world: World) -> None:
    """A row the filter does not hold for, or holds NULL for, is no record and no contribution."""
    world.put("patients", [{"Name": "a", "Type": "Patient"}, {"Name": "b", "Type": "Clinic"}, {"Name": "c", "Type": None}])
    world.stage(the_map(patients(where="lower(\"Type\") = 'patient'", fields=NAME)))
    assert world.values("people", "name") == ["a"]
    assert world.contributions("people") == {("k1", "patients", 1)}


def test_folded_rows_are_no_records(world: World) -> None:
    """Rows that extraction folded into another stand in no record."""
    world.put("patients", [{"Name": "a"}, {"Name": "a again"}], keys=["p", "p"], folded=[2])
    world.stage(the_map(patients(fields=NAME)))
    assert world.values("people", "name") == ["a"]


def test_a_declared_key_names_records_and_numbers_equals(world: World) -> None:
    """Equal keys get an occurrence number, a `|` in a part is marked, a blank part stays a part."""
    cells = [("p", "1"), ("p", "1"), ("p|", "1"), ("p", None), (" p ", "1")]
    world.put("patients", [{"Name": "x", "P": one, "Q": two} for one, two in cells])
    world.stage(the_map(patients(key=["P", "Q"], fields=NAME)))
    assert [row["_key"] for row in world.rows("people")] == ["p|1", "p|1#2", "p\\||1", "p|", "p|1#3"]
    assert len({row["_id"] for row in world.rows("people")}) == 5


def test_a_blank_declared_key_falls_back_to_the_source_key(world: World) -> None:
    """No record is without a key, so none is without an id."""
    world.put("patients", [{"Name": "x", "P": "  "}, {"Name": "y", "P": None}, {"Name": "z", "P": "p"}])
    world.stage(the_map(patients(key="P", fields=NAME)))
    assert [row["_key"] for row in world.rows("people")] == ["k1", "k2", "p"]
    assert None not in [row["_id"] for row in world.rows("people")]


VISITS = [
    {"P": "p1", "Day": "02/03/2024", "Code": "c2", "What": "two"},
    {"P": "p1", "Day": "01/04/2024", "Code": "c3", "What": "three"},
    {"P": "p1", "Day": "10/01/2024", "Code": "c1", "What": ""},
    {"P": "p2", "Day": "", "Code": "c4", "What": "four"},
]


@pytest.mark.parametrize(
    ("order", "lines"),
    [
        ("dmy", ["- 10/01/2024 c1\n- 02/03/2024 c2 two\n- 01/04/2024 c3 three", "-  c4 four"]),
        ("mdy", ["- 01/04/2024 c3 three\n- 02/03/2024 c2 two\n- 10/01/2024 c1", "-  c4 four"]),
    ],
)
def test_a_fold_brings_rows_together_in_the_order_of_their_dates(world: World, order: str, lines: list[str]) -> None:
    """One record per key, its lines by date as the column's order reads it, and the first filled value of each column."""
    fields: Plain = {
        "body": {"lines": "- {Day} {Code}[ {What}]", "create": TEXT},
        "first": {"from": "What", "create": TEXT},
    }
    world.put("visits", VISITS)
    record = {"to": "notes", "from": "visits", "key": "P", "fold": True, "order": ["Day"], "fields": fields}
    world.stage(the_map({"notes": record}, date_orders={"visits": {"Day": order}}))
    assert world.values("notes", "body") == lines
    assert world.values("notes", "first") == ["two" if order == "dmy" else "three", "four"]
    assert [row["_key"] for row in world.rows("notes")] == ["p1", "p2"]
    assert {(key, row) for key, _, row in world.contributions("notes")} == {("p1", 1), ("p1", 2), ("p1", 3), ("p2", 4)}


def test_a_template_that_looks_like_the_compilers_own_words_stays_text(world: World) -> None:
    """Doubled braces are the person's, whatever stands between them."""
    world.put("visits", VISITS)
    fields: Plain = {"body": {"lines": "{{part}} {Code}", "create": TEXT}}
    world.stage(the_map({"notes": {"to": "notes", "from": "visits", "key": "P", "fold": True, "fields": fields}}))
    assert world.values("notes", "body")[1] == "{part} c4"


FORMS = [
    {"Who": "p1", "Sent": "05/01/2024", "Kin": "old"},
    {"Who": " p1", "Sent": "04/02/2024", "Kin": "new"},
    {"Who": "", "Sent": "01/01/2024", "Kin": "nobody's"},
]


def test_a_join_takes_the_newest_row(world: World) -> None:
    """Of several rows with the key the last by `order` stands beside the record; only it contributes."""
    world.put("patients", [{"Id": "p1"}, {"Id": "p2"}, {"Id": ""}])
    world.put("forms", FORMS)
    joins = {"form": {"from": "forms", "match": {"Who": "Id"}, "order": ["Sent"]}}
    fields: Plain = {"kin": {"from": "form.Kin", "create": TEXT}}
    world.stage(the_map(patients(joins=joins, fields=fields), date_orders={"forms": {"Sent": "dmy"}}))
    assert world.values("people", "kin") == ["new", None, None]
    assert ("k1", "forms", 2) in world.contributions("people")
    assert {row for _, name, row in world.contributions("people") if name == "forms"} == {2}


@pytest.mark.parametrize("alias", ["form", "r", "b", "order", "select"])
def test_a_join_may_have_any_name(world: World, alias: str) -> None:
    """What a person calls a join never means something else to the database."""
    world.put("patients", [{"Id": "p1"}])
    world.put("forms", FORMS)
    joins = {alias: {"from": "forms", "match": {"Who": "Id"}, "where": "\"Kin\" <> 'new'"}}
    world.stage(the_map(patients(joins=joins, fields={"kin": {"expression": f'"{alias}.Kin"', "create": TEXT}})))
    assert world.values("people", "kin") == ["old"]


SENT = [
    {"P": "p1", "C": "c1", "At": "2024-02-01", "State": "read"},
    {"P": "p1", "C": "c2", "At": "2024-01-01", "State": ""},
    {"P": "p1", "C": "c1", "At": "2024-03-01", "State": "sent"},
    {"P": "p2", "C": "c9", "At": "", "State": "lost"},
    {"P": "", "C": "c1", "At": "", "State": "nobody's"},
]
GATHER: Plain = {"from": "sent", "match": {"P": "Id"}, "joins": {"of": {"from": "campaigns", "match": {"Id": "C"}}}}


def gathering(world: World, gather: Plain, **mapped: Any) -> None:
    """Stage patients that gather from `sent` joined with `campaigns`."""
    world.put("patients", [{"Id": "p1"}, {"Id": "p2"}, {"Id": "p3"}, {"Id": ""}])
    world.put("sent", SENT)
    world.put("campaigns", [{"Id": "c1", "Title": "Flu"}, {"Id": "c2", "Title": "Diwali"}])
    world.stage(the_map(patients(fields={"value": {"gather": {**GATHER, **gather}, **mapped}})))


def test_a_gather_renders_lines_in_order(world: World) -> None:
    """Rows of another object, joined with a third, become lines on the record they belong to; blanks belong to nobody."""
    gathering(world, {"order": ["At"], "lines": "{of.Title}[: {State}]"}, create=TEXT)
    assert world.values("people") == ["Diwali\nFlu: read\nFlu: sent", ": lost", None, None]
    own = {(row, "patients", int(row[1:])) for row in ("k1", "k2", "k3", "k4")}
    gathered = {("k1", "sent", 1), ("k1", "sent", 2), ("k1", "sent", 3), ("k2", "sent", 4)}
    assert world.contributions("people") == own | gathered | {("k1", "campaigns", 1), ("k1", "campaigns", 2)}


def test_a_gather_may_choose_its_rows(world: World) -> None:
    """`where` of a gather filters the other object's rows."""
    gathering(world, {"where": "\"State\" = 'read'", "lines": "{C}"}, create=TEXT)
    assert world.values("people") == ["c1", None, None, None]


def test_a_gather_collects_distinct_items_through_a_value_map(world: World) -> None:
    """Several rows become a sorted list of options; what the value map does not know is a finding."""
    gathering(world, {"items": "of.Title"}, values={"flu": "FLU"}, create=made("options"))
    assert world.values("people") == [["FLU"], None, None, None]
    assert [row["_findings"] for row in world.rows("people")] == [["unmapped_value:value"], [], [], []]


@pytest.mark.parametrize("transform", [None, "option"])
def test_gathered_items_are_transformed(world: World, transform: str | None) -> None:
    """Without a value map the items are cleaned text, or what the named transform makes of them."""
    gathering(world, {"items": "of.Title"}, transform=transform, create=made("list"))
    assert world.values("people")[0] == (["DIWALI", "FLU"] if transform else ["Diwali", "Flu"])


def linked(world: World, required: bool) -> None:
    """Patients of clinics, one of which is not in the export."""
    world.put("clinics", [{"Name": "North"}, {"Name": ""}], keys=["c1", "c2"])
    world.put("patients", [{"Clinic": cell} for cell in ("c1 ", "c9", "", None)])
    clinics: Plain = {"to": "companies", "from": "clinics", "fields": {"name": {"from": "Name", "create": TEXT}}}
    fields: Plain = {"companyId": {"lookup": "companies", "from": "Clinic", "required": required}}
    world.stage(the_map({**patients(fields=fields), "companies": clinics}))


def test_a_lookup_becomes_the_other_records_id_and_orphans_are_found(world: World) -> None:
    """A key that leads nowhere is the finding `orphan` (E4); a blank is simply no link. Parents load in an earlier wave."""
    linked(world, required=False)
    ids = [row["_id"] for row in world.rows("companies")]
    assert world.values("people", "companyId") == [ids[0], None, None, None]
    assert [row["_findings"] for row in world.rows("people")] == [[], ["orphan:companyId"], [], []]
    assert world.staged and [item.wave for item in world.staged.records] == [1, 2]
    assert world.staged.records[1].columns[0].reference == "companies"


def test_a_record_without_what_it_requires_is_rejected_with_the_reason(world: World) -> None:
    """It is not written, it is counted, and it says which field was missing."""
    linked(world, required=True)
    assert [row["_state"] for row in world.rows("people")] == ["ready", "rejected", "rejected", "rejected"]
    assert {row["_reason"] for row in world.rows("people")} == {None, "required_missing:companyId"}
    assert world.staged and world.staged.records[1].states == {"ready": 1, "rejected": 3}


def test_a_link_record_looks_up_its_own_row(world: World) -> None:
    """A lookup without `from` is the record that the same source row became."""
    world.put("patients", [{"Name": "a"}, {"Name": "b"}])
    tie: Plain = {
        "to": "taskTargets",
        "from": "patients",
        "link": True,
        "fields": {"taskId": {"lookup": "people", "required": True}},
    }
    world.stage(the_map({**patients(fields=NAME), "ties": tie}))
    assert world.values("ties", "taskId") == [row["_id"] for row in world.rows("people")]


def test_an_owner_is_who_the_address_belongs_to_else_the_fallback(world: World) -> None:
    """Addresses are compared trimmed and case-blind; an address nobody has, a blank and a missing cell go to the fallback (E1)."""
    world.put("rows", [{"E": " Doc@Clinic.test"}, {"E": "other@clinic.test"}, {"E": ""}, {"E": None}])
    mapped: Plain = {"owner": "E", "required": True}
    world.stage(one_field(mapped), owners({"doc@clinic.test": "u1"}, fallback="u9"))
    assert world.values("people") == ["u1", "u9", "u9", "u9"]
    world.stage(one_field(mapped), owners({"doc@clinic.test": "u1"}), to="two")
    assert [row["_state"] for row in world.rows("people")] == ["ready", "rejected", "rejected", "rejected"]


SHARED: Plain = {
    "emails.primaryEmail": {"from": "E", "unique": {"overflow": "emails.additionalEmails"}},
    "emails.additionalEmails": {"from": "E", "transform": "email.others"},
}


def test_a_unique_value_stays_with_the_first_and_nothing_is_lost(world: World) -> None:
    """Relatives share an address: the first keeps it, the others get it as an additional one, with a finding."""
    cells = ["Kin@x.test", "kin@x.test, own@x.test", "other@x.test", "", "KIN@x.test"]
    world.put("patients", [{"E": cell} for cell in cells])
    world.stage(the_map(patients(fields=SHARED)))
    assert world.values("people", "emails.primaryEmail") == ["kin@x.test", None, "other@x.test", None, None]
    assert sorted(world.values("people", "emails.additionalEmails")[1]) == ["kin@x.test", "own@x.test"]
    assert world.values("people", "emails.additionalEmails")[4] == ["kin@x.test"]
    shared = ["shared_value:emails.primaryEmail" in row["_findings"] for row in world.rows("people")]
    assert shared == [False, True, False, False, True]


def test_a_row_that_is_not_written_takes_no_value_from_the_others(world: World) -> None:
    """The first that will stand in the destination keeps the value."""
    fields: Plain = {**SHARED, "name": {"from": "Name", "required": True, "create": TEXT}}
    world.put("patients", [{"E": "kin@x.test", "Name": ""}, {"E": "kin@x.test", "Name": "b"}])
    world.stage(the_map(patients(fields=fields)))
    assert world.values("people", "emails.primaryEmail")[1] == "kin@x.test"


@pytest.mark.parametrize(("policy", "state"), [("link", "matched"), ("update", "existing"), ("skip", "excluded")])
def test_a_matched_row_takes_the_destinations_id(world: World, policy: str, state: str) -> None:
    """By policy it stands for the source row, is changed, or is left out; what refers to it refers to the row that stands there."""
    world.put("patients", [{"Name": "a"}, {"Name": "b"}])
    tie: Plain = {"to": "taskTargets", "from": "patients", "fields": {"taskId": {"lookup": "people"}}}
    mapping = the_map({**patients(fields=NAME), "ties": tie}, settings={"policy": policy})
    world.stage(mapping, matches=matches(("people", "k2", "theirs"), ("other", "k1", "nothing")))
    assert [row["_state"] for row in world.rows("people")] == ["ready", state]
    assert world.rows("people")[1]["_id"] == "theirs" == world.values("ties", "taskId")[1]


def test_objects_of_any_name_are_read(world: World) -> None:
    """Sheets are named by people: dots, slashes and blanks are no obstacle."""
    world.put("Lab results.2 / new", [{"A": "x"}])
    world.put("rows", [{"Id": "x"}])
    gather = {"from": "Lab results.2 / new", "match": {"A": "Id"}, "lines": "{A}"}
    world.stage(one_field({"gather": gather, "create": TEXT}, joins={"l": {"from": "Lab results.2 / new", "match": {"A": "Id"}}}))
    assert world.values("people") == ["x"]
    world.stage(the_map({"people": {"to": "people", "from": "Lab results.2 / new", "fields": {"v": {"from": "A"}}}}), to="two")
    assert world.values("people", "v") == ["x"]

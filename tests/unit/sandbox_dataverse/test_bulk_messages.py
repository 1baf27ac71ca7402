"""CreateMultiple, UpdateMultiple, UpsertMultiple and BulkDelete (facts/dataverse.md §4.3 to §4.6)."""

from typing import Any

import pytest
from dataverse_talk import Talk

ID = "aaaaaaaa-0000-4000-8000-{:012d}"
TYPE = "Microsoft.Dynamics.CRM.contact"


@pytest.fixture
def talk() -> Talk:
    return Talk()


def message(name: str, entity_set: str = "contacts") -> str:
    return f"{entity_set}/Microsoft.Dynamics.CRM.{name}"


def target(number: int, **values: Any) -> dict[str, Any]:
    return {"@odata.type": TYPE, "contactid": ID.format(number), **values}


def test_created_rows_have_our_ids_in_our_order(talk: Talk) -> None:
    """200 with Ids; the ledger lists them under the table's name."""
    answer = talk.done("POST", message("CreateMultiple"), {"Targets": [target(n, lastname=f"L{n}") for n in (3, 1, 2)]})
    assert answer["Ids"] == [ID.format(n) for n in (3, 1, 2)]
    assert (talk.call.written.object, talk.call.written.ids) == ("contact", answer["Ids"])


@pytest.mark.parametrize("name", ["CreateMultiple", "UpdateMultiple", "UpsertMultiple"])
def test_one_bad_row_takes_back_the_whole_request(talk: Talk, name: str) -> None:
    """The third row's text is too long: nothing of the other two is stored (facts §0.3)."""
    if name == "UpdateMultiple":
        talk.done("POST", message("CreateMultiple"), {"Targets": [target(n, lastname="before") for n in (1, 2, 3)]})
    before = talk.names("contacts", "lastname")
    bad = {"Targets": [target(1, lastname="a"), target(2, lastname="b"), target(3, lastname="x" * 51)]}
    assert talk.refusal("POST", message(name), bad) == (400, "0x80044331")
    assert talk.names("contacts", "lastname") == before
    assert talk.call.written.ids == []


REFUSED = [
    ("CreateMultiple", {"Targets": [{"lastname": "x"}]}, (400, "0x80048d19")),
    ("CreateMultiple", {"Targets": [{"@odata.type": "Microsoft.Dynamics.CRM.account"}]}, (400, "0x80048d19")),
    ("CreateMultiple", {"Targets": []}, (400, "0x80048d19")),
    ("CreateMultiple", {}, (400, "0x80048d19")),
    ("CreateMultiple", {"Targets": [target(1), target(1)]}, (412, "0x80040237")),
    ("UpdateMultiple", {"Targets": [target(8, lastname="x")]}, (404, "0x80040217")),
    ("UpdateMultiple", {"Targets": [{"@odata.type": TYPE, "lastname": "x"}]}, (400, "0x80048d19")),
    ("UpsertMultiple", {"Targets": [target(1), target(1)]}, (400, "0x80040203")),
]


@pytest.mark.parametrize(("name", "body", "expected"), REFUSED)
def test_refusals(talk: Talk, name: str, body: Any, expected: tuple[int, str]) -> None:
    """No @odata.type, no targets, twins, rows that are not there."""
    assert talk.refusal("POST", message(name), body) == expected


@pytest.mark.parametrize("entity_set", ["annotations", "appointments"])
def test_notes_and_appointments_have_no_bulk_messages(talk: Talk, entity_set: str) -> None:
    """As their reference pages say (facts §0.2), and as sdkmessagefilters answers."""
    assert talk.refusal("POST", message("CreateMultiple", entity_set), {"Targets": [{}]})[0] == 404
    asked = "sdkmessageid/name eq 'CreateMultiple' and primaryobjecttypecode eq '{}'"
    for table, offered in ((entity_set.rstrip("s"), 0), ("contact", 1)):
        found = talk.done("GET", "sdkmessagefilters", query=f"$select=sdkmessagefilterid&$filter={asked.format(table)}")
        assert len(found["value"]) == offered


def test_upsert_creates_what_is_missing_and_changes_the_rest(talk: Talk) -> None:
    """By primary key and by @odata.id; 204 without telling which was which."""
    talk.done("POST", message("CreateMultiple"), {"Targets": [target(1, lastname="old")]})
    by_address = {"@odata.type": TYPE, "@odata.id": f"contacts({ID.format(2)})", "lastname": "address"}
    answer = talk.send("POST", message("UpsertMultiple"), {"Targets": [target(1, lastname="new"), by_address]})
    assert answer.status == 204
    assert talk.done("GET", f"contacts({ID.format(1)})")["lastname"] == "new"
    assert talk.done("GET", f"contacts({ID.format(2)})")["lastname"] == "address"


def test_bulk_delete_takes_the_rows_that_a_query_means(talk: Talk) -> None:
    """The query of Microsoft's Python client: an In condition over the primary key."""
    talk.done("POST", message("CreateMultiple"), {"Targets": [target(n, lastname=f"L{n}") for n in (1, 2, 3)]})
    values = [{"Value": ID.format(n).upper(), "Type": "System.Guid"} for n in (1, 3, 9)]
    conditions = [{"AttributeName": "contactid", "Operator": "In", "Values": values}]
    query = {"EntityName": "contact", "Criteria": {"FilterOperator": "And", "Conditions": conditions}}
    job = talk.done("POST", "BulkDelete", {"QuerySet": [query], "JobName": "undo"})["JobId"]
    assert [name for name in talk.names("contacts", "lastname") if name in ("L1", "L2", "L3")] == ["L2"]
    assert talk.done("GET", f"asyncoperations({job})")["statuscode"] == 30


def test_duplicates_are_refused_only_where_asked(talk: Talk) -> None:
    """Suppressed by default on the Web API; the header set to false turns the shipped rules on, for bulk messages as well."""
    talk.made("contacts", lastname="One", emailaddress1="a@b.test")
    talk.made("contacts", lastname="Two", emailaddress1="A@b.test")
    watched = {"MSCRM.SuppressDuplicateDetection": "false"}
    twin = {"lastname": "Three", "emailaddress1": "a@B.test"}
    assert talk.refusal("POST", "contacts", twin, **watched) == (500, "0x80040333")
    bulk = {"Targets": [target(5, **twin)]}
    assert talk.refusal("POST", message("CreateMultiple"), bulk, **watched) == (500, "0x80040333")
    talk.done("POST", message("CreateMultiple"), bulk)
    other = talk.made("contacts", lastname="Four")
    assert talk.refusal("PATCH", f"contacts({other})", {"emailaddress1": "a@b.test"}, **watched) == (500, "0x80040333")


def test_upsert_by_alternate_key(talk: Talk) -> None:
    """The key's value comes from the address when the row is new, and is not written again when it is there (facts §3.3)."""
    logical = talk.table("new_Visit", "new_Source", key="new_Source")
    kind = f"Microsoft.Dynamics.CRM.{logical}"

    def upsert(*names: str) -> None:
        targets = [{"@odata.type": kind, "@odata.id": f"new_visits(new_source='P-{n}')", "new_name": n} for n in names]
        talk.done("POST", message("UpsertMultiple", "new_visits"), {"Targets": targets})

    upsert("a", "b")
    upsert("b", "c")
    assert sorted(talk.names("new_visits", "new_source")) == ["P-a", "P-b", "P-c"]
    twins = [{"@odata.type": kind, "@odata.id": "new_visits(new_source='P-z')"}] * 2
    assert talk.refusal("POST", message("UpsertMultiple", "new_visits"), {"Targets": twins})[0] == 400
    violated = {"Targets": [{"@odata.type": kind, "new_source": "P-a"}]}
    assert talk.refusal("POST", message("CreateMultiple", "new_visits"), violated) == (412, "0x80060892")

"""Microsoft's Python client (PowerPlatform-Dataverse-Client) reads and writes the sandbox's records as it would Dataverse's."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
import requests
from PowerPlatform.Dataverse.client import DataverseClient
from PowerPlatform.Dataverse.core.errors import HttpError
from PowerPlatform.Dataverse.models.filters import col

Refusal = Callable[..., tuple[int, str]]
LABEL = "{}@OData.Community.Display.V1.FormattedValue"
ABSENT = "00000000-0000-4000-8000-00000000dead"


def city() -> str:
    """A value of address1_city that no other test uses."""
    return f"Town {uuid4().hex[:12]}"


@pytest.fixture
def five(client: DataverseClient) -> tuple[str, list[str]]:
    """Five contacts of a town that is theirs alone, named A to E; the town and their ids."""
    town = city()
    rows = [
        {"firstname": "Asha", "lastname": name, "address1_city": town, "numberofchildren": at} for at, name in enumerate("ABCDE")
    ]
    return town, client.records.create("contact", rows)


def test_a_contact_is_created_read_changed_and_deleted(client: DataverseClient, refusal: Refusal) -> None:
    """The whole life of a row; computed columns, formatted values and the version tag are the server's."""
    key = client.records.create(
        "contact", {"FirstName": "Asha", "LastName": "Rao", "gendercode": "Female", "birthdate": "1980-02-29"}
    )
    row = client.records.retrieve("contact", key, include_annotations="*")
    assert row is not None and row.etag and row.etag.startswith('W/"')
    assert (row["contactid"], row["fullname"], row["gendercode"], row["birthdate"]) == (key, "Asha Rao", 2, "1980-02-29")
    assert (row[LABEL.format("gendercode")], row[LABEL.format("statecode")]) == ("Female", "Active")
    client.records.update("contact", key, {"lastname": "Iyer", "gendercode": None})
    row = client.records.retrieve("contact", key, select=["fullname", "gendercode"])
    assert row is not None and (row["fullname"], row["gendercode"]) == ("Asha Iyer", None)
    assert set(row.keys()) == {"fullname", "gendercode", "contactid"}
    client.records.delete("contact", key)
    assert client.records.retrieve("contact", key) is None
    assert refusal(client.records.delete, "contact", key) == (404, "0x80040217")
    assert refusal(client.records.update, "contact", key, {"lastname": "x"}) == (404, "0x80040217")


def test_an_id_of_our_own_is_kept_and_cannot_be_used_twice(client: DataverseClient, refusal: Refusal) -> None:
    """A GUID in the body becomes the row's; the second row with it is refused (facts §3.2)."""
    key = str(uuid4())
    assert client.records.create("account", {"accountid": key, "name": "Ours"}) == key
    assert refusal(client.records.create, "account", {"accountid": key, "name": "Again"}) == (412, "0x80040237")


def test_lists_filter_order_and_cut(client: DataverseClient, five: tuple[str, list[str]]) -> None:
    """$filter as text and as the client's expressions, $orderby, $top and $count."""
    town, ids = five
    here = f"address1_city eq '{town}'"
    rows = client.records.list("contact", filter=here, select=["lastname"], orderby=["lastname desc"], top=2)
    assert [row["lastname"] for row in rows] == ["E", "D"]
    cases: list[tuple[Any, str]] = [
        (col("lastname").in_(["A", "C"]), "AC"),
        (col("lastname").not_in(["A", "C"]), "BDE"),
        (col("numberofchildren").between(1, 3), "BCD"),
        (col("numberofchildren") >= 3, "DE"),
        (col("lastname").startswith("b") | col("lastname").like("%e"), "BE"),
        (~(col("lastname") == "A") & (col("lastname") != "B"), "CDE"),
        (col("middlename").is_null(), "ABCDE"),
        (col("firstname").contains("shA"), "ABCDE"),
        (col("contactid") == ids[3], "D"),
    ]
    for condition, expected in cases:
        rows = client.records.list("contact", filter=(col("address1_city") == town) & condition, orderby=["lastname"])
        assert "".join(row["lastname"] for row in rows) == expected, condition
    built = (
        client.query.builder("contact")
        .select("lastname")
        .where(col("address1_city") == town)
        .order_by("numberofchildren", descending=True)
    )
    assert [row["lastname"] for row in built.top(3).execute()] == ["E", "D", "C"]


def test_pages_are_followed_to_the_end(client: DataverseClient, five: tuple[str, list[str]]) -> None:
    """maxpagesize 2 of five rows: three pages, each row once, in order."""
    here = f"address1_city eq '{five[0]}'"
    pages = [
        [row["lastname"] for row in page]
        for page in client.records.list_pages("contact", filter=here, orderby=["lastname"], page_size=2, count=True)
    ]
    assert pages == [["A", "B"], ["C", "D"], ["E"]]


def test_lookups_are_bound_and_expanded_both_ways(client: DataverseClient, refusal: Refusal) -> None:
    """The polymorphic customer lookup by its own name; the single and the collection side of $expand (facts §3.4, §3.5)."""
    account = client.records.create("account", {"name": "Clinic North"})
    contact = client.records.create("contact", {"lastname": "Rao", "parentcustomerid_account@odata.bind": f"/accounts({account})"})
    client.records.update("account", account, {"primarycontactid@odata.bind": f"/contacts({contact})"})
    row = client.records.retrieve(
        "account", account, expand=["primarycontactid($select=lastname)", "contact_customer_accounts($select=lastname)"]
    )
    assert row is not None and row["primarycontactid"]["lastname"] == "Rao"
    assert [item["contactid"] for item in row["contact_customer_accounts"]] == [contact]
    child = client.records.retrieve("contact", contact, include_annotations="*")
    assert child is not None and child["_parentcustomerid_value"] == account
    assert child["_parentcustomerid_value@Microsoft.Dynamics.CRM.lookuplogicalname"] == "account"
    assert child[LABEL.format("_parentcustomerid_value")] == "Clinic North"
    found = client.records.list("contact", filter=f"_parentcustomerid_value eq {account}", select=["lastname"])
    assert [item["contactid"] for item in found] == [contact]
    wrong = {"lastname": "x", "ParentCustomerId_account@odata.bind": f"/accounts({account})"}
    assert refusal(client.records.create, "contact", wrong) == (400, "0x80048d19")
    missing = {"lastname": "x", "parentcustomerid_account@odata.bind": f"/accounts({ABSENT})"}
    assert refusal(client.records.create, "contact", missing) == (404, "0x80040217")


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"lastname": "x" * 51}, (400, "0x80044331")),
        ({"lastname": "x", "gendercode": 99}, (400, "0x8004431a")),
        ({"lastname": "x", "nosuchcolumn": 1}, (400, "0x80048d19")),
        ({"lastname": "x", "numberofchildren": "many"}, (400, "0x80048d19")),
        ({"lastname": "x", "numberofchildren": 10**9 + 1}, (400, "0x8004432f")),
        ({"lastname": "x", "birthdate": "yesterday"}, (400, "0x80048d19")),
    ],
)
def test_values_that_do_not_fit_are_refused_with_dataverses_codes(
    client: DataverseClient, refusal: Refusal, values: dict[str, Any], expected: tuple[int, str]
) -> None:
    """Length, option, unknown property, wrong JSON type, range (facts §10)."""
    assert refusal(client.records.create, "contact", values) == expected


@pytest.mark.parametrize(
    "options",
    [{"select": ["nosuchcolumn"]}, {"filter": "nosuchcolumn eq 1"}, {"orderby": ["nosuchcolumn"]}, {"expand": ["nosuchname"]}],
)
def test_queries_about_unknown_columns_are_refused(client: DataverseClient, refusal: Refusal, options: dict[str, Any]) -> None:
    """Every clause is checked against the table (facts §10: 0x80060888)."""
    assert refusal(client.records.list, "contact", **options) == (400, "0x80060888")


def test_several_rows_in_one_request_all_or_nothing(client: DataverseClient, refusal: Refusal) -> None:
    """CreateMultiple and UpdateMultiple keep nothing of a request with one bad row (facts §0.3)."""
    town = city()
    here = f"address1_city eq '{town}'"
    rows = [{"lastname": name, "address1_city": town} for name in ("A", "B")]
    assert refusal(client.records.create, "contact", [*rows, {"lastname": "C", "address1_city": town, "gendercode": 99}]) == (
        400,
        "0x8004431a",
    )
    assert len(list(client.records.list("contact", filter=here))) == 0
    ids = client.records.create("contact", rows)
    client.records.update("contact", ids, {"jobtitle": "Nurse"})
    client.records.update("contact", ids, [{"firstname": "One"}, {"firstname": "Two"}])
    read = client.records.list("contact", filter=here, orderby=["lastname"])
    assert [(row["contactid"], row["firstname"], row["jobtitle"]) for row in read] == [
        (ids[0], "One", "Nurse"),
        (ids[1], "Two", "Nurse"),
    ]
    assert refusal(client.records.update, "contact", [ids[0], ABSENT], {"firstname": "Nobody"}) == (404, "0x80040217")
    row = client.records.retrieve("contact", ids[0])
    assert row is not None and row["firstname"] == "One"
    appointment = {"subject": "Visit", "scheduledstart": "2020-01-01T09:00:00Z", "scheduledend": "2020-01-01T09:30:00Z"}
    status, _ = refusal(client.records.create, "appointment", [appointment])
    assert status in (400, 404, 405, 501)  # appointments have no CreateMultiple (facts §0.2)


def test_many_rows_are_deleted_in_the_background(
    client: DataverseClient, five: tuple[str, list[str]], eventually: Callable[[Callable[[], bool]], None]
) -> None:
    """BulkDelete answers with a job, which deletes what its query names and then counts as done (facts §4.6)."""
    town, ids = five
    job = client.records.delete("contact", ids[:4])
    assert job

    def done() -> bool:
        row = client.records.retrieve("asyncoperation", job)
        return row is not None and row["statecode"] == 3

    eventually(done)
    row = client.records.retrieve("asyncoperation", job)
    assert row is not None and row["statuscode"] == 30
    left = client.records.list("contact", filter=f"address1_city eq '{town}'")
    assert [row["contactid"] for row in left] == ids[4:]
    client.records.delete("contact", ids[4:], use_bulk_delete=False)
    assert client.records.retrieve("contact", ids[4]) is None


def test_a_visit_with_its_people_is_completed_and_then_read_only(client: DataverseClient, refusal: Refusal) -> None:
    """Parties go through the activity; no state on create; completed visits refuse changes (facts §3.8, §3.9)."""
    contact = client.records.create("contact", {"lastname": "Rao"})
    party = {"partyid_contact@odata.bind": f"/contacts({contact})", "participationtypemask": 5}
    given: dict[str, Any] = {
        "subject": "Check-up",
        "scheduledstart": "2020-03-01T09:00:00+05:30",
        "scheduledend": "2020-03-01T04:00:00Z",
        "regardingobjectid_contact_appointment@odata.bind": f"/contacts({contact})",
        "appointment_activity_parties": [party],
    }
    visit = client.records.create("appointment", {**given, "statecode": 1})
    assert refusal(client.records.create, "appointment", {**given, "statuscode": 3}) == (400, "0x80048408")
    row = client.records.retrieve(
        "appointment", visit, expand=["appointment_activity_parties($select=_partyid_value,participationtypemask)"]
    )
    assert row is not None and (row["scheduledstart"], row["statecode"]) == ("2020-03-01T03:30:00Z", 0)
    people = {(item["_partyid_value"], item["participationtypemask"]) for item in row["appointment_activity_parties"]}
    assert (contact, 5) in people
    assert refusal(client.records.update, "appointment", visit, {"statecode": 1, "statuscode": 5}) == (400, "0x80048408")
    client.records.update("appointment", visit, {"statecode": 1, "statuscode": 3})
    row = client.records.retrieve("appointment", visit, include_annotations="*")
    assert row is not None and (row[LABEL.format("statecode")], row[LABEL.format("statuscode")]) == ("Completed", "Completed")
    assert row["_regardingobjectid_value"] == contact
    status, _ = refusal(client.records.update, "appointment", visit, {"subject": "Changed"})
    assert 400 <= status < 500
    client.records.update("appointment", visit, {"statecode": 0, "statuscode": 1})
    client.records.update("appointment", visit, {"subject": "Changed"})
    pointers = client.records.list(
        "activitypointer", filter=f"_regardingobjectid_value eq {contact}", select=["subject", "activitytypecode"]
    )
    assert [(item["subject"], item["activitytypecode"]) for item in pointers] == [("Changed", "appointment")]


def test_the_day_of_creation_can_be_given_once(client: DataverseClient) -> None:
    """overriddencreatedon and createdon swap on create; createdon itself is read-only and ignored (facts §0.5, §3.6)."""
    given = {
        "lastname": "Old",
        "overriddencreatedon": "2011-05-06T07:08:09Z",
        "createdon": "1999-01-01T00:00:00Z",
        "importsequencenumber": 77,
    }
    key = client.records.create("contact", given)
    row = client.records.retrieve("contact", key, select=["createdon", "overriddencreatedon", "importsequencenumber"])
    assert row is not None and (row["createdon"], row["importsequencenumber"]) == ("2011-05-06T07:08:09Z", 77)
    assert row["overriddencreatedon"] > "2020"
    client.records.update("contact", key, {"overriddencreatedon": "2001-01-01T00:00:00Z", "createdon": "2001-01-01T00:00:00Z"})
    row = client.records.retrieve("contact", key, select=["createdon"])
    assert row is not None and row["createdon"] == "2011-05-06T07:08:09Z"


def test_deleting_an_account_takes_its_contacts_and_their_notes_along(client: DataverseClient) -> None:
    """The standard cascades (facts §0.7); what merely refers to a deleted row loses the reference."""
    account = client.records.create("account", {"name": "Closing"})
    contact = client.records.create("contact", {"lastname": "Rao", "parentcustomerid_account@odata.bind": f"/accounts({account})"})
    note = client.records.create("annotation", {"subject": "n", "objectid_contact@odata.bind": f"/contacts({contact})"})
    other = client.records.create("account", {"name": "Other", "primarycontactid@odata.bind": f"/contacts({contact})"})
    client.records.delete("account", account)
    assert client.records.retrieve("contact", contact) is None
    assert client.records.retrieve("annotation", note) is None
    row = client.records.retrieve("account", other)
    assert row is not None and row["_primarycontactid_value"] is None


def test_too_many_requests_say_when_to_come_back(client: DataverseClient, sandbox: dict[str, str]) -> None:
    """A 429 reaches the client as transient, with its code and the seconds of Retry-After (facts §5)."""
    fault = {"kind": "429", "match": {"path_prefix": "/api/data/v9.2/contacts"}}
    requests.post(f"{sandbox['url']}/__control__/faults", json=fault, timeout=10).raise_for_status()
    with pytest.raises(HttpError) as caught:
        client.records.list("contact", top=1)
    found = caught.value
    assert (found.status_code, found.is_transient, found.details["service_error_code"]) == (429, True, "0x80072322")
    assert found.details["retry_after"] >= 1
    assert len(list(client.records.list("contact", top=1))) == 1

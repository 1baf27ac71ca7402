"""Microsoft's Python client asks the sandbox in SQL and FetchXML, and sends batches and change sets."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from PowerPlatform.Dataverse.client import DataverseClient

Refusal = Callable[..., tuple[int, str]]


@pytest.fixture
def clinic(client: DataverseClient) -> tuple[str, str, list[str]]:
    """An account and four contacts of it in a town that is theirs alone: town, account, contacts."""
    town = f"Town {uuid4().hex[:12]}"
    account = client.records.create("account", {"name": f"Clinic of {town}", "address1_city": town})
    rows = [
        {
            "lastname": name,
            "address1_city": town,
            "numberofchildren": at,
            "parentcustomerid_account@odata.bind": f"/accounts({account})",
        }
        for at, name in enumerate(("Rao", "Iyer", "Mehta", "D'Souza"))
    ]
    return town, account, client.records.create("contact", rows)


def test_sql_selects_joins_and_counts(client: DataverseClient, clinic: tuple[str, str, list[str]]) -> None:
    """Dataverse's read-only SQL: WHERE, ORDER BY, TOP, JOIN, GROUP BY."""
    town, _, ids = clinic
    rows = client.query.sql(
        f"SELECT lastname FROM contact WHERE address1_city = '{town}' AND numberofchildren > 0 ORDER BY lastname"
    )
    assert [row["lastname"] for row in rows] == ["D'Souza", "Iyer", "Mehta"]
    rows = client.query.sql(
        f"SELECT TOP 1 contactid, lastname FROM contact WHERE address1_city = '{town}' AND lastname = 'D''Souza'"
    )
    assert [row["contactid"] for row in rows] == [ids[3]]
    rows = client.query.sql(
        "SELECT c.lastname, a.name FROM contact c JOIN account a ON c.parentcustomerid = a.accountid "
        f"WHERE a.address1_city = '{town}' AND c.lastname LIKE 'R%'"
    )
    assert [(row["lastname"], row["name"]) for row in rows] == [("Rao", f"Clinic of {town}")]
    rows = client.query.sql(
        f"SELECT address1_city, COUNT(*) AS people FROM contact WHERE address1_city = '{town}' GROUP BY address1_city"
    )
    assert [(row["address1_city"], row["people"]) for row in rows] == [(town, 4)]


def test_sql_about_an_unknown_column_is_refused(client: DataverseClient, refusal: Refusal) -> None:
    """The server names no rows for a column it does not have."""
    status, _ = refusal(client.query.sql, "SELECT nosuchcolumn FROM contact")
    assert status == 400


def test_fetch_xml_filters_orders_and_links(client: DataverseClient, clinic: tuple[str, str, list[str]]) -> None:
    """Attributes, conditions in and/or, order, and a linked table's columns under its alias."""
    town, _, _ = clinic
    xml = f"""<fetch><entity name="contact"><attribute name="lastname"/><order attribute="lastname" descending="true"/>
      <filter><condition attribute="address1_city" operator="eq" value="{town}"/>
        <filter type="or"><condition attribute="lastname" operator="like" value="R%"/>
          <condition attribute="numberofchildren" operator="ge" value="2"/></filter></filter>
      <link-entity name="account" from="accountid" to="parentcustomerid" alias="a"><attribute name="name"/></link-entity>
      </entity></fetch>"""
    rows = client.query.fetchxml(xml).execute()
    assert [(row["lastname"], row["a.name"]) for row in rows] == [
        (name, f"Clinic of {town}") for name in ("Rao", "Mehta", "D'Souza")
    ]


def test_fetch_xml_is_paged_by_its_cookie(client: DataverseClient, clinic: tuple[str, str, list[str]]) -> None:
    """Pages of three: the cookie of the first leads to the rest, each row once."""
    town, _, _ = clinic
    xml = f"""<fetch count="3"><entity name="contact"><attribute name="lastname"/><order attribute="lastname"/>
      <filter><condition attribute="address1_city" operator="eq" value="{town}"/></filter></entity></fetch>"""
    pages = [[row["lastname"] for row in page] for page in client.query.fetchxml(xml).execute_pages()]
    assert pages == [["D'Souza", "Iyer", "Mehta"], ["Rao"]]


def test_fetch_xml_counts_and_sums(client: DataverseClient, clinic: tuple[str, str, list[str]]) -> None:
    """Aggregates answer under their aliases."""
    town, _, _ = clinic
    xml = f"""<fetch aggregate="true"><entity name="contact">
      <attribute name="contactid" aggregate="count" alias="people"/>
      <attribute name="numberofchildren" aggregate="sum" alias="children"/>
      <filter><condition attribute="address1_city" operator="eq" value="{town}"/></filter></entity></fetch>"""
    rows = list(client.query.fetchxml(xml).execute())
    assert [(row["people"], row["children"]) for row in rows] == [(4, 6)]


def test_a_batch_reads_and_writes_in_order(client: DataverseClient, clinic: tuple[str, str, list[str]]) -> None:
    """Each part has its own answer: ids of created rows, rows of reads, all in one request."""
    town, account, ids = clinic
    batch = client.batch.new()
    batch.records.create("contact", {"lastname": "Zubin", "address1_city": town})
    batch.records.update("contact", ids[0], {"jobtitle": "Nurse"})
    batch.records.retrieve("contact", ids[0], select=["jobtitle"])
    batch.records.list("contact", filter=f"address1_city eq '{town}'", select=["lastname"], orderby=["lastname"])
    batch.records.delete("contact", ids[1])
    batch.query.sql(f"SELECT lastname FROM contact WHERE address1_city = '{town}'")
    batch.tables.get("contact")
    result = batch.execute()
    assert [item.status_code for item in result.responses] == [204, 204, 200, 200, 204, 200, 200]
    created, _, read, listed, _, asked, table = result.responses
    row = client.records.retrieve("contact", str(created.entity_id))
    assert row is not None and row["lastname"] == "Zubin"
    assert read.data and read.data["jobtitle"] == "Nurse"
    assert listed.data and [item["lastname"] for item in listed.data["value"]] == ["D'Souza", "Iyer", "Mehta", "Rao", "Zubin"]
    assert asked.data and len(asked.data["value"]) == 4
    assert table.data and table.data["value"][0]["EntitySetName"] == "contacts"
    assert client.records.retrieve("account", account) is not None


@pytest.mark.parametrize(("go_on", "statuses", "kept"), [(False, [204, 400], ["A"]), (True, [204, 400, 404, 204], ["A", "D"])])
def test_a_batch_stops_at_the_first_refusal_or_goes_on(
    client: DataverseClient, go_on: bool, statuses: list[int], kept: list[str]
) -> None:
    """odata.continue-on-error decides; what was written before stays written (facts §4.2)."""
    town = f"Town {uuid4().hex[:12]}"
    batch = client.batch.new()
    batch.records.create("contact", {"lastname": "A", "address1_city": town})
    batch.records.create("contact", {"lastname": "B", "address1_city": town, "gendercode": 99})
    batch.records.delete("contact", str(uuid4()))
    batch.records.create("contact", {"lastname": "D", "address1_city": town})
    result = batch.execute(continue_on_error=go_on)
    assert [item.status_code for item in result.responses] == statuses
    assert (result.responses[1].error_code, "gendercode" in (result.responses[1].error_message or "")) == ("0x8004431a", True)
    rows = client.records.list("contact", filter=f"address1_city eq '{town}'", orderby=["lastname"])
    assert [row["lastname"] for row in rows] == kept


def test_a_change_set_is_one_piece_and_refers_to_its_own_rows(client: DataverseClient) -> None:
    """$1 stands for the row made before it in the same change set, as address and as lookup."""
    batch = client.batch.new()
    with batch.changeset() as changes:
        patient = changes.records.create("contact", {"lastname": "Rao"})
        changes.records.create("annotation", {"subject": "first", "objectid_contact@odata.bind": patient})
        changes.records.update("contact", patient, {"firstname": "Asha"})
    result = batch.execute()
    assert [item.status_code for item in result.responses] == [204, 204, 204]
    assert [item.content_id for item in result.responses] == ["1", "2", "3"]
    contact, note = (str(item.entity_id) for item in result.responses[:2])
    row = client.records.retrieve("contact", contact)
    assert row is not None and row["fullname"] == "Asha Rao"
    row = client.records.retrieve("annotation", note)
    assert row is not None and row["_objectid_value"] == contact


def test_a_change_set_with_one_refusal_leaves_nothing(client: DataverseClient) -> None:
    """One error answers for all of it, created, changed and deleted rows are as before; the next part runs when told to."""
    town = f"Town {uuid4().hex[:12]}"
    changed, deleted = client.records.create(
        "contact", [{"lastname": "Keep", "address1_city": town}, {"lastname": "Stay", "address1_city": town}]
    )
    batch = client.batch.new()
    with batch.changeset() as changes:
        changes.records.create("contact", {"lastname": "New", "address1_city": town})
        changes.records.update("contact", changed, {"lastname": "Changed"})
        changes.records.delete("contact", deleted)
        changes.records.create("contact", {"lastname": "Bad", "address1_city": town, "gendercode": 99})
    batch.records.create("contact", {"lastname": "After", "address1_city": town})
    result = batch.execute(continue_on_error=True)
    assert [(item.status_code, item.error_code) for item in result.responses] == [(400, "0x8004431a"), (204, None)]
    rows = client.records.list("contact", filter=f"address1_city eq '{town}'", orderby=["lastname"])
    assert [row["lastname"] for row in rows] == ["After", "Keep", "Stay"]


def test_bulk_messages_travel_in_a_batch_too(client: DataverseClient) -> None:
    """CreateMultiple as a part answers with the ids."""
    town = f"Town {uuid4().hex[:12]}"
    batch = client.batch.new()
    batch.records.create("contact", [{"lastname": "A", "address1_city": town}, {"lastname": "B", "address1_city": town}])
    result = batch.execute()
    made: dict[str, Any] = result.responses[0].data or {}
    assert (result.responses[0].status_code, len(made["Ids"])) == (200, 2)
    assert len(list(client.records.list("contact", filter=f"address1_city eq '{town}'"))) == 2


@pytest.mark.parametrize(
    ("table", "offered"), [("contact", True), ("campaignresponse", True), ("annotation", False), ("appointment", False)]
)
def test_which_tables_take_many_rows_at_once_is_told_and_true(
    client: DataverseClient, refusal: Refusal, table: str, offered: bool
) -> None:
    """The probe of sdkmessagefilters names a table exactly if its CreateMultiple exists (facts §4.4)."""
    asked = f"sdkmessageid/name eq 'CreateMultiple' and primaryobjecttypecode eq '{table}'"
    assert (len(list(client.records.list("sdkmessagefilter", filter=asked, select=["sdkmessagefilterid"]))) == 1) is offered
    column = "lastname" if table == "contact" else "subject"
    status, _ = refusal(client.records.create, table, [{column: "x" * 1000}])
    assert (status == 400) is offered, status


def test_fetch_xml_groups(client: DataverseClient, clinic: tuple[str, str, list[str]]) -> None:
    """Grouped FetchXML: one row a group, each under its aliases, in the order asked for."""
    town, _, ids = clinic
    client.records.update("contact", ids[:2], {"jobtitle": "Nurse"})
    xml = f"""<fetch aggregate="true"><entity name="contact">
      <attribute name="jobtitle" groupby="true" alias="job"/><attribute name="contactid" aggregate="count" alias="people"/>
      <order alias="people" descending="true"/>
      <filter><condition attribute="address1_city" operator="eq" value="{town}"/>
      <condition attribute="jobtitle" operator="not-null"/></filter></entity></fetch>"""
    rows = client.query.fetchxml(xml).execute()
    assert [(row["job"], row["people"]) for row in rows] == [("Nurse", 2)]

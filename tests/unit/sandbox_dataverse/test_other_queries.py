"""Change tracking, FetchXML, SQL, and the switches (facts/dataverse.md §0.10, §0.12, §8)."""

from typing import Any
from urllib.parse import quote

import pytest
from dataverse_talk import ROOT, Talk

from crosswalk_sandbox.services.dataverse.tracking import TOKEN_LIFE_S


@pytest.fixture
def talk() -> Talk:
    """Two clinics with three patients, besides what was there before."""
    talk = Talk()
    for clinic, patients in (("North", ("Ann", "Bob")), ("South", ("Cy",))):
        account = talk.made("accounts", name=clinic, accountnumber="T", numberofemployees=len(patients))
        for name in patients:
            bind = {"parentcustomerid_account@odata.bind": f"/accounts({account})"}
            talk.made("contacts", firstname=name, lastname="T", jobtitle="T", donotemail=name == "Bob", gendercode=1, **bind)
    return talk


def fetched(talk: Talk, xml: str, entity_set: str = "contacts", **headers: str) -> Any:
    return talk.done("GET", entity_set, None, f"fetchXml={quote(xml)}", **headers)


def queried(talk: Talk, sql: str, entity_set: str = "contacts") -> list[dict[str, Any]]:
    return talk.done("GET", entity_set, None, f"sql={quote(sql)}")["value"]


# -- change tracking ----------------------------------------------------------------------------------------------------


def changes(talk: Talk, link: str) -> tuple[list[dict[str, Any]], str]:
    answer = talk.done("GET", "contacts", None, link.partition("?")[2])
    return answer["value"], answer["@odata.deltaLink"]


def test_changes_since_a_token(talk: Talk) -> None:
    """The first answer is everything; later ones hold what was written and what was deleted since."""
    first = talk.done("GET", "contacts", None, "$select=firstname", prefer="odata.track-changes")
    link = first["@odata.deltaLink"]
    assert {"Ann", "Bob", "Cy"} <= {row["firstname"] for row in first["value"]}
    assert changes(talk, link)[0] == []
    ids = {row["firstname"]: row["contactid"] for row in first["value"]}
    talk.done("PATCH", f"contacts({ids['Ann']})", {"firstname": "Anna"}, if_match="*")
    talk.done("DELETE", f"contacts({ids['Bob']})")
    found, after = changes(talk, link)
    assert [row.get("firstname") for row in found] == ["Anna", None]
    assert (found[1]["id"], found[1]["reason"]) == (ids["Bob"], "deleted")
    assert changes(talk, after)[0] == []


def test_what_tracking_refuses(talk: Talk) -> None:
    """A filter, a table that is not tracked, a token older than seven days."""
    tracked = {"prefer": "odata.track-changes"}
    assert talk.refusal("GET", "contacts", None, "$filter=lastname eq 'T'", **tracked)[0] == 400
    talk.server.organization.table("contact").change_tracking = False
    assert talk.refusal("GET", "contacts", None, "", **tracked)[0] == 400
    talk.server.organization.table("contact").change_tracking = True
    link = talk.done("GET", "contacts", None, "", **tracked)["@odata.deltaLink"]
    talk.server.organization.clock.offset += TOKEN_LIFE_S + 60
    assert talk.refusal("GET", "contacts", None, link.partition("?")[2]) == (400, "0x80044352")


# -- FetchXML -----------------------------------------------------------------------------------------------------------

MINE = '<filter><condition attribute="jobtitle" operator="eq" value="t"/></filter>'


def test_fetch_joins_filters_and_orders(talk: Talk) -> None:
    """Columns of a linked table are named by its alias; a lookup by its property; numbers of choices have their label."""
    xml = f"""<fetch><entity name="contact"><attribute name="firstname"/><attribute name="donotemail"/>
      <attribute name="gendercode"/><attribute name="parentcustomerid"/>{MINE}<order attribute="firstname" descending="true"/>
      <link-entity name="account" from="accountid" to="parentcustomerid" alias="clinic"><attribute name="name"/>
        <filter type="or"><condition attribute="name" operator="like" value="nor%"/>
        <condition attribute="name" operator="in"><value>x</value></condition></filter></link-entity></entity></fetch>"""
    rows = fetched(talk, xml, prefer='odata.include-annotations="*"')["value"]
    assert [(row["firstname"], row["donotemail"], row["clinic.name"]) for row in rows] == [
        ("Bob", True, "North"),
        ("Ann", False, "North"),
    ]
    assert rows[0]["gendercode@OData.Community.Display.V1.FormattedValue"] == "Male"
    assert rows[0]["_parentcustomerid_value"] and rows[0]["contactid"] and rows[0]["@odata.etag"]


def test_fetch_aggregates_by_group(talk: Talk) -> None:
    """Counts per clinic, outer join included."""
    xml = """<fetch aggregate="true"><entity name="account"><attribute name="name" alias="clinic" groupby="true"/>
      <filter><condition attribute="accountnumber" operator="eq" value="T"/></filter><order alias="clinic"/>
      <link-entity name="contact" from="parentcustomerid" to="accountid" link-type="outer">
        <filter><condition attribute="firstname" operator="ne" value="Cy"/></filter>
        <attribute name="contactid" alias="patients" aggregate="countcolumn"/></link-entity></entity></fetch>"""
    assert fetched(talk, xml, "accounts")["value"] == [
        {"clinic": "North", "patients": 2},
        {"clinic": "South", "patients": 0},
    ]


def test_a_filter_outside_may_speak_of_a_linked_table(talk: Talk) -> None:
    """A condition's entityname is the link's alias."""
    xml = """<fetch distinct="true"><entity name="contact"><attribute name="firstname"/>
      <filter><condition entityname="clinic" attribute="name" operator="eq" value="South"/></filter>
      <link-entity name="account" from="accountid" to="parentcustomerid" alias="clinic"/></entity></fetch>"""
    assert fetched(talk, xml)["value"] == [{"firstname": "Cy"}]


def test_fetch_pages_with_a_cookie(talk: Talk) -> None:
    """More records are announced with the cookie of the next page; the last page has none."""
    xml = '<fetch count="2" page="{}"><entity name="contact"><attribute name="firstname"/>' + MINE + "</entity></fetch>"
    first, second = fetched(talk, xml.format(1)), fetched(talk, xml.format(2))
    assert first["@Microsoft.Dynamics.CRM.morerecords"] is True
    assert 'pagenumber="2"' in first["@Microsoft.Dynamics.CRM.fetchxmlpagingcookie"]
    assert second["@Microsoft.Dynamics.CRM.morerecords"] is False
    assert len(first["value"]) == 2 and len(second["value"]) == 1


BAD_XML = {
    "no xml": "<fetch>",
    "another table": '<fetch><entity name="account"/></fetch>',
    "no such column": '<fetch><entity name="contact"><attribute name="nothing"/></entity></fetch>',
    "no such operator": f'<fetch><entity name="contact">{MINE.replace("eq", "?")}</entity></fetch>',
}


@pytest.mark.parametrize("xml", BAD_XML.values(), ids=BAD_XML)
def test_what_fetch_refuses(talk: Talk, xml: str) -> None:
    """Status 400 and the code of a URL that cannot be read."""
    assert talk.refusal("GET", "contacts", None, f"fetchXml={quote(xml)}") == (400, "0x80060888")


# -- SQL ----------------------------------------------------------------------------------------------------------------


def test_sql_joins_groups_and_tops(talk: Talk) -> None:
    """T-SQL as Microsoft's client documents it."""
    joined = (
        "SELECT a.name, COUNT(c.contactid) AS cnt FROM account a JOIN contact c ON a.accountid = c.parentcustomerid "
        "WHERE c.jobtitle = 't' GROUP BY a.name ORDER BY cnt DESC"
    )
    assert queried(talk, joined, "accounts") == [{"name": "North", "cnt": 2}, {"name": "South", "cnt": 1}]
    topped = "SELECT TOP 1 FirstName, donotemail FROM contact WHERE jobtitle = 'T' AND firstname LIKE 'B%' ORDER BY firstname"
    assert queried(talk, topped) == [{"firstname": "Bob", "donotemail": True}]


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM contact",
        "SELECT nothing FROM contact",
        "SELECT x.name FROM contact c",
        "DELETE FROM contact",
        "SELECT name FROM (SELECT name FROM account) a",
        "SELECT ((",
    ],
)
def test_what_sql_refuses(talk: Talk, sql: str) -> None:
    """Anything but a SELECT of named columns."""
    assert talk.refusal("GET", "contacts", None, f"sql={quote(sql)}")[0] == 400


# -- switches -----------------------------------------------------------------------------------------------------------


def test_the_recycle_bin_keeps_what_was_deleted(talk: Talk) -> None:
    """Off at first; once on, FetchXML finds deleted rows with datasource="bin"."""
    xml = '<fetch datasource="bin"><entity name="contact"><attribute name="firstname"/></entity></fetch>'
    ids = {row["firstname"]: row["contactid"] for row in queried(talk, "SELECT contactid, firstname FROM contact")}
    talk.done("DELETE", f"contacts({ids['Ann']})")
    assert talk.server.switches.set({"recycle_bin": True})["bin"] == {}
    talk.done("DELETE", f"contacts({ids['Bob']})")
    assert [row["firstname"] for row in fetched(talk, xml)["value"]] == ["Bob"]
    assert talk.server.switches.set({})["bin"] == {"contact": 1}


def test_the_table_limit_refuses_the_sixteenth_only_when_switched_on(talk: Talk) -> None:
    """Our own refusal (facts §0.10): a licence's rule that the platform does not enforce."""
    shape = {"SchemaName": "new_T", "@odata.type": "Microsoft.Dynamics.CRM.EntityMetadata"}
    talk.server.switches.set({"table_limit": True})
    many = {"Entities": [shape] * 16}
    assert talk.refusal("POST", "CreateEntities", many) == (403, "")
    assert talk.call.path == f"{ROOT}CreateEntities"

"""Queries: filters, selection, expansion, order, pages, counts and annotations (facts/dataverse.md §2, §8)."""

from urllib.parse import urlsplit

import pytest
from dataverse_talk import BASE, Talk

NAMES = [("Ann", "Lee", 1), ("bob", "Lee", 2), ("Cy", "O'Hara", 1), ("Dee", "Zed", None)]


@pytest.fixture(scope="module")
def talk() -> Talk:
    talk = Talk()
    account = talk.made("accounts", name="Clinic")
    for number, (first, last, gender) in enumerate(NAMES):
        talk.made(
            "contacts",
            contactid=f"cccccccc-0000-4000-8000-{number:012d}",
            firstname=first,
            lastname=last,
            gendercode=gender,
            birthdate=f"198{number}-01-01",
            importsequencenumber=9,
            **({"parentcustomerid_account@odata.bind": f"/accounts({account})"} if number < 2 else {}),
        )
    return talk


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("lastname eq 'lee'", ["Ann", "bob"]),
        ("lastname eq 'O''Hara'", ["Cy"]),
        ("gendercode eq 1 and birthdate lt 1982-01-01", ["Ann"]),
        ("gendercode eq null", ["Dee"]),
        ("gendercode ne 1", ["bob", "Dee"]),
        ("not (gendercode eq 1)", ["bob", "Dee"]),
        ("contains(lastname,'E')", ["Ann", "bob", "Dee"]),
        ("startswith(firstname,'B') or endswith(firstname,'y')", ["bob", "Cy"]),
        ("birthdate ge 1981-01-01 and birthdate le 1982-12-31", ["bob", "Cy"]),
        ("contactid eq cccccccc-0000-4000-8000-000000000001 or contactid eq CCCCCCCC-0000-4000-8000-000000000003", ["bob", "Dee"]),
        ("Microsoft.Dynamics.CRM.In(PropertyName='lastname',PropertyValues=['Lee','Zed'])", ["Ann", "bob", "Dee"]),
        ("parentcustomerid_account/name eq 'Clinic'", ["Ann", "bob"]),
        ("_parentcustomerid_value ne null", ["Ann", "bob"]),
        ("createdon gt 2001-01-01T00:00:00Z and lastname eq 'Zed'", ["Dee"]),
    ],
)
def test_filters(talk: Talk, condition: str, expected: list[str]) -> None:
    """Comparisons ignore case; dates, GUIDs, neighbours and query functions are understood."""
    found = talk.done("GET", "contacts", query=f"$select=firstname&$filter=importsequencenumber eq 9 and ({condition})")
    assert [row["firstname"] for row in found["value"]] == expected


@pytest.mark.parametrize(
    ("path", "query", "status"),
    [
        ("contacts", "$select=nosuch", 400),
        ("contacts", "$filter=nosuch eq 1", 400),
        ("contacts", "$filter=lastname eq", 400),
        ("contacts", "$filter=lastname foo 'x'", 400),
        ("contacts", "$filter=_ownerid_value eq 'somebody'", 400),
        ("contacts", "$expand=nosuch", 400),
        ("contacts", "$orderby=nosuch", 400),
        ("contacts", "$skip=2", 400),
        ("contacts", "$skiptoken=garbage", 400),
        ("nosuchset", "", 404),
    ],
)
def test_what_a_url_may_not_say(talk: Talk, path: str, query: str, status: int) -> None:
    """Unknown names and bad syntax are 0x80060888 (facts §8, §10), absent entity sets 0x8006088a."""
    assert talk.refusal("GET", path, query=query) == (status, "0x8006088a" if status == 404 else "0x80060888")


def test_pages_follow_their_links(talk: Talk) -> None:
    """Every row once, in order, by nextLinks alone; $top does not shorten a paged answer (facts §8)."""
    query: str = "$select=firstname&$orderby=lastname desc&$filter=importsequencenumber eq 9&$top=1"
    found: list[str] = []
    for _ in range(10):
        page = talk.done("GET", "contacts", query=query, prefer="odata.maxpagesize=1")
        found += [row["firstname"] for row in page["value"]]
        link: str | None = page.get("@odata.nextLink")
        if link is None:
            break
        assert link.startswith(BASE)
        query = str(urlsplit(link).query)
    assert found == ["Dee", "Cy", "Ann", "bob"]


def test_counts(talk: Talk) -> None:
    """$count with a page, and as plain text (facts §8)."""
    query = "$filter=importsequencenumber eq 9"
    page = talk.done("GET", "contacts", query=f"{query}&$count=true&$top=1")
    assert (page["@odata.count"], len(page["value"])) == (4, 1)
    assert talk.send("GET", "contacts/$count", query=query).encoded() == b"4"


def test_annotations_come_when_asked(talk: Talk) -> None:
    """Labels of choices, names and tables of lookups (facts §2)."""
    query = "$select=gendercode,_parentcustomerid_value&$filter=firstname eq 'Ann'"
    plain = talk.done("GET", "contacts", query=query)["value"][0]
    assert not [name for name in plain if "@" in name and name != "@odata.etag"]
    row = talk.done("GET", "contacts", query=query, prefer='odata.include-annotations="*"')["value"][0]
    assert row["gendercode@OData.Community.Display.V1.FormattedValue"] == "Male"
    assert row["_parentcustomerid_value@OData.Community.Display.V1.FormattedValue"] == "Clinic"
    assert row["_parentcustomerid_value@Microsoft.Dynamics.CRM.lookuplogicalname"] == "account"
    assert row["_parentcustomerid_value@Microsoft.Dynamics.CRM.associatednavigationproperty"] == "parentcustomerid_account"


def test_expansion_both_ways(talk: Talk) -> None:
    """A parent is a row, children are a list, each with its own options."""
    query = "$select=name&$expand=contact_customer_accounts($select=firstname;$filter=gendercode eq 2)&$filter=name eq 'Clinic'"
    account = talk.done("GET", "accounts", query=query)["value"][0]
    assert [row["firstname"] for row in account["contact_customer_accounts"]] == ["bob"]
    query = "$select=firstname&$expand=parentcustomerid_account($select=name)&$filter=firstname eq 'Ann' or firstname eq 'Dee'"
    rows = talk.done("GET", "contacts", query=query)["value"]
    assert [(row["parentcustomerid_account"] or {}).get("name") for row in rows] == ["Clinic", None]


def test_a_link_beside_an_expanded_collection_answers_it_anew(talk: Talk) -> None:
    """As the platform does, even where the collection is empty: whoever takes it for a next page reads everything twice."""
    account = talk.made("accounts", name="Clinic")
    query = f"$select=name&$filter=accountid eq {account}&$expand=contact_customer_accounts($select=lastname)"
    name = "contact_customer_accounts@odata.nextLink"
    (row,) = talk.done("GET", "accounts", query=query)["value"]
    assert row["contact_customer_accounts"] == [] and row[name]
    talk.made("contacts", **{"lastname": "Rao", "parentcustomerid_account@odata.bind": f"/accounts({account})"})
    (row,) = talk.done("GET", "accounts", query=query)["value"]
    link = urlsplit(row[name])
    again = talk.done("GET", link.path.rpartition("/v9.2/")[2], query=link.query)["value"]
    assert [item["lastname"] for item in again] == [item["lastname"] for item in row["contact_customer_accounts"]] == ["Rao"]


def test_every_activity_is_an_activitypointer(talk: Talk) -> None:
    """activitypointers lists the rows of all activity tables and takes no writes."""
    task, call = talk.made("tasks", subject="t"), talk.made("phonecalls", subject="p")
    found = talk.done("GET", "activitypointers", query="$select=subject,activitytypecode")["value"]
    kinds = {row["activityid"]: row["activitytypecode"] for row in found}
    assert (kinds[task], kinds[call]) == ("task", "phonecall")
    assert talk.refusal("POST", "activitypointers", {"subject": "x"})[0] == 400


def test_who_am_i_and_privileges(talk: Talk) -> None:
    """The caller's id, the recommended parallelism, and privileges by name."""
    answer = talk.send("GET", "WhoAmI")
    user = answer.body["UserId"]
    assert int(answer.headers["x-ms-dop-hint"]) > 0
    name = "prvOverrideCreatedOnCreatedBy"
    path = f"systemusers({user})/Microsoft.Dynamics.CRM.RetrieveUserPrivilegeByPrivilegeName(PrivilegeName='{name}')"
    assert [item["PrivilegeName"] for item in talk.done("GET", path)["RolePrivileges"]] == [name]
    talk.server.organization.withheld[user] = {name}
    assert talk.done("GET", path)["RolePrivileges"] == []
    del talk.server.organization.withheld[user]

"""Creating, changing and deleting rows: values, owners, states, dates, keys and cascades (facts/dataverse.md §3, §10)."""

from typing import Any

import pytest
from dataverse_talk import Talk

from crosswalk_sandbox.services.dataverse.clock import stable_id

ID = "bbbbbbbb-0000-4000-8000-000000000001"
MEHTA = stable_id("user", "mehta@clinic.test")
FORMER = stable_id("user", "former@clinic.test")
PAST = "2019-03-04T05:06:07Z"


@pytest.fixture
def talk() -> Talk:
    return Talk()


def read(talk: Talk, path: str, query: str = "") -> Any:
    return talk.done("GET", path, query=query)


@pytest.mark.parametrize(
    ("values", "refusal"),
    [
        ({"lastname": "x" * 51}, (400, "0x80044331")),
        ({"lastname": 5}, (400, "0x80048d19")),
        ({"lastname": "a\x01"}, (400, "0x80040278")),
        ({"gendercode": 99}, (400, "0x8004431a")),
        ({"gendercode": "1"}, (400, "0x80048d19")),
        ({"numberofchildren": -1}, (400, "0x8004432f")),
        ({"creditlimit": 1e30}, (400, "0x80044330")),
        ({"donotemail": "no"}, (400, "0x80048d19")),
        ({"birthdate": "1980-01-02T00:00:00Z"}, (400, "0x80048d19")),
        ({"birthdate": "1980-13-02"}, (400, "0x80048d19")),
        ({"birthdate": "1752-12-31"}, (400, "0x80040239")),
        ({"lastonholdtime": "2020-01-01T00:00:00"}, (400, "0x80048d19")),
        ({"nosuchcolumn": 1}, (400, "0x80048d19")),
        ({"ParentCustomerId_account@odata.bind": "/accounts(x)"}, (400, "0x80048d19")),
        ({"_ownerid_value": MEHTA}, (400, "0x80048d19")),
        ({"parentcustomerid_account@odata.bind": f"/accounts({ID})"}, (404, "0x80040217")),
        ({"parentcustomerid_account@odata.bind": f"/contacts({ID})"}, (404, "0x80040217")),
        ({"parentcustomerid_account@odata.bind": f"/nothings({ID})"}, (400, "0x80060888")),
        ({"ownerid@odata.bind": f"/systemusers({FORMER})"}, (400, "0x8004022b")),
        ({"statuscode": 2}, (400, "0x80048408")),
    ],
)
def test_what_a_column_refuses(talk: Talk, values: dict[str, Any], refusal: tuple[int, str]) -> None:
    """Each bad value has the platform's own code, and nothing is stored."""
    before = talk.names("contacts", "contactid")
    assert talk.refusal("POST", "contacts", values) == refusal
    assert talk.names("contacts", "contactid") == before


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ({"birthdate": "1980-01-02"}, {"birthdate": "1980-01-02"}),
        ({"lastonholdtime": "2020-01-01T01:00:00.987+02:00"}, {"lastonholdtime": "2019-12-31T23:00:00Z"}),
        ({"creditlimit": 12.345}, {"creditlimit": 12.35, "creditlimit_base": 12.35}),
        ({"nickname": ""}, {"nickname": None}),
        ({"firstname": "Ann", "lastname": "Lee"}, {"fullname": "Ann Lee"}),
        ({"createdon": PAST, "modifiedon": PAST, "statecode": 1}, {"statecode": 0, "statuscode": 1}),
        ({"importsequencenumber": 77}, {"importsequencenumber": 77}),
        ({"ownerid@odata.bind": f"/systemusers({MEHTA})"}, {"_ownerid_value": MEHTA, "_owninguser_value": MEHTA}),
        ({"accountid@odata.bind": "/accounts(x)"}, {"_accountid_value": None}),
    ],
)
def test_what_a_column_keeps(talk: Talk, sent: dict[str, Any], kept: dict[str, Any]) -> None:
    """Moments become UTC and whole seconds, amounts are rounded, empty text is no value, read-only columns are ignored."""
    row = read(talk, f"contacts({talk.made('contacts', **sent)})")
    assert {name: row[name] for name in kept} == kept


def test_a_back_dated_row_swaps_its_moments(talk: Talk) -> None:
    """createdon says the past, overriddencreatedon the import; only with the privilege (facts §3.6)."""
    row = read(talk, f"contacts({talk.made('contacts', overriddencreatedon=PAST)})")
    assert row["createdon"] == PAST
    assert row["overriddencreatedon"] == row["modifiedon"] != PAST
    application = talk.server.organization.people.application
    talk.server.organization.withheld[application] = {"prvOverrideCreatedOnCreatedBy"}
    assert talk.refusal("POST", "contacts", {"overriddencreatedon": PAST}) == (403, "0x80040220")


def test_upsert_and_conditions(talk: Talk) -> None:
    """PATCH creates or updates; If-Match and If-None-Match forbid the one or the other (facts §2)."""
    path = f"contacts({ID})"
    assert talk.refusal("PATCH", path, {"lastname": "a"}, if_match="*") == (404, "0x80040217")
    assert talk.send("PATCH", path, {"lastname": "a"}, if_none_match="*").status == 204
    assert talk.refusal("PATCH", path, {"lastname": "b"}, if_none_match="*") == (412, "0x80040237")
    assert talk.refusal("POST", "contacts", {"contactid": ID}) == (412, "0x80040237")
    tag = read(talk, path)["@odata.etag"]
    assert talk.send("GET", path, if_none_match=tag).status == 304
    assert talk.send("GET", path, if_none_match="null").status == 200
    assert talk.send("PATCH", path, {"lastname": "b"}, if_match=tag).status == 204
    assert talk.refusal("PATCH", path, {"lastname": "c"}, if_match=tag) == (412, "0x80060882")
    assert talk.refusal("DELETE", path, if_match=tag) == (412, "0x80060882")
    answer = talk.send("PATCH", path, {"lastname": "d"}, "$select=lastname", prefer="return=representation")
    assert (answer.status, answer.body["lastname"], answer.headers["Preference-Applied"]) == (200, "d", "return=representation")


def test_alternate_keys_name_rows(talk: Talk) -> None:
    """Upsert by key creates once; a second row of the same value is refused; case does not matter (facts §3.3, §10)."""
    table = talk.table("new_Thing", "new_Code", key="new_Code")
    path = f"{table}s(new_code='A-1')"
    assert talk.send("PATCH", path, {"new_name": "one"}, prefer="return=representation").status == 201
    assert talk.send("PATCH", f"{table}s(new_code='a-1')", {"new_name": "two"}, prefer="return=representation").status == 200
    assert talk.names(f"{table}s", "new_name") == ["two"]
    assert talk.refusal("POST", f"{table}s", {"new_code": "A-1"}) == (412, "0x80060892")
    assert talk.refusal("GET", f"{table}s(new_code='B')") == (404, "0x80060891")
    assert talk.refusal("GET", f"{table}s(new_name='two')") == (400, "0x80060890")


def test_completed_visits_are_read_only_until_reopened(talk: Talk) -> None:
    """A closed appointment refuses changes but of its state; a status must belong to its state (facts §3.9)."""
    path = f"appointments({talk.made('appointments', subject='visit')})"
    assert talk.refusal("PATCH", path, {"statecode": 1, "statuscode": 1}) == (400, "0x80048408")
    assert talk.send("PATCH", path, {"statecode": 1}).status == 204
    assert read(talk, path)["statuscode"] == 3
    assert talk.refusal("PATCH", path, {"subject": "x"}) == (400, "0x80040233")
    assert talk.send("PATCH", path, {"statecode": 0, "statuscode": 1}).status == 204
    assert talk.send("PATCH", path, {"subject": "x"}).status == 204


def test_parties_are_written_through_their_activity(talk: Talk) -> None:
    """Owner and regarding row are parties by themselves; a list replaces the others; masks are checked (facts §3.8)."""
    contact = talk.made("contacts", lastname="p")
    party = {"partyid_contact@odata.bind": f"/contacts({contact})", "participationtypemask": 5}
    about = {"regardingobjectid_contact_appointment@odata.bind": f"/contacts({contact})"}
    visit = talk.made("appointments", subject="v", appointment_activity_parties=[party], **about)

    def masks() -> list[int]:
        row = read(talk, f"appointments({visit})", "$expand=appointment_activity_parties($select=participationtypemask)")
        return sorted(item["participationtypemask"] for item in row["appointment_activity_parties"])

    assert masks() == [5, 8, 9]
    organizer = {"partyid_systemuser@odata.bind": f"/systemusers({MEHTA})", "participationtypemask": 7}
    assert talk.send("PATCH", f"appointments({visit})", {"appointment_activity_parties": [organizer]}).status == 204
    assert masks() == [7, 8, 9]
    assert talk.refusal(
        "PATCH", f"appointments({visit})", {"appointment_activity_parties": [party | {"participationtypemask": 1}]}
    ) == (
        400,
        "0x80040203",
    )
    assert talk.refusal("POST", "activityparties", {"participationtypemask": 5})[0] == 400
    talk.done("DELETE", f"appointments({visit})")
    assert visit not in talk.names("activityparties", "activityid")


def test_what_a_deletion_takes_along(talk: Talk) -> None:
    """Contacts go with their account, visits and notes with their contact; other links are emptied (facts §0.7)."""
    account = talk.made("accounts", name="parent")
    contact = talk.made("contacts", lastname="c", **{"parentcustomerid_account@odata.bind": f"/accounts({account})"})
    other = talk.made("accounts", name="other", **{"primarycontactid@odata.bind": f"/contacts({contact})"})
    about = {"regardingobjectid_contact_appointment@odata.bind": f"/contacts({contact})"}
    visit = talk.made("appointments", subject="v", **about)
    note = talk.made("annotations", subject="n", **{"objectid_appointment@odata.bind": f"/appointments({visit})"})
    talk.done("DELETE", f"accounts({account})")
    for path in (f"contacts({contact})", f"appointments({visit})", f"annotations({note})"):
        assert talk.refusal("GET", path) == (404, "0x80040217")
    assert read(talk, f"accounts({other})")["_primarycontactid_value"] is None


def test_a_restricted_deletion_changes_nothing(talk: Talk) -> None:
    """405 as documented, for a publisher with a solution and the base currency (facts §10)."""
    publisher = talk.made("publishers", uniquename="p", customizationprefix="ppp")
    solution = talk.made("solutions", uniquename="s", **{"publisherid@odata.bind": f"/publishers({publisher})"})
    assert talk.refusal("DELETE", f"publishers({publisher})") == (405, "0x80040227")
    talk.done("DELETE", f"solutions({solution})")
    assert talk.send("DELETE", f"publishers({publisher})").status == 204
    talk.made("contacts", creditlimit=1)
    currency = talk.server.organization.people.currency
    assert talk.refusal("DELETE", f"transactioncurrencies({currency})") == (405, "0x80040227")


def test_a_new_owner_gets_what_hangs_on_the_row(talk: Talk) -> None:
    """Assigning a contact assigns its visits (facts §0.7)."""
    contact = talk.made("contacts", lastname="c")
    about = {"regardingobjectid_contact_appointment@odata.bind": f"/contacts({contact})"}
    visit = talk.made("appointments", subject="v", **about)
    talk.done("PATCH", f"contacts({contact})", {"ownerid@odata.bind": f"/systemusers({MEHTA})"})
    assert read(talk, f"appointments({visit})")["_ownerid_value"] == MEHTA


def test_a_campaign_response_needs_its_campaign(talk: Talk) -> None:
    """Without a regarding row it is refused; with a campaign it is created (facts §7)."""
    assert talk.refusal("POST", "campaignresponses", {"subject": "r"}) == (400, "0x80043507")
    campaign = talk.made("campaigns", name="spring")
    bind = {"regardingobjectid_campaign_campaignresponse@odata.bind": f"/campaigns({campaign})"}
    assert talk.made("campaignresponses", subject="r", **bind)


def test_links_are_set_and_cleared(talk: Talk) -> None:
    """A lookup is emptied by null or by deleting its $ref, and set by putting one (facts §3.4)."""
    account, contact = talk.made("accounts", name="a"), talk.made("contacts", lastname="c")
    path = f"contacts({contact})/parentcustomerid_account/$ref"
    talk.done("PUT", path, {"@odata.id": f"accounts({account})"})
    assert read(talk, f"contacts({contact})")["_parentcustomerid_value"] == account
    assert read(talk, f"accounts({account})/contact_customer_accounts")["value"][0]["contactid"] == contact
    talk.done("DELETE", path)
    assert read(talk, f"contacts({contact})")["_parentcustomerid_value"] is None
    talk.done("PATCH", f"contacts({contact})", {"parentcustomerid_account@odata.bind": f"/accounts({account})"})
    talk.done("PATCH", f"contacts({contact})", {"parentcustomerid_account@odata.bind": None})
    assert read(talk, f"contacts({contact})")["_parentcustomerid_value"] is None


def test_a_failed_write_takes_back_what_came_with_it(talk: Talk) -> None:
    """A deep insert whose child is refused leaves nothing behind, not even in the indexes."""
    before = len(talk.names("accounts", "accountid"))
    child = {"lastname": "x" * 60}
    assert talk.refusal("POST", "accounts", {"name": "a", "contact_customer_accounts": [child]}) == (400, "0x80044331")
    assert len(talk.names("accounts", "accountid")) == before

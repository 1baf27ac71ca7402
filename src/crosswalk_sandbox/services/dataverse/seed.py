"""What a new organisation holds: itself, its users, its currency, its publishers, and a few rows that were there before."""

from typing import Any

from .clock import stable_id
from .http import Caller
from .messages import sync
from .metadata import Row
from .organization import Organization
from .records import Records

# Privileges that are not about one table (facts/dataverse.md §2, §3.6).
PRIVILEGES = (
    "prvOverrideCreatedOnCreatedBy",
    "prvActOnBehalfOfAnotherUser",
    "prvBypassCustomBusinessLogic",
    "prvBypassCustomPlugins",
    "prvCreateEntity",
    "prvWriteEntity",
    "prvDeleteEntity",
    "prvPublishCustomization",
    "prvBulkDelete",
)
DOMAIN = "clinic.test"
MEMBERS = (("Alex", "Admin", "admin"), ("Anjali", "Mehta", "mehta"), ("Ravi", "Iyer", "iyer"), ("Front", "Desk", "frontdesk"))
UPLOAD_DEFAULT = 5_242_880  # facts §9
BLOCKED = "ade;adp;app;asa;ashx;asmx;asp;bas;bat;cdx;cer;chm;class;cmd;com;cpl;exe;hta;jar;js;lnk;msi;pif;ps1;reg;scr;vb;vbs;ws"


def fill(organization: Organization, client_id: str, members: list[str]) -> None:
    """Put the rows of a new organisation in. `members` are the e-mail addresses of further users."""
    know_people(organization)
    _platform(organization)
    _users(organization, client_id, members)
    sync(organization)
    _before(organization)


def know_people(organization: Organization) -> None:
    """The ids that the rules need; the same in every sandbox."""
    people = organization.people
    people.organization, people.business_unit = stable_id("organization"), stable_id("businessunit")
    people.currency, people.system = stable_id("currency", "USD"), SYSTEM
    people.application = stable_id("user", "application")


def _put(organization: Organization, table: str, row_id: str, values: Row) -> str:
    """A row as the platform itself writes it, by SYSTEM."""
    shape = organization.table(table)
    row: Row = {shape.primary_id: row_id, **values}
    now = organization.clock.now()
    for name, value in (("createdon", now), ("modifiedon", now), ("createdby", SYSTEM), ("modifiedby", SYSTEM)):
        if name in shape.columns:
            row.setdefault(name, value)
    if "statecode" in shape.columns:
        row.setdefault("statecode", 0)
        row.setdefault("statuscode", 1)
    organization.put(table, row_id, row)
    return row_id


SYSTEM = stable_id("user", "system")


def _platform(organization: Organization) -> None:
    people = organization.people
    unit = {"name": "clinic", "isdisabled": False, "organizationid": people.organization}
    _put(organization, "businessunit", people.business_unit, unit)
    dollar = {"currencyname": "US Dollar", "isocurrencycode": "USD", "currencysymbol": "$", "currencyprecision": 2}
    _put(organization, "transactioncurrency", people.currency, {**dollar, "exchangerate": 1.0})
    settings: Row = {
        "name": "clinic",
        "basecurrencyid": people.currency,
        "maxuploadfilesize": UPLOAD_DEFAULT,
        "languagecode": 1033,
        "localeid": 1033,
        "pricingdecimalprecision": 2,
        "currencydecimalprecision": 2,
        "isauditenabled": False,
        "isduplicatedetectionenabled": True,
        "isduplicatedetectionenabledforonlinecreateupdate": True,
        "blockedattachments": BLOCKED,
    }
    _put(organization, "organization", people.organization, settings)
    for name, prefix, options, fixed in (
        ("MicrosoftCorporation", "msdyn", 19_235, True),
        ("DefaultPublisherclinic", "new", 10_000, False),
    ):
        values: Row = {"uniquename": name, "friendlyname": name, "customizationprefix": prefix, "isreadonly": fixed}
        _put(organization, "publisher", stable_id("publisher", name), {**values, "customizationoptionvalueprefix": options})
    for name, visible in (("Active", False), ("Default", True)):
        values = {"uniquename": name, "friendlyname": f"{name} Solution", "version": "1.0", "ismanaged": False}
        publisher = stable_id("publisher", "DefaultPublisherclinic")
        _put(organization, "solution", stable_id("solution", name), {**values, "isvisible": visible, "publisherid": publisher})


def _users(organization: Organization, client_id: str, members: list[str]) -> None:
    people = organization.people
    _user(organization, SYSTEM, "", "SYSTEM", {"domainname": "", "isdisabled": False, "accessmode": 3})
    _user(organization, stable_id("user", "integration"), "", "INTEGRATION", {"isdisabled": False, "accessmode": 3})
    for first, last, name in MEMBERS:
        add_member(organization, f"{name}@{DOMAIN}", first, last)
    add_member(organization, f"former@{DOMAIN}", "Former", "Employee", disabled=True)
    for email in members:
        add_member(organization, email)
    values: Row = {"applicationid": client_id, "accessmode": 4, "internalemailaddress": f"migration@{DOMAIN}"}
    _user(organization, people.application, "#", "Crosswalk migration", {**values, "domainname": f"app-{client_id}@{DOMAIN}"})
    other: Row = {"applicationid": stable_id("client", "other"), "accessmode": 4, "domainname": f"portal@{DOMAIN}"}
    _user(organization, stable_id("user", "portal"), "#", "Portal", other)


def add_member(
    organization: Organization, email: str, first: str | None = None, last: str | None = None, *, disabled: bool = False
) -> str:
    """A person who logs in. Returns the systemuserid."""
    local = email.partition("@")[0]
    values: Row = {"internalemailaddress": email, "domainname": email, "isdisabled": disabled}
    row_id = stable_id("user", email.lower())
    return _user(organization, row_id, first or local.split(".")[0].capitalize(), last or local.split(".")[-1].capitalize(), values)


def _user(organization: Organization, row_id: str, first: str, last: str, values: Row) -> str:
    people = organization.people
    row: Row = {
        "firstname": first or None,
        "lastname": last,
        "fullname": f"{first} {last}".strip(),
        "businessunitid": people.business_unit,
        "organizationid": people.organization,
        "azureactivedirectoryobjectid": stable_id("entra", row_id),
        "isdisabled": False,
        "accessmode": 0,
        "islicensed": True,
        **values,
    }
    return _put(organization, "systemuser", row_id, {name: value for name, value in row.items() if value not in (None, "")})


def _before(organization: Organization) -> None:
    """Rows that people entered before any migration."""
    records = Records(organization)
    desk = stable_id("user", f"frontdesk@{DOMAIN}")
    caller = Caller(desk, desk)

    def made(table: str, mark: str, **values: Any) -> str:
        shape = organization.table(table)
        row = records.create(shape, {shape.primary_id: stable_id("before", mark), **values}, caller)
        return row[shape.primary_id]

    supplier = made("account", "supplier", name="Northwind Medical Supply", telephone1="+1 212 555 0100", address1_city="Albany")
    made("account", "landlord", name="Harbor Street Properties")
    contact = {"parentcustomerid_account@odata.bind": f"/accounts({supplier})", "emailaddress1": "j.doyle@northwind.test"}
    person = made("contact", "doyle", firstname="Jamie", lastname="Doyle", **contact)
    made("contact", "old", firstname="Pat", lastname="Olsen", emailaddress1="pat.olsen@example.test")
    party = {"partyid_contact@odata.bind": f"/contacts({person})", "participationtypemask": 5}
    times = {"scheduledstart": "2026-10-01T14:00:00Z", "scheduledend": "2026-10-01T14:30:00Z"}
    about = {"regardingobjectid_account_appointment@odata.bind": f"/accounts({supplier})", "appointment_activity_parties": [party]}
    visit = made("appointment", "delivery", subject="Quarterly delivery", **times, **about)
    records.update(organization.table("appointment"), visit, {"statecode": 1, "statuscode": 3}, caller)
    note = {"objectid_account@odata.bind": f"/accounts({supplier})", "notetext": "Net 30, orders by phone."}
    made("annotation", "terms", subject="Terms", **note)

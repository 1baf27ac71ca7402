"""Tables, leaves and options read off metadata in the Web API's shapes (facts/dataverse.md §3.5, §3.9, §6.10)."""

import pytest
from small_organization import APPOINTMENT, OWN_USER, SETS, SYSTEM_USER, TABLES, choice, organization

from crosswalk.connectors.dataverse.definition import label_of, to_options, to_table
from crosswalk.connectors.dataverse.describe import (
    _is_wanted,  # pyright: ignore[reportPrivateUsage]
    to_description,
)
from crosswalk.connectors.dataverse.description import Lookup
from crosswalk.model.destination_schema import DestinationField
from crosswalk.model.errors import RejectedError

DESCRIPTION = organization()


def field(table: str, path: str) -> DestinationField:
    found = DESCRIPTION.object(table).field(path)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("table", "path", "kind"),
    [
        ("contact", "contactid", "id"),
        ("contact", "lastname", "text"),
        ("contact", "emailaddress1", "email"),
        ("contact", "telephone1", "phone"),
        ("contact", "websiteurl", "url"),
        ("contact", "description", "text"),
        ("contact", "birthdate", "date"),
        ("contact", "createdon", "datetime"),
        ("contact", "overriddencreatedon", "datetime"),
        ("contact", "gendercode", "option"),
        ("contact", "pulse_conditions", "options"),
        ("contact", "donotemail", "boolean"),
        ("contact", "numberofchildren", "integer"),
        ("contact", "creditlimit", "money"),
        ("contact", "address1_latitude", "decimal"),
        ("contact", "pulse_dose", "decimal"),
        ("contact", "ownerid", "reference"),
        ("contact", "parentcustomerid.account", "reference"),
        ("contact", "parentcustomerid.contact", "reference"),
        ("contact", "accountid", "reference"),
        ("appointment", "regardingobjectid.contact", "reference"),
        ("appointment", "requiredattendees.systemuser", "reference"),
        ("appointment", "statecode", "option"),
        ("annotation", "objectid.contact", "reference"),
        ("annotation", "documentbody", "file"),
        ("pulse_prescription", "pulse_patientid", "reference"),
    ],
)
def test_every_kind_of_column_has_its_leaf(table: str, path: str, kind: str) -> None:
    """Path and neutral type; what can point to several tables has a leaf for each."""
    assert field(table, path).type == kind


@pytest.mark.parametrize(
    ("table", "path"),
    [
        ("contact", "gendercodename"),
        ("contact", "createdbyname"),
        ("contact", "pulse_scan"),
        ("contact", "parentcustomerid"),
        ("appointment", "requiredattendees"),
        ("appointment", "requiredattendees.queue"),
        ("appointment", "regardingobjectid.lead"),
    ],
)
def test_what_is_no_leaf(table: str, path: str) -> None:
    """Shadow columns, files, the bare name of what has several targets, and targets that are not described."""
    assert DESCRIPTION.object(table).field(path) is None


@pytest.mark.parametrize(
    ("table", "path", "writable", "on_create", "computed"),
    [
        ("contact", "lastname", True, True, False),
        ("contact", "fullname", False, True, True),
        ("contact", "accountid", False, True, True),
        ("contact", "versionnumber", False, True, True),
        ("contact", "importsequencenumber", False, True, True),
        ("contact", "overriddencreatedon", False, True, True),
        ("contact", "contactid", True, True, True),
        ("contact", "createdon", True, True, True),
        ("appointment", "statecode", True, False, False),
        ("appointment", "statuscode", True, False, False),
        ("annotation", "filename", False, True, True),
        ("annotation", "mimetype", True, True, False),
    ],
)
def test_what_can_be_written_and_when(table: str, path: str, writable: bool, on_create: bool, computed: bool) -> None:
    """State and status wait for an update (§3.9); the run marker and a file's name are the connector's own."""
    found = field(table, path)
    assert (found.writable, found.on_create, found.computed) == (writable, on_create, computed)


def test_original_times_need_the_privilege() -> None:
    """Without prvOverrideCreatedOnCreatedBy createdon cannot be written (§3.6)."""
    found = organization(may_set_created_on=False).object("contact").field("createdon")
    assert found is not None and not found.writable


def test_lengths_uniqueness_and_requirement() -> None:
    """An active key of one column makes it unique; only SystemRequired is required by the API (§3.10)."""
    assert field("contact", "lastname").max_length == 50
    assert not field("contact", "lastname").required
    assert field("pulse_prescription", "pulse_name").required
    assert not field("contact", "ownerid").required
    assert field("contact", "pulse_sourcesystemid").unique
    assert field("contact", "contactid").unique
    assert field("contact", "pulse_dose").custom and not field("contact", "lastname").custom
    assert DESCRIPTION.object("pulse_prescription").custom
    assert DESCRIPTION.object("systemuser").system and not DESCRIPTION.object("contact").system


@pytest.mark.parametrize(
    ("table", "path", "lookup"),
    [
        ("contact", "parentcustomerid.account", ("parentcustomerid", "account", "parentcustomerid_account", "accounts", True)),
        ("pulse_prescription", "pulse_patientid", ("pulse_patientid", "contact", "pulse_PatientId", "contacts", False)),
        (
            "appointment", "regardingobjectid.contact",
            ("regardingobjectid", "contact", "regardingobjectid_contact_appointment", "contacts", True),
        ),
        ("annotation", "objectid.contact", ("objectid", "contact", "objectid_contact", "contacts", True)),
        ("contact", "ownerid", ("ownerid", "systemuser", "ownerid", "systemusers", False)),
    ],
)  # fmt: skip
def test_lookups_know_their_navigation_name(table: str, path: str, lookup: tuple[str, str, str, str, bool]) -> None:
    """With the case that binding needs, from metadata and never put together (§3.4)."""
    assert DESCRIPTION.table(table).lookups[path] == Lookup(path, *lookup)


def test_parties_of_an_activity() -> None:
    """Their kind, and the collection they are written in (§3.8)."""
    table = DESCRIPTION.table("appointment")
    party = table.parties["requiredattendees.contact"]
    assert (party.navigation, party.entity_set, party.mask) == ("partyid_contact", "contacts", 5)
    assert table.parties["organizer.systemuser"].mask == 7
    assert table.party_list == "appointment_activity_parties"
    assert DESCRIPTION.table("contact").party_list is None


def test_options_stand_as_symbols_in_the_order_of_their_integers() -> None:
    """A description of that form is the symbol; else the label makes it; a taken one gets its integer behind it."""
    options = DESCRIPTION.table("contact").options("pulse_conditions")
    assert dict(options.values) == {"A": 727000000, "A_727000001": 727000001, "A_POSITIVE": 727000002}
    assert field("contact", "pulse_conditions").options == ("A", "A_727000001", "A_POSITIVE")
    assert options.symbols[727000002] == "A_POSITIVE"
    status = DESCRIPTION.table("appointment").options("statuscode")
    assert dict(status.values) == {"FREE": 1, "COMPLETED": 3, "OUT_OF_OFFICE": 6}
    assert dict(DESCRIPTION.table("appointment").options("statecode").default_status) == {0: 1, 1: 3}
    assert not DESCRIPTION.table("contact").options("lastname").values


def test_labels_prefer_english() -> None:
    """Then the user's own language, then any."""
    german, english = {"Label": "Männlich", "LanguageCode": 1031}, {"Label": "Male", "LanguageCode": 1033}
    assert label_of({"UserLocalizedLabel": german, "LocalizedLabels": [german, english]}) == "Male"
    assert label_of({"UserLocalizedLabel": german, "LocalizedLabels": [german]}) == "Männlich"
    assert label_of({"UserLocalizedLabel": None, "LocalizedLabels": []}) == ""
    assert label_of(None) == ""
    assert to_options(choice("x", {1: {"Label": {"LocalizedLabels": [german]}}})).symbols == {1: "MANNLICH"}


def test_cascades_are_told() -> None:
    """Who refers to a table, and what deleting its rows does to them (§0.7)."""
    (relationship,) = DESCRIPTION.table("contact").referenced_by
    assert (relationship.referencing, relationship.cascade["Delete"]) == ("appointment", "Cascade")


def test_actors() -> None:
    """Our own user, the platform's, and everybody else."""
    assert DESCRIPTION.actor_kind(OWN_USER) == "integration"
    assert DESCRIPTION.actor_kind(OWN_USER, with_our_number=True) == "import"
    assert DESCRIPTION.actor_kind(SYSTEM_USER) == "automation"
    assert DESCRIPTION.actor_kind("00000000-0000-0000-0000-0000000000cc") == "person"
    assert DESCRIPTION.actor_kind(None) == "unknown"


def test_an_unknown_table_is_refused() -> None:
    """Naming it."""
    with pytest.raises(RejectedError, match="pulse_nothing"):
        DESCRIPTION.table("pulse_nothing")


def test_equal_organisations_have_equal_schemas() -> None:
    """Whatever the order of the answers."""
    reversed_tables = dict(reversed(TABLES.items()))
    assert to_description(DESCRIPTION, reversed_tables).schema.digest() == DESCRIPTION.schema.digest()


def test_a_lookup_to_a_table_that_is_not_described_stays_readable() -> None:
    """Only polymorphic leaves, which are many, are limited to what is described."""
    table = to_table(APPOINTMENT, SETS, frozenset({"appointment"}))
    assert "createdby" in table.lookups
    assert "regardingobjectid.contact" not in table.lookups


@pytest.mark.parametrize(
    ("more", "wanted"),
    [({}, True), ({"DataProviderId": "7015a531"}, False), ({"IsManaged": True}, False), ({"IsIntersect": True}, False)],
)
def test_which_custom_tables_are_described(more: dict[str, object], wanted: bool) -> None:
    """Unmanaged ones with rows of their own: a virtual table shows another system's, which may not even answer."""
    listed = {"LogicalName": "new_thing", "EntitySetName": "new_things", "IsCustomEntity": True, "DataProviderId": None}
    assert _is_wanted(listed | more) is wanted

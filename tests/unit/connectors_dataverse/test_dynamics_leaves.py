"""What goes out, what comes back, and what a written value reads back as (facts/dataverse.md §3)."""

from datetime import date, datetime
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_organization import OWN_USER, SYSTEM_USER, organization

from crosswalk.connectors.dataverse.expected import expected
from crosswalk.connectors.dataverse.fields import encode
from crosswalk.connectors.dataverse.leaves import TARGET, Leaves
from crosswalk.model.destination_schema import DestinationField
from crosswalk.model.errors import RejectedError
from crosswalk.model.record import Actor
from crosswalk.model.values import Value, instant_text

ONE, TWO = "00000000-0000-0000-0000-000000000001", "00000000-0000-0000-0000-000000000002"
DESCRIPTION = organization()


def leaves(table: str) -> Leaves:
    return Leaves(DESCRIPTION, table)


def contact(path: str) -> DestinationField:
    found = DESCRIPTION.object("contact").field(path)
    assert found is not None
    return found


def sent(path: str, value: Value) -> Any:
    """A contact's value as it goes over the wire, decoded again as JSON."""
    return orjson.loads(orjson.dumps(encode(contact(path), DESCRIPTION.table("contact").columns[path], value)))


def kept(path: str, wire: Any) -> Value:
    return leaves("contact").flatten({path: wire})[path]


@pytest.mark.parametrize(
    ("path", "value", "wire"),
    [
        ("lastname", "Lovelace", "Lovelace"),
        ("lastname", "Love\x00la\x0bce", "Lovelace"),
        ("description", "one\ntwo\tthree", "one\ntwo\tthree"),
        ("birthdate", "2024-02-29", "2024-02-29"),
        ("birthdate", "2024-02-29T10:11:12.000Z", "2024-02-29"),
        ("createdon", "2024-02-29T10:11:12.987Z", "2024-02-29T10:11:12Z"),
        ("createdon", "1753-01-01T00:00:00.000Z", "1753-01-01T00:00:00Z"),
        ("gendercode", "FEMALE", 2),
        ("pulse_conditions", ["A_POSITIVE", "A"], "727000000,727000002"),
        ("donotemail", False, False),
        ("numberofchildren", 3, 3),
        ("creditlimit", "12.5", 12.5),
        ("creditlimit", "99999999.99", 99999999.99),
        ("pulse_dose", "0.0625", 0.0625),
        ("address1_latitude", "-33.123456789", -33.123456789),
    ],
)
def test_values_as_they_are_sent(path: str, value: Value, wire: Any) -> None:
    """Types, whole seconds, option integers, and texts without what XML cannot hold."""
    assert sent(path, value) == wire


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("createdon", "1752-12-31T23:59:59.000Z"),
        ("createdon", "0000-00-00"),
        ("birthdate", "1600-01-01"),
        ("gendercode", "UNKNOWN"),
        ("pulse_conditions", ["A", "Z"]),
        ("donotemail", "yes"),
        ("numberofchildren", "2.5"),
        ("numberofchildren", "many"),
        ("creditlimit", "12.345"),
        ("pulse_dose", "0.00001"),
        ("creditlimit", "NaN"),
        ("contactid", "P-1"),
    ],
)
def test_what_cannot_be_kept_is_refused_without_its_value(path: str, value: Value) -> None:
    """Naming the field; nothing is rounded, cut or dropped silently."""
    with pytest.raises(RejectedError) as refused:
        sent(path, value)
    assert refused.value.code == "validation"
    assert path in refused.value.message
    assert str(value) not in refused.value.message


@pytest.mark.parametrize(
    ("path", "wire", "value"),
    [
        ("lastname", "Lovelace", "Lovelace"),
        ("lastname", "", None),
        ("lastname", None, None),
        ("birthdate", "2024-02-29", "2024-02-29"),
        ("createdon", "2024-02-29T10:11:12Z", "2024-02-29T10:11:12.000Z"),
        ("gendercode", 1, "MALE"),
        ("gendercode", 7, "7"),
        ("pulse_conditions", "727000002,727000000", ["A", "A_POSITIVE"]),
        ("donotemail", True, True),
        ("numberofchildren", 0, 0),
        ("creditlimit", 12.5, "12.5"),
        ("creditlimit", 23680292.01, "23680292.01"),
        ("pulse_dose", 7, "7"),
        ("contactid", ONE, ONE),
    ],
)
def test_values_as_they_are_answered(path: str, wire: Any, value: Value) -> None:
    """Canonical; an integer that is no option (any more) stays a text."""
    assert kept(path, wire) == value


VALUES: dict[str, st.SearchStrategy[Any]] = {
    "lastname": st.text(max_size=20),
    "createdon": st.datetimes(min_value=datetime.fromisoformat("1753-01-01")).map(instant_text),
    "birthdate": st.dates(min_value=date(1753, 1, 1)).map(str),
    "gendercode": st.sampled_from(["MALE", "FEMALE"]),
    "pulse_conditions": st.lists(st.sampled_from(["A", "A_727000001", "A_POSITIVE"]), min_size=1),
    "numberofchildren": st.integers(0, 2**31 - 1),
    "creditlimit": st.decimals(-(10**9), 10**9, places=2).map(lambda number: format(number.normalize(), "f")),
    "donotemail": st.booleans(),
}


@given(data=st.data(), path=st.sampled_from(sorted(VALUES)))
def test_a_value_reads_back_as_expected(data: st.DataObject, path: str) -> None:
    """Sent, kept and answered: what `expected` said."""
    value = data.draw(VALUES[path])
    assert kept(path, sent(path, value)) == expected(contact(path), value).value


@pytest.mark.parametrize(
    ("path", "value", "stored", "ruled"),
    [
        ("lastname", "Lovelace", "Lovelace", False),
        ("lastname", "a\x07b", "ab", True),
        ("lastname", "\x07", None, True),
        ("createdon", "2024-02-29T10:11:12.987Z", "2024-02-29T10:11:12.000Z", True),
        ("createdon", "2024-02-29T10:11:12.000Z", "2024-02-29T10:11:12.000Z", False),
        ("pulse_conditions", ["A_POSITIVE", "A"], ["A", "A_POSITIVE"], True),
        ("pulse_conditions", [], None, False),
        ("parentcustomerid.account", ONE.upper().replace("0", "A", 1), ONE.replace("0", "a", 1), True),
        ("ownerid", f"team:{ONE}", f"team:{ONE}", False),
        ("emailaddress1", "Ada@Clinic.test", "Ada@Clinic.test", False),
        ("lastname", None, None, False),
    ],
)
def test_expected_names_its_rule(path: str, value: Value, stored: Value, ruled: bool) -> None:
    """Only where what is stored differs from what was sent."""
    told = expected(contact(path), value)
    assert told.value == stored
    assert (told.rule is not None) is ruled or stored is None


@pytest.mark.parametrize(
    ("table", "values", "body"),
    [
        (
            "contact", {"contactid": ONE, "lastname": "X", "parentcustomerid.account": TWO, "parentcustomerid.contact": None},
            {"lastname": "X", "parentcustomerid_account@odata.bind": f"/accounts({TWO})"},
        ),
        ("contact", {"ownerid": ONE}, {"ownerid@odata.bind": f"/systemusers({ONE})"}),
        ("contact", {"ownerid": f"team:{ONE}"}, {"ownerid@odata.bind": f"/teams({ONE})"}),
        ("contact", {"createdon": "2020-01-02T03:04:05.000Z"}, {"overriddencreatedon": "2020-01-02T03:04:05Z"}),
        ("pulse_prescription", {"pulse_patientid": ONE}, {"pulse_PatientId@odata.bind": f"/contacts({ONE})"}),
        (
            "appointment", {"regardingobjectid.contact": ONE, "requiredattendees.contact": ONE, "organizer.systemuser": TWO},
            {
                "regardingobjectid_contact_appointment@odata.bind": f"/contacts({ONE})",
                "appointment_activity_parties": [
                    {"partyid_contact@odata.bind": f"/contacts({ONE})", "participationtypemask": 5},
                    {"partyid_systemuser@odata.bind": f"/systemusers({TWO})", "participationtypemask": 7},
                ],
            },
        ),
        ("annotation", {"subject": "S", "documentbody": [{"name": "a.pdf", "size": 9}]}, {"subject": "S"}),
    ],
)  # fmt: skip
def test_bodies_of_creations(table: str, values: dict[str, Value], body: dict[str, Any]) -> None:
    """Lookups are bound by navigation name, createdon goes through its stand-in, parties into their collection; no id, no None,
    and of a document nothing yet."""
    assert leaves(table).unflatten(values, clear=False) == body


@pytest.mark.parametrize(
    ("table", "values", "body"),
    [
        ("contact", {"lastname": None, "gendercode": None}, {"lastname": None, "gendercode": None}),
        ("contact", {"parentcustomerid.account": None}, {"parentcustomerid_account@odata.bind": None}),
        (
            "contact", {"parentcustomerid.account": None, "parentcustomerid.contact": ONE},
            {"parentcustomerid_contact@odata.bind": f"/contacts({ONE})"},
        ),
        ("appointment", {"requiredattendees.contact": None}, {"appointment_activity_parties": []}),
        ("appointment", {"statecode": "COMPLETED", "statuscode": "COMPLETED"}, {"statecode": 1, "statuscode": 3}),
        ("annotation", {"documentbody": None}, {"filename": None, "documentbody": None}),
    ],
)  # fmt: skip
def test_bodies_of_updates(table: str, values: dict[str, Value], body: dict[str, Any]) -> None:
    """None empties; of the ways a column can point, emptying one never undoes another."""
    assert leaves(table).unflatten(values, clear=True) == body


@pytest.mark.parametrize(
    ("path", "clear", "code"),
    [
        ("pulse_nothing", False, "unknown_field"),
        ("fullname", False, "unknown_field"),
        ("importsequencenumber", False, "unknown_field"),
        ("createdon", True, "validation"),
    ],
)
def test_what_cannot_be_written(path: str, clear: bool, code: str) -> None:
    """Absent and read-only leaves, the run marker, and createdon once the record is there."""
    with pytest.raises(RejectedError) as refused:
        leaves("contact").unflatten({path: "2020-01-01T00:00:00.000Z"}, clear=clear)
    assert refused.value.code == code


def test_references_must_be_ids() -> None:
    """So that nothing else ever gets into an address."""
    with pytest.raises(RejectedError):
        leaves("contact").unflatten({"ownerid": "me)/contacts(1"}, clear=False)


def test_what_is_asked_for() -> None:
    """Columns by name, lookups by value, a note's name and size but never its bytes, and an activity's parties."""
    asked = leaves("annotation").query()["$select"].split(",")
    assert {"filename", "filesize", "_objectid_value", "_ownerid_value", "_createdby_value", "createdon"} <= set(asked)
    assert "documentbody" not in asked
    assert "$expand" not in leaves("contact").query()
    assert leaves("appointment").query()["$expand"].startswith("appointment_activity_parties($select=_partyid_value")


def test_rows_as_answered() -> None:
    """Polymorphic lookups land in the leaf of their target; who made and changed the row; the run marker."""
    row = leaves("contact").row(
        {
            "contactid": ONE, "lastname": "X", "gendercode": 2, "importsequencenumber": 77,
            "_parentcustomerid_value": TWO, f"_parentcustomerid_value{TARGET}": "account",
            "_ownerid_value": TWO, f"_ownerid_value{TARGET}": "team",
            "_createdby_value": OWN_USER, "_modifiedby_value": SYSTEM_USER,
            "createdon": "2020-01-02T03:04:05Z", "modifiedon": "2024-01-02T03:04:05Z",
        }
    )  # fmt: skip
    assert row.id == ONE
    assert row.values["parentcustomerid.account"] == TWO
    assert row.values["parentcustomerid.contact"] is None
    assert row.values["ownerid"] == f"team:{TWO}"
    assert row.values["gendercode"] == "FEMALE"
    assert "emailaddress1" not in row.values
    assert row.created_by == Actor("import", "", "77")
    assert row.updated_by == Actor("automation", "SYSTEM")
    assert (row.created_at, row.updated_at) == ("2020-01-02T03:04:05.000Z", "2024-01-02T03:04:05.000Z")


def test_parties_as_answered() -> None:
    """One of a kind as its id, several as a sorted list, none as nothing; other kinds and targets are others' leaves."""

    def party(identity: str, target: str, mask: int) -> dict[str, Any]:
        return {"_partyid_value": identity, f"_partyid_value{TARGET}": target, "participationtypemask": mask}

    held = [party(TWO, "contact", 5), party(ONE, "contact", 5), party(TWO, "systemuser", 7), party(ONE, "contact", 8)]
    values = leaves("appointment").flatten({"activityid": ONE, "appointment_activity_parties": held})
    assert values["requiredattendees.contact"] == [ONE, TWO]
    assert values["organizer.systemuser"] == TWO
    assert values["requiredattendees.account"] is None


def test_a_note_shows_its_documents_name_and_size() -> None:
    """The size as the platform counts it; a note without a document has none, whatever name it bears."""
    assert leaves("annotation").flatten({"filename": "a.pdf", "filesize": 9})["documentbody"] == [{"name": "a.pdf", "size": 9}]
    assert leaves("annotation").flatten({"filename": None, "filesize": None})["documentbody"] is None
    for size in (None, 0):
        assert leaves("annotation").flatten({"filename": "a.pdf", "filesize": size})["documentbody"] is None

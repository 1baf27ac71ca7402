"""What is asked for, by id, by value and by reference, and who can own records (facts/dataverse.md §7, §8)."""

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any
from urllib.parse import unquote

import orjson
import pytest
from small_organization import organization

from crosswalk.connectors.dataverse.leaves import TARGET
from crosswalk.connectors.dataverse.multipart import PartAnswer
from crosswalk.connectors.dataverse.read import fetch, find, read_rows, referring, users
from crosswalk.model.errors import RejectedError, UsageError

DESCRIPTION = organization()
ONE, TWO = "00000000-0000-0000-0000-000000000001", "00000000-0000-0000-0000-000000000002"


class Organization:
    """Stands in for the client: answers every query with the same rows and keeps what was asked."""

    def __init__(self, *records: dict[str, Any], status: int = 200, **more: Any) -> None:
        self.records, self.status, self.more = list(records), status, more
        self.asked: list[str] = []
        self.linked: list[str] = []

    async def rows(self, path: str, query: Mapping[str, str], page_size: int = 0) -> AsyncIterator[list[dict[str, Any]]]:
        self.asked.append(f"{path}?{'&'.join(f'{name}={value}' for name, value in query.items())}")
        yield self.records

    async def linked_rows(self, link: str) -> AsyncIterator[list[dict[str, Any]]]:
        self.linked.append(link)
        yield [{"_partyid_value": TWO, f"_partyid_value{TARGET}": "contact", "participationtypemask": 5}]

    async def read_many(
        self, paths: Sequence[str], headers: Mapping[str, str] | None = None, *, described: bool = False
    ) -> list[PartAnswer]:
        assert described, "a server that does not know a new column yet is not asked again"
        self.asked += [unquote(path) for path in paths]
        body = orjson.dumps({"value": self.records, **self.more})
        return [PartAnswer(self.status, {}, body) for _ in paths]


def client(*records: dict[str, Any], **more: Any) -> Any:
    return Organization(*records, **more)


def conditions(asked: Sequence[str]) -> list[str]:
    return [part for path in asked for part in path.partition("$filter=")[2].split(" or ")]


async def test_rows_come_by_ascending_id_with_chosen_columns() -> None:
    """So that pages are stable, and no document is downloaded."""
    organization_ = client({"annotationid": ONE, "filename": "a.pdf", "filesize": 3})
    rows = [row async for page in read_rows(organization_, DESCRIPTION, "annotation") for row in page]
    assert [row.id for row in rows] == [ONE]
    assert "$orderby=annotationid" in organization_.asked[0]
    assert "documentbody" not in organization_.asked[0]


async def test_ids_are_asked_for_a_hundred_at_a_time_in_one_batch() -> None:
    """What is no id is not asked for: it cannot exist."""
    organization_ = client()
    ids = [f"00000000-0000-0000-0000-{number:012x}" for number in range(250)]
    assert await fetch(organization_, DESCRIPTION, "contact", [*ids, "no id", ids[0].upper()]) == []
    assert len(organization_.asked) == 3
    assert conditions(organization_.asked) == [f"contactid eq {identity}" for identity in ids]


@pytest.mark.parametrize(
    ("table", "path", "values", "asked"),
    [
        ("contact", "lastname", ["O'Neil", "O'Neil", "a & b/c"], ["lastname eq 'O''Neil'", "lastname eq 'a & b/c'"]),
        ("contact", "lastname", ["a\x07b", "\x07"], ["lastname eq 'ab'"]),
        ("contact", "gendercode", ["MALE", "UNKNOWN"], ["gendercode eq 1"]),
        ("contact", "donotemail", ["true", "perhaps"], ["donotemail eq true"]),
        ("contact", "numberofchildren", ["3", "many", "NaN"], ["numberofchildren eq 3"]),
        ("contact", "birthdate", ["2024-02-29", "P-1"], ["birthdate eq 2024-02-29"]),
        ("contact", "createdon", ["2024-02-29T10:11:12.987Z"], ["createdon eq 2024-02-29T10:11:12.000Z"]),
        ("contact", "parentcustomerid.account", [ONE.upper(), "P-1"], [f"_parentcustomerid_value eq {ONE}"]),
        ("pulse_prescription", "pulse_patientid", [ONE], [f"_pulse_patientid_value eq {ONE}"]),
        ("contact", "ownerid", [f"team:{ONE}"], [f"_ownerid_value eq {ONE}"]),
    ],
)
async def test_values_are_asked_for_as_they_would_be_stored(table: str, path: str, values: list[str], asked: list[str]) -> None:
    """By type, quotes doubled; what no row can hold is not asked for at all."""
    organization_ = client()
    await find(organization_, DESCRIPTION, table, path, values)
    assert conditions(organization_.asked) == asked


def invited(identity: str, mask: int) -> dict[str, Any]:
    return {"_partyid_value": identity, f"_partyid_value{TARGET}": "contact", "participationtypemask": mask}


async def test_attendees_are_asked_for_by_their_part() -> None:
    """An appointment is found by any of those it invites in that part, and not by the others of it."""
    asked = client({"activityid": ONE, "appointment_activity_parties": [invited(ONE, 6), invited(TWO, 5), invited(ONE, 5)]})
    (row,) = await find(asked, DESCRIPTION, "appointment", "requiredattendees.contact", [TWO, ONE])
    assert row.values["requiredattendees.contact"] == [ONE, TWO]
    either = f"party/_partyid_value eq {TWO} or party/_partyid_value eq {ONE}"
    assert f"appointment_activity_parties/any(party:({either}) and party/participationtypemask eq 5)" in asked.asked[0]
    other = client({"activityid": ONE, "appointment_activity_parties": [invited(TWO, 6)]})
    assert await find(other, DESCRIPTION, "appointment", "requiredattendees.contact", [TWO]) == []


async def test_what_points_elsewhere_is_not_found() -> None:
    """The filter knows the id only; the leaf knows the table too."""
    held = {"contactid": ONE, "_parentcustomerid_value": TWO, f"_parentcustomerid_value{TARGET}": "contact"}
    assert await find(client(held), DESCRIPTION, "contact", "parentcustomerid.account", [TWO]) == []
    assert len(await find(client(held), DESCRIPTION, "contact", "parentcustomerid.contact", [TWO])) == 1


@pytest.mark.parametrize("path", ["pulse_nothing", "pulse_conditions", "parentcustomerid"])
async def test_what_cannot_be_searched_by(path: str) -> None:
    """Absent leaves and sets."""
    with pytest.raises(UsageError):
        await find(client(), DESCRIPTION, "contact", path, ["x"])


async def test_a_refused_question_is_a_refusal() -> None:
    """Parts of a batch are judged one by one."""
    with pytest.raises(RejectedError):
        await fetch(client(status=400), DESCRIPTION, "contact", [ONE])


async def test_references_of_one_target_only() -> None:
    """A polymorphic lookup's other targets are other leaves'."""
    name = "_parentcustomerid_value"
    records = [
        {"contactid": ONE, name: TWO, name + TARGET: "account"},
        {"contactid": TWO, name: ONE, name + TARGET: "contact"},
    ]
    organization_ = client(*records)
    assert await referring(organization_, DESCRIPTION, "contact", "parentcustomerid.account") == [(ONE, TWO)]
    assert f"$filter={name} ne null" in organization_.asked[0]
    with pytest.raises(UsageError):
        await referring(organization_, DESCRIPTION, "contact", "lastname")


async def test_parties_behind_a_link_are_fetched() -> None:
    """A server may answer with a link where a collection was expanded."""
    record = {"activityid": ONE, "appointment_activity_parties": [], "appointment_activity_parties@odata.nextLink": "next"}
    organization_ = client(record)
    pairs = await referring(organization_, DESCRIPTION, "appointment", "requiredattendees.contact")
    assert pairs == [(ONE, TWO)]
    assert organization_.linked == ["next"]


@pytest.mark.parametrize(("link", "followed"), [("all?$select=x", []), ("rest?$skiptoken=x", ["rest?$skiptoken=x"])])
async def test_a_link_beside_parties_is_not_more_of_them(link: str, followed: list[str]) -> None:
    """A single `$expand` is answered in full, beside a link to all of it: followed, everybody would be invited twice, and each
    appointment would cost a request. With paging data it leads to the others."""
    party = {"_partyid_value": ONE, f"_partyid_value{TARGET}": "contact", "participationtypemask": 5}
    record = {
        "activityid": ONE,
        "appointment_activity_parties": [party],
        "appointment_activity_parties@odata.nextLink": link,
    }
    organization_ = client(record)
    pairs = await referring(organization_, DESCRIPTION, "appointment", "requiredattendees.contact")
    assert pairs == [(ONE, ONE), *((ONE, TWO) for _ in followed)]
    assert organization_.linked == followed


async def test_people_by_both_addresses() -> None:
    """By internalemailaddress, then by domainname where nobody active has it as theirs; no applications, no support users (§7).
    Who is disabled or has no licence owns nothing (§3.7)."""

    def user(number: int, email: str | None, domain: str, **more: Any) -> dict[str, Any]:
        return {"systemuserid": f"u{number}", "internalemailaddress": email, "domainname": domain, "accessmode": 0, **more}

    organization_ = client(
        user(1, "Mehta@clinic.test", "mehta@tenant.test"),
        user(2, "iyer@clinic.test", "iyer@clinic.test", isdisabled=True),
        user(3, None, "mehta@clinic.test"),
        user(4, "app@clinic.test", "app", applicationid=ONE),
        user(5, "support@clinic.test", "support", accessmode=3),
        user(6, None, "front@clinic.test", fullname="Front Desk"),
        user(7, "sen@clinic.test", "sen@clinic.test", islicensed=False),
        user(8, "sen.new@clinic.test", "sen@clinic.test", islicensed=True),
    )
    listed = [(item.id, item.email, item.active) for item in await users(organization_)]
    assert listed == [
        ("u1", "mehta@clinic.test", True),
        ("u2", "iyer@clinic.test", False),
        ("u7", "sen@clinic.test", False),
        ("u8", "sen.new@clinic.test", True),
        ("u1", "mehta@tenant.test", True),
        ("u6", "front@clinic.test", True),
        ("u8", "sen@clinic.test", True),
    ]
    assert "islicensed" in organization_.asked[0]

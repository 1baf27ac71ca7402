"""The Dynamics 365 connector's records against the sandbox, over TLS: batches, activities, documents, and what goes wrong."""

import base64
import json
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from dynamics_sandbox import MARKER, Sandbox, created, refused, updated

from crosswalk.connectors.dataverse.client import DataverseClient
from crosswalk.connectors.dataverse.connector import CONNECTOR, DynamicsDestination
from crosswalk.connectors.dataverse.login import Credentials
from crosswalk.model.errors import RejectedError, UncertainError, UnreachableError, UsageError
from crosswalk.model.record import Row, Write

# -- creating ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("table", ["contact", "annotation"], ids=["in one message", "in a batch"])
async def test_a_refused_record_is_named_and_the_rest_stored(destination: DynamicsDestination, table: str) -> None:
    """CreateMultiple is all or nothing (§0.3), and notes have none (§0.2): either way each record is answered on its own."""
    text, length = ("lastname", 50) if table == "contact" else ("subject", 500)
    values: list[dict[str, Any]] = [{text: f"Person {number}"} for number in range(40)]
    values[17] = {text: "x" * (length + 1)}
    writes = [Write(str(uuid4()), item) for item in values]
    answers = await destination.create(table, writes, MARKER)
    bad = [place for place, answer in enumerate(answers) if isinstance(answer, RejectedError)]
    assert bad == [17]
    answer = answers[17]
    assert isinstance(answer, RejectedError) and answer.code == "validation" and "xxx" not in str(answer)
    found = await destination.fetch(table, [write.id for write in writes])
    assert {row.id for row in found} == {write.id for place, write in enumerate(writes) if place != 17}
    assert {row.created_by.marker for row in found} == {destination.kept_marker(MARKER)}


async def test_chunks_go_out_side_by_side(server: Sandbox, destination: DynamicsDestination) -> None:
    """A thousand records travel in several requests at once, and come back in the order they were given."""
    writes = [Write(str(uuid4()), {"lastname": f"Person {number}"}) for number in range(1000)]
    before = destination.traffic().requests
    answers = await destination.create("contact", writes, MARKER)
    assert [answer.id for answer in answers if isinstance(answer, Row)] == [write.id for write in writes]
    assert 3 <= destination.traffic().requests - before <= 20


async def test_a_creation_time_can_be_set_by_creation_only(destination: DynamicsDestination) -> None:
    """So says the description, and the organisation would ignore it (§3.6): an update that names it is refused."""
    contact = (await destination.describe()).object("contact")
    assert contact and {field.path for field in contact.fields if field.writable and not field.on_update} >= {"createdon"}
    assert all(field.on_update for field in contact.fields if field.path in {"lastname", "emailaddress1", "ownerid", "statecode"})
    row = await created(destination, "contact", lastname="Rao")
    assert (await refused(destination, "contact", row.id, createdon="2019-01-02T03:04:05.000Z")).code == "validation"


async def test_a_creation_time_is_kept(destination: DynamicsDestination) -> None:
    """`createdon` goes out as overriddencreatedon and comes back as createdon (§3.6)."""
    row = await created(destination, "contact", lastname="Rao", createdon="2019-03-04T05:06:07.000Z")
    assert row.values["createdon"] == "2019-03-04T05:06:07.000Z"
    assert row.created_by.kind == "import"


async def test_a_person_s_record_with_its_lookups(destination: DynamicsDestination) -> None:
    """The polymorphic customer lookup, an owner, an option and a birth date (§3.4, §3.5, §3.11, §3.13)."""
    users = {user.email: user.id for user in await destination.users()}
    account = await created(destination, "account", name="Clinic")
    values = {
        "firstname": "Asha",
        "lastname": "Rao",
        "parentcustomerid.account": account.id,
        "ownerid": users["mehta@clinic.test"],
        "gendercode": "FEMALE",
        "birthdate": "1980-02-29",
    }
    identity = str(uuid4())
    (row,) = await destination.create("contact", [Write(identity, dict(values))], MARKER)
    assert isinstance(row, Row)
    assert {path: row.values.get(path) for path in values} == values
    assert await destination.referring("contact", "parentcustomerid.account") == [(identity, account.id)] or (
        (identity, account.id) in await destination.referring("contact", "parentcustomerid.account")
    )


async def test_an_owner_that_cannot_own_is_said(server: Sandbox, destination: DynamicsDestination) -> None:
    """A disabled user as owner is a refusal of this record (§3.7), with what to do about it."""
    disabled = [user for user in await destination.users() if not user.active]
    assert disabled
    (answer,) = await destination.create("contact", [Write(str(uuid4()), {"lastname": "Rao", "ownerid": disabled[0].id})], MARKER)
    assert isinstance(answer, RejectedError)
    assert "owner" in answer.remedy.lower()


# -- changing ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("table", ["campaignresponse", "annotation"], ids=["in one message", "in a batch"])
async def test_a_refused_change_is_named_and_the_rest_made(destination: DynamicsDestination, table: str) -> None:
    """UpdateMultiple is all or nothing too (§4.3), and not every table has it (§4.4): each record is answered on its own."""
    values: dict[str, Any] = {"subject": "Before"}
    if table == "campaignresponse":
        campaign = await created(destination, "campaign", name="Recall")
        values["regardingobjectid.campaign"] = campaign.id
    ids = [
        (await created(destination, table, **{path.replace(".", "__"): value for path, value in values.items()})).id for _ in "abc"
    ]
    texts = ["After", "x" * 600, "After"]
    stranger = Write(str(uuid4()), {"subject": "Nobody"})
    writes = [*(Write(identity, {"subject": text}) for identity, text in zip(ids, texts, strict=True)), stranger]
    answers = await destination.update(table, writes)
    assert [answer.code if isinstance(answer, RejectedError) else answer.values["subject"] for answer in answers] == [
        "After",
        "validation",
        "After",
        "not_found",
    ]
    assert await destination.fetch(table, [stranger.id]) == [], "an update created a record"


# -- activities --------------------------------------------------------------------------------------------------------


async def an_appointment(destination: DynamicsDestination, contact: str) -> Row:
    return await created(
        destination,
        "appointment",
        subject="Visit",
        scheduledstart="2020-01-02T10:00:00.000Z",
        scheduledend="2020-01-02T10:30:00.000Z",
        regardingobjectid__contact=contact,
    )


async def test_state_is_a_second_pass(destination: DynamicsDestination) -> None:
    """State and status are written by an update of their own (§0.6), hundreds in a batch."""
    field = (await destination.describe()).object("appointment").field("statecode")  # type: ignore[union-attr]
    assert field and not field.on_create
    contact = await created(destination, "contact", lastname="Rao")
    rows = [await an_appointment(destination, contact.id) for _ in range(3)]
    writes = [Write(row.id, {"statecode": "COMPLETED", "statuscode": "COMPLETED"}) for row in rows]
    answers = await destination.update("appointment", writes)
    assert [answer.values["statecode"] for answer in answers if isinstance(answer, Row)] == ["COMPLETED"] * 3


async def test_others_go_before_the_state(destination: DynamicsDestination) -> None:
    """One write with a text and a completion: the text first, since a completed appointment is read-only."""
    contact = await created(destination, "contact", lastname="Rao")
    row = await an_appointment(destination, contact.id)
    row = await updated(destination, "appointment", row.id, location="Room 2", statecode="COMPLETED")
    assert (row.values["location"], row.values["statecode"]) == ("Room 2", "COMPLETED")


async def test_what_we_completed_is_reopened_changed_and_closed(destination: DynamicsDestination) -> None:
    """A later change of an appointment that we completed leaves it completed (§0.6)."""
    contact = await created(destination, "contact", lastname="Rao")
    row = await an_appointment(destination, contact.id)
    await updated(destination, "appointment", row.id, statecode="COMPLETED", statuscode="COMPLETED")
    row = await updated(destination, "appointment", row.id, subject="Second visit")
    assert (row.values["subject"], row.values["statecode"]) == ("Second visit", "COMPLETED")
    row = await updated(destination, "appointment", row.id, subject="Visit", statecode="OPEN", statuscode="FREE")
    assert (row.values["subject"], row.values["statecode"], row.values["statuscode"]) == ("Visit", "OPEN", "FREE")


async def test_what_a_person_completed_stays_closed(server: Sandbox, destination: DynamicsDestination) -> None:
    """An appointment that a person completed is not reopened: the change is refused as read_only."""
    contact = await created(destination, "contact", lastname="Rao")
    row = await an_appointment(destination, contact.id)
    await server.person_edits("appointment", row.id, {"statecode": 1, "statuscode": 3})
    error = await refused(destination, "appointment", row.id, subject="Second visit")
    assert error.code == "read_only"
    (found,) = await destination.fetch("appointment", [row.id])
    assert (found.values["subject"], found.values["statecode"]) == ("Visit", "COMPLETED")


async def test_parties_travel_inside_their_appointment(destination: DynamicsDestination) -> None:
    """Attendees and organiser (§3.8); changing one role leaves the other."""
    users = {user.email: user.id for user in await destination.users()}
    one, two = [(await created(destination, "contact", lastname=name)).id for name in ("Rao", "Iyer")]
    row = await created(
        destination,
        "appointment",
        subject="Visit",
        scheduledstart="2020-01-02T10:00:00.000Z",
        scheduledend="2020-01-02T10:30:00.000Z",
        requiredattendees__contact=one,
        organizer__systemuser=users["mehta@clinic.test"],
    )
    assert row.values["requiredattendees.contact"] == one
    assert row.values["organizer.systemuser"] == users["mehta@clinic.test"]
    row = await updated(destination, "appointment", row.id, requiredattendees__contact=two)
    assert row.values["requiredattendees.contact"] == two
    assert row.values["organizer.systemuser"] == users["mehta@clinic.test"]


# -- documents ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [1_000, 5_000_000], ids=["inside the note", "in blocks"])
async def test_a_document_arrives_whole(server: Sandbox, destination: DynamicsDestination, tmp_path: Path, size: int) -> None:
    """Small documents travel inside their note, large ones in blocks (§9); read back they are the same bytes."""
    content = bytes(number % 251 for number in range(size))
    path = tmp_path / "scan.pdf"
    path.write_bytes(content)
    value = await destination.upload(path, "scan.pdf")
    assert value == [{"name": "scan.pdf", "size": size}]
    contact = await created(destination, "contact", lastname="Rao")
    row = await created(destination, "annotation", subject="Scan", documentbody=value, objectid__contact=contact.id)
    assert row.values["documentbody"] == value
    assert row.values["objectid.contact"] == contact.id
    held = await server.call("GET", f"annotations({row.id})?$select=documentbody,mimetype,filename")
    assert base64.b64decode(held["documentbody"]) == content
    assert (held["mimetype"], held["filename"]) == ("application/pdf", "scan.pdf")


async def test_a_note_s_document_can_be_changed_and_taken_away(destination: DynamicsDestination, tmp_path: Path) -> None:
    """Another file in the place of the first, a large one in the place of a small one, then none."""
    row = await created(destination, "annotation", subject="Scan")
    for name, size in (("one.txt", 10), ("two.txt", 4_000_000)):
        (tmp_path / name).write_bytes(b"x" * size)
        value = await destination.upload(tmp_path / name, name)
        row = await updated(destination, "annotation", row.id, documentbody=value)
        assert row.values["documentbody"] == [{"name": name, "size": size}]
    row = await updated(destination, "annotation", row.id, documentbody=None)
    assert row.values["documentbody"] is None and row.values["subject"] == "Scan"


@pytest.mark.parametrize("size", [100, 4_000_000], ids=["inside the note", "in blocks"])
async def test_a_blocked_kind_of_file_refuses_its_note(destination: DynamicsDestination, tmp_path: Path, size: int) -> None:
    """The organisation refuses programs (§9): the note is not left behind without its document."""
    (tmp_path / "run.exe").write_bytes(b"x" * size)
    value = await destination.upload(tmp_path / "run.exe", "run.exe")
    identity = str(uuid4())
    (answer,) = await destination.create("annotation", [Write(identity, {"subject": "Scan", "documentbody": value})], MARKER)
    assert isinstance(answer, RejectedError) and answer.code == "too_large"
    assert await destination.fetch("annotation", [identity]) == []


async def test_a_note_that_was_cut_off_before_its_document_is_completed(
    server: Sandbox, destination: DynamicsDestination, tmp_path: Path
) -> None:
    """A large document follows its note: created again, the note of this migration gets it; another one is a duplicate."""
    (tmp_path / "scan.pdf").write_bytes(b"x" * 4_000_000)
    value = await destination.upload(tmp_path / "scan.pdf", "scan.pdf")
    ours = await created(destination, "annotation", subject="Scan")
    (theirs,) = await server.seed("annotation", {"subject": "Scan"})
    writes = [Write(identity, {"subject": "Scan", "documentbody": value}) for identity in (ours.id, theirs)]
    completed, refused = await destination.create("annotation", writes, MARKER)
    assert isinstance(completed, Row) and completed.values["documentbody"] == value
    assert isinstance(refused, RejectedError) and refused.code == "duplicate"


@pytest.mark.parametrize(
    ("step", "times"), [("InitializeAnnotationBlocksUpload", 1), ("UploadBlock", 2), ("CommitAnnotationBlocksUpload", 1)]
)
async def test_a_document_lost_on_its_way_is_not_there(
    server: Sandbox, destination: DynamicsDestination, tmp_path: Path, step: str, times: int
) -> None:
    """Whichever of its requests is lost: the note reads as one without a document, and gets it when it is created again."""
    (tmp_path / "scan.pdf").write_bytes(b"x" * 4_000_000)
    value = await destination.upload(tmp_path / "scan.pdf", "scan.pdf")
    writes = [Write(str(uuid4()), {"subject": "Scan", "documentbody": value})]
    lost = {"kind": "drop_before_commit", "match": {"path_prefix": f"/api/data/v9.2/{step}"}, "times": times}
    await server.control("faults", lost)
    with pytest.raises(UncertainError):
        await destination.create("annotation", writes, MARKER)
    (left,) = await destination.fetch("annotation", [writes[0].id])
    assert left.values["documentbody"] is None
    (completed,) = await destination.create("annotation", writes, MARKER)
    assert isinstance(completed, Row) and completed.values["documentbody"] == value


async def test_a_document_over_the_limit_is_refused(destination: DynamicsDestination, tmp_path: Path) -> None:
    """The organisation's limit (§9) is said before anything is sent."""
    path = tmp_path / "film.avi"
    with path.open("wb") as file:
        file.truncate(6_000_000)
    with pytest.raises(RejectedError) as error:
        await destination.upload(path, "film.avi")
    assert error.value.code == "too_large"


# -- deleting ----------------------------------------------------------------------------------------------------------


async def test_deleting_says_what_could_not_be_deleted(destination: DynamicsDestination) -> None:
    """Records that are gone already are done; the completed are deleted as well."""
    contact = await created(destination, "contact", lastname="Rao")
    row = await an_appointment(destination, contact.id)
    await updated(destination, "appointment", row.id, statecode="COMPLETED")
    await destination.remove("appointment", [row.id, str(uuid4())])
    await destination.remove("contact", [contact.id])
    assert await destination.fetch("contact", [contact.id]) == []


async def test_what_may_not_be_deleted_is_refused(destination: DynamicsDestination) -> None:
    """Users cannot be deleted (§7): said as a refusal, not passed over."""
    with pytest.raises(RejectedError):
        await destination.remove("systemuser", [(await destination.users())[0].id])


# -- what goes wrong ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("kind", "stored"), [("drop_before_commit", False), ("drop_after_commit", True), ("500", False)])
async def test_a_lost_answer_is_uncertain(server: Sandbox, destination: DynamicsDestination, kind: str, stored: bool) -> None:
    """A dropped connection or a server error says nothing about the records: UncertainError, never a resend."""
    await destination.describe()
    await created(destination, "contact", lastname="First")
    await server.control("faults", {"kind": kind, "match": {"method": "POST", "path_prefix": "/api/data/v9.2/contacts"}})
    identity = str(uuid4())
    with pytest.raises(UncertainError):
        await destination.create("contact", [Write(identity, {"lastname": "Rao"})], MARKER)
    assert [row.id for row in await destination.fetch("contact", [identity])] == ([identity] if stored else [])


async def test_credentials_and_addresses_that_do_not_work(server: Sandbox) -> None:
    """A bad secret, a closed port and a missing variable each say what to do; the secret is never repeated."""
    given = server.credentials
    secret = "not-the-secret-4711"
    wrong = Credentials(given.tenant_id, given.client_id, secret, given.authority)
    async with DynamicsDestination(DataverseClient(server.ready["url"], wrong)) as opened:
        with pytest.raises(UnreachableError) as error:
            await opened.describe()
        assert secret not in str(error.value) + error.value.remedy
    async with DynamicsDestination(DataverseClient("https://127.0.0.1:9", given)) as opened:
        with pytest.raises(UnreachableError):
            await opened.describe()
    assert CONNECTOR.open_destination
    with pytest.raises(UsageError, match="CROSSWALK_DYNAMICS_TENANT_ID"):
        CONNECTOR.open_destination(server.ready["url"], {})


@pytest.mark.parametrize("url", ["org.crm.dynamics.com", "http://org.test", "https://org.test/main.aspx", "https://org.test?app=1"])
def test_an_address_that_is_no_organisation_s_is_refused_before_anything_is_sent(url: str) -> None:
    """https and a host, and nothing behind it: what people copy from the browser's address bar is told apart."""
    assert CONNECTOR.open_destination
    with pytest.raises(UsageError, match="is not the address of an organisation"):
        CONNECTOR.open_destination(url, dict.fromkeys(CONNECTOR.environment, "x"))


def test_the_sandbox_tells_all_that_the_connector_needs(server: Sandbox) -> None:
    """Every variable of the connector's environment is found in the ready line."""
    assert set(CONNECTOR.environment.values()) <= set(server.ready)
    assert json.dumps(dict(server.ready))

"""The Twenty connector against the sandbox, over HTTP: the shipped destination contract, then what is Twenty's own."""

import json
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import aiohttp
import pytest
import pytest_asyncio

from crosswalk.connectors.twenty.client import TwentyClient
from crosswalk.connectors.twenty.connector import CONNECTOR, TwentyDestination
from crosswalk.model.errors import RejectedError, UncertainError, UnreachableError, UsageError
from crosswalk.model.record import Write
from crosswalk.model.schema_plan import FieldCreation, ObjectCreation, SchemaChange
from crosswalk.testing import destination_contract as contract
from crosswalk.testing.contract_bench import Bench, bench_schema

MARKER = "run-1"


@dataclass(frozen=True)
class Sandbox:
    url: str
    api_key: str

    async def control(self, verb: str, body: Any) -> Any:
        """Do what no API client could: faults, a person's deletions, the clock."""
        async with aiohttp.ClientSession() as session, session.post(f"{self.url}/__control__/{verb}", json=body) as answer:
            content = await answer.json()
            assert answer.status == 200, content
            return content

    async def call(self, method: str, path: str, body: Any = None) -> Any:
        """An API call beside the connector."""
        headers = {"Authorization": f"Bearer {self.api_key}"}
        async with (
            aiohttp.ClientSession(headers=headers) as session,
            session.request(method, self.url + path, json=body) as answer,
        ):
            content = await answer.json()
            assert answer.status < 300, content
            return content


def start(*options: str) -> tuple[subprocess.Popen[str], Sandbox]:
    process = subprocess.Popen(
        [sys.executable, "-m", "crosswalk_sandbox", "twenty", "--port", "0", *options], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    ready = json.loads(process.stdout.readline())
    return process, Sandbox(ready["url"], ready["api_key"])


def running(*options: str) -> Iterator[Sandbox]:
    process, sandbox = start(*options)
    yield sandbox
    process.terminate()
    process.wait(10)


@pytest.fixture(scope="module", params=["new", "legacy"])
def server(request: pytest.FixtureRequest) -> Iterator[Sandbox]:
    """A server without limits, in either metadata answer format (§8)."""
    yield from running("--limits", "off", "--format", request.param, "--member", "dr.rao@clinic.test")


@pytest.fixture
async def sandbox(server: Sandbox) -> Sandbox:
    await server.control("reset", {})
    await server.control("workflow", {"active": False})
    return server


@pytest.fixture
async def destination(sandbox: Sandbox) -> AsyncIterator[TwentyDestination]:
    async with TwentyDestination(TwentyClient(sandbox.url, sandbox.api_key, read_pauses=(0.01, 0.01))) as opened:
        yield opened


# -- the shipped contract ----------------------------------------------------------------------------------------------


async def test_schema_comes_and_goes(destination: TwentyDestination) -> None:
    """Apply and undo leave the description as it was."""
    await contract.schema_comes_and_goes(destination)


@pytest.fixture(scope="module")
def bench_server() -> Iterator[Sandbox]:
    yield from running("--limits", "off", "--workflow", "off")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def bench(bench_server: Sandbox) -> AsyncIterator[Bench]:
    """The contract's object in a workspace, for all record checks: each leaves it empty."""
    async with (
        TwentyDestination(TwentyClient(bench_server.url, bench_server.api_key)) as opened,
        bench_schema(opened) as made,
    ):
        yield made


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("check", contract.RECORD_CHECKS, ids=lambda check: check.__name__)
async def test_records_keep_the_contract(bench: Bench, check: Callable[[Bench], Awaitable[None]]) -> None:
    """Every record check of the shipped suite."""
    await check(bench)
    assert [row.id async for page in bench.destination.rows(bench.name) for row in page] == []


@pytest.mark.asyncio(loop_scope="module")
async def test_soft_deleted_rows_are_seen(bench: Bench, bench_server: Sandbox) -> None:
    """Rows deleted in the CRM still hold their values (§5), and are seen and destroyed."""

    async def soft_delete(plural: str, identity: str) -> None:
        await bench_server.call("DELETE", f"/rest/{plural}/{identity}?soft_delete=true")

    await contract.soft_deleted_rows_are_seen(bench, soft_delete)


# -- Twenty's own ------------------------------------------------------------------------------------------------------


async def test_a_new_workspace_is_described(destination: TwentyDestination) -> None:
    """Composite fields come as leaves, join columns as references to the right objects (§6, §8)."""
    schema = await destination.describe()
    people, companies = schema.object("people"), schema.object("companies")
    assert people and companies and people.singular == "person" and not people.custom
    email = people.field("emails.primaryEmail")
    assert email and email.type == "email" and email.unique
    domain = companies.field("domainName.primaryLinkUrl")
    assert domain and domain.type == "url" and domain.unique
    company = people.field("companyId")
    assert company and (company.type, company.to_object) == ("reference", "companies")
    targets = {path: (leaf := schema.object("taskTargets").field(path)) and leaf.to_object for path in ("taskId", "targetPersonId")}  # type: ignore[union-attr]
    assert targets == {"taskId": "tasks", "targetPersonId": "people"}
    status = schema.object("tasks").field("status")  # type: ignore[union-attr]
    assert status and status.type == "option" and status.options == ("TODO", "IN_PROGRESS", "DONE")
    untold = [
        f"{item.name}.{leaf.path}"
        for item in schema.objects
        for leaf in item.fields
        if leaf.type == "reference" and not leaf.to_object
    ]
    assert untold == []


async def test_members_are_the_users(destination: TwentyDestination) -> None:
    """Members by lower-case address (§6)."""
    assert "dr.rao@clinic.test" in {user.email for user in await destination.users()}


async def test_a_person_s_values_read_back_as_expected(destination: TwentyDestination) -> None:
    """The worked example of §6: address lower-cased, number split, times in UTC, author kept."""
    schema = await destination.describe()
    people = schema.object("people")
    assert people
    values = {
        "name.firstName": "Asha",
        "name.lastName": "Rao",
        "emails.primaryEmail": "Asha.Rao@Example.com",
        "emails.additionalEmails": ["A2@Example.com"],
        "phones.primaryPhoneNumber": "+919876543210",
        "phones.additionalPhones": [{"number": "2025550123", "countryCode": "US", "callingCode": "+1"}],
        "jobTitle": "Patient",
        "linkedinLink.primaryLinkUrl": "https://LinkedIn.com/in/x/",
        "createdAt": "2019-03-04T05:06:07.000Z",
        "updatedAt": "2020-03-04T05:06:07.000Z",
        "createdBy.name": "Dr Mehta",
    }
    identity = str(uuid4())
    row = (await destination.create("people", [Write(identity, values)], MARKER))[0]  # type: ignore[arg-type]
    for path, value in values.items():
        leaf = people.field(path)
        assert leaf
        assert row.values[path] == destination.expected(leaf, value).value, path  # type: ignore[arg-type]
    assert row.values["phones.primaryPhoneCountryCode"] == "IN"
    assert (row.created_by.kind, row.created_by.name, row.created_by.marker) == ("import", "Dr Mehta", MARKER)
    await destination.remove("people", [identity])


async def test_a_number_is_changed_in_its_stored_country(destination: TwentyDestination) -> None:
    """A national number alone is refused (§6), so an update of it takes the country along."""
    identity = str(uuid4())
    await destination.create("people", [Write(identity, {"phones.primaryPhoneNumber": "+919876543210"})], MARKER)
    (row,) = await destination.update("people", [Write(identity, {"phones.primaryPhoneNumber": "9876500003"})])
    assert row.values["phones.primaryPhoneNumber"] == "9876500003"
    assert row.values["phones.primaryPhoneCountryCode"] == "IN"


async def test_a_file_is_attached(destination: TwentyDestination, tmp_path: Path) -> None:
    """Upload, attach, read back: file id and label, no signed address (§7)."""
    path = tmp_path / "scan.txt"
    path.write_bytes(b"some bytes")
    value = await destination.upload(path, "scan.txt")
    person = str(uuid4())
    await destination.create("people", [Write(person, {"name.lastName": "Rao"})], MARKER)
    attachment = Write(str(uuid4()), {"name": "scan.txt", "file": value, "targetPersonId": person})
    row = (await destination.create("attachments", [attachment], MARKER))[0]
    assert row.values["file"] == value
    assert row.values["targetPersonId"] == person


@pytest.mark.parametrize(("name", "singular"), [("events", "event"), ("jobs", "job")], ids=lambda text: str(text))
async def test_reserved_names_are_explained(destination: TwentyDestination, name: str, singular: str) -> None:
    """Names Twenty keeps for itself are refused with what to do about it (§8)."""
    asked = ObjectCreation(name=name, singular=singular, label="Event", label_plural="Events")
    change = SchemaChange(operation="create_object", object=name, name=name, created_object=asked)
    with pytest.raises(RejectedError) as refused:
        await destination.apply(change, await destination.describe())
    assert refused.value.code == "reserved"
    assert "mapping" in refused.value.remedy


async def test_a_field_of_another_kind_is_in_the_way(destination: TwentyDestination) -> None:
    """A field that exists but differs is never taken for the one asked for."""
    change = SchemaChange(
        operation="create_field", object="people", name="jobTitle", field=FieldCreation(type="integer", label="Job title")
    )
    with pytest.raises(RejectedError) as refused:
        await destination.apply(change, await destination.describe())
    assert refused.value.code == "conflict"


# -- what goes wrong ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("kind", "stored"), [("drop_before_commit", False), ("drop_after_commit", True), ("500", False)])
async def test_a_lost_answer_is_uncertain(sandbox: Sandbox, destination: TwentyDestination, kind: str, stored: bool) -> None:
    """A dropped connection or a server error says nothing about the records: UncertainError, never a resend."""
    await destination.describe()
    await sandbox.control("faults", {"kind": kind, "match": {"method": "POST", "path_prefix": "/rest/batch"}})
    identity = str(uuid4())
    with pytest.raises(UncertainError):
        await destination.create("people", [Write(identity, {"name.lastName": "Rao"})], MARKER)
    assert [row.id for row in await destination.fetch("people", [identity])] == ([identity] if stored else [])


async def test_a_lost_read_is_asked_again(sandbox: Sandbox, destination: TwentyDestination) -> None:
    """Reading changes nothing, so it is repeated; when the server stays away, it is unreachable."""
    await destination.describe()
    fault = {"kind": "drop_before_commit", "match": {"method": "GET", "path_prefix": "/rest/people"}}
    await sandbox.control("faults", {**fault, "times": 2})
    assert await destination.fetch("people", [str(uuid4())]) == []
    await sandbox.control("faults", {**fault, "times": 99})
    with pytest.raises(UnreachableError):
        await destination.fetch("people", [str(uuid4())])


async def test_a_lost_schema_answer_is_settled_by_reading(sandbox: Sandbox, destination: TwentyDestination) -> None:
    """Metadata is settled by name: a field whose answer got lost counts as created when it is there."""
    schema = await destination.describe()
    await sandbox.control("faults", {"kind": "drop_after_commit", "match": {"method": "POST", "path_prefix": "/rest/metadata"}})
    change = SchemaChange(
        operation="create_field", object="people", name="bloodGroup", field=FieldCreation(type="text", label="Blood group")
    )
    schema = await destination.apply(change, schema)
    assert schema.object("people").field("bloodGroup")  # type: ignore[union-attr]


async def test_credentials_and_addresses_that_do_not_work(sandbox: Sandbox) -> None:
    """A bad key, a closed port and a missing key each say what to do; the key is never repeated."""
    secret = "not-the-key-4711"
    async with TwentyDestination(TwentyClient(sandbox.url, secret)) as opened:
        with pytest.raises(UnreachableError) as refused:
            await opened.describe()
        assert "CROSSWALK_TWENTY_API_KEY" in refused.value.remedy
        assert secret not in str(refused.value) + refused.value.remedy
    async with TwentyDestination(TwentyClient("http://127.0.0.1:9", secret)) as opened:
        with pytest.raises(UnreachableError):
            await opened.describe()
    assert CONNECTOR.open_destination
    with pytest.raises(UsageError, match="CROSSWALK_TWENTY_API_KEY"):
        CONNECTOR.open_destination(sandbox.url, {})


# -- probes ------------------------------------------------------------------------------------------------------------


async def test_a_new_workspace_s_workflow_blocks(sandbox: Sandbox, destination: TwentyDestination) -> None:
    """The shipped workflow runs on every person (§11): blocking until an administrator deactivates it."""
    await sandbox.control("workflow", {"active": True})
    found = await destination.probe({"people": 1, "notes": 1}, "USD")
    blocking = [finding for finding in found if finding.code == "workflow_active"]
    assert len(blocking) == 1
    assert blocking[0].severity == "blocking" and blocking[0].object == "people"
    assert "Create company when adding a new person" in blocking[0].message
    await sandbox.control("workflow", {"active": False})
    assert "workflow_active" not in {finding.code for finding in await destination.probe({"people": 1}, "USD")}


async def test_webhooks_on_written_objects_block(sandbox: Sandbox, destination: TwentyDestination) -> None:
    """A webhook would send every imported row out; only the host is named, never the address or secret."""
    hook = {"targetUrl": "https://hooks.example.test/in?token=s3cret", "operations": ["person.*"], "secret": "hush"}
    await sandbox.call("POST", "/rest/metadata/webhooks", hook)
    found = [item for item in await destination.probe({"people": 1}, "USD") if item.code == "webhook_outside"]
    assert [finding.severity for finding in found] == ["blocking"]
    assert "hooks.example.test" in found[0].message
    assert "s3cret" not in found[0].model_dump_json() and "hush" not in found[0].model_dump_json()
    assert not [finding for finding in await destination.probe({"notes": 1}, "USD") if finding.code == "webhook_outside"]


async def test_the_baseline_is_told(destination: TwentyDestination) -> None:
    """A fresh workspace is not empty (§11): five people are counted before anything moves."""
    found = {
        finding.object: finding.count
        for finding in await destination.probe({"people": 1}, "USD")
        if finding.code == "workspace_not_empty"
    }
    assert found == {"people": 5}


async def test_rows_that_could_not_be_read_back_block(destination: TwentyDestination) -> None:
    """Calendar events without a connected account are hidden from every listing (§6)."""
    assert "rows_hidden" in {finding.code for finding in await destination.probe({"calendarEvents": 1}, "USD")}


# -- the live limit ----------------------------------------------------------------------------------------------------


async def test_the_shipped_limit_is_met_by_pacing(sandbox: Sandbox, destination: TwentyDestination) -> None:
    """100 requests at once, then about one in 0.62 s, REST and GraphQL alike; nobody sees a refusal (§9)."""
    await sandbox.control("limits", {"active": True})
    try:
        await destination.describe()
        for _ in range(103):
            assert await destination.users()
        await destination.remove("people", [str(uuid4())])
        traffic = destination.traffic()
        assert 1 <= traffic.throttled <= 4
        assert traffic.requests_per_minute == pytest.approx(97, abs=4)
        assert 1.5 < traffic.waited_seconds < 6
        assert "measured at 9" in next(item.message for item in await destination.probe({}, "USD") if item.code == "rate_limit")
    finally:
        await sandbox.control("limits", {"active": False})


async def test_a_scripted_refusal_is_sent_again(sandbox: Sandbox, destination: TwentyDestination) -> None:
    """A 429 proves that nothing was stored, so a create is resent and happens once."""
    await destination.describe()
    await sandbox.control("faults", {"kind": "429", "match": {"method": "POST", "path_prefix": "/rest/batch"}, "times": 2})
    identity = str(uuid4())
    row = (await destination.create("people", [Write(identity, {"name.lastName": "Rao"})], MARKER))[0]
    assert row.id == identity
    assert destination.traffic().throttled == 2


async def test_a_server_that_is_not_twenty(sandbox: Sandbox) -> None:
    """An address with another path is no Twenty server, and that is said."""
    async with TwentyDestination(TwentyClient(f"{sandbox.url}/elsewhere", sandbox.api_key)) as opened:
        with pytest.raises(UnreachableError):
            await opened.describe()


async def test_deleted_rows_that_hold_values_are_told(sandbox: Sandbox, destination: TwentyDestination) -> None:
    """Soft-deleted people keep their addresses (§5): a warning with their number."""
    identity = str(uuid4())
    await destination.create("people", [Write(identity, {"emails.primaryEmail": "gone@example.test"})], MARKER)
    await sandbox.control("soft-delete", {"object": "people", "id": identity})
    found = [item for item in await destination.probe({"people": 1}, "USD") if item.code == "soft_deleted_hold_values"]
    assert [(finding.severity, finding.count) for finding in found] == [("warning", 1)]

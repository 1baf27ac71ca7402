"""What the client sends, what it asks again and what it never sends twice (facts/dataverse.md §2, §4, §5, §8)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson
import pytest

from crosswalk.connectors.dataverse.addresses import with_query
from crosswalk.connectors.dataverse.client import DataverseClient
from crosswalk.connectors.dataverse.limits import Governor
from crosswalk.connectors.dataverse.login import Credentials
from crosswalk.connectors.dataverse.multipart import Changeset, Part
from crosswalk.connectors.dataverse.settling import Settling
from crosswalk.kit.http import Answer
from crosswalk.model.errors import RejectedError, UncertainError, UnreachableError, UsageError

LOST = UncertainError("no complete answer")


def ok(body: Any = None, status: int = 200, **headers: str) -> Answer:
    return Answer(status, headers, b"" if body is None else orjson.dumps(body))


def refused(status: int, code: str, message: str = "", **headers: str) -> Answer:
    return ok({"error": {"code": code, "message": message}}, status, **headers)


def throttled(seconds: str = "3") -> Answer:
    words = "Number of requests exceeded the limit of 6000 over time window of 300 seconds."
    return refused(429, "0x80072322", words, **{"Retry-After": seconds})


def batch_answer(*answers: Answer) -> Answer:
    pieces = [
        b"--r\r\nContent-Type: application/http\r\n\r\n"
        + f"HTTP/1.1 {answer.status} X\r\n".encode()
        + b"".join(f"{name}: {value}\r\n".encode() for name, value in answer.headers.items())
        + b"\r\n"
        + answer.body
        + b"\r\n"
        for answer in answers
    ]
    return Answer(200, {"Content-Type": "multipart/mixed; boundary=r"}, b"".join(pieces) + b"--r--\r\n")


@dataclass
class Script:
    """Stands in for the HTTP session and the login: answers in turn and keeps what was asked."""

    answers: list[Answer | Exception]
    asked: list[tuple[str, str, Any, dict[str, str]]] = field(default_factory=list[tuple[str, str, Any, dict[str, str]]])
    logins: int = 0
    forgotten: bool = True

    async def send(self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None) -> Answer:
        self.asked.append((method, path, body, dict(headers or {})))
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def token(self) -> str:
        self.logins += self.forgotten
        self.forgotten = False
        return f"token-{self.logins}"

    def forget(self, token: str) -> None:
        self.forgotten = True


@dataclass
class Pauses:
    now: float = 0.0

    async def sleep(self, seconds: float) -> None:
        self.now += seconds


Open = Callable[..., tuple[DataverseClient, Script]]


@pytest.fixture
def scripted() -> Open:
    """A client whose server answers what the test says."""

    def begin(*answers: Answer | Exception, pauses: Pauses | None = None) -> tuple[DataverseClient, Script]:
        moments = pauses or Pauses()
        governor = Governor(lambda: moments.now, moments.sleep)
        client = DataverseClient(
            "https://clinic.test/",
            Credentials("t", "c", "s"),
            governor=governor,
            read_pauses=(0.0, 0.0),
            settling=Settling((0.0, 0.0)),
        )
        script = Script(list(answers))
        client._http = client._login = script  # type: ignore[assignment]
        return client, script

    return begin


async def test_who_we_are_is_asked_once_and_tells_the_parallelism(scripted: Open) -> None:
    """x-ms-dop-hint becomes the number of requests under way (§5.3)."""
    client, script = scripted(ok({"UserId": "u", "BusinessUnitId": "b", "OrganizationId": "o"}, **{"x-ms-dop-hint": "12"}))
    assert await client.own_user() == "u"
    assert await client.own_user() == "u"
    assert client.concurrency == 12
    assert [(method, path) for method, path, _, _ in script.asked] == [("GET", "/api/data/v9.2/WhoAmI")]


async def test_a_lost_read_is_asked_again_and_a_lost_write_is_not(scripted: Open) -> None:
    """Reading changes nothing; a write's fate is settled by reading (law 4)."""
    client, _ = scripted(LOST, ok({"value": []}, 503), ok({"value": [1]}))
    assert await client.read("contacts") == {"value": [1]}
    client, script = scripted(LOST)
    with pytest.raises(UncertainError):
        await client.write("POST", "contacts", {})
    assert len(script.asked) == 1
    client, _ = scripted(LOST, LOST, LOST)
    with pytest.raises(UnreachableError, match="GET contacts"):
        await client.read("contacts")


async def test_a_throttled_request_is_sent_again_after_the_wait(scripted: Open) -> None:
    """Retry-After to the second, for writes too: a refused one was not carried out (§5.1)."""
    pauses = Pauses()
    client, script = scripted(throttled("7"), ok(None, 204), pauses=pauses)
    assert (await client.write("POST", "contacts", {"a": 1})).status == 204
    assert pauses.now == 7
    assert len(script.asked) == 2
    traffic = client.traffic()
    assert (traffic.requests, traffic.throttled, traffic.waited_seconds, traffic.requests_per_minute) == (2, 1, 7, 1200)


async def test_an_ended_token_is_renewed_once(scripted: Open) -> None:
    """A 401 proves nothing was done; a second one is a refusal of our credentials."""
    client, script = scripted(ok(None, 401), ok(None, 204))
    assert (await client.write("DELETE", "contacts(1)")).status == 204
    assert [headers["Authorization"] for *_, headers in script.asked] == ["Bearer token-1", "Bearer token-2"]
    client, _ = scripted(ok(None, 401), ok(None, 401))
    with pytest.raises(UnreachableError, match="does not accept us"):
        await client.write("DELETE", "contacts(1)")


async def test_refusals_name_the_place_without_keys(scripted: Open) -> None:
    """An alternate key in an address is a patient's value."""
    client, _ = scripted(refused(404, "0x80060891", "A record with the specified key values does not exist in contact entity"))
    with pytest.raises(RejectedError) as error:
        await client.write("PATCH", "contacts(pulse_sourcesystemid='P-77')/x", {})
    assert "P-77" not in error.value.message
    assert "contacts(…)/x" in error.value.message
    assert error.value.code == "not_found"


async def test_pages_follow_the_next_link_verbatim_with_the_same_preferences(scripted: Open) -> None:
    """Cookie and all (§8)."""
    link = "https://clinic.test/api/data/v9.2/contacts?$select=x&$skiptoken=%3Ccookie%20pagenumber=%222%22%20/%3E"
    client, script = scripted(ok({"value": [{"a": 1}], "@odata.nextLink": link}), ok({"value": [{"a": 2}]}))
    pages = [page async for page in client.rows("contacts", {"$select": "x"}, 500)]
    assert pages == [[{"a": 1}], [{"a": 2}]]
    assert script.asked[1][1] == link.removeprefix("https://clinic.test")
    assert script.asked[0][3]["Prefer"] == script.asked[1][3]["Prefer"]
    assert "odata.maxpagesize=500" in script.asked[0][3]["Prefer"]


async def test_a_batch_answers_item_by_item(scripted: Open) -> None:
    """Refusals included: continue-on-error is asked for."""
    client, script = scripted(batch_answer(ok(None, 204), refused(412, "0x80040237")))
    first, second = await client.batch([Part("POST", "contacts", {"a": 1}), Part("POST", "contacts", {"a": 2})])
    assert first.ok and second.status == 412
    assert script.asked[0][3]["Prefer"] == "odata.continue-on-error"
    assert script.asked[0][3]["Content-Type"].startswith("multipart/mixed; boundary=")
    assert await client.batch([]) == []


async def test_every_part_of_a_batch_acts_as_the_caller() -> None:
    """Impersonation must not depend on what a server passes on from a batch to its parts (§2)."""
    client = DataverseClient("https://clinic.test", Credentials("t", "c", "s"), caller_object_id="entra-id")
    script = Script([batch_answer(ok(None, 204), ok(None, 204))])
    client._http = client._login = script  # type: ignore[assignment]
    await client.batch([Part("DELETE", "contacts(1)"), Changeset([Part("DELETE", "contacts(2)")])])
    assert script.asked[0][2].count(b"\r\nCallerObjectId: entra-id\r\n") == 2


async def test_items_throttled_within_a_batch_are_sent_again(scripted: Open) -> None:
    """Only they, in their places."""
    pauses = Pauses()
    client, script = scripted(
        batch_answer(ok(None, 204), throttled("2"), ok(None, 204)), batch_answer(refused(412, "0x80040237")), pauses=pauses
    )
    answers = await client.batch([Part("DELETE", f"contacts({number})") for number in range(3)])
    assert [answer.status for answer in answers] == [204, 412, 204]
    assert pauses.now == 2
    assert b"contacts(1)" in script.asked[1][2] and b"contacts(0)" not in script.asked[1][2]


async def test_a_batch_of_reads_is_asked_again_and_others_are_not(scripted: Open) -> None:
    """As for single requests."""
    client, _ = scripted(LOST, batch_answer(ok({"value": []})))
    assert len(await client.read_many(["contacts"])) == 1
    client, script = scripted(LOST)
    with pytest.raises(UncertainError):
        await client.batch([Part("GET", "contacts"), Part("DELETE", "contacts(1)")])
    assert len(script.asked) == 1


async def test_a_refusal_of_what_was_throttled_is_none_of_the_whole_batch(scripted: Open) -> None:
    """The others were carried out: what became of all is to be read, not taken for refused."""
    client, _ = scripted(batch_answer(ok(None, 204), throttled("2")), refused(413, "0x80048d19", "Too large."), pauses=Pauses())
    with pytest.raises(UncertainError):
        await client.batch([Part("DELETE", f"contacts({number})") for number in range(2)])


FAILED = refused(500, "0x80044151", "SQL timeout expired.")


async def test_a_read_that_failed_within_a_batch_is_asked_again(scripted: Open) -> None:
    """Alone, in its place, with pauses, as a read by itself would be; a write is the caller's matter."""
    client, script = scripted(batch_answer(ok({"n": 0}), FAILED, ok({"n": 2})), batch_answer(FAILED), batch_answer(ok({"n": 1})))
    answers = await client.read_many([f"contacts({number})" for number in range(3)])
    assert [answer.json() for answer in answers] == [{"n": 0}, {"n": 1}, {"n": 2}]
    assert [b"contacts(0)" in body for _, _, body, _ in script.asked] == [True, False, False]
    client, script = scripted(batch_answer(FAILED))
    (answer,) = await client.batch([Part("DELETE", "contacts(1)")])
    assert answer.status == 500 and len(script.asked) == 1


async def test_a_read_that_fails_each_time_is_not_answered(scripted: Open) -> None:
    """Nothing was changed: never an outcome that is uncertain. Who can do without the answer gets the failure."""
    client, script = scripted(*[batch_answer(FAILED)] * 3)
    with pytest.raises(UnreachableError, match="GET contacts"):
        await client.read_many(["contacts?$top=1"])
    assert len(script.asked) == 3
    client, _ = scripted(*[batch_answer(FAILED)] * 3)
    assert [answer.status for answer in await client.try_many(["contacts"])] == [500]


async def test_answers_that_lack_parts(scripted: Open) -> None:
    """Reads are asked again; what else was sent again after a limit is perhaps carried out."""
    client, _ = scripted(batch_answer(ok({"n": 0})), batch_answer(ok({"n": 0}), ok({"n": 1})))
    assert len(await client.read_many(["contacts", "accounts"])) == 2
    client, _ = scripted(batch_answer(throttled("0"), throttled("0")), batch_answer(ok(None, 204)))
    with pytest.raises(UncertainError, match="lacks some of its parts"):
        await client.batch([Part("DELETE", f"contacts({number})") for number in range(2)])


async def test_a_batch_refused_whole_is_a_refusal(scripted: Open) -> None:
    """When the server answers something other than a batch."""
    client, _ = scripted(refused(413, ""))
    with pytest.raises(RejectedError) as error:
        await client.batch([Part("DELETE", "contacts(1)")])
    assert error.value.code == "too_large"
    with pytest.raises(UsageError):
        await client.batch([Part("DELETE", "contacts(1)")] * 1001)


async def test_many_reads_are_cut_into_batches(scripted: Open) -> None:
    """A thousand requests each (§4.1)."""
    client, script = scripted(batch_answer(*[ok({})] * 1000), batch_answer(*[ok({})] * 5))
    assert len(await client.read_many(["contacts"] * 1005)) == 1005
    assert len(script.asked) == 2


async def test_something_other_than_json_is_no_organisation(scripted: Open) -> None:
    """A proxy's page, say."""
    client, _ = scripted(Answer(200, {}, b"<html>"))
    with pytest.raises(UnreachableError):
        await client.read("contacts")


def test_queries_are_percent_encoded() -> None:
    """What would end a value or the query is encoded."""
    asked = with_query("contacts", {"$filter": "lastname eq 'O''Neil & #1+1'"})
    assert asked == "contacts?$filter=lastname%20eq%20'O''Neil%20%26%20%231%2B1'"


UNKNOWN_SET = refused(404, "0x8006088a", "Resource not found for the segment 'pulse_payments'.")
UNKNOWN_COLUMN = refused(400, "0x80048d19", "An undeclared property 'pulse_PatientId' which only has property annotations")


async def test_a_server_that_does_not_know_a_new_table_is_asked_again(scripted: Open) -> None:
    """Definitions are eventually consistent, and each request may reach another web server (§6.8): the next is told to look."""
    client, script = scripted(UNKNOWN_SET, UNKNOWN_SET, ok({"value": [1]}))
    assert await client.read("pulse_payments") == {"value": [1]}
    assert ["Consistency" in headers for _, _, _, headers in script.asked] == [False, True, True]


async def test_only_what_was_unknown_is_sent_again(scripted: Open) -> None:
    """The rest of a batch was carried out."""
    done = Answer(204, {}, b"")
    client, script = scripted(batch_answer(done, UNKNOWN_COLUMN, done), batch_answer(done))
    parts = [Part("POST", "contacts", {"number": number}) for number in range(3)]
    changeset = Changeset([Part("PATCH", "contacts(1)", {})])
    assert [answer.status for answer in await client.batch_of_described(parts)] == [204, 204, 204]
    again = script.asked[1][2]
    assert b'"number":1' in again and b'"number":0' not in again and b"Consistency: Strong" in again
    client, script = scripted(batch_answer(UNKNOWN_SET), batch_answer(done))
    await client.batch_of_described([changeset])
    assert b"Consistency: Strong" in script.asked[1][2]


async def test_what_stays_unknown_is_waited_for_once(scripted: Open) -> None:
    """It is not there at all; the next change of definitions is worth waiting for again."""
    client, script = scripted(*[UNKNOWN_SET] * 3, UNKNOWN_SET, ok(None, 204), UNKNOWN_SET, ok({"value": []}))
    for _ in range(2):
        with pytest.raises(RejectedError):
            await client.read("pulse_payments")
    assert len(script.asked) == 4
    await client.write_metadata("POST", "EntityDefinitions", {})
    assert await client.read("pulse_payments") == {"value": []}

"""$batch: parts in order, changesets whole or not at all, references, the limits of a batch (facts/dataverse.md §4.1, §4.2)."""

import json
import re
from typing import Any

import pytest
from dataverse_talk import BASE, ROOT, Talk

ID = "aaaaaaaa-0000-4000-8000-{:012d}"
CONTENT_TYPE = "multipart/mixed; boundary=batch_x"


@pytest.fixture
def talk() -> Talk:
    return Talk()


def part(method: str, url: str, body: Any = None, content_id: str = "", end: str = "\r\n", **headers: str) -> str:
    """One operation as clients write it."""
    head = ["Content-Type: application/http", "Content-Transfer-Encoding: binary"]
    head += [f"Content-ID: {content_id}"] if content_id else []
    inner = [f"{method} {url} HTTP/1.1", "Content-Type: application/json"]
    inner += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return end.join([*head, "", *inner, "", "" if body is None else json.dumps(body), ""])


def body_of(parts: list[str], boundary: str = "batch_x", end: str = "\r\n") -> bytes:
    return ("".join(f"--{boundary}{end}{text}" for text in parts) + f"--{boundary}--{end}").encode()


def changeset(*parts: str) -> str:
    return "Content-Type: multipart/mixed; boundary=set_y\r\n\r\n" + body_of(list(parts), "set_y").decode()


def statuses(raw: bytes) -> list[int]:
    return [int(found) for found in re.findall(rb"HTTP/1\.1 (\d+)", raw)]


def posted(talk: Talk, *parts: str, go_on: bool = False) -> tuple[int, list[int], str]:
    """The outer status, the inner ones, and the text of the answer."""
    prefer = {"prefer": "odata.continue-on-error"} if go_on else {}
    answer = talk.send("POST", "$batch", body_of(list(parts)), content_type=CONTENT_TYPE, **prefer)
    raw = answer.encoded()
    return answer.status, statuses(raw), raw.decode()


def contact(number: int, **values: Any) -> dict[str, Any]:
    return {"contactid": ID.format(number), "lastname": f"L{number}", **values}


def test_parts_are_answered_in_order_and_listed_in_the_ledger(talk: Talk) -> None:
    """Two creations, a read and a deletion in one batch, by absolute and by rooted address."""
    outer, inner, text = posted(
        talk,
        part("POST", f"{ROOT}contacts", contact(1)),
        part("POST", f"{BASE}{ROOT}accounts", {"accountid": ID.format(2), "name": "A"}),
        part("GET", f"{ROOT}contacts({ID.format(1)})?$select=lastname"),
        part("DELETE", f"contacts({ID.format(1)})"),
    )
    assert (outer, inner) == (200, [204, 204, 200, 204])
    assert '"lastname":"L1"' in text
    assert talk.call.written.object == "contact,account"
    assert talk.call.written.ids == [ID.format(1), ID.format(2), ID.format(1)]
    assert talk.call.written.methods == ["POST", "POST", "DELETE"]
    assert talk.call.written.reads == [f"{ROOT}contacts({ID.format(1)})?$select=lastname"]


@pytest.mark.parametrize(("go_on", "outer", "inner"), [(False, 400, [204, 404]), (True, 200, [204, 404, 204])])
def test_a_refusal_stops_the_batch_unless_it_is_told_to_go_on(talk: Talk, go_on: bool, outer: int, inner: list[int]) -> None:
    """What was written before the refusal stays."""
    parts = [part("POST", f"{ROOT}contacts", contact(1)), part("DELETE", f"{ROOT}contacts({ID.format(9)})")]
    answered = posted(talk, *parts, part("POST", f"{ROOT}contacts", contact(2)), go_on=go_on)
    assert answered[:2] == (outer, inner)
    assert talk.call.written.refusals == [404]
    assert talk.names("contacts", "lastname").count("L1") == 1
    assert ("L2" in talk.names("contacts", "lastname")) is go_on


def test_a_changeset_answers_once_when_it_fails_and_leaves_nothing(talk: Talk) -> None:
    """The second operation takes a used id: the first is taken back, what follows the changeset is done."""
    posted(talk, part("POST", f"{ROOT}contacts", contact(2)))
    before = talk.names("contacts", "lastname")
    outer, inner, text = posted(
        talk,
        changeset(
            part("POST", f"{ROOT}contacts", contact(1), "1"),
            part("POST", f"{ROOT}contacts", contact(2), "2"),
        ),
        part("GET", f"{ROOT}contacts({ID.format(1)})"),
        go_on=True,
    )
    assert (outer, inner) == (200, [412, 404])
    assert "REQ_ID: " in text and "0x80040237" in text and "Content-ID: 2" in text
    assert talk.names("contacts", "lastname") == before
    assert talk.call.written.ids == []


def test_references_bind_rows_and_address_them(talk: Talk) -> None:
    """`$1` as a bind value and as a URL, in the changeset and after it."""
    outer, inner, text = posted(
        talk,
        changeset(
            part("POST", f"{ROOT}accounts", {"name": "Clinic $1"}, "1"),
            part("POST", f"{ROOT}contacts", contact(1, **{"parentcustomerid_account@odata.bind": "$1"}), "2"),
            part("PATCH", "$2", {"firstname": "F"}, "3", If_Match="*"),
        ),
    )
    assert (outer, inner) == (200, [204, 204, 204])
    assert "multipart/mixed; boundary=changesetresponse_" in text
    row = talk.done("GET", f"contacts({ID.format(1)})", query="$expand=parentcustomerid_account($select=name)")
    assert (row["firstname"], row["parentcustomerid_account"]["name"]) == ("F", "Clinic $1")


WRONG = {
    "undeclared reference": [changeset(part("PATCH", "$7", {}, "1"))],
    "read in a changeset": [changeset(part("GET", f"{ROOT}contacts", None, "1"))],
    "no content id in a changeset": [changeset(part("POST", f"{ROOT}contacts", {"lastname": "x"}))],
    "batch in a batch": [part("POST", f"{ROOT}$batch", {})],
    "address over 64 KB": [part("GET", f"{ROOT}contacts?$filter={'x' * 70_000}")],
}


@pytest.mark.parametrize("parts", WRONG.values(), ids=WRONG)
def test_what_a_batch_must_not_hold(talk: Talk, parts: list[str]) -> None:
    """Each is one refused part, status 400 (facts §4.1, §4.2)."""
    outer, inner, _ = posted(talk, *parts)
    assert (outer, inner) == (400, [400])


def test_a_thousand_parts_are_the_most(talk: Talk) -> None:
    """A batch of 1001 is refused as a whole, in JSON rather than multipart."""
    parts = [part("GET", f"{ROOT}WhoAmI")] * 1000
    assert posted(talk, *parts)[0] == 200
    assert talk.refusal("POST", "$batch", body_of([*parts, parts[0]]), content_type=CONTENT_TYPE)[0] == 400


@pytest.mark.parametrize("raw", [b"", b"hello", b"--batch_x\r\nContent-Type: application/http\r\n\r\nnonsense\r\n--batch_x--"])
def test_a_body_that_is_no_batch_is_refused(talk: Talk, raw: bytes) -> None:
    """Neither an empty body nor a part without a request line is answered as a batch."""
    assert talk.refusal("POST", "$batch", raw, content_type=CONTENT_TYPE)[0] == 400
    assert talk.refusal("POST", "$batch", raw, content_type="application/json")[0] == 400


def test_lone_line_feeds_and_a_quoted_boundary_are_read(talk: Talk) -> None:
    """Clients differ in their line ends and quotes (facts §4.2)."""
    raw = body_of([part("POST", f"{ROOT}contacts", contact(1), end="\n")], end="\n")
    answer = talk.send("POST", "$batch", raw, content_type='multipart/mixed; boundary="batch_x"')
    assert statuses(answer.encoded()) == [204]

"""`$batch` bodies: a stranger's parser reads what is written, and what servers answer is read (facts/dataverse.md §4.1)."""

import email
import email.message
import email.policy
from collections.abc import Sequence
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crosswalk.connectors.dataverse.multipart import Changeset, Part, count, read_batch, write_batch
from crosswalk.model.errors import UncertainError

ROOT = "/api/data/v9.2"
BODIES = st.one_of(
    st.none(),
    st.dictionaries(st.text(max_size=8), st.one_of(st.text(), st.integers(-(2**53), 2**53), st.booleans(), st.none()), max_size=4),
)
PARTS = st.builds(
    Part,
    method=st.sampled_from(["GET", "POST", "PATCH", "DELETE"]),
    path=st.sampled_from(["contacts", "contacts(00000000-0000-0000-0000-000000000001)?$select=fullname"]),
    body=BODIES,
    headers=st.sampled_from([{}, {"If-Match": "*"}, {"Prefer": "return=representation"}]),
)
ITEMS = st.lists(st.one_of(PARTS, st.builds(Changeset, st.lists(PARTS, min_size=1, max_size=3))), max_size=5)


def requests_in(message: email.message.Message) -> list[str]:
    return [part.get_payload(decode=True).decode() for part in message.get_payload()]  # type: ignore[union-attr]


@given(items=ITEMS)
def test_pythons_own_mail_parser_finds_every_request(items: Sequence[Part | Changeset]) -> None:
    """Method, address, headers and body of each request, inside and outside changesets, in order; no Content-ID twice."""
    raw = write_batch(items, ROOT, "batch_x")
    message = email.message_from_bytes(b"Content-Type: multipart/mixed; boundary=batch_x\r\n\r\n" + raw, policy=email.policy.HTTP)
    found = message.get_payload() if items else []
    assert len(found) == len(items)
    identity = 0
    for item, part in zip(items, found, strict=True):
        asked = item.parts if isinstance(item, Changeset) else [item]
        held = list(part.get_payload()) if isinstance(item, Changeset) else [part]  # type: ignore[union-attr,arg-type]
        assert len(held) == len(asked)
        for request, piece in zip(asked, held, strict=True):
            identity += isinstance(item, Changeset)
            assert piece.get_content_type() == "application/http"  # type: ignore[union-attr]
            assert piece["Content-ID"] == (str(identity) if isinstance(item, Changeset) else None)  # type: ignore[index]
            head, _, body = piece.get_payload(decode=True).partition(b"\r\n\r\n")  # type: ignore[union-attr]
            assert head.startswith(f"{request.method} {ROOT}/{request.path} HTTP/1.1\r\n".encode())
            assert all(f"\r\n{name}: {value}".encode() in head for name, value in request.headers.items())
            assert (b"If-None-Match: null" in head) == (request.method == "GET"), "answers may come from a cache"
            assert (orjson.loads(body) if body else None) == request.body


ANSWERS = st.lists(
    st.tuples(
        st.sampled_from([200, 201, 204, 400, 404, 412]),
        st.one_of(st.none(), st.dictionaries(st.text(max_size=5), st.text(), max_size=3)),
    ),
    max_size=6,
)


def http_answer(status: int, body: Any) -> bytes:
    head = f"HTTP/1.1 {status} Reason\r\nContent-Type: application/json\r\nodata-entityid: https://x/contacts(1)\r\n\r\n"
    return head.encode() + (orjson.dumps(body) if body is not None else b"")


def answered(pieces: Sequence[bytes], boundary: str, content_type: str = "application/http") -> bytes:
    head = f"Content-Type: {content_type}\r\nContent-Transfer-Encoding: binary\r\n\r\n".encode()
    parts = b"".join(f"--{boundary}\r\n".encode() + head + piece + b"\r\n" for piece in pieces)
    return parts + f"--{boundary}--\r\n".encode()


@given(answers=ANSWERS)
def test_answers_are_read_in_order(answers: list[tuple[int, Any]]) -> None:
    """Status, headers (whatever their case) and body of each."""
    raw = answered([http_answer(*answer) for answer in answers], "batchresponse_1")
    read = read_batch(raw, 'multipart/mixed; boundary="batchresponse_1"')
    assert [(answer.status, answer.json()) for answer in read] == answers
    assert all(answer.headers["Odata-Entityid"] == "https://x/contacts(1)" for answer in read)


def test_a_changeset_is_one_item() -> None:
    """Carried out: its answers are parts of one; refused: the server's one error stands for it (facts/dataverse.md §4.2)."""
    done = answered([http_answer(204, None), http_answer(201, {"a": 1})], "changesetresponse_1")
    failed = answered([http_answer(412, {"error": {"code": "0x80040237", "message": ""}})], "changesetresponse_2")
    pieces = [
        b"--b\r\nContent-Type: multipart/mixed; boundary=changesetresponse_1\r\n\r\n" + done,
        b"\r\n--b\r\nContent-Type: multipart/mixed; boundary=changesetresponse_2\r\n\r\n" + failed,
        b"\r\n--b\r\nContent-Type: application/http\r\n\r\n" + http_answer(404, {"error": {}}) + b"\r\n--b--\r\n",
    ]
    first, second, third = read_batch(b"".join(pieces), "multipart/mixed; boundary=b")
    assert first.ok
    assert [answer.status for answer in first.parts] == [204, 201]
    assert not second.ok
    assert second.json()["error"]["code"] == "0x80040237"
    assert third.status == 404


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"--b\r\nContent-Type: application/http\r\n\r\nHTTP/1.1 204 No", "multipart/mixed; boundary=b"),
        (b"", "multipart/mixed; boundary=b"),
        (b"--b\r\n\r\nnothing of the kind\r\n--b--", "multipart/mixed; boundary=b"),
        (b"--b--", "multipart/mixed"),
    ],
)
def test_an_answer_cut_short_is_uncertain(body: bytes, content_type: str) -> None:
    """Some of the parts may have been carried out: never a refusal, never a success."""
    with pytest.raises(UncertainError):
        read_batch(body, content_type)


def test_requests_in_changesets_count_one_by_one() -> None:
    """The limit of 1,000 is of inner requests."""
    assert count([Part("GET", "a"), Changeset([Part("POST", "b", {}), Part("POST", "c", {})])]) == 3

"""The multipart bodies of $batch, taken apart and put together (facts/dataverse.md §4.1). No I/O here."""

import re
from dataclasses import dataclass, field
from http import HTTPStatus

from .errors import DataverseError
from .http import Answer

BOUNDARY = re.compile(r'multipart/mixed\s*;.*?boundary="?([^";,\s]+)', re.IGNORECASE)
BLANK_LINE = re.compile(rb"\r?\n\r?\n")
REQUEST_LINE = re.compile(r"(GET|POST|PATCH|PUT|DELETE)\s+(\S.*?)\s+HTTP/1\.1", re.IGNORECASE)


@dataclass(slots=True)
class Part:
    """One operation of a batch. `url` is as sent; header names are lower case; `content_id` is empty where there is none."""

    method: str
    url: str
    headers: dict[str, str]
    raw: bytes
    content_id: str = ""


@dataclass(slots=True)
class Changeset:
    """Operations that happen together or not at all."""

    parts: list[Part] = field(default_factory=list[Part])


def unreadable(reason: str) -> DataverseError:
    """A batch body that is none (our wording: no source shows the server's)."""
    return DataverseError(400, "0x80048d19", f"The batch request could not be read: {reason}.")


def boundary_of(content_type: str) -> str:
    """The boundary of a multipart/mixed content type. Raises DataverseError 400."""
    found = BOUNDARY.search(content_type)
    if found is None:
        raise unreadable("the content type must be multipart/mixed with a boundary")
    return found.group(1)


def read_batch(raw: bytes, content_type: str) -> list[Part | Changeset]:
    """The operations of a batch body, in order. Raises DataverseError 400."""
    items: list[Part | Changeset] = []
    for headers, body in _split(raw, boundary_of(content_type)):
        kind = headers.get("content-type", "")
        if "multipart/mixed" in kind.lower():
            parts = [_operation(inner, text) for inner, text in _split(body, boundary_of(kind))]
            items.append(Changeset(parts))
        else:
            items.append(_operation(headers, body))
    return items


def _split(raw: bytes, boundary: str) -> list[tuple[dict[str, str], bytes]]:
    """The headers and the body of each part; what stands before the first boundary and after the last is ignored."""
    pieces = re.split(rb"(?:^|\r?\n)--" + re.escape(boundary.encode()) + rb"(--)?[ \t]*(?=\r?\n|$)", raw)
    if len(pieces) == 1:
        raise unreadable("no part begins with its boundary")
    found: list[tuple[dict[str, str], bytes]] = []
    for piece, closing in zip(pieces[2::2], pieces[3::2], strict=False):
        found.append(_headed(piece.lstrip(b"\r\n")))
        if closing is not None:
            return found
    raise unreadable("its closing boundary is missing")


def _headed(text: bytes) -> tuple[dict[str, str], bytes]:
    """Header lines, a blank line, a body."""
    gap = BLANK_LINE.search(text)
    head, body = (text, b"") if gap is None else (text[: gap.start()], text[gap.end() :])
    headers: dict[str, str] = {}
    for line in head.decode(errors="replace").splitlines():
        name, colon, value = line.partition(":")
        if colon:
            headers[name.strip().lower()] = value.strip()
    return headers, body


def _operation(headers: dict[str, str], body: bytes) -> Part:
    """An embedded HTTP request. An inner Content-Length may be there or not (facts §4.2)."""
    first, _, rest = body.lstrip(b"\r\n").partition(b"\n")
    line = REQUEST_LINE.fullmatch(first.decode(errors="replace").strip())
    if line is None:
        raise unreadable("a part does not begin with a request line such as GET /api/data/v9.2/contacts HTTP/1.1")
    inner, content = _headed(rest) if not rest.startswith((b"\r\n", b"\n")) else ({}, rest.lstrip(b"\r\n"))
    return Part(line.group(1).upper(), line.group(2), inner, content, headers.get("content-id", ""))


@dataclass(frozen=True, slots=True)
class PartAnswer:
    """The answer of one operation, with the Content-ID that it was sent with."""

    answer: Answer
    content_id: str = ""


def write_batch(items: list[PartAnswer | list[PartAnswer]], boundary: str) -> bytes:
    """The answers of a batch; a list holds the answers of a changeset that succeeded."""
    pieces: list[bytes] = []
    for number, item in enumerate(items):
        pieces.append(f"--{boundary}\r\n".encode())
        if isinstance(item, list):
            inner = f"changesetresponse_{boundary.removeprefix('batchresponse_')}_{number}"
            body = b"".join(b"--%s\r\n%s" % (inner.encode(), _embedded(answer)) for answer in item)
            pieces.append(f"Content-Type: multipart/mixed; boundary={inner}\r\n\r\n".encode())
            pieces.append(body + f"--{inner}--\r\n".encode())
        else:
            pieces.append(_embedded(item))
    pieces.append(f"--{boundary}--\r\n".encode())
    return b"".join(pieces)


def _embedded(part: PartAnswer) -> bytes:
    answer = part.answer
    head = ["Content-Type: application/http", "Content-Transfer-Encoding: binary"]
    if part.content_id:
        head.append(f"Content-ID: {part.content_id}")
    body = answer.encoded()
    inner = [f"HTTP/1.1 {answer.status} {HTTPStatus(answer.status).phrase}", "OData-Version: 4.0"]
    if body:
        inner.append(f"Content-Type: {answer.content_type}")
    inner += [f"{name}: {value}" for name, value in answer.headers.items()]
    return "\r\n".join([*head, "", *inner, "", ""]).encode() + body + b"\r\n"

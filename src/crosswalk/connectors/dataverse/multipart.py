"""Bodies of `$batch` requests and answers, in OData's multipart format (facts/dataverse.md §4.1, §4.2). Pure."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import orjson

from crosswalk.kit.http import Answer
from crosswalk.model.errors import UncertainError

MOST_PARTS = 1000
"""Inner requests of one batch, those inside changesets counted one by one (§4.1)."""
_BOUNDARY = re.compile(r'boundary="?([^";,]+)"?', re.IGNORECASE)
_HEAD = b"Content-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n"
_END = b"\r\n"


@dataclass(frozen=True, slots=True)
class Part:
    """One request within a batch. `path` is percent-encoded and begins below the service root (`contacts?$top=1`)."""

    method: str
    path: str
    body: Any = None
    """Encoded as JSON; `bytes` go as they are (they must be JSON already)."""
    headers: Mapping[str, str] = field(default_factory=lambda: {})


@dataclass(frozen=True, slots=True)
class Changeset:
    """Writes that are carried out all or none; no GETs. They carry Content-IDs, counted through the whole batch: OData 4.01
    has them unique there, and so has Microsoft's own client."""

    parts: Sequence[Part]


BatchItem = Part | Changeset


@dataclass(frozen=True, slots=True)
class PartAnswer(Answer):
    """The answer to one item of a batch. For a changeset that was carried out: status 200 and the answers in `parts`;
    for one that was refused: the one error that the server gives for all of it."""

    parts: tuple[Answer, ...] = ()

    @property
    def ok(self) -> bool:
        """Carried out."""
        return 200 <= self.status < 300


def count(items: Sequence[BatchItem]) -> int:
    """Inner requests, as the limit counts them."""
    return sum(len(item.parts) if isinstance(item, Changeset) else 1 for item in items)


def write_batch(items: Sequence[BatchItem], root: str, boundary: str, headers: Mapping[str, str] = MappingProxyType({})) -> bytes:
    """The body of a batch; send it as `multipart/mixed; boundary=<boundary>`. `root`: the path of the service root; `headers`
    go with every request, before its own."""
    pieces: list[bytes] = []
    opening = f"--{boundary}\r\n".encode()
    identity = 0
    for number, item in enumerate(items):
        pieces.append(opening)
        if isinstance(item, Part):
            pieces += [_HEAD, _END, _request(item, root, headers), _END]
            continue
        inner = f"changeset_{boundary}_{number}"
        pieces += [f"Content-Type: multipart/mixed; boundary={inner}\r\n\r\n".encode()]
        for part in item.parts:
            identity += 1
            pieces += [
                f"--{inner}\r\n".encode(),
                _HEAD,
                f"Content-ID: {identity}\r\n\r\n".encode(),
                _request(part, root, headers),
                _END,
            ]
        pieces.append(f"--{inner}--\r\n".encode())
    pieces.append(f"--{boundary}--\r\n".encode())
    return b"".join(pieces)


def _request(part: Part, root: str, headers: Mapping[str, str]) -> bytes:
    lines = [f"{part.method} {root}/{part.path} HTTP/1.1", "Accept: application/json"]
    body = b""
    if part.body is not None:
        body = part.body if isinstance(part.body, bytes) else orjson.dumps(part.body)
        lines.append("Content-Type: application/json; type=entry")
    if part.method == "GET":
        lines.append("If-None-Match: null")  # what was expanded may be answered from a cache otherwise (§2)
    lines += [f"{name}: {value}" for name, value in {**headers, **part.headers}.items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def read_batch(body: bytes, content_type: str) -> list[PartAnswer]:
    """The answers of a batch in order; fewer than were asked for when the server stopped at a failure.

    UncertainError when the body is no such multipart: some of its parts may have been carried out.
    """
    try:
        return [_part_answer(headers, content) for headers, content in _pieces(body, content_type)]
    except (ValueError, IndexError) as error:
        raise UncertainError(
            "The answer to a $batch cannot be read as one.", "Whether it was carried out is settled by reading the destination."
        ) from error


def _pieces(body: bytes, content_type: str) -> list[tuple[dict[str, str], bytes]]:
    """Headers and content of each part of a multipart body."""
    match = _BOUNDARY.search(content_type)
    if match is None:
        raise ValueError("no boundary")
    delimiter = b"\r\n--" + match[1].encode()
    pieces = (b"\r\n" + body).split(delimiter)[1:]  # what comes before the first is a preamble
    if not pieces or not pieces[-1].startswith(b"--"):
        raise ValueError("cut short")
    return [_split_headers(piece.removeprefix(_END)) for piece in pieces[:-1]]


def _split_headers(piece: bytes) -> tuple[dict[str, str], bytes]:
    if piece.startswith(_END):
        return {}, piece[2:]
    head, _, content = piece.partition(b"\r\n\r\n")
    return _headers(head.decode("latin-1").split("\r\n")), content


def _headers(lines: Sequence[str]) -> dict[str, str]:
    split = (line.partition(":") for line in lines if line)
    return {_title(name.strip()): value.strip() for name, _, value in split}


def _title(name: str) -> str:
    """One spelling for each header, since plain dictionaries mind the case."""
    return "-".join(word.capitalize() for word in name.split("-"))


def _part_answer(headers: Mapping[str, str], content: bytes) -> PartAnswer:
    content_type = headers.get("Content-Type", "")
    if not content_type.lower().startswith("multipart/"):
        answer = _answer(content)
        return PartAnswer(answer.status, answer.headers, answer.body)
    answers = tuple(_answer(inner) for _, inner in _pieces(content, content_type))
    refused = next((answer for answer in answers if not 200 <= answer.status < 300), None)
    if refused is not None:
        return PartAnswer(refused.status, refused.headers, refused.body)
    return PartAnswer(200, {}, b"", answers)


def _answer(content: bytes) -> Answer:
    """`HTTP/1.1 204 No Content`, headers, empty line, body."""
    head, _, body = content.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    return Answer(int(first.split(" ")[1]), _headers(lines), body.removesuffix(_END))

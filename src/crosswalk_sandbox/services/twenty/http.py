"""A request and an answer as plain values, so that every handler is an ordinary function."""

import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, unquote

import orjson

from crosswalk_sandbox.control.ledger import Written

from .errors import PlainAnswer, server_error
from .schema import Row

BODY_LIMIT = 10 * 1024 * 1024  # facts/twenty.md §4: a larger JSON body is HTTP 500 text
NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")


@dataclass(frozen=True, slots=True)
class Upload:
    """A file in a multipart form."""

    name: str
    content: bytes


@dataclass(slots=True)
class Call:
    """One request: `actor` is who asks, None without a token; `by_key` says that it is an API key.

    `form` holds a multipart body: JSON parts as values, files as Upload.
    """

    method: str
    path: str
    query_string: str
    headers: dict[str, str]
    raw: bytes
    actor: Row | None = None
    by_key: bool = True
    form: dict[str, Any] = field(default_factory=dict[str, Any])
    written: Written = field(default_factory=Written)

    def parameters(self) -> dict[str, str]:
        """The query parameters, the last one winning."""
        return dict(parse_qsl(self.query_string, keep_blank_values=True))

    def segments(self) -> list[str]:
        return [unquote(part) for part in self.path.strip("/").split("/")]

    def json(self) -> Any:
        """The body as JSON. Raises PlainAnswer as the server's body parser does (transcripts malformed_json, val_nul_char)."""
        if len(self.raw) > BODY_LIMIT:
            raise PlainAnswer(500, "request entity too large")
        text = self.raw.strip()
        if not text:
            return {}
        if text[:1] not in (b"{", b"["):
            raise malformed(text)
        try:
            return orjson.loads(text)
        except orjson.JSONDecodeError:
            raise malformed(text) from None

    def check_text(self) -> None:
        """Raise server_error for U+0000 in any string, which the database refuses (facts/twenty.md §6 TEXT)."""
        if b"\\u0000" in self.raw and NUL.search(self.raw):
            raise server_error("Data validation error.")


def malformed(text: bytes) -> PlainAnswer:
    shown = text.decode(errors="replace")
    message = f"Unexpected token '{shown[0]}', \"{shown[:40]}\" is not valid JSON"
    return PlainAnswer(400, {"message": message, "error": "Bad Request", "statusCode": 400})


@dataclass(slots=True)
class Answer:
    """One answer: a JSON body, or bytes with their content type."""

    status: int
    body: Any = None
    content_type: str = "application/json; charset=utf-8"

    def encoded(self) -> bytes:
        if isinstance(self.body, bytes):
            return self.body
        return b"" if self.body is None else orjson.dumps(self.body)


def no_route(method: str, path: str) -> PlainAnswer:
    """A path that the server does not know (transcript unknown_route)."""
    return PlainAnswer(404, {"message": f"Cannot {method} {path}", "error": "Not Found", "statusCode": 404})

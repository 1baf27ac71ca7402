"""A request and an answer as plain values, so that every handler is an ordinary function; and the table of routes."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, unquote

import orjson

from crosswalk_sandbox.control.ledger import Written

from .errors import DataverseError

API = re.compile(r"/api/data/v9\.\d/?")
JSON_TYPE = "application/json; odata.metadata=minimal"


@dataclass(slots=True)
class Caller:
    """Who asks. `user_id` is whose rights count and who becomes createdby; `real_id` is who holds the token.

    They differ under impersonation (facts/dataverse.md §2: CallerObjectId, MSCRMCallerID).
    """

    user_id: str
    real_id: str
    token: str = ""


@dataclass(slots=True)
class Call:
    """One request. `path` is the whole path, percent-encoded; header names are lower case.

    `caller` is set by Server.handle from the token; a part of a $batch takes over its batch's.
    """

    method: str
    path: str
    query_string: str = ""
    headers: dict[str, str] = field(default_factory=dict[str, str])
    raw: bytes = b""
    caller: Caller | None = None
    base_url: str = ""
    written: Written = field(default_factory=Written)

    @property
    def who(self) -> Caller:
        """The caller. Raises DataverseError 401 when nobody is logged in."""
        if self.caller is None:
            raise DataverseError(401, "", "HTTP Error 401 - Unauthorized: Access is denied")
        return self.caller

    @property
    def resource(self) -> str:
        """What follows `/api/data/v9.2/`, decoded; empty for the root and for paths outside the API."""
        match = API.match(self.path)
        return unquote(self.path[match.end() :]) if match else ""

    def parameters(self) -> dict[str, str]:
        """The query parameters, decoded, the last one winning."""
        return dict(parse_qsl(self.query_string, keep_blank_values=True))

    def header(self, name: str) -> str | None:
        """A header by any spelling of its name. The text "null" counts as absent (facts/dataverse.md §2)."""
        value = self.headers.get(name.lower())
        return None if value is None or value == "null" else value

    def prefers(self) -> dict[str, str]:
        """The Prefer header: names in lower case → values without quotes ("" where there is none)."""
        found: dict[str, str] = {}
        for part in re.findall(r'[^,;"]+(?:"[^"]*")?', self.headers.get("prefer", "")):
            name, _, value = part.partition("=")
            found[name.strip().lower()] = value.strip().strip('"')
        return found

    def json(self) -> Any:
        """The body as JSON, {} for none. Raises DataverseError 400 for text that is no JSON."""
        if not self.raw.strip():
            return {}
        try:
            return orjson.loads(self.raw)
        except orjson.JSONDecodeError:
            raise DataverseError(
                400, "0x80048d19", "Error identified in Payload provided by the user: the stream is not readable JSON."
            ) from None


@dataclass(slots=True)
class Answer:
    """One answer: a JSON body, or bytes with their content type."""

    status: int
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict[str, str])
    content_type: str = JSON_TYPE

    def encoded(self) -> bytes:
        if isinstance(self.body, bytes):
            return self.body
        return b"" if self.body is None else orjson.dumps(self.body)


def refused(error: DataverseError) -> Answer:
    """A refusal as an answer."""
    return Answer(error.status, error.body(), dict(error.headers))


Handler = Callable[[Call, "re.Match[str]"], Answer]


class Routes:
    """(method, pattern of the resource) → handler; the first that matches, in the order of registration.

    Patterns match the whole decoded resource after `/api/data/v9.2/`; method "*" matches every one.
    """

    def __init__(self) -> None:
        self._routes: list[tuple[str, re.Pattern[str], Handler]] = []

    def add(self, method: str, pattern: str, handler: Handler) -> None:
        self._routes.append((method, re.compile(pattern), handler))

    def find(self, method: str, resource: str) -> tuple[Handler, "re.Match[str]"] | None:
        for wanted, pattern, handler in self._routes:
            if wanted in (method, "*"):
                match = pattern.fullmatch(resource)
                if match is not None:
                    return handler, match
        return None

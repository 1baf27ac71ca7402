"""Talking to one Twenty server: the key, the live limit, what may be asked again and what may not."""

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, Self, cast
from urllib.parse import quote, urlencode

from crosswalk.connectors.twenty.errors import first_graphql_error, is_throttled, refusal, schema_refusal, stated_limit
from crosswalk.kit.http import DEFAULT_TIMEOUT_SECONDS, Answer, HttpClient
from crosswalk.kit.pacing import Governor
from crosswalk.kit.paging import Page, pages
from crosswalk.kit.retry import READ_PAUSES, until_answered
from crosswalk.model.errors import UncertainError, UnreachableError
from crosswalk.spi.destination import Traffic

READ_SIZE = 200
"""Twenty caps a page at 200 records, silently (facts/twenty.md §2)."""


class TwentyClient:
    """Requests with the API key, paced on the core API and resent only where a refusal proves nothing happened."""

    def __init__(
        self,
        base_url: str,
        api_key: str,
        governor: Governor | None = None,
        timeout_seconds: float = DEFAULT_TIMEOUT_SECONDS,
        read_pauses: Sequence[float] = READ_PAUSES,
    ) -> None:
        self.base_url = base_url.rstrip("/")
        self._http = HttpClient(self.base_url, {"Authorization": f"Bearer {api_key}"}, timeout_seconds)
        self._governor = governor or Governor()
        self._read_pauses = read_pauses
        self._requests = 0

    async def __aenter__(self) -> Self:
        await self._http.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._http.__aexit__(None, None, None)

    def traffic(self) -> Traffic:
        """Requests so far and the live limit."""
        governor = self._governor
        return Traffic(self._requests, governor.throttled, governor.waited_seconds, governor.requests_per_minute)

    async def read(self, path: str, query: Mapping[str, str] | None = None) -> Any:
        """A core GET, asked again when it got lost: reading changes nothing. UnreachableError when it stays lost."""
        return await self._until_answered("GET", with_query(path, query), None, paced=True)

    async def write(self, method: str, path: str, body: Any) -> Any:
        """A core request that changes records: sent once. RejectedError, UncertainError, UnreachableError."""
        answer = await self._send(method, path, body, paced=True)
        return self._content(answer, f"{method} {path.partition('?')[0]}", body)

    async def read_metadata(self, path: str, query: Mapping[str, str] | None = None) -> Any:
        """A metadata GET; the metadata API is not rate limited (§8)."""
        return await self._until_answered("GET", with_query(path, query), None, paced=False)

    async def write_metadata(self, method: str, path: str, body: Any = None) -> Any:
        """A metadata request that changes the schema: sent once; the caller reads back."""
        answer = await self._send(method, path, body, paced=False)
        if not 200 <= answer.status < 300:
            raise schema_refusal(answer, f"{method} {path}")
        return answer.json()

    async def query(self, path: str, query: str, variables: Mapping[str, Any]) -> Mapping[str, Any]:
        """A GraphQL query at `/graphql` (paced) or `/metadata`, asked again when it got lost; its `data`."""
        body = {"query": query, "variables": variables}
        content = await self._until_answered("POST", path, body, paced=path == "/graphql")
        return cast(Mapping[str, Any], content["data"])

    async def mutate(self, path: str, query: str, variables: Mapping[str, Any]) -> Mapping[str, Any]:
        """A GraphQL mutation at `/graphql` (paced) or `/metadata`: sent once; its `data`."""
        answer = await self._send("POST", path, {"query": query, "variables": variables}, paced=path == "/graphql")
        content = self._content(answer, f"POST {path}")
        return cast(Mapping[str, Any], content["data"])

    async def put_bytes(self, address: str, data: bytes, content_type: str) -> Answer:
        """Put a file's bytes at an upload link."""
        self._requests += 1
        return await self._http.put_bytes(address, data, content_type)

    async def records(self, plural: str, filter_text: str | None = None) -> AsyncIterator[Sequence[dict[str, Any]]]:
        """Records of an object in pages, by ascending id: the cursor is a keyset, stable while rows change (§2)."""

        async def ask(cursor: str | None) -> Page[dict[str, Any]]:
            query = {"limit": str(READ_SIZE)}
            if filter_text is not None:
                query["filter"] = filter_text
            if cursor is not None:
                query["starting_after"] = cursor
            content = await self.read(f"/rest/{plural}", query)
            return Page(first_list(content.get("data")), next_cursor(content))

        async for page in pages(ask):
            yield page

    async def _until_answered(self, method: str, path: str, body: Any, paced: bool) -> Any:
        place = f"{method} {path.partition('?')[0]}"

        async def ask() -> Any:
            return self._content(await self._send(method, path, body, paced), place)

        return await until_answered(ask, "Twenty", place, self._read_pauses)

    async def _send(self, method: str, path: str, body: Any, paced: bool) -> Answer:
        """One exchange; a throttled one is sent again, because it was proved not to be carried out."""
        while True:
            ticket = await self._governor.before() if paced else None
            self._requests += 1
            try:
                answer = await self._http.send(method, path, body)
            except (UncertainError, UnreachableError):
                if ticket is not None:
                    self._governor.accepted(ticket)
                raise
            if not is_throttled(answer):
                if ticket is not None:
                    self._governor.accepted(ticket)
                return answer
            ticket = ticket or await self._governor.before()
            self._governor.refused(ticket, stated_limit(answer), answer.retry_after_seconds())

    @staticmethod
    def _content(answer: Answer, place: str, body: Any = None) -> Any:
        content = answer.json()
        if not 200 <= answer.status < 300 or first_graphql_error(answer) is not None:
            raise refusal(answer, place, body)
        if content is None and answer.body:
            raise UnreachableError(
                f"{place} was answered with something other than JSON.", "Check that the address is a Twenty server's."
            )
        return content


def with_query(path: str, query: Mapping[str, str] | None) -> str:
    """Path and query, percent-encoded throughout: filters hold brackets, colons and quotes (§2)."""
    return f"{path}?{urlencode(query, quote_via=quote, safe='')}" if query else path


def next_cursor(content: Mapping[str, Any]) -> str | None:
    """The cursor of the page after this one, or None when it was the last."""
    info = cast(Mapping[str, Any], content.get("pageInfo") or {})
    return str(info["endCursor"]) if info.get("hasNextPage") and info.get("endCursor") else None


def first_list(data: Any) -> list[dict[str, Any]]:
    """The one list in a REST answer's `data`, whatever its name (`people`, `createPeople`)."""
    if isinstance(data, Mapping):
        for value in cast(Mapping[str, Any], data).values():
            if isinstance(value, list):
                return cast(list[dict[str, Any]], value)
    return []

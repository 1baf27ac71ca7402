"""Talking to one Dataverse organisation: login, headers, the limits, what may be asked again and what may not."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, Self, cast
from urllib.parse import urlsplit
from uuid import uuid4

from crosswalk.connectors.dataverse.addresses import place_of, with_query
from crosswalk.connectors.dataverse.errors import error_of, refusal
from crosswalk.connectors.dataverse.limits import Governor, stated_limit
from crosswalk.connectors.dataverse.login import Credentials, Login
from crosswalk.connectors.dataverse.multipart import MOST_PARTS, BatchItem, Part, PartAnswer, count, read_batch, write_batch
from crosswalk.connectors.dataverse.settling import STRONG, Settling
from crosswalk.kit.http import Answer, HttpClient
from crosswalk.kit.paging import Page, pages
from crosswalk.kit.retry import READ_PAUSES, until_answered
from crosswalk.model.errors import RejectedError, UncertainError, UnreachableError, UsageError
from crosswalk.spi.destination import Traffic

Row = dict[str, Any]

ROOT = "/api/data/v9.2"
PAGE_SIZE = 5000
"""The most rows a page may have (facts/dataverse.md §8)."""
TIMEOUT_SECONDS = 240.0
"""The server gives a bulk request two to four minutes (§4.5)."""
_HEADERS = {"Accept": "application/json", "OData-Version": "4.0", "OData-MaxVersion": "4.0", "If-None-Match": "null"}
_LOST = frozenset({500, 502, 503, 504})


def page_preferences(page_size: int = PAGE_SIZE) -> str:
    """The `Prefer` of a request for rows: so many a page (§8), and with each lookup's value the table it points to."""
    return f'odata.maxpagesize={page_size},odata.include-annotations="Microsoft.Dynamics.CRM.lookuplogicalname"'


class DataverseClient:
    """Requests with our token, paced by the governor, resent only where a refusal proves that nothing happened.

    Paths are below the service root, without a leading slash, percent-encoded: `contacts(…)`. Reading verbs raise
    UnreachableError when the organisation stays silent; all raise UnreachableError for refused credentials and
    RejectedError for refused requests; writing verbs raise UncertainError when a request was perhaps carried out.
    """

    def __init__(
        self,
        url: str,
        credentials: Credentials,
        caller_object_id: str | None = None,
        governor: Governor | None = None,
        timeout_seconds: float = TIMEOUT_SECONDS,
        read_pauses: Sequence[float] = READ_PAUSES,
        settling: Settling | None = None,
    ) -> None:
        """`caller_object_id`: the Entra object id of the user to act as (§2, impersonation). UsageError for a bad `url`."""
        parts = urlsplit(url)
        self.base_url = f"{parts.scheme}://{parts.netloc}" if parts.netloc else url  # as it was given, for the error that follows
        # Repeated in every part of a batch: nothing says that a batch's own would be passed on to them.
        self._caller = {"CallerObjectId": caller_object_id} if caller_object_id else {}
        # An affinity cookie would tie all requests to one web server, and the limits are counted for each (§5.3).
        self._http = HttpClient(self.base_url, {**_HEADERS, **self._caller}, timeout_seconds, cookies=False)
        self._login = Login(self.base_url, credentials, pauses=read_pauses)
        self._governor = governor or Governor()
        self._read_pauses = read_pauses
        self._settling = settling or Settling()
        self._requests = 0
        self._own_user: str | None = None

    async def __aenter__(self) -> Self:
        await self._http.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._http.__aexit__(None, None, None)

    def traffic(self) -> Traffic:
        """Requests so far and the live limit."""
        governor = self._governor
        return Traffic(self._requests, governor.throttled, governor.waited_seconds, governor.requests_per_minute)

    @property
    def concurrency(self) -> int:
        """How many requests are worth having under way at once."""
        return self._governor.concurrency

    async def own_user(self) -> str:
        """The systemuserid the organisation takes us for (WhoAmI); asked once."""
        if self._own_user is None:
            self._own_user = str((await self.read("WhoAmI"))["UserId"])
        return self._own_user

    async def read(self, path: str, query: Mapping[str, str] | None = None, prefer: str | None = None) -> Any:
        """A GET's content, asked again when it got lost: reading changes nothing; and when it reached a server that does not
        know yet what it asks for."""
        sent = {"Prefer": prefer} if prefer else {}
        address = with_query(path, query)
        answer = await self._settling.one(lambda more: self._until_answered("GET", address, None, {**sent, **more}))
        return _content(answer, f"GET {place_of(path)}")

    async def rows(self, path: str, query: Mapping[str, str], page_size: int = PAGE_SIZE) -> AsyncIterator[list[Row]]:
        """Rows in pages that have some."""
        async for page in self._pages(with_query(path, query), page_size):
            yield page

    async def linked_rows(self, link: str) -> AsyncIterator[list[Row]]:
        """The rows that a next link leads to, and those behind them."""
        async for page in self._pages(_below_root(link), PAGE_SIZE):
            yield page

    async def _pages(self, first: str, page_size: int) -> AsyncIterator[list[Row]]:
        """Pages from the address `first` on; next links are followed verbatim, with the same preferences (§8)."""

        async def ask(link: str | None) -> Page[Row]:
            content = await self.read(first if link is None else _below_root(link), prefer=page_preferences(page_size))
            return Page(cast(list[Row], content["value"]), cast(str | None, content.get("@odata.nextLink")))

        async for page in pages(ask):
            yield list(page)

    async def write(self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None) -> Answer:
        """A request that changes records: sent once. Its answer, which is a success."""
        answer = await self._send(method, path, body, headers or {})
        return _succeeded(answer, f"{method} {place_of(path)}", body)

    async def read_metadata(self, path: str, query: Mapping[str, str] | None = None) -> Any:
        """A GET of definitions, read as they are after our last change (`Consistency: Strong`, §2)."""
        answer = await self._until_answered("GET", with_query(path, query), None, STRONG)
        return _content(answer, f"GET {place_of(path)}")

    async def write_metadata(self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None) -> Answer:
        """A request that changes definitions: sent once; the caller reads back."""
        self._settling.expect()
        answer = await self._send(method, path, body, {**STRONG, **(headers or {})})
        return _succeeded(answer, f"{method} {path}", None)

    async def batch(self, items: Sequence[BatchItem]) -> list[PartAnswer]:
        """Many requests as one (§4.1), answered item by item, refusals included: the caller judges each.

        Of a batch of nothing but GETs, what got lost is asked again: all of it, or the parts that the server failed at.
        UsageError for more than MOST_PARTS inner requests.
        """
        if count(items) > MOST_PARTS:
            raise UsageError(f"A batch holds at most {MOST_PARTS} requests, not {count(items)}.", "Cut it into slices.")
        if not items:
            return []
        only_reads = all(isinstance(item, Part) and item.method == "GET" for item in items)
        return await self._read_batch(items) if only_reads else await self._accepted(items)

    async def _read_batch(self, items: Sequence[BatchItem]) -> list[PartAnswer]:
        """The answers to GETs, every one of them; those that the server failed at each time as it said so."""
        answers = await self._until_complete(items)
        for pause in self._read_pauses:
            failed = [place for place, answer in enumerate(answers) if answer.status in _LOST]
            if not failed:
                break
            await asyncio.sleep(pause)
            _put(answers, failed, await self._until_complete([items[place] for place in failed]))
        return answers

    async def _until_complete(self, items: Sequence[BatchItem]) -> list[PartAnswer]:
        async def ask() -> list[PartAnswer]:
            answers = await self._accepted(items)
            if len(answers) != len(items):
                raise _incomplete()
            return answers

        return await until_answered(ask, "Dataverse", "POST $batch", self._read_pauses)

    async def _accepted(self, items: Sequence[BatchItem]) -> list[PartAnswer]:
        """The answers of one batch; what met a limit within it is sent again, since it was not carried out."""
        answers = await self._one_batch(items)
        while throttled := [place for place, answer in enumerate(answers) if answer.status == 429]:
            first = answers[throttled[0]]
            self._governor.refused(await self._governor.before(), stated_limit(*error_of(first)), first.retry_after_seconds())
            try:
                again = await self._one_batch([items[place] for place in throttled])
            except RejectedError as error:
                raise _incomplete() from error  # the others of the batch were answered: it is not refused as a whole
            if len(again) != len(throttled):
                raise _incomplete()
            _put(answers, throttled, again)
        return answers

    async def _one_batch(self, items: Sequence[BatchItem]) -> list[PartAnswer]:
        boundary = f"batch_{uuid4().hex}"
        sent = {"Content-Type": f"multipart/mixed; boundary={boundary}", "Prefer": "odata.continue-on-error"}
        answer = await self._send("POST", "$batch", write_batch(items, ROOT, boundary, self._caller), sent)
        content_type = answer.headers.get("Content-Type", "")
        if not content_type.lower().startswith("multipart/"):
            raise refusal(answer, "POST $batch")
        return read_batch(answer.body, content_type)

    async def batch_of_described(self, items: Sequence[BatchItem]) -> list[PartAnswer]:
        """As `batch`, for tables and columns that are described: what a server does not know yet is asked again."""
        return await self._settling.many(items, self.batch)

    async def read_many(
        self, paths: Sequence[str], headers: Mapping[str, str] | None = None, most: int = MOST_PARTS, *, described: bool = False
    ) -> list[PartAnswer]:
        """Many GETs, at most `most` in one request and these side by side, answered one by one in order, refusals included.
        `described`: of tables and columns that are. UnreachableError when the server fails at one of them each time."""
        answers = await self.try_many(paths, headers, most, described=described)
        for path, answer in zip(paths, answers, strict=True):
            if answer.status in _LOST:
                raise UnreachableError(
                    f"Dataverse failed at GET {place_of(path)} {len(self._read_pauses) + 1} times (status {answer.status}).",
                    "Call again later; reading changed nothing.",
                )
        return answers

    async def try_many(
        self, paths: Sequence[str], headers: Mapping[str, str] | None = None, most: int = MOST_PARTS, *, described: bool = False
    ) -> list[PartAnswer]:
        """As `read_many`; what the server fails at each time is answered as such."""
        parts = [Part("GET", path, headers=headers or {}) for path in paths]
        ask = self.batch_of_described if described else self.batch
        answers = await asyncio.gather(*(ask(parts[start : start + most]) for start in range(0, len(parts), most)))
        return [answer for held in answers for answer in held]

    async def _until_answered(self, method: str, path: str, body: Any, headers: Mapping[str, str]) -> Answer:
        async def ask() -> Answer:
            answer = await self._send(method, path, body, headers)
            if answer.status in _LOST:
                raise UncertainError(f"status {answer.status}", "Ask again.")
            return answer

        return await until_answered(ask, "Dataverse", f"{method} {place_of(path)}", self._read_pauses)

    async def _send(self, method: str, path: str, body: Any, headers: Mapping[str, str]) -> Answer:
        """One exchange. A throttled one, or one whose token had ended, was not carried out and is sent again."""
        renewed = False
        while True:
            token = await self._login.token()
            ticket = await self._governor.before()
            self._requests += 1
            try:
                sent = {**headers, "Authorization": f"Bearer {token}"}
                answer = await self._http.send(method, f"{ROOT}/{path}", body, sent)
            except BaseException:
                self._governor.accepted(ticket)
                raise
            if answer.status == 429:
                self._governor.refused(ticket, stated_limit(*error_of(answer)), answer.retry_after_seconds())
                continue
            self._governor.accepted(ticket)
            hint = answer.headers.get("x-ms-dop-hint", "")
            if hint.isdigit():
                self._governor.recommend(int(hint))
            if answer.status == 401 and not renewed:
                self._login.forget(token)
                renewed = True
                continue
            return answer


def _below_root(link: str) -> str:
    """A link the server handed out, as a path below the service root."""
    _, root, path = link.partition(ROOT + "/")
    if not root:
        raise UnreachableError("The organisation's next link leads elsewhere.", "Give the organisation's own address.")
    return path


def _put(answers: list[PartAnswer], places: Sequence[int], again: Sequence[PartAnswer]) -> None:
    for place, answer in zip(places, again, strict=True):
        answers[place] = answer


def _incomplete() -> UncertainError:
    return UncertainError(
        "The answer to a $batch lacks some of its parts.", "Whether they were carried out is settled by reading the destination."
    )


def _succeeded(answer: Answer, place: str, body: Any) -> Answer:
    if not 200 <= answer.status < 300:
        raise refusal(answer, place, body)
    return answer


def _content(answer: Answer, place: str) -> Any:
    content = _succeeded(answer, place, None).json()
    if content is None:
        raise UnreachableError(
            f"{place} was answered with something other than JSON.", "Check that the address is a Dataverse organisation's."
        )
    return content

"""One HTTP conversation with a platform: what was certainly not sent, what perhaps arrived, and what was answered."""

import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from types import TracebackType
from typing import Any, Self
from urllib.parse import SplitResult, urlsplit

import aiohttp
import orjson
from yarl import URL

from crosswalk.model.errors import RejectedError, UncertainError, UnreachableError, UsageError

DEFAULT_TIMEOUT_SECONDS = 60.0
UPLOAD_TIMEOUT_SECONDS = 900.0
CONNECT_TIMEOUT_SECONDS = 15.0
LONGEST_DATED_WAIT_SECONDS = 300.0
"""Of a Retry-After that is a date: two clocks may differ by hours, while asking once too early costs one more refusal."""
_JSON = "application/json"


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server answered, undecoded. `headers` are looked up without regard to case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """The decoded body, or None when it is empty or no JSON (proxies answer in HTML)."""
        try:
            return orjson.loads(self.body) if self.body else None
        except orjson.JSONDecodeError:
            return None

    def retry_after_seconds(self) -> float | None:
        """The wait the server asks for (RFC 9110 §10.2.3), or None. A date is counted from the answer's own where it has one,
        since our clock may differ; what is past already says nothing."""
        text = self.headers.get("Retry-After", "").strip()
        if text.replace(".", "", 1).isdecimal():
            return float(text)
        until = _moment(text)
        if until is None:
            return None
        now = _moment(self.headers.get("Date", "")) or datetime.now(UTC)
        seconds = (until - now).total_seconds()
        return min(seconds, LONGEST_DATED_WAIT_SECONDS) if seconds > 0 else None


def _moment(text: str) -> datetime | None:
    """A date as headers have it (RFC 9110 §5.6.7); without a zone it is in UTC."""
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def json_body(body: Any, object_name: str) -> bytes:
    """Records of this object as JSON. RejectedError for texts that are no valid Unicode."""
    try:
        return orjson.dumps(body)
    except (orjson.JSONEncodeError, TypeError):
        raise RejectedError(
            f"A text for {object_name} is no valid Unicode and cannot be sent.",
            "validation",
            "Clean the text with a transform in the mapping.",
        ) from None


def split_address(url: str) -> SplitResult:
    """A base URL's parts; what is no URL at all has none."""
    try:
        parts = urlsplit(url)
        _ = parts.port  # read last of all: a port that is no number is found here
    except ValueError:
        return urlsplit("")
    return parts


class HttpClient:
    """A session at one base URL. An async context manager; certificates come from SSL_CERT_FILE or the system."""

    def __init__(
        self,
        base_url: str,
        headers: Mapping[str, str],
        timeout_seconds: float = DEFAULT_TIMEOUT_SECONDS,
        *,
        cookies: bool = True,
    ) -> None:
        """Raises UsageError when `base_url` is no http(s) address. Without `cookies`, none are kept or sent."""
        base = URL(base_url)
        if base.scheme not in {"http", "https"} or not base.host:
            raise UsageError(f"“{base_url}” is not a web address.", "Give the destination as https://host, with no path.")
        self.base_url = base_url.rstrip("/")
        self._headers = dict(headers)
        self._seconds = timeout_seconds
        self._cookies = cookies
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        # Made here, not at import, so that SSL_CERT_FILE counts as it is now.
        trust = ssl.create_default_context() if self.base_url.startswith("https:") else True
        jar = None if self._cookies else aiohttp.DummyCookieJar()
        self._session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=trust), cookie_jar=jar)
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def send(self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None) -> Answer:
        """One request, once; `body` is encoded as JSON, `bytes` go as they are. `headers` are this request's own, and
        must name a Content-Type when `bytes` are no JSON.

        `path` is taken as already percent-encoded. Raises UnreachableError when nothing was sent (no connection, no
        address, bad certificate), UncertainError when it may have arrived (dropped connection, time-out).
        """
        data = None if body is None else (body if isinstance(body, bytes) else orjson.dumps(body))
        kind = {} if data is None else {"Content-Type": _JSON}
        return await self._exchange(method, self.base_url + path, data, {**self._headers, **kind, **(headers or {})})

    async def put_bytes(self, address: str, data: bytes, content_type: str) -> Answer:
        """Put raw bytes at a full address the platform handed out (an upload link, perhaps a third party's: it is not
        given our credentials); errors as for `send`."""
        return await self._exchange("PUT", address, data, {"Content-Type": content_type}, UPLOAD_TIMEOUT_SECONDS)

    async def _exchange(
        self, method: str, address: str, data: bytes | None, headers: Mapping[str, str], seconds: float | None = None
    ) -> Answer:
        if self._session is None:
            raise UsageError("The connection is not open.", "Use the destination as `async with destination:`.")
        url = URL(address, encoded=True)
        place = f"{method} {url.host}{url.raw_path}"
        try:
            async with self._session.request(
                method, url, data=data, headers=headers, allow_redirects=False, timeout=_timeout(seconds or self._seconds)
            ) as response:
                return Answer(response.status, response.headers, await response.read())
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError, aiohttp.InvalidURL) as error:
            raise UnreachableError(
                f"{url.host}:{url.port} cannot be reached ({type(error).__name__}).",
                "Check the address, the network and, for a private certificate, SSL_CERT_FILE; then call again.",
            ) from error
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            raise UncertainError(
                f"{place} got no complete answer ({type(error).__name__}).",
                "Whether it was carried out is settled by reading the destination.",
            ) from error


def _timeout(seconds: float) -> aiohttp.ClientTimeout:
    return aiohttp.ClientTimeout(total=seconds, sock_connect=CONNECT_TIMEOUT_SECONDS)

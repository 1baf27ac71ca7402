"""Logging in with client credentials, by Microsoft's own library (facts/dataverse.md §1)."""

import asyncio
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, cast
from urllib.parse import urlsplit

import msal  # pyright: ignore[reportMissingTypeStubs]
import requests
from requests.adapters import HTTPAdapter

from crosswalk.kit.retry import READ_PAUSES
from crosswalk.model.errors import UncertainError, UnreachableError

MICROSOFT = "https://login.microsoftonline.com"
_MICROSOFT_HOSTS = frozenset(
    {"login.microsoftonline.com", "login.microsoftonline.us", "login.partner.microsoftonline.cn", "login.windows.net"}
)
_RENEW_SECONDS_EARLY = 300.0
_TRY_AGAIN_SECONDS = 60.0
"""Between attempts to renew a token that still holds."""
_TIMEOUT_SECONDS = 30.0
_PASSING = frozenset({"temporarily_unavailable", "server_error"})
"""OAuth errors that say nothing of the credentials (RFC 6749 §4.1.2.1; Microsoft's list of token endpoint errors)."""
_NETWORK = "Check CROSSWALK_DYNAMICS_AUTHORITY and _TENANT_ID, the network and, for a private certificate, SSL_CERT_FILE."


@dataclass(frozen=True, slots=True)
class Credentials:
    """An app registration's client credentials."""

    tenant_id: str
    client_id: str
    client_secret: str = field(repr=False)
    authority: str = MICROSOFT


class _Application(Protocol):
    def acquire_token_for_client(self, scopes: list[str]) -> Mapping[str, Any]: ...


class Login:
    """The bearer token for one organisation, renewed before it ends. Safe for many concurrent callers of one event loop."""

    def __init__(
        self,
        organization_url: str,
        credentials: Credentials,
        clock: Callable[[], float] = time.monotonic,
        pauses: Sequence[float] = READ_PAUSES,
    ) -> None:
        """`pauses`: before the second and later attempts to log in while the authority is out of order."""
        parts = urlsplit(organization_url)
        self._scope = f"{parts.scheme}://{parts.netloc}/.default"
        self._credentials = credentials
        self._clock = clock
        self._pauses = pauses
        self._turn = asyncio.Lock()
        self._application: _Application | None = None
        self._token: str | None = None
        self._renew_at = 0.0
        self._ends = 0.0

    async def token(self) -> str:
        """UnreachableError when the authority does not answer or refuses the credentials, and no token of before holds."""
        async with self._turn:
            if self._token is None or self._clock() >= self._ends:
                return self._taken(await self._acquired())
            if self._clock() >= self._renew_at:
                return await self._renewed(self._token)
            return self._token

    def forget(self, token: str) -> None:
        """The server does not accept this token (any more): log in anew next time."""
        if self._token == token:
            self._token = None
            self._application = None  # msal would answer from its own cache

    def _taken(self, answer: Mapping[str, Any]) -> str:
        token, lifetime = str(answer["access_token"]), float(answer.get("expires_in", 0))
        self._token = token
        self._renew_at = self._clock() + max(lifetime - _RENEW_SECONDS_EARLY, 1.0)
        self._ends = self._clock() + max(lifetime, 1.0)
        return token

    async def _renewed(self, token: str) -> str:
        """A new token, or for some time yet the one that still holds: what is wrong now may have passed before it ends."""
        try:
            return self._taken(await asyncio.to_thread(self._acquire))
        except (UncertainError, UnreachableError):
            self._renew_at = self._clock() + _TRY_AGAIN_SECONDS
            return token

    async def _acquired(self) -> Mapping[str, Any]:
        for pause in (*self._pauses, None):
            try:
                return await asyncio.to_thread(self._acquire)
            except UncertainError as error:
                if pause is None:
                    raise UnreachableError(error.message, error.remedy) from None
                await asyncio.sleep(pause)
        raise AssertionError("unreachable")

    def _acquire(self) -> Mapping[str, Any]:
        """The authority's answer that holds a token. UncertainError for trouble that may pass, UnreachableError for what
        somebody has to correct."""
        application, self._application = self._application, None  # kept only after a success: msal keeps its refusals, too
        try:
            application = application or _application(self._credentials)
            answer = application.acquire_token_for_client(scopes=[self._scope])
        except (requests.RequestException, ValueError, OSError, RuntimeError) as error:
            raise _unusable(self._credentials.authority, error) from None
        reason = str(answer.get("error", "no reason given"))
        if reason in _PASSING:
            raise UncertainError(f"The login authority {self._credentials.authority} is out of order ({reason}).", _NETWORK)
        if "access_token" not in answer:
            raise UnreachableError(
                f"The login authority refuses the credentials ({reason}).",
                "Check CROSSWALK_DYNAMICS_TENANT_ID, _CLIENT_ID and _CLIENT_SECRET (has the secret expired?).",
            )
        self._application = application
        return answer


def _unusable(authority: str, error: Exception) -> UncertainError | UnreachableError:
    """What broke the conversation with the authority: a bad address, tenant or certificate does not mend by itself."""
    kind = type(error).__name__
    if isinstance(error, requests.RequestException) and not isinstance(error, ValueError | requests.exceptions.SSLError):
        return UncertainError(f"The login authority {authority} is out of reach or out of order ({kind}).", _NETWORK)
    return UnreachableError(f"The login authority {authority} cannot be used ({kind}).", _NETWORK)


class _Trust(HTTPAdapter):
    """Trusts the certificates in SSL_CERT_FILE and no others, as the Web API's own connections do: left to itself, `requests`
    would let REQUESTS_CA_BUNDLE decide. Gives up in time, which it would never do either."""

    def __init__(self, bundle: str | None) -> None:
        self._bundle = bundle
        super().__init__()

    def send(self, *arguments: Any, **more: Any) -> requests.Response:
        return super().send(*arguments, **{**more, "verify": self._bundle or more.get("verify", True), "timeout": _TIMEOUT_SECONDS})


def _session() -> requests.Session:
    session = requests.Session()
    session.mount("https://", _Trust(os.environ.get("SSL_CERT_FILE")))
    return session


def _application(credentials: Credentials) -> _Application:
    """Asks the authority for its endpoints. Instance discovery asks Microsoft, which knows only its own authorities."""
    authority = credentials.authority.rstrip("/")
    application = msal.ConfidentialClientApplication(
        credentials.client_id,
        client_credential=credentials.client_secret,
        authority=f"{authority}/{credentials.tenant_id}",
        instance_discovery=urlsplit(authority).hostname in _MICROSOFT_HOSTS,
        http_client=_session(),
    )
    return cast(_Application, application)

"""Logging in with client credentials, by Microsoft's own library (facts/dataverse.md §1)."""

import asyncio
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, cast
from urllib.parse import urlsplit

import msal  # pyright: ignore[reportMissingTypeStubs]
import requests
from requests.adapters import HTTPAdapter

from crosswalk.model.errors import UnreachableError

MICROSOFT = "https://login.microsoftonline.com"
_MICROSOFT_HOSTS = frozenset(
    {"login.microsoftonline.com", "login.microsoftonline.us", "login.partner.microsoftonline.cn", "login.windows.net"}
)
_RENEW_SECONDS_EARLY = 300.0
_TIMEOUT_SECONDS = 30.0


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

    def __init__(self, organization_url: str, credentials: Credentials, clock: Callable[[], float] = time.monotonic) -> None:
        parts = urlsplit(organization_url)
        self._scope = f"{parts.scheme}://{parts.netloc}/.default"
        self._credentials = credentials
        self._clock = clock
        self._turn = asyncio.Lock()
        self._application: _Application | None = None
        self._token: str | None = None
        self._good_until = 0.0

    async def token(self) -> str:
        """UnreachableError when the authority does not answer or refuses the credentials."""
        async with self._turn:
            if self._token is None or self._clock() >= self._good_until:
                answer = await asyncio.to_thread(self._acquire)
                self._token = str(answer["access_token"])
                self._good_until = self._clock() + max(float(answer.get("expires_in", 0)) - _RENEW_SECONDS_EARLY, 1.0)
            return self._token

    def forget(self, token: str) -> None:
        """The server does not accept this token (any more): log in anew next time."""
        if self._token == token:
            self._token = None
            self._application = None  # msal would answer from its own cache

    def _acquire(self) -> Mapping[str, Any]:
        try:
            if self._application is None:
                self._application = _application(self._credentials)
            answer = self._application.acquire_token_for_client(scopes=[self._scope])
        except (requests.RequestException, ValueError, OSError) as error:
            raise UnreachableError(
                f"The login authority {self._credentials.authority} cannot be used ({type(error).__name__}).",
                "Check CROSSWALK_DYNAMICS_AUTHORITY and _TENANT_ID, the network and, for a private certificate, SSL_CERT_FILE.",
            ) from None
        if "access_token" not in answer:
            raise UnreachableError(
                f"The login authority refuses the credentials ({answer.get('error', 'no reason given')}).",
                "Check CROSSWALK_DYNAMICS_TENANT_ID, _CLIENT_ID and _CLIENT_SECRET (has the secret expired?).",
            )
        return answer


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

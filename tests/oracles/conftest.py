"""A served Dataverse sandbox over TLS, and software that nobody here wrote pointed at it (facts/dataverse.md §11)."""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import msal
import pytest
from azure.core.credentials import AccessToken
from PowerPlatform.Dataverse.client import DataverseClient
from PowerPlatform.Dataverse.core.errors import HttpError

Ready = dict[str, str]
Refusal = Callable[..., tuple[int, str]]

PATIENCE_S = 60.0
"""How long a test waits for what Dataverse does in the background: the index of a key, a bulk deletion."""


class Login:
    """Answers Microsoft's client with tokens that msal fetches from the sandbox's own token endpoint (facts §1)."""

    def __init__(self, ready: Ready) -> None:
        self.application = msal.ConfidentialClientApplication(
            ready["client_id"],
            client_credential=ready["client_secret"],
            authority=f"{ready['url']}/{ready['tenant_id']}",
            instance_discovery=False,
            verify=ready["ca"],
        )

    def get_token(self, *scopes: str, **_: Any) -> AccessToken:
        answer: dict[str, Any] = self.application.acquire_token_for_client(list(scopes)) or {}
        assert "access_token" in answer, answer
        return AccessToken(answer["access_token"], int(time.time()) + int(answer["expires_in"]))


@pytest.fixture(scope="session")
def sandbox() -> Iterator[Ready]:
    """The ready line of a sandbox of its own, without limits, as a process of its own."""
    command = [sys.executable, "-m", "crosswalk_sandbox", "dynamics", "--limits", "off"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        try:
            yield json.loads(process.stdout.readline())
        finally:
            process.terminate()


@pytest.fixture(scope="session")
def login(sandbox: Ready) -> Iterator[Login]:
    """The login; requests, which it and Microsoft's client stand on, is told the sandbox's certificate by the environment."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("REQUESTS_CA_BUNDLE", sandbox["ca"])
        yield Login(sandbox)


@pytest.fixture
def client(sandbox: Ready, login: Login) -> Iterator[DataverseClient]:
    """Microsoft's client."""
    with DataverseClient(sandbox["url"], login) as client:
        yield client


@pytest.fixture
def refusal() -> Refusal:
    """Call something that the server must refuse; its HTTP status and error code."""

    def refused(call: Callable[..., Any], *arguments: Any, **options: Any) -> tuple[int, str]:
        with pytest.raises(HttpError) as caught:
            call(*arguments, **options)
        return caught.value.status_code or 0, str(caught.value.details.get("service_error_code"))

    return refused


@pytest.fixture
def eventually() -> Callable[[Callable[[], bool]], None]:
    """Wait until something is true that the server does in the background."""

    def wait(happened: Callable[[], bool]) -> None:
        end = time.monotonic() + PATIENCE_S
        while not happened():
            assert time.monotonic() < end, f"not within {PATIENCE_S:.0f} s"
            time.sleep(0.1)

    return wait

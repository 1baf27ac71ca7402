"""The login's own connections, and tokens renewed through trouble that passes (facts/dataverse.md §1)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pytest
import requests
from requests.adapters import HTTPAdapter

from crosswalk.connectors.dataverse import login
from crosswalk.connectors.dataverse.login import Credentials, Login, _session  # pyright: ignore[reportPrivateUsage]
from crosswalk.model.errors import UnreachableError

LIFETIME = 3600.0
BUSY: dict[str, Any] = {"error": "temporarily_unavailable"}
WRONG: dict[str, Any] = {"error": "invalid_client"}


@pytest.mark.parametrize(("bundle", "trusted"), [("/ours.pem", "/ours.pem"), (None, True)])
def test_an_authority_that_stays_silent_is_given_up(bundle: str | None, trusted: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Left to itself, `requests` waits for ever, and with it every request to the organisation; and it trusts whom we do."""
    seen: dict[str, Any] = {}

    def send(_self: HTTPAdapter, *_: Any, **more: Any) -> None:
        seen.update(more)
        raise RuntimeError("seen")

    monkeypatch.setattr(HTTPAdapter, "send", send)
    monkeypatch.delenv("REQUESTS_CA_BUNDLE", raising=False)
    monkeypatch.delenv("CURL_CA_BUNDLE", raising=False)
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    if bundle:
        monkeypatch.setenv("SSL_CERT_FILE", bundle)
    with pytest.raises(RuntimeError):
        _session().get("https://login.clinic.test")
    assert seen["timeout"] == 30.0 and seen["verify"] == trusted


def good(number: int) -> dict[str, Any]:
    return {"access_token": f"token-{number}", "expires_in": LIFETIME}


@dataclass
class Authority:
    """Answers in turn, at a time that the test says."""

    answers: list[Mapping[str, Any] | Exception]
    now: float = 0.0
    asked: int = 0

    def acquire_token_for_client(self, scopes: list[str]) -> Mapping[str, Any]:
        self.asked += 1
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


Begin = Callable[..., tuple[Login, Authority]]


@pytest.fixture
def begin(monkeypatch: pytest.MonkeyPatch) -> Begin:
    """A login at an authority that answers what the test says."""

    def begun(*answers: Mapping[str, Any] | Exception) -> tuple[Login, Authority]:
        authority = Authority(list(answers))

        def application(_: Credentials) -> Authority:
            return authority

        monkeypatch.setattr(login, "_application", application)
        return Login("https://o.test", Credentials("t", "c", "s"), lambda: authority.now, (0.0, 0.0)), authority

    return begun


@pytest.mark.parametrize("trouble", [BUSY, WRONG, requests.ConnectionError()], ids=["busy", "refused", "no network"])
async def test_a_token_that_still_holds_is_used_while_its_renewal_fails(begin: Begin, trouble: Any) -> None:
    """Renewal begins five minutes early: one failure of it is no reason to stop. It is tried again a minute later."""
    logins, authority = begin(good(1), trouble, good(2))
    assert await logins.token() == "token-1"
    authority.now = LIFETIME - 299
    assert [await logins.token() for _ in range(3)] == ["token-1"] * 3
    assert authority.asked == 2
    authority.now += 60
    assert await logins.token() == "token-2"


async def test_passing_trouble_is_waited_for(begin: Begin) -> None:
    """With no token that holds: as every lost read."""
    logins, _ = begin(requests.ConnectionError(), requests.HTTPError(), good(1))
    assert await logins.token() == "token-1"


async def test_lasting_trouble_is_not_called_refused_credentials(begin: Begin) -> None:
    """Nobody should look for a wrong secret where the network is down."""
    for trouble in (BUSY, requests.Timeout()):
        logins, authority = begin(*[trouble] * 3)
        with pytest.raises(UnreachableError, match="out of order") as lost:
            await logins.token()
        assert authority.asked == 3 and "SECRET" not in lost.value.remedy


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (WRONG, "refuses the credentials"),
        (ValueError("no such tenant"), "cannot be used"),
        (requests.exceptions.SSLError(), "cannot be used"),
        (requests.exceptions.InvalidURL(), "cannot be used"),
    ],
)
async def test_what_somebody_has_to_correct_is_said_at_once(begin: Begin, answer: Any, words: str) -> None:
    """Waiting would not mend it; and an ended token is of no more use."""
    logins, authority = begin(good(1), answer)
    await logins.token()
    authority.now = LIFETIME
    with pytest.raises(UnreachableError, match=words):
        await logins.token()
    assert authority.asked == 2

"""The login authority, tokens and impersonation (facts/dataverse.md §1, §2)."""

from urllib.parse import urlencode

import pytest
from dataverse_talk import BASE, Talk

from crosswalk_sandbox.services.dataverse.clock import stable_id
from crosswalk_sandbox.services.dataverse.http import Answer, Call

GOOD = {"grant_type": "client_credentials", "client_id": "client", "client_secret": "secret", "scope": f"{BASE}/.default"}


@pytest.fixture
def talk() -> Talk:
    return Talk()


def log_in(talk: Talk, tenant: str = "tenant", **changes: str) -> Answer:
    raw = urlencode({**GOOD, **changes}).encode()
    return talk.server.handle(Call("POST", f"/{tenant}/oauth2/v2.0/token", raw=raw, base_url=BASE))


def who(talk: Talk, **headers: str) -> Answer:
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return talk.server.handle(Call("GET", "/api/data/v9.2/WhoAmI", headers=names, base_url=BASE))


def test_discovery_names_the_token_endpoint(talk: Talk) -> None:
    """What MSAL asks for first."""
    answer = talk.server.handle(Call("GET", "/tenant/v2.0/.well-known/openid-configuration", base_url=BASE))
    assert answer.body["token_endpoint"] == f"{BASE}/tenant/oauth2/v2.0/token"


def test_a_token_ends_on_the_sandbox_s_clock(talk: Talk) -> None:
    """It acts as the application user; after its time, and without one, the answer is 401."""
    answer = log_in(talk)
    token = answer.body["access_token"]
    assert who(talk, authorization=f"Bearer {token}").body["UserId"] == talk.server.organization.people.application
    assert who(talk).status == 401
    talk.server.organization.clock.offset += answer.body["expires_in"] + 1
    assert who(talk, authorization=f"Bearer {token}").status == 401


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"client_secret": "wrong"}, "invalid_client"),
        ({"client_id": "wrong"}, "unauthorized_client"),
        ({"scope": BASE}, "invalid_scope"),
        ({"grant_type": "password"}, "unsupported_grant_type"),
        ({"tenant": "wrong"}, "invalid_request"),
    ],
)
def test_refused_logins(talk: Talk, changes: dict[str, str], error: str) -> None:
    """Each fault has its own error of the protocol."""
    answer = log_in(talk, **changes)
    assert answer.status >= 400
    assert answer.body["error"] == error


def test_impersonation(talk: Talk) -> None:
    """createdby is the user acted for, createdonbehalfby ours; a disabled user cannot be acted for (facts §2)."""
    mehta = stable_id("user", "mehta@clinic.test")
    token = f"Bearer {log_in(talk).body['access_token']}"
    path = "/api/data/v9.2/contacts"
    headers = {"authorization": token, "callerobjectid": stable_id("entra", mehta), "prefer": "return=representation"}
    row = talk.server.handle(Call("POST", path, headers=headers, raw=b'{"lastname":"x"}', base_url=BASE)).body
    assert (row["_createdby_value"], row["_ownerid_value"]) == (mehta, mehta)
    assert row["_createdonbehalfby_value"] == talk.server.organization.people.application
    former = stable_id("user", "former@clinic.test")
    refused = talk.server.handle(Call("GET", path, headers={"authorization": token, "mscrmcallerid": former}, base_url=BASE))
    assert refused.status == 403

"""The login's own connections (facts/dataverse.md §1)."""

from typing import Any

import pytest
from requests.adapters import HTTPAdapter

from crosswalk.connectors.dataverse.login import _session  # pyright: ignore[reportPrivateUsage]


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

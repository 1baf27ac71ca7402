"""The login authority: OpenID discovery and the token endpoint of the client-credentials flow (facts/dataverse.md §1)."""

import base64
import secrets
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

import orjson

from .errors import DataverseError
from .http import Answer, Call, Caller

if TYPE_CHECKING:
    from .organization import Organization

LIFETIME_S = 3599


class Login:
    """Issues tokens and knows whose they are. Tokens end on the sandbox's clock."""

    def __init__(self, organization: "Organization", tenant_id: str, client_id: str, client_secret: str) -> None:
        self.organization = organization
        self.tenant_id = tenant_id
        self.client_id = client_id
        self.client_secret = client_secret
        self.lifetime_s = LIFETIME_S
        self.tokens: dict[str, tuple[str, float]] = {}

    def answer(self, call: Call) -> Answer | None:
        """The answer of a login path; None for any other path."""
        parts = call.path.strip("/").split("/")
        if call.path.endswith("/.well-known/openid-configuration") and call.method == "GET":
            return Answer(200, self.discovery(call.base_url, parts[0]), content_type="application/json")
        if call.path.endswith("/oauth2/v2.0/token") and call.method == "POST":
            return self._issue(call)
        if call.path.endswith("/discovery/v2.0/keys"):
            return Answer(200, {"keys": []}, content_type="application/json")
        if call.path == "/common/discovery/instance" or call.path.endswith("/discovery/instance"):
            url = f"{call.base_url}/{self.tenant_id}/v2.0/.well-known/openid-configuration"
            return Answer(200, {"tenant_discovery_endpoint": url, "metadata": []}, content_type="application/json")
        return None

    def discovery(self, base_url: str, tenant: str) -> dict[str, Any]:
        """The OpenID configuration of a tenant."""
        root = f"{base_url}/{tenant}"
        return {
            "token_endpoint": f"{root}/oauth2/v2.0/token",
            "authorization_endpoint": f"{root}/oauth2/v2.0/authorize",
            "jwks_uri": f"{root}/discovery/v2.0/keys",
            "issuer": f"{root}/v2.0",
            "token_endpoint_auth_methods_supported": ["client_secret_post", "client_secret_basic"],
            "response_types_supported": ["code"],
            "subject_types_supported": ["pairwise"],
            "id_token_signing_alg_values_supported": ["RS256"],
        }

    def _issue(self, call: Call) -> Answer:
        form = {name: values[-1] for name, values in parse_qs(call.raw.decode(errors="replace")).items()}
        client, secret = form.get("client_id", ""), form.get("client_secret", "")
        basic = call.header("authorization") or ""
        if basic.startswith("Basic "):
            client, _, secret = base64.b64decode(basic.removeprefix("Basic ")).decode().partition(":")
        tenant = call.path.strip("/").split("/")[0]
        if tenant != self.tenant_id:
            return _refused(400, "invalid_request", f"AADSTS90002: Tenant '{tenant}' not found.")
        if form.get("grant_type") != "client_credentials":
            return _refused(400, "unsupported_grant_type", "AADSTS70003: The app requested an unsupported grant type.")
        if client != self.client_id:
            return _refused(400, "unauthorized_client", f"AADSTS700016: Application with identifier '{client}' was not found.")
        if not secrets.compare_digest(secret.encode(), self.client_secret.encode()):
            return _refused(401, "invalid_client", "AADSTS7000215: Invalid client secret provided.")
        if not form.get("scope", "").endswith("/.default"):
            return _refused(
                400, "invalid_scope", "AADSTS1002012: The provided value for scope is not valid; use '{resource}/.default'."
            )
        token = self.token_for(self.organization.people.application)
        body = {"token_type": "Bearer", "expires_in": self.lifetime_s, "ext_expires_in": self.lifetime_s, "access_token": token}
        return Answer(200, body, {"Cache-Control": "no-store, no-cache"}, "application/json")

    def token_for(self, user_id: str) -> str:
        """A new token of a user, also for tests that act as a person. It has the three parts of a JWT, unsigned."""
        now = int(self.organization.clock.seconds())
        claims = {"tid": self.tenant_id, "appid": self.client_id, "iat": now, "exp": now + self.lifetime_s, "oid": user_id}
        parts = [{"typ": "JWT", "alg": "none"}, claims, {"nonce": secrets.token_hex(16)}]
        token = ".".join(base64.urlsafe_b64encode(orjson.dumps(part)).decode().rstrip("=") for part in parts)
        self.tokens[token] = (user_id, now + self.lifetime_s)
        return token

    # -- whose token ------------------------------------------------------------------------------------------------

    def caller(self, call: Call) -> Caller:
        """Who asks, by the bearer token and the impersonation headers (facts §2). Raises DataverseError 401, 403."""
        token = (call.header("authorization") or "").removeprefix("Bearer ").strip()
        held = self.tokens.get(token)
        if held is None or held[1] <= self.organization.clock.seconds():
            challenge = f"Bearer authorization_uri={call.base_url}/{self.tenant_id}/oauth2/authorize, resource_id={call.base_url}/"
            raise DataverseError(401, "", "HTTP Error 401 - Unauthorized: Access is denied", {"WWW-Authenticate": challenge})
        user_id = held[0]
        return Caller(self._impersonated(call, user_id), user_id, token)

    def _impersonated(self, call: Call, user_id: str) -> str:
        """The user that the caller acts for, the caller itself without a header."""
        wanted, column = call.header("callerobjectid"), "azureactivedirectoryobjectid"
        if wanted is None:
            wanted, column = call.header("mscrmcallerid"), "systemuserid"
        if wanted is None:
            return user_id
        self.organization.demand(user_id, "prvActOnBehalfOfAnotherUser")
        for row in self.organization.scan("systemuser"):
            if row.get(column) == wanted.lower():
                if row.get("isdisabled"):
                    raise DataverseError(
                        403, "0x80040225", "The specified user is either disabled or is not a member of any business unit."
                    )
                return row["systemuserid"]
        raise DataverseError(403, "0x80040217", "The user to act for was not found in this organization.")


def _refused(status: int, error: str, description: str) -> Answer:
    return Answer(status, {"error": error, "error_description": description}, content_type="application/json")

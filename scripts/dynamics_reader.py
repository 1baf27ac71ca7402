"""Reads a Dataverse organisation with Microsoft's own client, patient with 429; nothing of Crosswalk's is imported."""

import os
import time
from collections.abc import Callable, Iterable
from typing import Any, TypeVar, cast

import msal
from azure.core.credentials import AccessToken
from PowerPlatform.Dataverse.client import DataverseClient
from PowerPlatform.Dataverse.core.config import DataverseConfig
from PowerPlatform.Dataverse.core.errors import HttpError, MetadataError

Json = dict[str, Any]
Answer = TypeVar("Answer")

PAGE = 5000
"""Dataverse's cap of a page (facts/dataverse.md §8)."""
ATTEMPTS = 20


class Login:
    """Tokens of an app registration by msal, as azure-core's clients ask for them (facts/dataverse.md §1)."""

    def __init__(self, tenant_id: str, client_id: str, secret: str, authority: str, certificate: str | None) -> None:
        ours = "login.microsoftonline.com" not in authority
        self.application = msal.ConfidentialClientApplication(
            client_id,
            client_credential=secret,
            authority=f"{authority.rstrip('/')}/{tenant_id}",
            instance_discovery=False if ours else None,
            verify=cast(Any, certificate or True),  # a path is as good, says msal; its annotation does not
        )

    def get_token(self, *scopes: str, **_: Any) -> AccessToken:
        """A token, from msal's cache while it is good. Raises SystemExit with the reason of a refusal."""
        answer = cast(Json, self.application.acquire_token_for_client(list(scopes)) or {})
        if "access_token" not in answer:
            raise SystemExit(f"The login was refused: {answer.get('error_description') or answer.get('error')}")
        return AccessToken(answer["access_token"], int(time.time()) + int(answer["expires_in"]))


class Reader:
    """Tables, their columns and their rows. Every call waits out what the server says is passing."""

    def __init__(self, client: DataverseClient) -> None:
        self.client = client

    def patiently(self, call: Callable[[], Answer]) -> Answer:
        """What a call answers, tried again after Retry-After where the refusal is transient."""
        for _ in range(ATTEMPTS):
            try:
                return call()
            except HttpError as error:
                if not error.is_transient:
                    raise
                time.sleep(float(error.details.get("retry_after") or 1))
        return call()

    def tables(self) -> list[Json]:
        """Every table's definition, sorted by logical name."""
        found = self.patiently(self.client.tables.list)
        return sorted(found, key=lambda item: str(item["LogicalName"]))

    def rows(self, table: str, columns: Iterable[str] | None = None, expand: list[str] | None = None) -> list[Json]:
        """Every row, with all columns unless some are named; none where there is no such table."""
        select = list(columns) if columns else None

        def read() -> list[Json]:
            pages = self.client.records.list_pages(table, select=select, expand=expand, page_size=PAGE)
            return [row.to_dict() for page in pages for row in page]

        try:
            return self.patiently(read)
        except MetadataError:
            return []


def reader(url: str, certificate: str | None) -> Reader:
    """A reader logged in by the connector's environment variables. Raises SystemExit where one is missing."""
    names = ("TENANT_ID", "CLIENT_ID", "CLIENT_SECRET")
    values = [os.environ.get(f"CROSSWALK_DYNAMICS_{name}", "") for name in names]
    missing = [f"CROSSWALK_DYNAMICS_{name}" for name, value in zip(names, values, strict=True) if not value]
    if missing:
        raise SystemExit(f"No login: set {', '.join(missing)}.")
    authority = os.environ.get("CROSSWALK_DYNAMICS_AUTHORITY", "https://login.microsoftonline.com")
    if certificate:
        os.environ["REQUESTS_CA_BUNDLE"] = certificate
    login = Login(values[0], values[1], values[2], authority, certificate)
    return Reader(DataverseClient(url, login, DataverseConfig(http_timeout=300.0)).__enter__())

"""A Dataverse sandbox in a process of its own, and what its tests do beside the connector."""

import json
import ssl
import subprocess
import sys
from collections.abc import AsyncGenerator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import aiohttp
import pytest

from crosswalk.connectors.dataverse.client import DataverseClient
from crosswalk.connectors.dataverse.connector import DynamicsDestination
from crosswalk.connectors.dataverse.login import Credentials
from crosswalk.model.errors import RejectedError
from crosswalk.model.record import Row, Write
from crosswalk.model.values import Value

MARKER = "run-1"
ROOT = "/api/data/v9.2"


@dataclass(frozen=True)
class Sandbox:
    ready: Mapping[str, str]

    @property
    def credentials(self) -> Credentials:
        ready = self.ready
        return Credentials(ready["tenant_id"], ready["client_id"], ready["client_secret"], ready["url"])

    def destination(self) -> DynamicsDestination:
        return DynamicsDestination(DataverseClient(self.ready["url"], self.credentials, read_pauses=(0.01, 0.01)))

    async def control(self, verb: str, body: Any) -> Any:
        """Do what no API client could: faults, the clock, edits by a person."""
        return await self._asked("POST", f"/__control__/{verb}", body, {})

    async def call(self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None) -> Any:
        """An API call beside the connector, as the same application user."""
        return await self._asked(
            method, f"{ROOT}/{path}", body, {"Authorization": f"Bearer {await self._token()}", **(headers or {})}
        )

    async def person_edits(self, table: str, row: str, values: Mapping[str, Any], member: str = "frontdesk@clinic.test") -> None:
        """An edit by a person in the web page; `values` as the Web API wants them."""
        await self.control("edit", {"object": table, "id": row, "values": values, "member": member})

    async def seed(self, table: str, *rows: Mapping[str, Any]) -> list[str]:
        """Rows that a person made; their ids."""
        return list((await self.control("seed", {"object": table, "rows": rows}))["ids"])

    async def ledger(self) -> list[dict[str, Any]]:
        """The requests so far, as the sandbox saw them."""
        return list((await self._asked("GET", "/__control__/ledger", None, {}))["entries"])

    async def _token(self) -> str:
        form = {
            "client_id": self.ready["client_id"],
            "client_secret": self.ready["client_secret"],
            "grant_type": "client_credentials",
            "scope": f"{self.ready['url']}/.default",
        }
        async with self._session() as session:
            path = f"/{self.ready['tenant_id']}/oauth2/v2.0/token"
            async with session.post(self.ready["url"] + path, data=form) as answer:
                content = await answer.json()
                assert answer.status == 200, content
                return str(content["access_token"])

    async def _asked(self, method: str, path: str, body: Any, headers: Mapping[str, str]) -> Any:
        async with (
            self._session() as session,
            session.request(method, self.ready["url"] + path, json=body, headers={"If-None-Match": "null", **headers}) as answer,
        ):
            text = await answer.text()
            assert answer.status < 300, f"{method} {path}: {answer.status} {text}"
            return json.loads(text) if text else None

    def _session(self) -> aiohttp.ClientSession:
        context = ssl.create_default_context(cafile=self.ready["ca"])
        return aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=context))


def running(*options: str) -> Iterator[Sandbox]:
    """A sandbox for as long as the generator lives; its certificate is trusted meanwhile."""
    process = subprocess.Popen(
        [sys.executable, "-m", "crosswalk_sandbox", "dynamics", "--port", "0", *options], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line, "the sandbox did not start"
    sandbox = Sandbox(json.loads(line))
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("SSL_CERT_FILE", sandbox.ready["ca"])
        yield sandbox
    process.terminate()
    process.wait(10)


@asynccontextmanager
async def connected(sandbox: Sandbox) -> AsyncGenerator[DynamicsDestination]:
    """A destination on a sandbox as it was at first."""
    await sandbox.control("reset", {})
    async with sandbox.destination() as opened:
        yield opened


async def created(destination: DynamicsDestination, table: str, **values: Value) -> Row:
    """One record through the connector."""
    write = Write(str(uuid4()), {path.replace("__", "."): value for path, value in values.items()})
    (answer,) = await destination.create(table, [write], MARKER)
    assert isinstance(answer, Row), answer
    return answer


async def updated(destination: DynamicsDestination, table: str, row: str, **values: Value) -> Row:
    """One change through the connector."""
    (answer,) = await destination.update(table, [Write(row, {path.replace("__", "."): value for path, value in values.items()})])
    assert isinstance(answer, Row), answer
    return answer


async def refused(destination: DynamicsDestination, table: str, row: str, **values: Value) -> RejectedError:
    """The refusal of one change."""
    (answer,) = await destination.update(table, [Write(row, dict(values))])
    assert isinstance(answer, RejectedError), answer
    return answer

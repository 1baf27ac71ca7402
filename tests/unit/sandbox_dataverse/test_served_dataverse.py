"""The sandbox over HTTP and as a process: limits, faults, ledger, control, a state directory, the command line."""

import asyncio
import contextlib
import json
import signal
import ssl
import sys
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from crosswalk_sandbox.services.dataverse.app import Options, Server
from crosswalk_sandbox.services.dataverse.front import make_app
from crosswalk_sandbox.serving import bind

ID = "aaaaaaaa-0000-4000-8000-{:012d}"
API = "/api/data/v9.2/"
BULK = f"{API}contacts/Microsoft.Dynamics.CRM.CreateMultiple"


class Client:
    """A client of one served sandbox, logged in as its application."""

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self.session = session
        self.url = url

    async def log_in(self, tenant: str, client: str, secret: str) -> None:
        form = {"grant_type": "client_credentials", "client_id": client, "client_secret": secret, "scope": f"{self.url}/.default"}
        async with self.session.post(f"{self.url}/{tenant}/oauth2/v2.0/token", data=form) as answer:
            self.session.headers["Authorization"] = f"Bearer {(await answer.json())['access_token']}"

    async def send(self, method: str, path: str, body: Any = None) -> tuple[int, Any, dict[str, str]]:
        """Status, parsed body and headers of a call."""
        async with self.session.request(method, self.url + path, json=body) as answer:
            return answer.status, json.loads(await answer.text() or "null"), dict(answer.headers)

    async def control(self, verb: str, body: Any = None) -> Any:
        """A control call that must succeed; a GET without a body."""
        status, found, _ = await self.send("POST" if body is not None else "GET", f"/__control__/{verb}", body)
        assert status == 200, found
        return found

    async def create(self, *numbers: int) -> int:
        """The status of a CreateMultiple."""
        kind = "Microsoft.Dynamics.CRM.contact"
        rows = [{"@odata.type": kind, "contactid": ID.format(number), "lastname": f"L{number}"} for number in numbers]
        return (await self.send("POST", BULK, {"Targets": rows}))[0]


@contextlib.asynccontextmanager
async def served(limits: str = "off", state: Path | None = None) -> AsyncGenerator[Client]:
    server = Server(Options("tenant", "client", "secret", limits=limits, state=state))
    runner, url = await bind(make_app(server))
    try:
        async with aiohttp.ClientSession() as session:
            client = Client(session, url)
            await client.log_in("tenant", "client", "secret")
            yield client
    finally:
        await runner.cleanup()


@pytest.mark.parametrize(("kind", "stored"), [("drop_before_commit", 404), ("drop_after_commit", 200)])
async def test_a_dropped_connection_leaves_the_rows_unstored_or_stored(kind: str, stored: int) -> None:
    """The client sees the same broken connection; only reading tells, and the ledger."""
    async with served() as client:
        await client.control("faults", {"kind": kind, "match": {"method": "POST", "path_prefix": BULK}})
        with pytest.raises(aiohttp.ClientError):
            await client.create(1, 2)
        assert (await client.send("GET", f"{API}contacts({ID.format(1)})"))[0] == stored
        await client.create(1, 2)
        entries = [entry for entry in (await client.control("ledger"))["entries"] if entry["path"] == BULK]
        assert [(entry["fault"], len(entry["ids"])) for entry in entries] == [
            (kind, 0 if stored == 404 else 2),
            (None, 2 if stored == 404 else 0),
        ]


async def test_scripted_refusals_have_the_servers_own_shape() -> None:
    """500 and 429 with code and Retry-After, each when it is due; a slow one is late but answered."""
    async with served() as client:
        await client.control("faults", [{"kind": "500"}, {"kind": "429"}, {"kind": "slow", "delay_ms": 60}])
        answers = [await client.send("GET", f"{API}WhoAmI") for _ in range(4)]
        assert [status for status, _, _ in answers] == [500, 429, 200, 200]
        assert [answers[n][1]["error"]["code"] for n in (0, 1)] == ["0x80040216", "0x80072322"]
        assert answers[1][2]["Retry-After"] == "1"
        assert (await client.control("stats"))["refused_429"] == 1


async def test_the_three_limits_are_met_and_said() -> None:
    """At a hundredth: two at once are one too many; then the window's requests and its execution time run out."""
    async with served("100") as client:
        await client.control("limits", {"row_ms": 25})  # a second under way: the other one is sure to meet it
        both = await asyncio.gather(client.create(*range(40)), client.create(*range(100, 140)))
        assert sorted(both) == [200, 429]
        await client.control("limits", {"divisor": 1000, "speed": 150, "row_ms": 1})
        answers = [await client.send("GET", f"{API}WhoAmI") for _ in range(7)]
        assert [status for status, _, _ in answers] == [200] * 6 + [429]
        _, body, headers = answers[-1]
        assert body["error"]["code"] == "0x80072322" and "limit of 6 over time window of 2 seconds" in body["error"]["message"]
        assert answers[0][2]["x-ms-ratelimit-burst-remaining-xrm-requests"] == "5"
        await asyncio.sleep(int(headers["Retry-After"]))
        assert (await client.send("GET", f"{API}WhoAmI"))[0] == 200
        await client.control("limits", {"divisor": 10_000, "row_ms": 10})
        assert await client.create(*range(200, 220)) == 429 or await client.create(220) == 429


async def test_people_seed_edit_and_delete_and_a_cell_can_rot() -> None:
    """Rows by people carry their names; a corrupted cell leaves the row version as it was."""
    async with served() as client:
        seed = {"object": "contact", "rows": [{"lastname": "by hand"}], "member": "mehta@clinic.test"}
        key = (await client.control("seed", seed))["ids"][0]
        address = f"{API}contacts({key})?$select=lastname,modifiedon&$expand=createdby($select=internalemailaddress)"
        row = (await client.send("GET", address))[1]
        assert row["createdby"]["internalemailaddress"] == "mehta@clinic.test"
        edit = {"object": "contacts", "id": key, "values": {"lastname": "edited"}, "member": "iyer@clinic.test"}
        assert (await client.control("edit", edit))["row"]["lastname"] == "edited"
        before = (await client.send("GET", address))[1]
        await client.control("corrupt", {"object": "contact", "id": key, "field": "lastname", "value": "rotten"})
        after = (await client.send("GET", address))[1]
        assert (after["lastname"], after["@odata.etag"]) == ("rotten", before["@odata.etag"])
        token = (await client.control("session", {"member": "iyer@clinic.test"}))["token"]
        assert token
        await client.control("delete", {"object": "contact", "id": key})
        assert key not in {row["contactid"] for row in (await client.control("dump?object=contact"))["objects"]["contact"]}
        for wrong in ({"object": "nothing", "rows": []}, {"object": "contact", "rows": [{"nothing": 1}]}):
            status, found, _ = await client.send("POST", "/__control__/seed", wrong)
            assert status == 400 and found["error"].startswith("seed: ")


async def test_privileges_can_be_taken_away() -> None:
    """The application without a right is refused, and has it again when it is granted."""
    async with served() as client:
        await client.control("privileges", {"member": "application", "withhold": ["prvCreateContact"]})
        assert await client.create(1) == 403
        await client.control("privileges", {"member": "application", "grant": ["prvCreateContact"]})
        assert await client.create(1) == 200


async def test_a_state_directory_outlives_the_process_and_reset_empties_it(tmp_path: Path) -> None:
    """Rows, their versions and the metadata come back; a reset is a new organisation."""
    async with served(state=tmp_path) as client:
        assert await client.create(1, 2) == 200
        await client.send("DELETE", f"{API}contacts({ID.format(2)})")
        before = await client.control("dump")
    async with served(state=tmp_path) as client:
        assert await client.control("dump") == before
        assert await client.create(1) == 412
        assert await client.create(3) == 200
        await client.control("reset", {})
        await client.log_in("tenant", "client", "secret")
        assert (await client.send("GET", f"{API}contacts({ID.format(1)})"))[0] == 404


async def test_the_command_line_serves_over_tls_and_leaves_nothing_behind() -> None:
    """One ready line; the certificate named in it is trusted, and gone when the process ends."""
    arguments = ("-m", "crosswalk_sandbox", "dynamics", "--member", "new@clinic.test", "--limits", "100")
    process = await asyncio.create_subprocess_exec(sys.executable, *arguments, stdout=asyncio.subprocess.PIPE)
    assert process.stdout is not None
    try:
        ready = json.loads(await process.stdout.readline())
        context = ssl.create_default_context(cafile=ready["ca"])
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=context)) as session:
            client = Client(session, ready["url"])
            await client.log_in(ready["tenant_id"], ready["client_id"], ready["client_secret"])
            query = "$select=fullname&$filter=internalemailaddress eq 'new@clinic.test'"
            status, body, _ = await client.send("GET", f"{API}systemusers?{query}")
            assert (status, len(body["value"])) == (200, 1)
            assert (await client.control("limits"))["requests"] == 60
    finally:
        process.send_signal(signal.SIGTERM)
    assert await process.wait() == 0
    assert not Path(ready["ca"]).parent.exists()

"""The sandbox as a process and over HTTP: start, control API, faults, files, webhooks, state on disk."""

import asyncio
import contextlib
import json
import signal
import sys
from collections.abc import AsyncGenerator
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from crosswalk_sandbox.services.twenty.app import Options, Server
from crosswalk_sandbox.services.twenty.front import make_app
from crosswalk_sandbox.serving import bind

ID = "aaaaaaaa-0000-4000-8000-00000000000{}"
QUIET = Options(api_key="key", limits=False, workflow=False)
KEY = {"Authorization": "Bearer key"}


class Client:
    """A client of one served sandbox."""

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self.session = session
        self.url = url

    async def call(self, method: str, path: str, body: Any = None) -> Any:
        """The parsed answer of a call that must succeed."""
        async with self.session.request(method, self.url + path, json=body, headers=KEY) as answer:
            text = await answer.text()
            assert answer.status < 300, text
            return json.loads(text or "null")

    async def status(self, method: str, path: str, body: Any = None) -> int:
        async with self.session.request(method, self.url + path, json=body, headers=KEY) as answer:
            return answer.status


@contextlib.asynccontextmanager
async def served(**options: Any) -> AsyncGenerator[Client]:
    runner, url = await bind(make_app(Server(replace(QUIET, **options))))
    try:
        async with aiohttp.ClientSession() as session:
            yield Client(session, url)
    finally:
        await runner.cleanup()


@pytest.mark.parametrize(("kind", "stored"), [("drop_before_commit", 0), ("drop_after_commit", 1)])
async def test_a_dropped_connection_leaves_the_row_unstored_or_stored(kind: str, stored: int) -> None:
    """The client sees the same broken connection; only reading tells whether the write was committed."""
    async with served() as client:
        await client.call("POST", "/__control__/faults", {"match": {"method": "POST", "path_prefix": "/rest/batch/"}, "kind": kind})
        with pytest.raises(aiohttp.ClientError):
            await client.call("POST", "/rest/batch/notes", [{"id": ID.format(1), "title": "x"}])
        found = await client.call("GET", f"/rest/notes?filter=id[eq]:{ID.format(1)}")
        assert found["totalCount"] == stored


async def test_faults_wait_for_their_turn_and_repeat() -> None:
    """`after` lets calls pass, `times` says how often it hits; both kinds of answer are the server's own shape."""
    async with served() as client:
        script = [{"kind": "500", "after": 1, "times": 2}, {"kind": "429", "match": {"path_prefix": "/rest/tasks"}}]
        await client.call("POST", "/__control__/faults", script)
        assert [await client.status("GET", "/rest/notes") for _ in range(4)] == [200, 500, 500, 200]
        assert [await client.status("GET", "/rest/tasks") for _ in range(2)] == [429, 200]


async def test_the_ledger_tells_what_was_written_and_what_was_repeated() -> None:
    """Every product request is recorded with object and ids; a second write of the same ids is marked."""
    async with served() as client:
        body = [{"id": ID.format(1)}, {"id": ID.format(2)}]
        await client.call("POST", "/rest/batch/notes", body)
        await client.call("POST", "/rest/batch/notes?upsert=true", body)
        entries = (await client.call("GET", "/__control__/ledger?since=0"))["entries"]
        assert [(entry["object"], entry["ids"], entry["repeated"]) for entry in entries] == [
            ("note", [ID.format(1), ID.format(2)], False),
            ("note", [ID.format(1), ID.format(2)], True),
        ]
        assert (await client.call("GET", "/__control__/stats")) == {"requests": 2, "refused_429": 0}


async def test_people_seed_edit_and_delete_and_a_cell_can_rot() -> None:
    """Rows by people carry MANUAL and the member; a corrupted cell leaves updatedAt as it was."""
    async with served() as client:
        seeded = await client.call(
            "POST", "/__control__/seed", {"object": "note", "rows": [{"title": "by hand"}], "member": "mehta@clinic.test"}
        )
        key = seeded["ids"][0]
        row = (await client.call("GET", f"/rest/notes/{key}"))["data"]["note"]
        assert (row["createdBy"]["source"], row["createdBy"]["name"]) == ("MANUAL", "Mehta")
        await client.call("POST", "/__control__/edit", {"object": "note", "id": key, "values": {"title": "edited"}})
        edited = (await client.call("GET", f"/rest/notes/{key}"))["data"]["note"]
        assert (edited["title"], edited["updatedBy"]["source"]) == ("edited", "MANUAL")
        await client.call("POST", "/__control__/corrupt", {"object": "note", "id": key, "field": "title", "value": "rotten"})
        rotten = (await client.call("GET", f"/rest/notes/{key}"))["data"]["note"]
        assert (rotten["title"], rotten["updatedAt"]) == ("rotten", edited["updatedAt"])
        await client.call("POST", "/__control__/soft-delete", {"object": "note", "id": key})
        assert await client.status("GET", f"/rest/notes/{key}") == 404
        dumped = (await client.call("GET", "/__control__/dump?object=note"))["objects"]["note"]
        assert [item["deletedAt"] is not None for item in dumped] == [True]
        await client.call("POST", "/__control__/reset")
        assert (await client.call("GET", "/rest/notes"))["totalCount"] == 0


async def test_both_ways_of_uploading_serve_one_row_by_a_signed_link() -> None:
    """createFileUpload, PUT, complete; or one multipart request; then an attachment, whose link needs no token of ours."""
    async with served() as client:
        objects = (await client.call("GET", "/rest/metadata/objects"))["data"]
        fields = next(shape["fields"] for shape in objects if shape["nameSingular"] == "attachment")
        field = next(item["id"] for item in fields if item["name"] == "file")
        asked = 'createFileUpload(filename:"a.pdf",size:3,fileFolder:FilesField,fieldMetadataId:$m)'
        begin = "mutation($m:String){" + asked + "{fileId uploadUrl contentType}}"
        upload = (await client.call("POST", "/metadata", {"query": begin, "variables": {"m": field}}))["data"]["createFileUpload"]
        attach = {"name": "a.pdf", "file": [{"fileId": upload["fileId"], "label": "a.pdf"}]}
        assert await client.status("POST", "/rest/attachments", attach) == 400
        async with client.session.put(upload["uploadUrl"], data=b"abc", headers={"Content-Type": upload["contentType"]}) as answer:
            assert answer.status == 204
        finish = "mutation($f:String!){completeFileUpload(fileId:$f){id}}"
        await client.call("POST", "/metadata", {"query": finish, "variables": {"f": upload["fileId"]}})
        made = (await client.call("POST", "/rest/attachments", attach))["data"]["createAttachment"]
        async with client.session.get(made["file"][0]["url"]) as answer:
            assert await answer.read() == b"abc"
        async with client.session.get(made["file"][0]["url"].replace("token=", "token=1")) as answer:
            assert answer.status == 403
        assert await client.status("POST", "/rest/attachments", attach) == 400  # one file serves one row

        form = aiohttp.FormData()
        direct = "mutation($file:Upload!,$m:String!){uploadFilesFieldFile(file:$file,fieldMetadataId:$m){id}}"
        form.add_field("operations", json.dumps({"query": direct, "variables": {"file": None, "m": field}}))
        form.add_field("map", json.dumps({"0": ["variables.file"]}))
        form.add_field("0", b"text", filename="b.txt")
        async with client.session.post(f"{client.url}/metadata", data=form, headers=KEY) as answer:
            second = (await answer.json())["data"]["uploadFilesFieldFile"]["id"]
        other = await client.call("POST", "/rest/attachments", {"name": "b", "file": [{"fileId": second, "label": "b"}]})
        assert other["data"]["createAttachment"]["file"][0]["extension"] == ".txt"


async def test_webhooks_are_recorded_and_sent_to_this_machine_only() -> None:
    """One delivery per written row; a loopback target gets it signed, a foreign one is only recorded."""
    got: list[Any] = []

    async def hook(request: web.Request) -> web.Response:
        got.append((request.headers["X-Twenty-Webhook-Signature"], await request.json()))
        return web.Response()

    target = web.Application()
    target.router.add_post("/hook", hook)
    runner, url = await bind(target)
    async with served() as client:
        for place in (f"{url}/hook", "https://example.test/hook"):
            wanted = {"targetUrl": place, "operations": ["note.created"], "secret": "s3cret"}
            await client.call("POST", "/rest/metadata/webhooks", wanted)
        await client.call("POST", "/rest/notes", {"title": "x"})
        for _ in range(60):
            if got:
                break
            await asyncio.sleep(0.05)
        deliveries = (await client.call("GET", "/__control__/deliveries"))["deliveries"]
    await runner.cleanup()
    assert [(item["event"], item["sent"]) for item in deliveries] == [("note.created", True), ("note.created", False)]
    assert got[0][1]["record"]["title"] == "x"


@contextlib.asynccontextmanager
async def started(*options: str) -> AsyncGenerator[tuple[asyncio.subprocess.Process, dict[str, str]]]:
    """The start command as our CLI runs it, and its ready line."""
    command = [sys.executable, "-m", "crosswalk_sandbox", "twenty", "--limits", "off", "--api-key", "key", *options]
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    assert process.stdout is not None
    try:
        yield process, json.loads(await process.stdout.readline())
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGKILL])
async def test_the_command_prints_one_line_serves_and_keeps_its_state(tmp_path: Path, ending: signal.Signals) -> None:
    """One JSON line when ready, exit 0 on SIGTERM; with --state rows and schema outlive the process however it ends."""
    shape = {"nameSingular": "ledger", "namePlural": "ledgers", "labelSingular": "L", "labelPlural": "Ls"}
    async with started("--state", str(tmp_path)) as (process, ready), aiohttp.ClientSession() as session:
        assert ready.keys() == {"service", "url", "api_key"}
        client = Client(session, ready["url"])
        await client.call("POST", "/rest/metadata/objects", shape)
        await client.call("POST", "/rest/batch/ledgers", [{"id": ID.format(1), "name": "kept"}])
        process.send_signal(ending)
        assert await process.wait() == (0 if ending is signal.SIGTERM else -signal.SIGKILL)
    async with started("--state", str(tmp_path)) as (_, ready), aiohttp.ClientSession() as session:
        found = await Client(session, ready["url"]).call("GET", f"/rest/ledgers/{ID.format(1)}")
        assert found["data"]["ledger"]["name"] == "kept"

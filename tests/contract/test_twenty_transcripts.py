"""The Twenty sandbox answers as the real server did: every recorded call is sent again and the answers are compared."""

import json
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import yarl
from sandbox.arrange import Arrangement
from sandbox.client import token_for
from sandbox.compare import Comparison
from sandbox.recorded import FOLDER, Case, Known, load

from crosswalk_sandbox.services.twenty.app import Options, Server
from crosswalk_sandbox.services.twenty.front import make_app
from crosswalk_sandbox.services.twenty.schema import is_row
from crosswalk_sandbox.serving import bind

SCOPE = json.loads((Path(__file__).parent / "sandbox" / "out_of_scope.json").read_text())
AGREEMENT = 0.95
MOST_OUT_OF_SCOPE = 80

pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason="the recorded calls lie beside the project, in ../shared/facts")


async def send(session: aiohttp.ClientSession, url: str, server: Server, case: Case, path: str) -> tuple[int, Any]:
    """The recorded request over HTTP; the status and the body, parsed if it is JSON."""
    token = token_for(server, case)
    headers = {"Authorization": f"Bearer {token}"} if token is not None else {}
    target = url + path.replace(" ", "%20").replace('"', "%22")
    data: Any = None
    if is_row(case.request) and "multipart" in case.request:
        parts = case.request["multipart"]
        data = aiohttp.FormData()
        data.add_field("operations", json.dumps(parts["operations"]))
        data.add_field("map", json.dumps(parts["map"]))
        data.add_field("0", b"some text", filename=parts["0"])
    elif case.request is not None:
        data = json.dumps(case.request).encode()
        headers["Content-Type"] = "application/json"
    async with session.request(case.method, yarl.URL(target, encoded=True), data=data, headers=headers) as answer:
        text = await answer.text()
    try:
        return answer.status, json.loads(text)
    except json.JSONDecodeError:
        return answer.status, text


def compare(server: Server, case: Case, known: set[str], status: int, body: Any) -> list[str]:
    """What differs between the recorded answer and ours."""
    if status != case.status:
        return [f"status: {case.status} recorded, {status} given with {str(body)[:200]}"]
    comparison = Comparison(known, server.workspace.clock.now()[:10], keys_only=case.truncated)
    comparison.check(case.body, body)
    return comparison.differences


async def run_all(cases: list[Case], known: Known) -> dict[str, list[str]]:
    """The differences of every case that has some, each sent to a freshly arranged sandbox."""
    server = Server(Options(api_key="key", limits=False))
    runner, url = await bind(make_app(server))
    differing: dict[str, list[str]] = {}
    try:
        async with aiohttp.ClientSession() as session:
            for case in cases:
                server.reset()
                try:
                    arrangement = Arrangement(server, case, known)
                    arrangement.run()
                    ids = arrangement.known_ids()
                    status, body = await send(session, url, server, case, arrangement.path())
                except Exception as error:
                    differing[case.name] = [f"could not be arranged: {error!r}"]
                    continue
                found = compare(server, case, ids, status, body)
                if found:
                    differing[case.name] = found
    finally:
        await runner.cleanup()
    return differing


async def test_answers_agree_with_the_recorded_server(capsys: pytest.CaptureFixture[str]) -> None:
    """At least 95 % of the recorded calls in scope get the recorded answer."""
    everything = load()
    cases = [case for case in everything if case.name not in SCOPE]
    differing = await run_all(cases, Known(everything))
    agreeing = len(cases) - len(differing)
    with capsys.disabled():
        for name, found in sorted(differing.items()):
            print(f"\n{name}:\n  " + "\n  ".join(found[:6]))
        share = 100 * agreeing / len(cases)
        print(f"\ntranscripts: {agreeing} of {len(cases)} in scope agree ({share:.1f} %), {len(SCOPE)} out of scope")
    assert agreeing >= AGREEMENT * len(cases), f"{len(differing)} recorded calls are answered otherwise: {sorted(differing)}"


def test_what_is_out_of_scope_is_listed_with_a_reason() -> None:
    """At most 80 recordings are left out, each an existing one with its reason."""
    names = {file.stem for file in FOLDER.glob("*.json")}
    assert SCOPE.keys() <= names
    assert len(SCOPE) <= MOST_OUT_OF_SCOPE
    assert all(len(reason) > 10 for reason in SCOPE.values())

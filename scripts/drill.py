"""Drives the command line against a sandbox, for drills and acceptance tests: start, fork, kill, and look from outside.

The engine and the sandbox are both reached only as their users reach them: processes, HTTP, files.
"""

import contextlib
import io
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

Json = dict[str, Any]

SCRIPTS = Path(__file__).resolve().parent
SHARED = SCRIPTS.parent.parent / "shared"
"""The material beside the repository; tests that need it skip where it is absent."""
KEY = "CROSSWALK_TWENTY_API_KEY"
API_KEY = "drill"
WORKFLOW = "workflow_active"
"""The finding that the workflow of every new workspace raises (facts/twenty.md §11.1)."""
BY = "Ann Iyer"


@dataclass(slots=True)
class Sandbox:
    """A running Twenty sandbox, in memory or with its state in a folder."""

    url: str
    process: subprocess.Popen[str]

    def control(self, verb: str, body: Any) -> Any:
        """POST to the control API: what no API client could do."""
        return self.call("POST", f"/__control__/{verb}", body)

    def ledger(self, since: int = 0) -> list[Json]:
        """The requests that were answered after number `since`, in order."""
        return self.call("GET", f"/__control__/ledger?since={since}")["entries"]

    def requests(self) -> int:
        """How many requests were answered so far."""
        return self.call("GET", "/__control__/stats")["requests"]

    def writes(self, since: int = 0) -> list[Json]:
        """The requests of `ledger` that could have changed something."""
        return [entry for entry in self.ledger(since) if is_write(entry)]

    def rows(self, plural: str) -> list[Json]:
        """Every live row of an object, through the public API."""
        found: list[Json] = []
        cursor = ""
        while True:
            page = self.call("GET", f"/rest/{plural}?limit=200{cursor}")
            found += page["data"][plural]
            if not page["pageInfo"]["hasNextPage"]:
                return found
            cursor = f"&starting_after={page['pageInfo']['endCursor']}"

    def stop(self) -> None:
        """End the process; a state folder is complete afterwards."""
        self.process.terminate()
        self.process.wait(timeout=20)

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """An API call beside the engine, with a key of the workspace. Raises HTTPError."""
        data = None if body is None else json.dumps(body).encode()
        request = Request(self.url + path, data=data, method=method, headers={"Authorization": f"Bearer {API_KEY}"})
        with urlopen(request, timeout=60) as answer:
            return json.load(answer)


def is_write(entry: Json) -> bool:
    """Whether a ledger entry could have changed something: GraphQL counts when it named rows or metadata."""
    if entry["path"].startswith(("/graphql", "/metadata")):
        return bool(entry["ids"])
    return entry["method"] != "GET" and not entry["path"].startswith("/rest/people/duplicates")


@contextlib.contextmanager
def sandbox(*options: str, limits: str = "off", workflow: str = "on") -> Generator[Sandbox]:
    """A sandbox for as long as the block lasts; `options` as `python -m crosswalk_sandbox twenty --help` has them."""
    command = [sys.executable, "-m", "crosswalk_sandbox", "twenty", "--port", "0", "--api-key", API_KEY]
    command += ["--limits", limits, "--workflow", workflow, *options]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        line = process.stdout.readline() if process.stdout else ""
        if not line:
            raise RuntimeError(f"the sandbox did not start (exit {process.wait()})")
        yield Sandbox(json.loads(line)["url"], process)
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait(timeout=20)
        if process.stdout:
            process.stdout.close()


@dataclass(frozen=True, slots=True)
class Said:
    """What a verb answered: its exit code, its JSON document, and stderr."""

    code: int
    document: Json
    errors: str = ""

    @property
    def message(self) -> str:
        """The error's words and remedy, empty when there was none."""
        error: Json = self.document.get("error") or {}
        return f"{error.get('message', '')} {error.get('remedy', '')}".strip()


@dataclass(slots=True)
class Migration:
    """A migration's folder and its verbs. In process they are quicker; as processes they are what a user runs."""

    folder: Path
    in_process: bool = True
    environment: Mapping[str, str] = field(default_factory=lambda: {KEY: API_KEY})

    def verb(self, *arguments: str, expect: Iterable[int] = (0,)) -> Said:
        """Run one verb with --json. Raises AssertionError with its words when the exit code is not expected."""
        said = self._inside(arguments) if self.in_process else self._process(arguments)
        assert said.code in tuple(expect), f"{' '.join(arguments)} exited {said.code}: {said.message or said.errors[-2000:]}"
        return said

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start a verb as a process of its own, to be killed."""
        return subprocess.Popen(
            self._command(arguments), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=self._environment()
        )

    def init(self, source: Path, url: str, *options: str, owner: str | None = "frontdesk@clinic.test") -> Said:
        """`init` of a migration Pulse → Twenty with the id that all drills share."""
        fallback = ["--fallback-owner", owner] if owner else []
        head = ["init", str(self.folder), "--source", "pulse", "--from", str(source), "--to", "twenty", "--url", url]
        return self.verb(*head, "--migration-id", "drill", *fallback, *options)

    def prepare(self, *, apply: bool = True) -> Json:
        """scan, map, approve the map, plan, approve the plan, apply (unless told otherwise); the plan."""
        self.verb("scan", expect=(0, 5))
        self.verb("map", expect=(0, 5))
        self.verb("approve", "--by", BY, "map")
        return self.replan(apply=apply)

    def replan(self, *, apply: bool = True) -> Json:
        """plan, approve it and apply it, taking the default workflow on us where it is active; the plan."""
        plan = self.verb("plan", expect=(0, 5)).document
        blocking = set(plan["blocking"])
        assert blocking <= {WORKFLOW}, blocking
        self.verb("approve", "--by", BY, "plan")
        if apply:
            self.verb("apply", *(["--accept", WORKFLOW, "--by", BY] if blocking else []))
        return plan

    def sample(self, size: int) -> Said:
        """sample, diff and approve it; the diff."""
        self.verb("sample", "--size", str(size), expect=(0, 5))
        compared = self.verb("diff")
        self.verb("approve", "--by", BY, "sample")
        return compared

    def _command(self, arguments: Sequence[str]) -> list[str]:
        return [sys.executable, "-c", "from crosswalk.cli.app import main; main()", "-C", str(self.folder), "--json", *arguments]

    def _environment(self) -> dict[str, str]:
        return {**os.environ, **self.environment}

    def _process(self, arguments: Sequence[str]) -> Said:
        done = subprocess.run(self._command(arguments), capture_output=True, text=True, env=self._environment(), timeout=600)
        return Said(done.returncode, json.loads(done.stdout or "{}"), done.stderr)

    def _inside(self, arguments: Sequence[str]) -> Said:
        from crosswalk.cli.app import call

        out, errors = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(errors):
            before = {name: os.environ.get(name) for name in self.environment}
            os.environ.update(self.environment)
            try:
                code = call(["-C", str(self.folder), "--json", *arguments])
            finally:
                for name, value in before.items():
                    os.environ.pop(name, None) if value is None else os.environ.update({name: value})
        return Said(code, json.loads(out.getvalue() or "{}"), errors.getvalue())


@dataclass(frozen=True, slots=True)
class World:
    """A sandbox of its own with a migration in it. `folder` is scratch."""

    crm: Sandbox
    migration: Migration
    folder: Path

    def found(self) -> Json:
        """What the CRM holds, seen from outside: objects with their digests."""
        return fingerprint(self.crm.url, self.folder / "found.json")["objects"]


@dataclass(frozen=True, slots=True)
class Halted:
    """A migration and the state its sandbox had when it was stopped; forked, it goes on as often as wanted."""

    migration: Migration
    state: Path

    @contextlib.contextmanager
    def forked(self, folder: Path, *options: str) -> Generator[World]:
        """A world that goes on from here, in a copy."""
        shutil.copytree(self.migration.folder, folder / "fork" / "migration")
        shutil.copytree(self.state, folder / "fork" / "state")
        migration = Migration(folder / "fork" / "migration", self.migration.in_process)
        with sandbox("--state", str(folder / "fork" / "state"), *options, workflow="off") as crm:
            _repoint(migration, crm.url)
            yield World(crm, migration, folder)


def _repoint(migration: Migration, url: str) -> None:
    """Tell a forked migration where its sandbox answers."""
    config = migration.folder / "crosswalk.toml"
    config.write_text(re.sub(r'(?m)^destination_url = ".*"$', f'destination_url = "{url}"', config.read_text()))


def fingerprint(url: str, target: Path, *, times: bool = False) -> Json:
    """What the script beside this one, which knows nothing of ours, finds in a sandbox."""
    outside("--url", url, "--fingerprint", str(target), *(["--times"] if times else []))
    return json.loads(target.read_text())


def outside(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run check_twenty.py. Raises AssertionError with its output when it could not look (a mismatch, exit 1, is an answer)."""
    command = [sys.executable, str(SCRIPTS / "check_twenty.py"), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, KEY: API_KEY}, timeout=600)
    assert not done.stderr or "Fingerprint" in done.stderr, done.stderr
    return done


def demo_clinic(target: Path, patients: int = 200) -> Path:
    """The export of a made-up clinic with every object and every kind of dirt; 200 patients is its smallest."""
    command = [sys.executable, "-m", "crosswalk_sandbox.services.pulse", "clinic", "--out", str(target)]
    subprocess.run([*command, "--patients", str(patients)], check=True, capture_output=True)
    return target

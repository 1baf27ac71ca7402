"""Drives the command line against a sandbox, for drills and acceptance tests: start, fork, kill, and look from outside.

The engine and the sandbox are both reached only as their users reach them: processes, HTTP, files. What is one platform's own
stands in `drill_twenty.py` and `drill_dynamics.py`.
"""

import contextlib
import http.client
import io
import json
import multiprocessing
import os
import re
import shutil
import ssl
import subprocess
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, ClassVar, Generic, TypeVar
from urllib.error import HTTPError
from urllib.parse import urlsplit

from scripts.engine_process import PRELOADED, call_quietly

Json = dict[str, Any]

SCRIPTS = Path(__file__).resolve().parent
SHARED = SCRIPTS.parent.parent / "shared"
"""The material beside the repository; tests that need it skip where it is absent."""
BY = "Ann Iyer"
WITHOUT_SAMPLE = ("run", "--without-sample", "--by", BY)
IDLE_S = 30.0
"""A connection that was idle for longer is opened anew: the sandbox closes it after 75 s."""


@dataclass(slots=True)
class Sandbox(ABC):
    """A running sandbox of one platform, in memory or with its state in a folder."""

    url: str
    process: subprocess.Popen[str]
    environment: Mapping[str, str]
    """What the engine must find in its environment to log in."""
    context: ssl.SSLContext | None = None
    _connection: http.client.HTTPConnection | None = field(default=None, init=False)
    _used: float = field(default=0.0, init=False)

    name: ClassVar[str]
    """The platform as `init --to` has it."""
    accepted: ClassVar[frozenset[str]] = frozenset()
    """Blocking findings of a fresh workspace that drills accept by name."""

    @abstractmethod
    def headers(self) -> dict[str, str]:
        """Those of somebody who may read everything."""

    @abstractmethod
    def is_write(self, entry: Json) -> bool:
        """Whether a ledger entry could have changed something."""

    @abstractmethod
    def created(self, entry: Json) -> list[str]:
        """The ids of the rows that a ledger entry created."""

    @abstractmethod
    def offered_again(self, entry: Json) -> bool:
        """Whether a ledger entry was refused because a row that it offered stood already."""

    @abstractmethod
    def asked(self, entry: Json) -> str:
        """Everything that a ledger entry asked to read, and what it was shown."""

    @abstractmethod
    def found(self, scratch: Path) -> Json:
        """Everything the CRM holds, seen from outside, but for what its server makes up anew each time."""

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
        return [entry for entry in self.ledger(since) if self.is_write(entry)]

    def stop(self) -> None:
        """End the process; a state folder is complete afterwards."""
        self._hang_up()
        self.process.terminate()
        self.process.wait(timeout=20)

    def call(self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None) -> Any:
        """An API call beside the engine; None where the answer has no body. Raises HTTPError."""
        data = None if body is None else json.dumps(body).encode()
        known = {} if path.startswith("/__control__") else self.headers()
        head = {"Content-Type": "application/json", **known, **(headers or {})}
        connection = self._connected()
        connection.request(method, path.removeprefix(self.url), data, head)
        answer = connection.getresponse()
        content = answer.read()
        self._used = time.monotonic()
        if answer.status >= 400:
            raise HTTPError(path, answer.status, content.decode(errors="replace"), answer.headers, None)
        return json.loads(content or "null")

    def _connected(self) -> http.client.HTTPConnection:
        """The connection that is kept: polling and reading everything are a hundred requests and more."""
        if self._connection is None or time.monotonic() - self._used > IDLE_S:
            self._hang_up()
            address = urlsplit(self.url).netloc
            if self.context is None:
                self._connection = http.client.HTTPConnection(address, timeout=60)
            else:
                self._connection = http.client.HTTPSConnection(address, timeout=60, context=self.context)
        return self._connection

    def _hang_up(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._connection = None


Kind = TypeVar("Kind", bound=Sandbox)


@contextlib.contextmanager
def served(service: str, *options: str) -> Generator[tuple[subprocess.Popen[str], Json]]:
    """A sandbox's process and ready line for as long as the block lasts. Raises RuntimeError when it does not start."""
    command = [sys.executable, "-m", "crosswalk_sandbox", service, "--port", "0", *options]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        line = process.stdout.readline() if process.stdout else ""
        if not line:
            raise RuntimeError(f"the sandbox did not start (exit {process.wait()})")
        yield process, json.loads(line)
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
    crm: Sandbox
    in_process: bool = True

    def verb(self, *arguments: str, expect: Iterable[int] = (0,)) -> Said:
        """Run one verb with --json. Raises AssertionError with its words when the exit code is not expected."""
        said = self._inside(arguments) if self.in_process else self._process(arguments)
        assert said.code in tuple(expect), f"{' '.join(arguments)} exited {said.code}: {said.message or said.errors[-2000:]}"
        return said

    def start(self, *arguments: str) -> BaseProcess:
        """Start a verb as a process of its own, to be killed.

        It is forked from one that has imported the engine: a start that is killed soon is mostly imports otherwise.
        """
        forking = multiprocessing.get_context("forkserver")
        forking.set_forkserver_preload(list(PRELOADED))
        process = forking.Process(
            target=call_quietly, args=(["-C", str(self.folder), "--json", *arguments], dict(self.crm.environment))
        )
        process.start()
        return process

    def init(self, source: Path, *options: str, owner: str | None = "frontdesk@clinic.test") -> Said:
        """`init` of a migration from Pulse with the id that all drills share."""
        fallback = ["--fallback-owner", owner] if owner else []
        head = ["init", str(self.folder), "--source", "pulse", "--from", str(source), "--to", self.crm.name, "--url", self.crm.url]
        return self.verb(*head, "--migration-id", "drill", *fallback, *options)

    def prepare(self, *, apply: bool = True) -> Json:
        """scan, map, approve the map, plan, approve the plan, apply (unless told otherwise); the plan."""
        self.verb("scan", expect=(0, 5))
        self.verb("map", expect=(0, 5))
        self.verb("approve", "--by", BY, "map")
        return self.replan(apply=apply)

    def replan(self, *, apply: bool = True) -> Json:
        """plan, approve it and apply it, accepting what drills accept where it blocks; the plan."""
        plan = self.verb("plan", expect=(0, 5)).document
        blocking = set(plan["blocking"])
        assert blocking <= self.crm.accepted, blocking
        self.verb("approve", "--by", BY, "plan")
        if apply:
            accepting = [word for code in sorted(blocking) for word in ("--accept", code)]
            self.verb("apply", *accepting, *(["--by", BY] if blocking else []))
        return plan

    def sample(self, size: int) -> Said:
        """sample, diff and approve it; the diff."""
        self.verb("sample", "--size", str(size), expect=(0, 5))
        compared = self.verb("diff")
        self.verb("approve", "--by", BY, "sample")
        return compared

    def repoint(self) -> None:
        """Tell a forked migration where its sandbox answers."""
        config = self.folder / "crosswalk.toml"
        config.write_text(re.sub(r'(?m)^destination_url = ".*"$', f'destination_url = "{self.crm.url}"', config.read_text()))

    def _command(self, arguments: Sequence[str]) -> list[str]:
        return [sys.executable, str(SCRIPTS / "engine_process.py"), "-C", str(self.folder), "--json", *arguments]

    def _environment(self) -> dict[str, str]:
        return {**os.environ, **self.crm.environment}

    def _process(self, arguments: Sequence[str]) -> Said:
        done = subprocess.run(self._command(arguments), capture_output=True, text=True, env=self._environment(), timeout=600)
        return Said(done.returncode, json.loads(done.stdout or "{}"), done.stderr)

    def _inside(self, arguments: Sequence[str]) -> Said:
        from crosswalk.cli.app import call

        out, errors = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(errors):
            before = {name: os.environ.get(name) for name in self.crm.environment}
            os.environ.update(self.crm.environment)
            try:
                code = call(["-C", str(self.folder), "--json", *arguments])
            finally:
                for name, value in before.items():
                    os.environ.pop(name, None) if value is None else os.environ.update({name: value})
        return Said(code, json.loads(out.getvalue() or "{}"), errors.getvalue())


@dataclass(frozen=True)
class World(Generic[Kind]):
    """A sandbox of its own with a migration in it. `folder` is scratch."""

    crm: Kind
    migration: Migration
    folder: Path

    def found(self) -> Json:
        """What the CRM holds, seen from outside."""
        return self.crm.found(self.folder)


@dataclass(frozen=True)
class Halted(Generic[Kind]):
    """A migration's folder and the state its sandbox had when it was stopped; forked, it goes on as often as wanted."""

    folder: Path
    state: Path
    resumed: Callable[[Path], AbstractContextManager[Kind]]
    """A sandbox that goes on with a state folder."""

    @contextlib.contextmanager
    def forked(self, folder: Path) -> Generator[World[Kind]]:
        """A world that goes on from here, in a copy."""
        copy, state = folder / "fork" / "migration", folder / "fork" / "state"
        shutil.copytree(self.folder, copy)
        shutil.copytree(self.state, state)
        with self.resumed(state) as crm:
            migration = Migration(copy, crm)
            migration.repoint()
            yield World(crm, migration, folder)


def demo_clinic(target: Path, patients: int = 200) -> Path:
    """The export of a made-up clinic with every object and every kind of dirt; 200 patients is its smallest."""
    command = [sys.executable, "-m", "crosswalk_sandbox.services.pulse", "clinic", "--out", str(target)]
    subprocess.run([*command, "--patients", str(patients)], check=True, capture_output=True)
    return target


def looked(script: str, environment: Mapping[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a checking script beside this one. Raises AssertionError with its output when it could not look (exit 1 is an answer)."""
    command = [sys.executable, str(SCRIPTS / script), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **environment}, timeout=600)
    assert not done.stderr or "Fingerprint" in done.stderr, done.stderr
    return done

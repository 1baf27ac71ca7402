"""Rehearsal without an account (F5): sandboxes and a demo clinic, started as programs of their own."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from crosswalk.model.errors import CrosswalkError
from crosswalk.runs.registry import sandbox_environment

SANDBOX = (sys.executable, "-m", "crosswalk_sandbox")
CLINIC = (sys.executable, "-m", "crosswalk_sandbox.services.pulse", "clinic")


@dataclass(frozen=True, slots=True)
class Sandbox:
    """A running sandbox: the line it printed (`service`, `url`, credentials) and its process."""

    details: dict[str, str]
    process: subprocess.Popen[str]


def launch_sandbox(service: str, *, port: int = 0, members: Sequence[str] = (), limits: bool = True) -> Sandbox:
    """Start a sandbox; it is ready when this returns. Raises CrosswalkError with its words when it does not start."""
    options = ["--port", str(port), "--limits", "default" if limits else "off"]
    options += [part for member in members for part in ("--member", member)]
    process = subprocess.Popen([*SANDBOX, service, *options], stdout=subprocess.PIPE, text=True)
    line = process.stdout.readline() if process.stdout else ""
    if not line:
        raise CrosswalkError(f"the {service} sandbox did not start (exit {process.wait()})", "See its message above.")
    return Sandbox(json.loads(line), process)


@contextmanager
def sandbox(service: str, *, members: Sequence[str] = (), limits: bool = True) -> Generator[dict[str, str]]:
    """A sandbox for as long as the block lasts; its credentials are in the environment meanwhile."""
    running = launch_sandbox(service, members=members, limits=limits)
    try:
        with _in_environment(sandbox_environment(service, running.details)):
            yield running.details
    finally:
        running.process.send_signal(signal.SIGTERM)
        running.process.wait(timeout=10)


@contextmanager
def _in_environment(variables: Mapping[str, str]) -> Generator[None]:
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def make_demo_clinic(folder: Path, patients: int) -> Path:
    """An export of a made-up clinic in an empty folder; the list of what was planted in it."""
    done = subprocess.run([*CLINIC, "--out", str(folder), "--patients", str(patients)], capture_output=True, text=True)
    if done.returncode:
        raise CrosswalkError(f"the demo clinic could not be made: {done.stderr.strip()}")
    return folder / "PLANTED.json"

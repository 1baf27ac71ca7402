"""sandbox and demo: the whole migration without an account."""

import os
import shutil
import tempfile
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from crosswalk.cli.session import DONE, FINDINGS, UNPROVED, Answer, session_of
from crosswalk.model.errors import UsageError


class Limits(StrEnum):
    """Whether a sandbox limits requests as the platform does."""

    default = "default"
    off = "off"


def sandbox(
    service: Annotated[str, typer.Argument(metavar="twenty|dynamics", help="The platform to stand in for.")],
    port: Annotated[int, typer.Option("--port", metavar="N", min=0, max=65535, help="0 takes any free one.")] = 0,
    member: Annotated[
        list[str] | None, typer.Option("--member", metavar="EMAIL", help="A further user of the CRM; repeat for several.")
    ] = None,
    limits: Annotated[Limits, typer.Option("--limits", help="off: answer as fast as asked.")] = Limits.default,
    state: Annotated[
        Path | None, typer.Option("--state", metavar="DIR", help="Keep rows on disk here; in memory unless given.")
    ] = None,
) -> int:
    """Serve a stand-in for a CRM on this computer, to rehearse against.

    Prints one JSON line when it is ready (service, url and credentials), then serves until SIGTERM or Ctrl-C. Give the
    credentials to the other verbs by the environment: twenty CROSSWALK_TWENTY_API_KEY (api_key); dynamics
    CROSSWALK_DYNAMICS_TENANT_ID, _CLIENT_ID, _CLIENT_SECRET, _AUTHORITY (the url) and SSL_CERT_FILE (ca).

    **Needs** nothing.

    **Changes** nothing; what is written into it lives in memory.

    **Example** `crosswalk sandbox twenty --port 3000 --member mehta@clinic.test`

    **Exits** 0 when it was told to stop; 2 on a wrong option.
    """
    from crosswalk.runs.rehearsal import SANDBOX

    _known(service)
    arguments = [*SANDBOX, service, "--port", str(port), "--limits", limits.value]
    arguments += [part for email in member or [] for part in ("--member", email)]
    arguments += ["--state", str(state)] if state else []
    # The sandbox takes this process's place: signals reach it directly, and nothing is left behind when we are killed.
    os.execv(arguments[0], arguments)


def demo(
    context: typer.Context,
    destination: Annotated[str, typer.Option("--to", help="The CRM to rehearse with.")] = "twenty",
    patients: Annotated[
        int, typer.Option("--patients", metavar="N", min=200, max=150_000, help="The size of the made-up clinic.")
    ] = 200,
    keep: Annotated[
        Path | None, typer.Option("--keep", metavar="DIR", help="Keep the clinic and the migration here; deleted otherwise.")
    ] = None,
    limits: Annotated[Limits, typer.Option("--limits", help="off: the sandbox answers as fast as asked.")] = Limits.default,
) -> int:
    """See the whole story in a few minutes: a made-up clinic moves into a sandbox CRM and out again.

    Makes an export with every object and every kind of dirt people really have, starts the sandbox at its real limits, and runs
    scan, map, plan, apply, sample, diff, run, verify and rollback with the very functions the verbs use. Then it holds what was
    found against what was planted: all of it, and nothing else.

    **Needs** nothing: no account, no network.

    **Changes** nothing that stays (unless --keep).

    **Example** `crosswalk demo --patients 300 --keep demo`

    **Exits** 0 when exactly the planted dirt was found, everything balanced and the rollback was proved; 5 when something was
    found that was not planted, or missed; 6 when it did not balance or the rollback was not proved.
    """
    from crosswalk.cli.demo.story import Ending, tell

    session = session_of(context)
    _known(destination)
    if keep is not None and keep.exists() and any(keep.iterdir()):
        raise UsageError(f"{keep} is not empty", "Choose a new folder.")
    folder = keep or Path(tempfile.mkdtemp(prefix="crosswalk-demo-"))
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with session.events() as events:
            ending: Ending = tell(folder, destination, patients, limits is Limits.default, events, session.show)
    finally:
        if keep is None:
            shutil.rmtree(folder, ignore_errors=True)
    code = UNPROVED if not ending.proved else DONE if ending.exact else FINDINGS
    return session.answer(Answer("demo", ending.document, exit_code=code))


def _known(service: str) -> None:
    """Raises UsageError for a platform there is no sandbox of."""
    from crosswalk.runs.registry import sandbox_names

    if service not in sandbox_names():
        raise UsageError(f"there is no sandbox of {service} to rehearse with", f"Say one of: {', '.join(sandbox_names())}.")

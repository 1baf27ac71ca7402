"""`python -m crosswalk_sandbox twenty|dynamics`: serve an emulated CRM on loopback until SIGTERM."""

import argparse
import asyncio
import secrets
import signal
import ssl
import sys
import tempfile
from pathlib import Path

import orjson
from aiohttp import web

from crosswalk_sandbox.serving import bind

# The same in every sandbox, so that one with a state directory knows its client again.
TENANT_ID = "2f5b8c1e-6a34-4f0d-9c1b-0d4e7a95c001"
CLIENT_ID = "8c4d1f70-3b52-4e6a-8f29-5e1b7c60c002"


def parser() -> argparse.ArgumentParser:
    """The command line; one subcommand per service."""
    top = argparse.ArgumentParser(prog="crosswalk_sandbox", description="Serve an emulated platform on 127.0.0.1.")
    services = top.add_subparsers(dest="service", required=True)
    twenty = services.add_parser("twenty", help="Twenty CRM 2.21")
    _common(twenty)
    twenty.add_argument("--limits", choices=("default", "off"), default="default")
    twenty.add_argument("--workflow", choices=("on", "off"), default="on", help="the default workflow of a new workspace")
    twenty.add_argument("--format", choices=("new", "legacy"), default="new", help="metadata answer format")
    twenty.add_argument("--api-key", default="", help="random unless given")
    dynamics = services.add_parser("dynamics", help="Microsoft Dynamics 365 Sales (Dataverse Web API v9.2), over TLS")
    _common(dynamics)
    dynamics.add_argument("--limits", type=_limits, default="default", help="default, off, or what to divide the limits by")
    dynamics.add_argument("--client-secret", default="", help="random unless given")
    return top


def _common(service: argparse.ArgumentParser) -> None:
    service.add_argument("--port", type=int, default=0, help="0 takes any free port")
    service.add_argument("--member", action="append", default=[], metavar="EMAIL", help="a further user")
    service.add_argument("--state", type=Path, metavar="DIR", help="keep rows on disk here; in memory unless given")


def _limits(text: str) -> str:
    """An argument of --limits. Raises ArgumentTypeError."""
    if text not in ("default", "off"):
        try:
            accepted = float(text) > 0
        except ValueError:
            accepted = False
        if not accepted:
            raise argparse.ArgumentTypeError(f"{text} is not default, off or a positive number")
    return text


async def serve(app: web.Application, port: int, ready: "dict[str, str]", tls: ssl.SSLContext | None = None) -> None:
    """Serve until SIGTERM or SIGINT; `ready` is printed as one JSON line, with the url, once requests are answered."""
    stop = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):  # first of all, so that whoever sees us ready can end us cleanly
        asyncio.get_running_loop().add_signal_handler(name, stop.set)
    runner, url = await bind(app, port, tls)
    sys.stdout.write(orjson.dumps({**ready, "url": url}).decode() + "\n")
    sys.stdout.flush()
    await stop.wait()
    await runner.cleanup()


def serve_twenty(options: argparse.Namespace) -> None:
    """Twenty over plain HTTP, with an API key."""
    from crosswalk_sandbox.services.twenty.app import Options, Server
    from crosswalk_sandbox.services.twenty.front import make_app

    key = options.api_key or f"sandbox-{secrets.token_hex(16)}"
    server = Server(
        Options(
            api_key=key,
            members=options.member,
            limits=options.limits == "default",
            workflow=options.workflow == "on",
            legacy=options.format == "legacy",
            state=options.state,
        )
    )
    asyncio.run(serve(make_app(server), options.port, {"service": "twenty", "api_key": key}))


def serve_dynamics(options: argparse.Namespace) -> None:
    """Dynamics over TLS, with client credentials; its certificate is made anew and gone when the process ends."""
    from crosswalk_sandbox.services.dataverse import certificate
    from crosswalk_sandbox.services.dataverse.app import Options, Server
    from crosswalk_sandbox.services.dataverse.front import make_app

    secret = options.client_secret or secrets.token_urlsafe(24)
    login = {"tenant_id": TENANT_ID, "client_id": CLIENT_ID, "client_secret": secret}
    server = Server(Options(**login, members=options.member, limits=options.limits, state=options.state))
    with tempfile.TemporaryDirectory(prefix="crosswalk-sandbox-") as folder:
        path, tls = certificate.make(Path(folder))
        ready = {"service": "dynamics", "ca": str(path), **login}
        asyncio.run(serve(make_app(server), options.port, ready, tls))


def main() -> None:
    """Parse the command line and serve."""
    options = parser().parse_args()
    {"twenty": serve_twenty, "dynamics": serve_dynamics}[options.service](options)


if __name__ == "__main__":
    main()

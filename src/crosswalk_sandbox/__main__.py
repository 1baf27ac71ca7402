"""`python -m crosswalk_sandbox twenty`: serve an emulated CRM on loopback until SIGTERM."""

import argparse
import asyncio
import secrets
import signal
import sys
from pathlib import Path

import orjson
from aiohttp import web

from crosswalk_sandbox.serving import bind


def parser() -> argparse.ArgumentParser:
    """The command line; one subcommand per service."""
    top = argparse.ArgumentParser(prog="crosswalk_sandbox", description="Serve an emulated platform on 127.0.0.1.")
    services = top.add_subparsers(dest="service", required=True)
    twenty = services.add_parser("twenty", help="Twenty CRM 2.21")
    twenty.add_argument("--port", type=int, default=0, help="0 takes any free port")
    twenty.add_argument("--member", action="append", default=[], metavar="EMAIL", help="a further workspace member")
    twenty.add_argument("--limits", choices=("default", "off"), default="default")
    twenty.add_argument("--state", type=Path, metavar="DIR", help="keep rows on disk here; in memory unless given")
    twenty.add_argument("--workflow", choices=("on", "off"), default="on", help="the default workflow of a new workspace")
    twenty.add_argument("--format", choices=("new", "legacy"), default="new", help="metadata answer format")
    twenty.add_argument("--api-key", default="", help="random unless given")
    return top


async def serve(app: web.Application, port: int, ready: "dict[str, str]") -> None:
    """Serve until SIGTERM or SIGINT; `ready` is printed as one JSON line, with the url, once requests are answered."""
    runner, url = await bind(app, port)
    sys.stdout.write(orjson.dumps({**ready, "url": url}).decode() + "\n")
    sys.stdout.flush()
    stop = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, stop.set)
    await stop.wait()
    await runner.cleanup()


def main() -> None:
    """Parse the command line and serve."""
    options = parser().parse_args()
    from crosswalk_sandbox.services.twenty.app import Options, Server, make_app

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
    app = make_app(server)
    asyncio.run(serve(app, options.port, {"service": "twenty", "api_key": key}))


if __name__ == "__main__":
    main()

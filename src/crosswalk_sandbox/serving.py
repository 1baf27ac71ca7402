"""What a service tells the runner: a callable that learns the address as soon as the port is bound."""

from collections.abc import Callable

from aiohttp import web

READY: web.AppKey[Callable[[str], None]] = web.AppKey("ready", Callable[[str], None])

"""Binding a service to loopback, and telling it its own address once the port is known."""

import ssl
from collections.abc import Callable

from aiohttp import web

Ready = Callable[[str], None]
READY: web.AppKey[Ready] = web.AppKey("ready")

# Node's limit for a request's head; 380 ids in a filter (15 kB) pass (facts/twenty.md §2).
HEAD_LIMIT = 16 * 1024
HEAD: web.AppKey[int] = web.AppKey("head")  # another limit of a service, in bytes


async def bind(app: web.Application, port: int = 0, tls: ssl.SSLContext | None = None) -> tuple[web.AppRunner, str]:
    """Serve on 127.0.0.1, over TLS if told; port 0 takes a free one. Returns the runner, to be cleaned up, and the url."""
    head = app.get(HEAD, HEAD_LIMIT)
    runner = web.AppRunner(app, access_log=None, handle_signals=False, max_line_size=head, max_field_size=head)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port, ssl_context=tls).start()
    host, real_port = runner.addresses[0][:2]
    url = f"http{'s' if tls else ''}://{host}:{real_port}"
    on_ready = app.get(READY)
    if on_ready is not None:
        on_ready(url)
    return runner, url

"""Binding a service to loopback, and telling it its own address once the port is known."""

from collections.abc import Callable

from aiohttp import web

Ready = Callable[[str], None]
READY: web.AppKey[Ready] = web.AppKey("ready")

# Node's limit for a request's head; 380 ids in a filter (15 kB) pass (facts/twenty.md §2).
HEAD_LIMIT = 16 * 1024


async def bind(app: web.Application, port: int = 0) -> tuple[web.AppRunner, str]:
    """Serve on 127.0.0.1; port 0 takes a free one. Returns the runner, to be cleaned up, and the url."""
    runner = web.AppRunner(app, access_log=None, handle_signals=False, max_line_size=HEAD_LIMIT, max_field_size=HEAD_LIMIT)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    host, real_port = runner.addresses[0][:2]
    url = f"http://{host}:{real_port}"
    on_ready = app.get(READY)
    if on_ready is not None:
        on_ready(url)
    return runner, url

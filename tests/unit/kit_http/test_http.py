"""What a lost conversation proves: nothing sent, or perhaps carried out."""

import asyncio
import shutil
import ssl
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest

from crosswalk.kit.http import LONGEST_DATED_WAIT_SECONDS, Answer, HttpClient
from crosswalk.model.errors import UncertainError, UnreachableError, UsageError

Talk = Callable[[bytes, asyncio.StreamWriter], Awaitable[None]]


@pytest.fixture
async def serve() -> AsyncIterator[Callable[[Talk], Awaitable[str]]]:
    """Start a server that reads one request head and then does what the test says."""
    servers: list[asyncio.Server] = []

    async def begin(talk: Talk) -> str:
        async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            head = await reader.readuntil(b"\r\n\r\n")
            await talk(head, writer)
            writer.close()

        server = await asyncio.start_server(handle, "127.0.0.1", 0)
        servers.append(server)
        return f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"

    yield begin
    for server in servers:
        server.close()


async def drop(_: bytes, writer: asyncio.StreamWriter) -> None:
    writer.transport.abort()


async def half(_: bytes, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{")
    await writer.drain()


async def dawdle(_: bytes, writer: asyncio.StreamWriter) -> None:
    await asyncio.sleep(0.5)


@pytest.mark.parametrize("talk", [drop, half, dawdle], ids=["dropped", "cut short", "timed out"])
async def test_a_request_that_left_is_uncertain(serve: Callable[[Talk], Awaitable[str]], talk: Talk) -> None:
    """Once sent, no answer proves nothing about what was done."""
    async with HttpClient(await serve(talk), {}, timeout_seconds=0.2) as client:
        with pytest.raises(UncertainError):
            await client.send("POST", "/things", {"a": 1})


@pytest.mark.parametrize("address", ["http://127.0.0.1:9", "http://no-such-host.invalid"])
async def test_a_request_that_never_left_changed_nothing(address: str) -> None:
    """No connection, no address: unreachable, with what to check."""
    async with HttpClient(address, {}) as client:
        with pytest.raises(UnreachableError) as lost:
            await client.send("POST", "/things", {"a": 1})
    assert "SSL_CERT_FILE" in lost.value.remedy


async def test_an_unknown_certificate_stops_before_anything_is_sent(serve: Callable[[Talk], Awaitable[str]]) -> None:
    """A server that does not speak TLS as promised never sees the request."""
    seen: list[bytes] = []

    async def note(head: bytes, writer: asyncio.StreamWriter) -> None:
        seen.append(head)

    address = (await serve(note)).replace("http:", "https:")
    async with HttpClient(address, {"Authorization": "Bearer secret"}, timeout_seconds=0.5) as client:
        with pytest.raises((UnreachableError, UncertainError)):
            await client.send("GET", "/things")
    assert seen == []


async def test_credentials_go_to_our_server_only(serve: Callable[[Talk], Awaitable[str]]) -> None:
    """An upload link may lead to a third party: it gets the bytes, not the key."""
    heads: list[bytes] = []

    async def note(head: bytes, writer: asyncio.StreamWriter) -> None:
        heads.append(head)
        writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
        await writer.drain()

    address = await serve(note)
    async with HttpClient(address, {"Authorization": "Bearer secret"}) as client:
        assert (await client.send("GET", "/a")).status == 204
        assert (await client.put_bytes(f"{address}/b?token=t%2Fu", b"bytes", "text/plain")).status == 204
    assert b"Bearer secret" in heads[0] and b"secret" not in heads[1]
    assert heads[1].startswith(b"PUT /b?token=t%2Fu ")


@pytest.mark.parametrize("address", ["", "clinic.example", "ftp://clinic.example", "https://"])
def test_an_address_that_is_none(address: str) -> None:
    """Said before anything is tried."""
    with pytest.raises(UsageError):
        HttpClient(address, {})


@pytest.mark.parametrize(
    ("header", "seconds"), [({}, None), ({"Retry-After": "7"}, 7.0), ({"Retry-After": "0.5"}, 0.5), ({"Retry-After": "soon"}, None)]
)
def test_retry_after(header: dict[str, str], seconds: float | None) -> None:
    """Seconds are obeyed; anything else but a date is as if it were absent."""
    assert Answer(429, header, b"").retry_after_seconds() == seconds


@pytest.mark.parametrize(
    ("until", "seconds"),
    [
        ("Sat, 21 Nov 2026 19:00:07 GMT", 7.0),
        ("Saturday, 21-Nov-26 19:00:07 GMT", 7.0),
        ("Sat Nov 21 19:00:07 2026", 7.0),
        ("Sat, 21 Nov 2026 23:00:00 GMT", LONGEST_DATED_WAIT_SECONDS),
        ("Sat, 21 Nov 2026 18:59:59 GMT", None),
        ("Sat, 99 Nov 2026 18:59:59 GMT", None),
    ],
)
def test_retry_after_a_date(until: str, seconds: float | None) -> None:
    """By the server's own clock, in all three forms that dates have in headers, and never for hours."""
    headers = {"Retry-After": until, "Date": "Sat, 21 Nov 2026 19:00:00 GMT"}
    assert Answer(429, headers, b"").retry_after_seconds() == seconds


def test_retry_after_a_date_without_the_server_s_own() -> None:
    """Then our clock has to do."""
    until = format_datetime(datetime.now(UTC) + timedelta(seconds=30), usegmt=True)
    seconds = Answer(429, {"Retry-After": until}, b"").retry_after_seconds()
    assert seconds is not None and 25 < seconds <= 30


@pytest.mark.parametrize(("body", "content"), [(b'{"a":1}', {"a": 1}), (b"", None), (b"<html>", None)])
def test_a_body_that_is_no_json_is_none(body: bytes, content: object) -> None:
    """Proxies answer in HTML."""
    assert Answer(200, {}, body).json() == content


@pytest.mark.skipif(shutil.which("openssl") is None, reason="no openssl on this machine to make a certificate with")
async def test_a_private_authority_comes_by_ssl_cert_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """SSL_CERT_FILE makes a private certificate trusted; without it nothing is sent."""
    certificate, key = self_signed(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0, ssl=context)
    address = f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with HttpClient(address, {}) as client:
        with pytest.raises(UnreachableError):
            await client.send("GET", "/")
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    async with HttpClient(address, {}) as client:
        assert (await client.send("GET", "/")).status == 204
    server.close()


def self_signed(folder: Path) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1 and its key, made by the system's openssl."""
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1"]
    command += ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(certificate)]
    subprocess.run(command, check=True, capture_output=True)
    return certificate, key


async def test_a_request_may_have_headers_of_its_own(serve: Callable[[Talk], Awaitable[str]]) -> None:
    """Beside the session's and over them; bytes go as they are, under the name the caller gives them."""
    seen: list[bytes] = []

    async def listen(head: bytes, writer: asyncio.StreamWriter) -> None:
        seen.append(head)
        writer.write(b"HTTP/1.1 204 No Content\r\nConnection: close\r\nSet-Cookie: affinity=1\r\n\r\n")
        await writer.drain()

    async with HttpClient(await serve(listen), {"Accept": "a", "X": "session"}, cookies=False) as client:
        for _ in range(2):
            await client.send("POST", "/batch", b"raw", {"X": "own", "Content-Type": "multipart/mixed"})
    assert all(b"Accept: a" in head and b"X: own" in head and b"multipart/mixed" in head for head in seen)
    assert not any(b"X: session" in head or b"Cookie" in head for head in seen)

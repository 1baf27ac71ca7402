"""The hash chain: each link's digest covers the link, its rows and the digest before it, so nothing can be altered unseen."""

import hashlib
import zlib
from collections.abc import Sequence
from typing import Any

import orjson

START = "0" * 64
"""What the first link follows."""


def link_digest(previous: str, header: Sequence[Any], rows: Sequence[Sequence[Any]], body: bytes) -> str:
    """SHA-256 (hex) over the digest before, the link's own columns, its intents or outcomes in order, and its stored body."""
    digest = hashlib.sha256(previous.encode())
    digest.update(orjson.dumps([header, rows]))  # one JSON text: where it ends and the body begins is unambiguous
    digest.update(body)
    return digest.hexdigest()


def pack(values: Any) -> bytes:
    """JSON, compressed lightly: images are the bulk of a journal."""
    return zlib.compress(orjson.dumps(values), 1)


def pack_images(images: Sequence[Any]) -> bytes:
    """The images of a batch in the order of its intents; nothing at all when there are none."""
    return b"" if all(image is None for image in images) else pack(images)


def unpack(body: bytes) -> Any:
    """What was packed; None for nothing."""
    return orjson.loads(zlib.decompress(body)) if body else None

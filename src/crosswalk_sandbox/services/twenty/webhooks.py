"""Webhook deliveries: one per written row and matching webhook (facts/twenty.md §11.4; transcript webhook_deliveries).

Every delivery is recorded; only those to this machine are really sent.
"""

import hashlib
import hmac
import ipaddress
import secrets
from collections import deque
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import aiohttp
import orjson

from .schema import ObjectType, Row
from .standard import WORKSPACE_ID
from .state import Workspace

KEPT = 10_000
TIMEOUT_S = 5


@dataclass(slots=True)
class Delivery:
    """One delivery: its body as bytes, its headers, and whether it was sent and how it was answered."""

    target: str
    event: str
    body: bytes
    headers: dict[str, str] = field(default_factory=dict[str, str])
    sent: bool = False
    status: int | None = None


def is_loopback(url: str) -> bool:
    """Whether a target is on this machine."""
    host = urlsplit(url).hostname or ""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def wants(operations: list[str], name: str, event: str) -> bool:
    """Whether a webhook's operations such as `person.*` or `*.created` take an event."""
    for operation in operations:
        owner, _, verb = operation.partition(".")
        if owner in ("*", name) and verb in ("*", event):
            return True
    return False


class Webhooks:
    """The deliveries of one workspace."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        self.deliveries: deque[Delivery] = deque(maxlen=KEPT)
        self.waiting: deque[Delivery] = deque()
        workspace.listeners.append(self.heard)

    def heard(self, kind: ObjectType, event: str, rows: list[Row], changed: list[str], _actor: Row) -> None:
        for hook in self.workspace.webhooks.values():
            if wants(hook["operations"], kind.name, event):
                for row in rows:
                    self._queue(hook, kind, event, row, changed)

    def _queue(self, hook: Row, kind: ObjectType, event: str, row: Row, changed: list[str]) -> None:
        body: Row = {
            "targetUrl": hook["targetUrl"],
            "eventName": f"{kind.name}.{event}",
            "objectMetadata": {"id": kind.id, "nameSingular": kind.name},
            "workspaceId": WORKSPACE_ID,
            "webhookId": hook["id"],
            "eventDate": self.workspace.clock.now(),
            "record": self.workspace.shown(kind, row),
        }
        if event == "updated":
            body["updatedFields"] = changed
        raw = orjson.dumps(body)
        moment = str(int(self.workspace.clock.seconds() * 1000))
        headers = {
            "Content-Type": "application/json",
            "X-Twenty-Webhook-Timestamp": moment,
            "X-Twenty-Webhook-Nonce": secrets.token_hex(16),
        }
        if hook.get("secret"):
            signed = moment.encode() + b":" + raw
            headers["X-Twenty-Webhook-Signature"] = hmac.new(hook["secret"].encode(), signed, hashlib.sha256).hexdigest()
        delivery = Delivery(hook["targetUrl"], body["eventName"], raw, headers)
        self.deliveries.append(delivery)
        if is_loopback(delivery.target):
            self.waiting.append(delivery)

    async def send_waiting(self) -> None:
        """Send what waits, once each; a target that fails or is slow is given up."""
        if not self.waiting:
            return
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=TIMEOUT_S)) as session:
            while self.waiting:
                delivery = self.waiting.popleft()
                try:
                    async with session.post(delivery.target, data=delivery.body, headers=delivery.headers) as answer:
                        delivery.status = answer.status
                except (TimeoutError, aiohttp.ClientError):
                    delivery.status = None
                delivery.sent = True

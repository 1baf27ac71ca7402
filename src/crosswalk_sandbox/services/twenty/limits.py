"""The server's rate limit: two token buckets per workspace (facts/twenty.md §9)."""

from dataclasses import dataclass

from .errors import TwentyError
from .ids import Clock


@dataclass(slots=True)
class Bucket:
    """Tokens refill by floor(elapsed * rate), counted since the last accepted call: pacing faster than one token earns nothing."""

    size: int
    window_ms: int
    tokens: float
    refilled_ms: float

    def take(self, now_ms: float) -> bool:
        gained = int((now_ms - self.refilled_ms) * self.size / self.window_ms)
        available = min(self.tokens + gained, self.size)
        if available < 1:
            return False
        self.tokens, self.refilled_ms = available - 1, now_ms
        return True


def limit_reached(size: int, window_ms: int) -> TwentyError:
    """The refusal, which names the bucket (transcripts ratelimit_rest, ratelimit_graphql)."""
    return TwentyError(
        f"Limit reached ({size} tokens per {window_ms} ms)",
        status=429,
        kind="HttpException",
        sub_code="LIMIT_REACHED",
        friendly="Rate limit reached. Please try again later.",
    )


class Limits:
    """Both buckets, on or off. The clock is the workspace's, so that a test can move it."""

    def __init__(self, clock: Clock, *, active: bool) -> None:
        self.clock = clock
        self.active = active
        self.refused = 0
        self.reset()

    def reset(self) -> None:
        now = int(self.clock.seconds() * 1000)
        self.buckets = [Bucket(100, 1_000, 100, now), Bucket(100, 60_000, 100, now)]

    def take(self) -> None:
        """Spend one token. Raises the 429 of transcripts ratelimit_rest and ratelimit_graphql, without Retry-After."""
        if not self.active:
            return
        now = int(self.clock.seconds() * 1000)
        for bucket in self.buckets:
            if not bucket.take(now):
                self.refused += 1
                raise limit_reached(bucket.size, bucket.window_ms)

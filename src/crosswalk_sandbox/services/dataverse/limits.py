"""Dataverse's service protection limits: three per bearer token, over a sliding window (facts/dataverse.md §5). No I/O here."""

import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

REQUESTS = 6000
EXECUTION_MS = 1_200_000
CONCURRENT = 52
WINDOW_S = 300.0

# The real server does not say how it lengthens a wait. Ours: senders that were already under way get a moment, then each costs.
GRACE_S = 1.0
HAMMERING_S = 1.0

KEPT = 50_000  # arrivals


@dataclass(frozen=True, slots=True)
class Rules:
    """How much a token may do in a window, and what a request is reckoned to cost.

    `divisor` 100 gives a hundredth of the documented limits, with a concurrency of at least 1. A request's execution time
    is modelled, not measured: `request_ms` plus `row_ms` for each row that it writes or part that it holds. `speed` 10 lets
    a window last 30 s rather than 300, and execution take a tenth, so that a test need not wait: the rate of requests that
    is allowed grows tenfold, how much of a window may be spent executing stays the same.
    """

    divisor: float = 1.0
    speed: float = 1.0
    request_ms: float = 5.0
    row_ms: float = 1.0

    @property
    def window_s(self) -> float:
        return WINDOW_S / self.speed

    @property
    def requests(self) -> int:
        return max(1, int(REQUESTS / self.divisor))

    @property
    def execution_ms(self) -> int:
        return max(1, int(EXECUTION_MS / self.divisor / self.speed))

    @property
    def concurrent(self) -> int:
        return max(1, int(CONCURRENT / self.divisor))

    def cost_ms(self, rows: int) -> float:
        """The execution time of a request that writes so many rows; reads write none."""
        return (self.request_ms + self.row_ms * rows) / self.speed


@dataclass(frozen=True, slots=True)
class Refusal:
    """A 429: its code and message (§5.2), and the whole seconds of its Retry-After, after which a request is accepted."""

    code: str
    message: str
    retry_after_s: int


@dataclass(frozen=True, slots=True)
class Arrival:
    """One request under the limits, for those who check how a client behaves.

    `at` is in seconds of the sandbox's clock, `token` numbers the tokens as they came, `cost_ms` is the execution time that was
    or would have been reckoned, `code` and `retry_after_s` are the refusal's.
    """

    at: float
    token: int
    cost_ms: float
    code: str | None = None
    retry_after_s: int | None = None


@dataclass(slots=True)
class _Token:
    """What one token did within the window: arrival times in seconds with their cost in milliseconds, oldest first."""

    number: int
    spent: deque[tuple[float, float]] = field(default_factory=deque[tuple[float, float]])
    total_ms: float = 0.0
    running: int = 0
    refused_at: float = -math.inf
    closed_until: float = -math.inf
    reason: Refusal | None = None


class Limits:
    """The gauges of all tokens. `now` is the sandbox's clock in seconds."""

    def __init__(self, now: Callable[[], float], rules: Rules | None = None, *, active: bool = True) -> None:
        self.now = now
        self.rules = rules or Rules()
        self.active = active
        self.refused = 0
        self.arrivals: deque[Arrival] = deque(maxlen=KEPT)
        self._tokens: dict[str, _Token] = {}

    def reset(self) -> None:
        """Every window starts empty; requests under way are forgotten."""
        self._tokens.clear()
        self.arrivals.clear()

    def enter(self, token: str, rows: int) -> Refusal | None:
        """A request arrives: None lets it in (and `leave` must follow), else what to refuse it with."""
        if not self.active:
            return None
        state = self._tokens.setdefault(token, _Token(len(self._tokens) + 1))
        moment, cost = self.now(), self.rules.cost_ms(rows)
        self._forget_old(state, moment)
        refusal = self._refusal(state, moment)
        if refusal is not None:
            self.refused += 1
            self.arrivals.append(Arrival(moment, state.number, cost, refusal.code, refusal.retry_after_s))
            return refusal
        self.arrivals.append(Arrival(moment, state.number, cost))
        state.spent.append((moment, cost))
        state.total_ms += cost
        state.running += 1
        return None

    def leave(self, token: str) -> None:
        """A request that was let in was answered, or its client is gone."""
        state = self._tokens.get(token)
        if state is not None and state.running:
            state.running -= 1

    def headers(self, token: str) -> dict[str, str]:
        """What is left to a token, as every answer says it (§2); empty while the limits are off."""
        if not self.active:
            return {}
        state = self._tokens.get(token)
        spent, total_ms = (len(state.spent), state.total_ms) if state is not None else (0, 0.0)
        left_ms = max(0.0, self.rules.execution_ms - total_ms)
        return {
            "x-ms-ratelimit-burst-remaining-xrm-requests": str(max(0, self.rules.requests - spent)),
            "x-ms-ratelimit-time-remaining-xrm-requests": f"{left_ms / 1000:,.2f}",
        }

    def _forget_old(self, state: _Token, moment: float) -> None:
        while state.spent and state.spent[0][0] + self.rules.window_s <= moment:
            state.total_ms -= state.spent.popleft()[1]

    def _refusal(self, state: _Token, moment: float) -> Refusal | None:
        """Concurrency is judged by itself; the two windows close the token until there is room again."""
        rules = self.rules
        if moment < state.closed_until and state.reason is not None:
            return self._hammered(state, state.reason, moment)
        window = f"over time window of {rules.window_s:g} seconds."
        if len(state.spent) >= rules.requests:
            message = f"Number of requests exceeded the limit of {rules.requests} {window}"
            return self._close(state, "0x80072322", message, self._room_for_request(state) - moment, moment)
        if state.total_ms >= rules.execution_ms:
            message = (
                f"Combined execution time of incoming requests exceeded limit of {rules.execution_ms:,} milliseconds {window} "
                "Decrease number of concurrent requests or reduce the duration of requests and try again later."
            )
            return self._close(state, "0x80072321", message, self._room_for_time(state) - moment, moment)
        if state.running >= rules.concurrent:
            return Refusal("0x80072326", f"Number of concurrent requests exceeded the limit of {rules.concurrent}.", 1)
        return None

    def _room_for_request(self, state: _Token) -> float:
        """When so many requests have left the window that one more fits."""
        return state.spent[len(state.spent) - self.rules.requests][0] + self.rules.window_s

    def _room_for_time(self, state: _Token) -> float:
        """When so much execution time has left the window that some is free."""
        left = state.total_ms
        for arrived, cost in state.spent:
            left -= cost
            if left < self.rules.execution_ms:
                return arrived + self.rules.window_s
        return self.now()

    def _close(self, state: _Token, code: str, message: str, wait_s: float, moment: float) -> Refusal:
        state.refused_at = moment
        wait = max(1, math.ceil(wait_s))
        state.closed_until = moment + wait_s
        state.reason = Refusal(code, message, wait)
        return state.reason

    def _hammered(self, state: _Token, reason: Refusal, moment: float) -> Refusal:
        """Who keeps sending before the wait is over waits longer (§5.3), at most a whole window more."""
        if moment - state.refused_at > GRACE_S:
            state.closed_until = min(state.closed_until + HAMMERING_S, moment + self.rules.window_s + HAMMERING_S)
        return Refusal(reason.code, reason.message, max(1, math.ceil(state.closed_until - moment)))


def limits_for(option: str, now: Callable[[], float]) -> Limits:
    """Limits from the command line: "default", "off", or a divisor such as "100". Raises ValueError for anything else."""
    divisor = 1.0 if option in ("default", "off") else float(option)
    if divisor <= 0:
        raise ValueError(f"limits are divided by a positive number, not {option}")
    return Limits(now, Rules(divisor=divisor), active=option != "off")

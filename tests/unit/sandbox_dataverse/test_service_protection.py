"""The service protection limits against a clock that the test moves (facts/dataverse.md §5)."""

import pytest

from crosswalk_sandbox.services.dataverse.limits import Limits, Refusal, Rules


class Time:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.seconds = 1_000_000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def time() -> Time:
    return Time()


def served(limits: Limits, rows: int = 0, token: str = "ours") -> Refusal | None:
    """A request that is answered before the next one comes."""
    refusal = limits.enter(token, rows)
    if refusal is None:
        limits.leave(token)
    return refusal


def test_the_request_limit_names_itself_and_the_exact_wait(time: Time) -> None:
    """Request 61 of a hundredth of the limits is refused until the first one leaves the window."""
    limits = Limits(time, Rules(divisor=100))
    for _ in range(60):
        assert served(limits) is None
        time.seconds += 1
    refusal = served(limits)
    assert refusal is not None
    assert (refusal.code, refusal.retry_after_s) == ("0x80072322", 240)
    assert refusal.message == "Number of requests exceeded the limit of 60 over time window of 300 seconds."
    time.seconds += 240
    assert served(limits) is None


def test_execution_time_counts_rows_and_closes_until_some_is_free(time: Time) -> None:
    """A hundredth is 12,000 ms: twelve requests of 1000 rows use it up although only twelve requests were made."""
    limits = Limits(time, Rules(divisor=100))
    for _ in range(12):
        assert served(limits, rows=1000) is None
    refusal = served(limits)
    assert refusal is not None
    assert (refusal.code, refusal.retry_after_s) == ("0x80072321", 300)
    assert "exceeded limit of 12,000 milliseconds over time window of 300 seconds. Decrease number" in refusal.message
    time.seconds += refusal.retry_after_s
    assert served(limits, rows=1000) is None


@pytest.mark.parametrize(("divisor", "at_once"), [(1.0, 52), (100.0, 1)])
def test_concurrency_is_refused_at_once_and_heals_at_once(time: Time, divisor: float, at_once: int) -> None:
    """One request more than may run together is refused; as soon as one is answered the next gets in."""
    limits = Limits(time, Rules(divisor=divisor))
    assert [limits.enter("ours", 0) for _ in range(at_once)] == [None] * at_once
    refusal = limits.enter("ours", 0)
    assert refusal is not None
    assert (refusal.code, refusal.message) == ("0x80072326", f"Number of concurrent requests exceeded the limit of {at_once}.")
    limits.leave("ours")
    assert limits.enter("ours", 0) is None


def test_hammering_lengthens_the_wait_but_senders_under_way_do_not(time: Time) -> None:
    """Refusals within the first second cost nothing; every later one adds a second."""
    limits = Limits(time, Rules(divisor=100))
    for _ in range(60):
        served(limits)
    waits = [served(limits) for _ in range(3)]
    assert [refusal.retry_after_s for refusal in waits if refusal] == [300, 300, 300]
    time.seconds += 2
    late = [served(limits) for _ in range(2)]
    assert [refusal.retry_after_s for refusal in late if refusal] == [299, 300]
    time.seconds += 299
    assert served(limits) is not None


def test_who_obeys_is_let_in_at_the_first_try_every_time(time: Time) -> None:
    """Ten windows of sending as fast as possible and waiting as told: one refusal each, never two."""
    limits = Limits(time, Rules(divisor=1000, speed=10))
    refused = 0
    for _ in range(60):
        refusal = served(limits, rows=3)
        if refusal is not None:
            refused += 1
            time.seconds += refusal.retry_after_s
            assert served(limits, rows=3) is None
        time.seconds += 0.013
    assert refused == 9


def test_tokens_do_not_share_a_window_and_what_is_left_is_said(time: Time) -> None:
    """Another caller starts with a full allowance; the headers count down."""
    limits = Limits(time, Rules(divisor=1000))
    for _ in range(6):
        served(limits)
    assert served(limits) is not None
    assert served(limits, token="other") is None
    assert limits.headers("other") == {
        "x-ms-ratelimit-burst-remaining-xrm-requests": "5",
        "x-ms-ratelimit-time-remaining-xrm-requests": "1.20",
    }


def test_switched_off_limits_refuse_nothing(time: Time) -> None:
    """`--limits off`."""
    limits = Limits(time, Rules(divisor=6000), active=False)
    assert [served(limits) for _ in range(10)] == [None] * 10
    assert limits.headers("ours") == {}


def test_what_arrived_is_kept_with_its_cost_and_refusal(time: Time) -> None:
    """For those who check a client: every request with its token and reckoned cost, refused ones with code and wait."""
    limits = Limits(time, Rules(divisor=3000))
    for token in ("ours", "ours", "ours", "theirs"):
        served(limits, rows=10, token=token)
    assert [(item.token, item.cost_ms, item.code, item.retry_after_s) for item in limits.arrivals] == [
        (1, 15.0, None, None), (1, 15.0, None, None), (1, 15.0, "0x80072322", 300), (2, 15.0, None, None),
    ]  # fmt: skip
    limits.reset()
    assert not limits.arrivals

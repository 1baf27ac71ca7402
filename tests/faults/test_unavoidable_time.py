"""What the throttling drill holds a run against: the time that the limits make unavoidable, where it can be reckoned by hand."""

import pytest
from scripts.unavoidable import Allowance, Asked, unavoidable_seconds

FREE = Allowance(requests=1000, execution_ms=1e9, concurrent=1000, window_seconds=300)
STEADY = [0.1 * place for place in range(100)]
"""A hundred requests in ten seconds."""


@pytest.mark.parametrize(
    ("allowance", "asked", "seconds"),
    [
        (FREE, Asked(5, 0.01), 10.0),
        (Allowance(100, 1e9, 1000, 300), Asked(5, 0.01), 10.0),
        (Allowance(60, 1e9, 1000, 30), Asked(5, 0.01), 30 + 4.0),
        (Allowance(40, 1e9, 1000, 30), Asked(5, 0.01), 60 + 2.0),
        (Allowance(1000, 600, 1000, 30), Asked(10, 0.01), 30 + 4.0),
        (Allowance(1000, 605, 1000, 30), Asked(10, 0.01), 30 + 3.9),
        (Allowance(1000, 1e9, 1, 300), Asked(5, 0.5), 50.0),
        (Allowance(1000, 1e9, 2, 300), Asked(5, 0.5), 25.0),
    ],
)
def test_the_least_time_a_limit_leaves(allowance: Allowance, asked: Asked, seconds: float) -> None:
    """A hundred equal requests: no limit felt; a window to wait for, once and twice; execution that fills it, the last request
    let in while a little is left; one and two at a time."""
    assert unavoidable_seconds([asked] * 100, STEADY, 10.0, allowance) == pytest.approx(seconds, abs=0.11)


def test_a_run_in_fewer_requests_is_as_far_with_each_as_its_share() -> None:
    """Fifty requests where the run without limits made a hundred: still ten seconds of its own."""
    assert unavoidable_seconds([Asked(5, 0.01)] * 50, STEADY, 10.0, FREE) == pytest.approx(10.0)


def test_a_run_without_requests_takes_its_own_time() -> None:
    """Nothing to wait for."""
    assert unavoidable_seconds([], [], 3.0, FREE) == 3.0

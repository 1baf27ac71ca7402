"""Dataverse's service protection limits (facts/dataverse.md §5): a `run` that meets each of the three, through the command line.

The limits are set so that a small clinic meets them, and their windows pass twenty times as fast as documented. The full drill,
with the documented limits and a hundredth of them, is scripts/throttle_drill.py.
"""

from pathlib import Path

import pytest
from scripts.drill import Halted
from scripts.drill_dynamics import Dynamics
from scripts.throttle_drill import Run, Scenario, prepared, throttled, unlimited
from scripts.tiny_clinic import TinyClinic

pytestmark = pytest.mark.slow

SPEED = 20.0
"""A window is 15 s."""
PATIENTS = 60
"""As many as it takes for two requests to be under way at once."""
ROUNDING_SECONDS = 1.0
"""Retry-After is in whole seconds; the run may find the window open that much earlier."""


@pytest.fixture(scope="module")
def halted(tmp_path_factory: pytest.TempPathFactory) -> Halted[Dynamics]:
    """A small clinic's migration, ready to run."""
    folder = tmp_path_factory.mktemp("throttling")
    return prepared(TinyClinic(patients=PATIENTS).write(folder / "clinic"), folder)


@pytest.fixture(scope="module")
def own(halted: Halted[Dynamics], tmp_path_factory: pytest.TempPathFactory) -> Run:
    """The run without limits."""
    return unlimited(halted, tmp_path_factory.mktemp("own"))


@pytest.mark.parametrize(
    ("kind", "limits"),
    [
        ("requests", {"divisor": 200}),
        ("execution time", {"divisor": 100, "row_ms": 15}),
    ],
)
def test_a_throttled_run_obeys_and_loses_no_time(
    kind: str, limits: dict[str, float], halted: Halted[Dynamics], own: Run, tmp_path: Path
) -> None:
    """The window fills once and one request at a time is let in: the same is loaded, no wait is cut short, and the run takes at
    most a tenth longer than the limits make unavoidable."""
    result = throttled(halted, Scenario(kind, limits), SPEED, own, tmp_path)
    assert result.complete and result.early == 0, result
    assert result.refused[kind] >= 1 and result.refused["concurrency"] >= 1, result
    assert result.seconds <= 1.1 * result.unavoidable + ROUNDING_SECONDS * result.refused.total(), result

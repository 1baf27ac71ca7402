"""What all tests share: hypothesis without a stop-watch, since speed lives in benchmarks and CI machines are busy.

In CI the examples are the same every time; a developer's machine looks for new ones.
"""

import os

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile(
    "crosswalk", deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=bool(os.environ.get("CI"))
)
settings.load_profile("crosswalk")

pytest.register_assert_rewrite("journey", "kill_drill")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Slow modules begin first, so that at the end the workers share what is quick instead of waiting for one of them."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)

"""What all tests share: hypothesis without a stop-watch, since speed lives in benchmarks and CI machines are busy.

In CI the examples are the same every time; a developer's machine looks for new ones.
"""

import os

from hypothesis import HealthCheck, settings

settings.register_profile(
    "crosswalk", deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=bool(os.environ.get("CI"))
)
settings.load_profile("crosswalk")

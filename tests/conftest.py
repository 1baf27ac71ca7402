"""What all tests share: hypothesis without a stop-watch, since speed lives in benchmarks and CI machines are busy."""

from hypothesis import HealthCheck, settings

settings.register_profile("crosswalk", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("crosswalk")

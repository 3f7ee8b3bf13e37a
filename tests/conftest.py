"""What all tests share: hypothesis profiles, and the fixtures of `tests.support`."""

import os

from hypothesis import HealthCheck, settings

settings.register_profile("quick", max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("long", max_examples=100_000, deadline=None, suppress_health_check=list(HealthCheck))
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "quick"))

pytest_plugins = ("tests.support.database", "tests.support.redis_server", "tests.support.switch")

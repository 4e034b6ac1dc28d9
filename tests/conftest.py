"""What every test shares: how Hypothesis draws its examples."""

from hypothesis import HealthCheck, settings

# A machine under load makes single examples slow, which says nothing about what is tested: no deadlines.
settings.register_profile(
    "repeatable", deadline=None, derandomize=True, database=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile(
    "seeded", deadline=None, print_blob=True, max_examples=300, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("repeatable")

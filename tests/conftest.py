"""What every test shares: how Hypothesis draws its examples, and that none can hang the run."""

import faulthandler
import os
from collections.abc import Generator
from typing import Final

import pytest
from hypothesis import HealthCheck, settings

# A machine under load makes single examples slow, which says nothing about what is tested: no deadlines.
settings.register_profile(
    "repeatable", deadline=None, derandomize=True, database=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile(
    "seeded", deadline=None, print_blob=True, max_examples=300, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("repeatable")

_GRACE: Final = 60.0  # seconds that a test has to end after pytest-timeout interrupted it

_stderr: list[int] = []


def pytest_configure() -> None:
    """Keep the real stderr: pytest captures it while a test runs."""
    _stderr.append(os.dup(2))


def pytest_itemcollected(item: pytest.Item) -> None:
    """What is too long for `script/test --all` is for `script/test`, too."""
    if item.get_closest_marker("stress"):
        item.add_marker("full")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """pytest-timeout raises in the main thread; where the way out hangs, too, this shows the threads and exits."""
    marker = item.get_closest_marker("timeout")
    limit = float(marker.args[0] if marker and marker.args else item.config.getini("timeout"))
    faulthandler.dump_traceback_later(limit + _GRACE, exit=True, file=_stderr[-1])
    try:
        return (yield)
    finally:
        faulthandler.cancel_dump_traceback_later()

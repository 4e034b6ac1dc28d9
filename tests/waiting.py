"""Waiting for conditions with a deadline, so that no test sleeps and none hangs."""

import asyncio
import time
from collections.abc import Callable

_STEP = 0.01


async def eventually(
    condition: Callable[[], object], *, within: float = 40.0, what: str | Callable[[], str] = ""
) -> None:
    """Until `condition` is true; an AssertionError after `within` seconds, with `what` as it is (or says) then."""
    end = time.monotonic() + within
    while not condition():
        assert time.monotonic() < end, _too_late(condition, within, what)
        await asyncio.sleep(_STEP)


def eventually_sync(
    condition: Callable[[], object], *, within: float = 40.0, what: str | Callable[[], str] = ""
) -> None:
    """`eventually` for tests without a loop."""
    end = time.monotonic() + within
    while not condition():
        assert time.monotonic() < end, _too_late(condition, within, what)
        time.sleep(_STEP)


def _too_late(condition: Callable[[], object], within: float, what: str | Callable[[], str]) -> str:
    return f"not within {within} s: {(what() if callable(what) else what) or condition}"

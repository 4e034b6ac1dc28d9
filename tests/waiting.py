"""Waiting for conditions with a deadline, so that no test sleeps and none hangs."""

import asyncio
import time
from collections.abc import Callable

_STEP = 0.01


async def eventually(condition: Callable[[], object], *, within: float = 20.0, what: str = "") -> None:
    """Until `condition` is true; an AssertionError after `within` seconds."""
    end = time.monotonic() + within
    while not condition():
        assert time.monotonic() < end, f"not within {within} s: {what or condition}"
        await asyncio.sleep(_STEP)


def eventually_sync(condition: Callable[[], object], *, within: float = 20.0, what: str = "") -> None:
    """`eventually` for tests without a loop."""
    end = time.monotonic() + within
    while not condition():
        assert time.monotonic() < end, f"not within {within} s: {what or condition}"
        time.sleep(_STEP)

"""Scheduling policies, for tests that look at which one a thread has."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any


def policy_after(*steps: Callable[[], Any]) -> int:
    """That of a new thread which has taken these steps."""

    def walk() -> int:
        for step in steps:
            step()
        return os.sched_getscheduler(0)

    with ThreadPoolExecutor(max_workers=1) as thread:
        return thread.submit(walk).result()


def may_choose() -> bool:
    """Not where a sandbox forbids it, and not where whoever started the tests has chosen already."""
    try:
        chosen = policy_after(lambda: os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0)))
    except OSError:
        return False
    return chosen == os.SCHED_BATCH and policy_after() == os.SCHED_OTHER

"""How the kernel deals out processors to this process."""

import contextlib
import os
from collections.abc import Callable
from typing import Any


def stay_in_the_background(
    *,
    policy: Callable[[int], int] = os.sched_getscheduler,
    choose: Callable[[int, int, os.sched_param], Any] = os.sched_setscheduler,
) -> None:
    """Have this thread, and all threads and processes that it starts from now on, preempt nobody who works already.

    SCHED_BATCH: the same share of the processors, taken in longer turns. Who has started us with another policy than
    the kernel's default (`chrt`, CPUSchedulingPolicy=) keeps it; where a sandbox or musl refuses, all stays as it is.
    """
    with contextlib.suppress(OSError):
        if policy(0) == os.SCHED_OTHER:
            choose(0, os.SCHED_BATCH, os.sched_param(0))

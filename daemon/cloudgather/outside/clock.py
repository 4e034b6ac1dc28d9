"""The real clock."""

import asyncio
import time
from datetime import UTC, datetime


class SystemClock:
    """ports.clock.Clock on the kernel's clocks."""

    def now(self) -> datetime:
        """The wall clock, aware, in UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """CLOCK_BOOTTIME: never jumps, and counts suspended time."""
        return time.clock_gettime(time.CLOCK_BOOTTIME)

    async def sleep(self, span: float) -> None:
        """Wait `span` seconds; wakes at least every 30 s, since asyncio's clock stops in suspend."""
        end = self.monotonic() + span
        while (left := end - self.monotonic()) > 0:  # noqa: ASYNC110 - waits for a time, not for a condition
            await asyncio.sleep(min(left, 30.0))

"""The clock: instants, spans and waiting, so that tests can command them."""

from datetime import datetime
from typing import Protocol


class Clock(Protocol):
    """The only source of time; a fake one drives the tests."""

    def now(self) -> datetime:
        """The wall clock, aware, in UTC."""
        ...

    def monotonic(self) -> float:
        """Seconds that never jump; counts suspended time (CLOCK_BOOTTIME)."""
        ...

    async def sleep(self, span: float) -> None:
        """Wait `span` seconds of monotonic()."""
        ...

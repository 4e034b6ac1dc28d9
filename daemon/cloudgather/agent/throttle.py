"""One bandwidth limit for all copies of an agent: a token bucket as GCRA, which needs one instant of memory."""

import threading
import time
from collections.abc import Callable
from typing import Final

# How long a taker may come late without losing its turn; longer idleness is not saved up.
_LATE: Final = 0.05
# A chunk that was sized for another rate must not block the others for longer.
_MOST_COST: Final = 1.0


class Throttle:
    """Thread-safe; the rate may change at any time."""

    def __init__(self, rate: int | None = None, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._rate = rate
        self._next = clock()  # the instant at which all that was taken is paid for

    def limit(self, rate: int | None) -> None:
        """Bytes a second from now on; None: as fast as it goes."""
        self._rate = rate

    def chunk(self, most: int) -> int:
        """How much to take at once: a quarter of a second's worth, so that threads share evenly."""
        rate = self._rate
        return most if rate is None else max(1, min(most, rate // 4))

    def take(self, size: int, pause: Callable[[float], None]) -> None:
        """Wait, by calling `pause` with seconds, until `size` more bytes may go."""
        rate = self._rate
        if rate is None:
            return
        with self._lock:
            now = self._clock()
            turn = max(self._next, now - _LATE)
            self._next = turn + min(size / max(1, rate), _MOST_COST)
        if turn > now:
            pause(turn - now)

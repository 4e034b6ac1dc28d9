"""Meddler: an operator who never leaves the queue alone, and remembers what was acknowledged."""

import random
import threading
from collections import Counter
from collections.abc import Callable
from types import TracebackType
from typing import Any, Final

from cgctl.connection import Unreachable
from cgwire import queue as wire
from cgwire.request import Request
from e2e.running import Running

_LISTED: Final = 100
_MOST_PAUSE: Final = 0.1  # seconds between two orders
_NOT_BEGUN: Final = ("queued", "copying")


class Meddler:
    """Cancels, retries, puts first, pauses and resumes transfers from a thread, and calls `spoil` in between.

    Orders that nobody answers, since the daemon is dead, may or may not have been carried out. `cancelled` are those
    that were acknowledged and never taken back; only paths that `may_end` allows are cancelled for good. Leaving it
    has the queue resumed.
    """

    def __init__(
        self,
        running: Running,
        luck: random.Random,
        *,
        may_end: Callable[[bytes], bool],
        spoil: Callable[[], None],
    ) -> None:
        self.acknowledged: Counter[str] = Counter()
        self.cancelled: dict[int, bytes] = {}
        self.first: set[int] = set()
        self._running = running
        self._luck = luck
        self._may_end = may_end
        self._spoil = spoil
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="meddler")
        self._error: BaseException | None = None

    def __enter__(self) -> "Meddler":
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join()
        if error is None and self._error is not None:
            raise self._error
        if error is None:
            self._running.ask(wire.Resume())

    def _run(self) -> None:
        try:
            while not self._ended.wait(self._luck.uniform(0, _MOST_PAUSE)):
                try:
                    self._meddle()
                except Unreachable:
                    continue
        except BaseException as error:
            self._error = error

    def _meddle(self) -> None:
        order = self._luck.choices(
            [self._cancel, self._cancel_and_retry, self._put_first, self._retry, self._pause, self._spoil],
            [2, 2, 4, 4, 1, 1],
        )[0]
        order()

    def _cancel(self) -> None:
        chosen = self._choose(*_NOT_BEGUN, only=lambda each: self._may_end(each["path"]))
        if chosen and self._order("cancel", wire.Cancel(ids=(chosen["id"],))):
            self.cancelled[chosen["id"]] = chosen["path"]

    def _cancel_and_retry(self) -> None:
        if chosen := self._choose(*_NOT_BEGUN):
            self._order("cancel", wire.Cancel(ids=(chosen["id"],)))
            self._order("retry", wire.Retry(ids=(chosen["id"],)))

    def _put_first(self) -> None:
        if (chosen := self._choose("queued")) and self._order("first", wire.First(ids=(chosen["id"],))):
            self.first.add(chosen["id"])

    def _retry(self) -> None:
        if chosen := self._choose("failed", "cancelled", "queued"):
            self._order("retry", wire.Retry(ids=(chosen["id"],)))

    def _pause(self) -> None:
        self._order("pause", wire.Pause())
        self._order("resume", wire.Resume())

    def _choose(self, *states: str, only: Callable[[dict[str, Any]], bool] = lambda each: True) -> Any:
        listed = self._running.ask(wire.List(states=states, limit=_LISTED))["transfers"]
        left = [each for each in listed if each["id"] not in self.cancelled and only(each)]
        return self._luck.choice(left) if left else None

    def _order(self, name: str, order: Request) -> bool:
        """Whether it was acknowledged as done to anything."""
        done: bool = self._running.ask(order).get("count", 1) > 0
        self.acknowledged[name] += done
        return done

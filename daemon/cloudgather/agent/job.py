"""One operation that runs in an agent: what it is doing, how far it is, whether it shall stop, how it failed."""

import os
import threading
from collections import deque
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any, Final

CHUNK: Final = 1024 * 1024


class Trouble(Exception):
    """Why an operation did not succeed, as the daemon is told."""

    def __init__(self, kind: str, message: str, **facts: Any) -> None:
        super().__init__(f"{kind}: {message}")
        self.kind = kind
        self.message = message
        self.facts = facts

    def to_wire(self) -> dict[str, Any]:
        """One flat map: kind and message, the facts beside them."""
        return {"kind": self.kind, "message": self.message, **self.facts}


class Job:
    """What an operation says of itself while it runs; one thread works on it, another may read it and cancel it."""

    def __init__(self, tell: Callable[[Any], None] | None = None) -> None:
        self._tell = tell
        self._stop = threading.Event()
        self.at: tuple[str, str, int] = ("root", "target", 0)  # while it is the same object, the operation stands still
        self.done: int | None = None  # bytes, where the operation counts them
        self.outcomes: deque[tuple[str, Any]] = deque()  # of its parts so far, those not told yet

    @cached_property
    def buffer(self) -> memoryview:
        """CHUNK bytes of scratch memory; who has some lends it by setting this, for the job alone while it runs."""
        return memoryview(bytearray(CHUNK))

    def step(self, name: str, side: str, nbytes: int = 0) -> None:
        """What follows may block: a step of protocol, on the "source" or the "target"."""
        self.at = (name, side, nbytes)

    def tell(self, value: Any) -> None:
        """A part of the answer, sent at once."""
        if self._tell is not None:
            self._tell(value)

    def cancel(self) -> None:
        """Make the next `check` or `pause` end the operation."""
        self._stop.set()

    def check(self) -> None:
        """Raises Trouble "cancelled" once cancel() was called."""
        if self._stop.is_set():
            raise Trouble("cancelled", "stopped on request")

    def pause(self, seconds: float) -> None:
        """Wait; raises as check() does, as soon as it would."""
        self._stop.wait(seconds)
        self.check()

    def blame(self, error: OSError) -> Trouble:
        """What an error of the operating system means, said of the step that the operation is at."""
        step, side, _ = self.at
        number = error.errno or 0
        return Trouble("errno", os.strerror(number) if number else str(error), errno=number, step=step, side=side)


# What the daemon sends for an Identity: mount_point, fs_type, source.
WireIdentity = Mapping[str, Any]

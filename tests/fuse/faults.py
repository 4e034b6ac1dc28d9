"""Which operations of the sick file system go wrong, how, and how often that has happened."""

import errno
import os
import threading
import time
from collections import Counter
from dataclasses import dataclass
from typing import Any


@dataclass(slots=True, kw_only=True, eq=False)
class Fault:
    """What befalls calls of one operation; no other is equal to it, though it does the same.

    do: "fail" (with `errno`), "slow" (by `seconds`), "hang" (until released), or what the operation itself must get
    wrong: "shorten" and "corrupt" (flush), "short" (write), "empty" and "cut" (readdir), "ignore" (utimens, chmod).
    """

    op: str
    do: str
    errno: int = errno.EIO
    seconds: float = 0.0
    times: int | None = None  # None: until healed
    skip: int = 0  # calls that pass unharmed before the first that is struck
    path: str = ""  # strikes only paths that contain this


class Faults:
    """The faults of one mounted file system; its operations call `strike`, its controlling socket the rest."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._faults: list[Fault] = []
        self._counts: Counter[str] = Counter()
        self._struck: Counter[str] = Counter()
        self._hanging: Counter[str] = Counter()

    def strike(self, op: str, path: str) -> str | None:
        """Count the call, then fail, delay or hang it; answers what the operation itself must get wrong."""
        with self._changed:
            self._counts[op] += 1
            fault = self._take(op, path)
            if fault is None:
                return None
            self._struck[op] += 1
            if fault.do == "hang":
                self._hanging[op] += 1
                self._changed.wait_for(lambda: fault not in self._faults)
                self._hanging[op] -= 1
                return None
        if fault.do == "fail":
            raise OSError(fault.errno, os.strerror(fault.errno))
        if fault.do == "slow":
            time.sleep(fault.seconds)
            return None
        return fault.do

    def _take(self, op: str, path: str) -> Fault | None:
        for fault in self._faults:
            if fault.op != op or fault.path not in path or fault.times == 0:
                continue
            if fault.skip:
                fault.skip -= 1
                continue
            if fault.times is not None:
                fault.times -= 1
            return fault
        return None

    def obey(self, order: dict[str, Any]) -> dict[str, Any]:
        """Carry out one command: strike, release (one operation), heal (all), reset (the counts), stats."""
        with self._changed:
            match order.pop("command"):
                case "strike":
                    if order.pop("instead", False):
                        self._faults = [fault for fault in self._faults if fault.op != order["op"]]
                    self._faults.append(Fault(**order))
                case "release":
                    self._faults = [fault for fault in self._faults if fault.op != order["op"]]
                case "heal":
                    self._faults = []
                case "reset":
                    self._counts.clear()
                    self._struck.clear()
                case "stats":
                    hanging = {op: count for op, count in self._hanging.items() if count}
                    return {"counts": dict(self._counts), "struck": dict(self._struck), "hanging": hanging}
                case unknown:
                    raise ValueError(unknown)
            self._changed.notify_all()
            return {}

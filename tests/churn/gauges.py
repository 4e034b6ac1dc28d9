"""What a daemon and its agents hold, measured from outside once a second."""

import contextlib
import json
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from churn.levelling import Bound
from e2e.running import Running

KIB: Final = 1024.0
MIB: Final = 1024.0 * KIB
# By name, what may grow. What a leak would be is far more: a descriptor a file, 1 KiB a transfer, a row a transfer.
BOUNDS: Final[Mapping[str, Bound]] = {
    "daemon: memory": Bound(spare=2.5 * MIB, each=128),  # PSS, as all memory here
    "daemon: objects": Bound(spare=3000, each=0.25),  # that the garbage collector knows
    "daemon: blocks": Bound(spare=12_000, each=0.25),  # of at most half a KiB, as Python allocates them
    "daemon: malloced": Bound(spare=2.0 * MIB, each=128),
    "daemon: asyncio tasks": Bound(spare=25),
    "daemon: descriptors": Bound(spare=20),
    "daemon: threads": Bound(spare=8),
    "daemon: watches": Bound(spare=100),  # of inotify
    "daemon: children": Bound(spare=4),
    "daemon: zombies": Bound(spare=1),
    "agents: memory of the largest": Bound(spare=3.0 * MIB, each=128),
    "agents: descriptors of the one with most": Bound(spare=20),
    "agents: threads of the one with most": Bound(spare=4),
    "database: bytes but for the ledger": Bound(spare=1.5 * MIB, each=128),
    "database: write-ahead log": Bound(spare=2.0 * MIB),
    "database: ended transfers": Bound(spare=1500),  # how many wait is up to the faults, and none does at the end
    "database: rows of move": Bound(spare=6000),
    "database: rows of run": Bound(spare=200),
    "database: rows of tally": Bound(spare=500),
    "database: rows of debris": Bound(spare=100),
    "database: rows of ledger": Bound(spare=400, each=1),  # what was sent is remembered for good
    "log: bytes": Bound(spare=0.5 * MIB, each=1.5 * KIB),  # days of it are kept
}
_ENDED: Final = "SELECT id FROM transfer WHERE state IN ('done', 'failed', 'cancelled', 'vanished')"
_COUNTED: Final = {
    "ended transfers": f"({_ENDED})",
    **{f"rows of {table}": table for table in ("move", "run", "tally", "debris", "ledger")},
}
_EVERY: Final = 1.0


def why_not_measured() -> str | None:
    """What is missing for measuring here; None when nothing is."""
    with contextlib.closing(sqlite3.connect(":memory:")) as connection:
        options = {option for (option,) in connection.execute("PRAGMA compile_options")}
    return None if "ENABLE_DBSTAT_VTAB" in options else "SQLite was built without dbstat"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """At `at` (monotonic seconds), after `work` transfers."""

    at: float
    work: int
    values: Mapping[str, float]
    kinds: Mapping[str, int]  # objects in the daemon, by type


class Gauges:
    """Takes samples in a thread of its own while it is entered; `trouble` is what made it stop before its time."""

    def __init__(self, running: Running, inside: str) -> None:
        self._running = running
        self._inside = inside
        self._state = os.fsencode(running.folder / "state")
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._work, name="gauges")
        self.samples: list[Sample] = []
        self.trouble: Exception | None = None

    def __enter__(self) -> "Gauges":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _work(self) -> None:
        try:
            while not self._ended.wait(_EVERY):
                with contextlib.suppress(FileNotFoundError):  # it has told nothing yet from inside
                    self.samples.append(self.sample())
        except Exception as error:
            self.trouble = error

    def sample(self) -> Sample:
        """Now."""
        with open(self._inside) as file:
            told = json.load(file)
        pid = self._running.pid
        children = children_of(pid)
        living = [child for child in children if _status(child).get("State", "Z")[0] not in "ZX"]
        work, database = self._of_database()
        values = {
            "daemon: memory": memory_of(pid),
            "daemon: objects": told["objects"],
            "daemon: blocks": told["blocks"],
            "daemon: malloced": told["malloced"],
            "daemon: asyncio tasks": told["tasks"],
            "daemon: descriptors": descriptors_of(pid),
            "daemon: threads": threads_of(pid),
            "daemon: watches": watches_of(pid),
            "daemon: children": len(living),
            "daemon: zombies": len(children) - len(living),
            "agents: memory of the largest": _most(memory_of, living),
            "agents: descriptors of the one with most": _most(descriptors_of, living),
            "agents: threads of the one with most": _most(threads_of, living),
            **database,
            "log: bytes": sum(_size(path) for path in self._logs()),
        }
        return Sample(at=time.monotonic(), work=work, values=values, kinds=told["kinds"])

    def _of_database(self) -> tuple[int, dict[str, float]]:
        """Transfers made so far, and what the database takes."""
        file = os.fsdecode(self._state) + "/state.db"
        with contextlib.closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True, timeout=10)) as connection:
            connection.execute("BEGIN")
            (made,) = connection.execute("SELECT seq FROM sqlite_sequence WHERE name = 'transfer'").fetchone() or (0,)
            rows = {
                name: connection.execute(f"SELECT count(*) FROM {what}").fetchone()[0]
                for name, what in _COUNTED.items()
            }
            used = _pragma(connection, "page_count") - _pragma(connection, "freelist_count")
            ledger = "SELECT ifnull(sum(pgsize), 0) FROM dbstat WHERE aggregate = TRUE AND name LIKE '%ledger%'"
            (remembered,) = connection.execute(ledger).fetchone()
            page = _pragma(connection, "page_size")
        values: dict[str, float] = {f"database: {name}": count for name, count in rows.items()}
        values["database: bytes but for the ledger"] = used * page - remembered
        values["database: write-ahead log"] = _size(file + "-wal")
        return made, values

    def _logs(self) -> list[str]:
        folder = os.fsdecode(self._state) + "/log"
        return [os.path.join(at, name) for at, _, names in os.walk(folder) for name in names]


def children_of(pid: int) -> list[int]:
    """Of all its threads; those that have ended and were not waited for, too."""
    found: list[int] = []
    for thread in _names(f"/proc/{pid}/task"):
        with contextlib.suppress(OSError), open(f"/proc/{pid}/task/{thread}/children") as file:
            found += map(int, file.read().split())
    return found


def memory_of(pid: int) -> float:
    """Bytes: its own, and its share of what it shares."""
    with open(f"/proc/{pid}/smaps_rollup") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("Pss:")) * KIB


def descriptors_of(pid: int) -> float:
    """Open ones."""
    return len(_names(f"/proc/{pid}/fd"))


def threads_of(pid: int) -> float:
    """Living ones."""
    return len(_names(f"/proc/{pid}/task"))


def watches_of(pid: int) -> float:
    """Of all its inotify descriptors."""
    count = 0
    for number in _names(f"/proc/{pid}/fdinfo"):
        with contextlib.suppress(OSError), open(f"/proc/{pid}/fdinfo/{number}") as file:
            count += sum(line.startswith("inotify ") for line in file)
    return count


def _most(measure: Callable[[int], float], pids: list[int]) -> float:
    found = [0.0]
    for pid in pids:
        with contextlib.suppress(OSError, StopIteration):  # it has ended
            found.append(measure(pid))
    return max(found)


def _status(pid: int) -> dict[str, str]:
    with contextlib.suppress(OSError), open(f"/proc/{pid}/status") as file:
        return dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)
    return {}


def _names(folder: str) -> list[str]:
    try:
        return os.listdir(folder)
    except FileNotFoundError:
        return []


def _size(path: str) -> int:
    try:
        return os.path.getsize(path)
    except FileNotFoundError:
        return 0


def _pragma(connection: sqlite3.Connection, name: str) -> int:
    return int(connection.execute(f"PRAGMA {name}").fetchone()[0])

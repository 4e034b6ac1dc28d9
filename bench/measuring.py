"""Taking measures: seconds, CPU, memory; and running programs in turn, so that a busy moment hits all of them alike."""

import math
import os
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

TICK = os.sysconf("SC_CLK_TCK")
MIB = 1024 * 1024
_RARER = 0.005  # of the time that has passed: so much too long is what is measured at most


class Wrong(Exception):
    """What was to be measured did not happen; its line fails, the others go on."""


@dataclass(frozen=True, slots=True)
class Taken:
    """What one execution took, in seconds. CPU is user and system time of all processes that did it."""

    wall: float
    cpu: float


def in_turn(contestants: Mapping[str, Callable[[], Taken]], runs: int) -> dict[str, list[Taken]]:
    """Each of them so often, one after the other; every round begins with another one."""
    taken: dict[str, list[Taken]] = {name: [] for name in contestants}
    names = list(contestants)
    for number in range(runs):
        first = number % len(names)
        for name in names[first:] + names[:first]:
            taken[name].append(contestants[name]())
    return taken


def walls(taken: Iterable[Taken]) -> list[float]:
    """Their seconds."""
    return [each.wall for each in taken]


def cpus(taken: Iterable[Taken]) -> list[float]:
    """Their CPU seconds."""
    return [each.cpu for each in taken]


def command(*words: str) -> Taken:
    """Run a program to its end. Raises Wrong with what it said where it fails."""
    with tempfile.TemporaryFile() as said:
        begin = time.perf_counter()
        process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=said, stderr=said)
        try:
            _, status, usage = os.wait4(process.pid, 0)
        except BaseException:  # we are asked to stop: what it works on is about to be taken away
            process.kill()
            process.wait()
            raise
        wall = time.perf_counter() - begin
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != 0:
            said.seek(0)
            raise Wrong(f"{words[0]} exited {process.returncode}: {said.read()[-500:].decode(errors='replace')}")
    return Taken(wall, usage.ru_utime + usage.ru_stime)


@contextmanager
def program(
    *words: str, log: str, ready: Callable[[str], bool], within: float = 60.0
) -> "Iterator[subprocess.Popen[bytes]]":
    """One that goes on until the end; entered once `ready`, which is given what it has said so far.

    What it says goes to the file `log`. Raises Wrong where it ends before that or takes longer.
    """

    def said() -> str:
        with open(log, errors="replace") as file:
            return file.read()

    def is_ready() -> bool:
        if process.poll() is not None:
            raise Wrong(f"{words[0]} ended: {said()[-500:]}")
        return ready(said())

    with open(log, "wb") as output:
        process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
    try:
        until(is_ready, f"{words[0]} to be ready", within=within)
        yield process
    finally:
        ended(process)


def ended(process: "subprocess.Popen[bytes]", *, within: float = 10.0) -> None:
    """SIGTERM and wait so many seconds; SIGKILL where that does not help."""
    process.terminate()
    try:
        process.wait(within)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def timed(work: Callable[[], object]) -> float:
    """Seconds that it takes."""
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def until(condition: Callable[[], bool], what: str, *, within: float = 600.0, every: float = 0.02) -> float:
    """Wait for it; the seconds that it took. Raises Wrong after `within` seconds.

    It is looked at every `every` seconds, and more rarely the longer it takes: looking takes CPU from what is measured.
    """
    begin = time.perf_counter()
    while not condition():
        passed = time.perf_counter() - begin
        if passed > within:
            raise Wrong(f"waited {within:.0f} s for {what}")
        time.sleep(max(every, passed * _RARER))
    return time.perf_counter() - begin


def percentile(values: Sequence[float], part: float) -> float:
    """The smallest of them that at least `part` of them do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(len(ordered) * part) - 1)]


def spread(seconds: Sequence[float]) -> str:
    """Median, 99th percentile and worst, in milliseconds."""
    if not seconds:
        return "-"
    told = (statistics.median(seconds), percentile(seconds, 0.99), max(seconds))
    return ", ".join(f"{each * 1000:.1f}" for each in told) + " ms"


# ---- of processes ----------------------------------------------------------------------------------------------------


def children_of(pid: int) -> list[int]:
    """Pids of the child processes, whichever thread has begun them; none for a process that is gone."""
    found = []
    try:
        for thread in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{thread}/children") as file:
                found += [int(each) for each in file.read().split()]
    except OSError:
        return []
    return found


def cpu_of(pid: int, *, with_ended: bool = True) -> float:
    """CPU seconds of a process, and of its children that have ended; 0 for one that is gone."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            fields = file.read().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return sum(map(int, fields[11 : 15 if with_ended else 13])) / TICK


def pss_of(pid: int) -> int:
    """Bytes of memory, what it shares with others divided by their number; 0 for a process that is gone."""
    return _memory_of(pid, "smaps_rollup", "Pss:")


def alone_of(pids: Sequence[int]) -> int:
    """Bytes of memory of these processes if none but they had the same programs and libraries loaded."""
    private = sum(_memory_of(pid, "smaps_rollup", "Pss_Anon:") for pid in pids)
    return private + max(_memory_of(pid, "status", "RssFile:") for pid in pids)


def rss_of(pid: int) -> int:
    """Resident bytes; 0 for a process that is gone."""
    return _memory_of(pid, "status", "VmRSS:")


def _memory_of(pid: int, file: str, name: str) -> int:
    try:
        with open(f"/proc/{pid}/{file}") as lines:
            return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith(name))
    except OSError:
        return 0

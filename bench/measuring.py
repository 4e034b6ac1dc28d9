"""What the measuring programs share: a daemon on scratch folders, what it costs, how fast it answers, and a table."""

import os
import platform
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from cgctl.connection import Connection, Unreachable
from cgwire import daemon as daemon_wire
from cgwire.request import Request

_TICK = os.sysconf("SC_CLK_TCK")
_MIB = 1024 * 1024


@contextmanager
def scratch(where: str | None) -> Iterator[str]:
    """A folder that is removed at the end; below `where`, or where temporary files go."""
    folder = tempfile.mkdtemp(prefix="cloudgather-bench-", dir=where)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def make_files(root: str, count: int, size: int, *, per_folder: int = 500) -> None:
    """`count` files of `size` random bytes in folders of `per_folder`."""
    content = os.urandom(size)
    for number in range(count):
        folder = os.path.join(root, f"{number // per_folder:04}")
        if number % per_folder == 0:
            os.makedirs(folder, exist_ok=True)
        with open(os.path.join(folder, f"file {number:06}.bin"), "wb") as file:
            file.write(content)


def count_files(root: str) -> int:
    """Files below it, those whose names begin with a dot left out."""
    return sum(not name.startswith(".") for _, _, names in os.walk(root) for name in names)


class Daemon:
    """A cloudgatherd with tasks from `sources` (name -> folder) to folders of one plain directory `root`."""

    def __init__(self, folder: str, *, sources: dict[str, str], root: str, target: str = "", task: str = "") -> None:
        self.folder = folder
        self.socket = os.path.join(folder, "control.sock")
        self.log = os.path.join(folder, "daemon.log")
        self.started = 0.0
        self._process: subprocess.Popen[bytes] | None = None
        tasks = os.path.join(folder, "tasks.d")
        os.makedirs(tasks)
        self._config = os.path.join(folder, "cloudgather.toml")
        with open(self._config, "w") as file:
            file.write(
                f'[daemon]\nstate_dir = "{folder}/state"\ntasks_dir = "{tasks}"\n[control]\nsocket = "{self.socket}"\n'
                f'[targets.disk]\nroot = "{root}"\nkind = "directory"\n{target}\n'
            )
        for name, source in sources.items():
            with open(os.path.join(tasks, f"{name}.toml"), "w") as file:
                file.write(f'source = "{source}"\ntarget = "disk:{name}"\nsettle = "1s"\n{task}\n')

    def __enter__(self) -> "Daemon":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Start it, and wait until it answers."""
        with open(self.log, "ab") as log:
            self.started = time.monotonic()
            self._process = subprocess.Popen(
                [sys.executable, "-m", "cloudgather", "--config", self._config], stdout=log, stderr=log
            )
        until(self._answers, "the daemon to answer", every=0.02)

    def _answers(self) -> bool:
        assert self._process is not None
        if self._process.poll() is not None:
            with open(self.log) as log:
                raise SystemExit(f"the daemon ended:\n{log.read()[-2000:]}")
        try:
            self.ask(daemon_wire.Ping())
        except Unreachable:
            return False
        return True

    def stop(self) -> None:
        """SIGTERM, and wait."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            self._process.wait(30)

    @property
    def pid(self) -> int:
        """Of the daemon."""
        assert self._process is not None
        return self._process.pid

    def ask(self, request: Request) -> Any:
        """The answer."""
        with Connection(os.fsencode(self.socket)) as connection:
            return connection.call(request)

    def cgctl(self, *words: str) -> float:
        """Run the client; its wall time."""
        begin = time.perf_counter()
        command = [sys.executable, "-m", "cgctl", "--socket", self.socket, *words]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        return time.perf_counter() - begin

    def totals(self) -> dict[str, int]:
        """state -> transfers."""
        return {state: count for state, (count, _) in self.ask(daemon_wire.Status())["totals"].items()}

    def agents(self) -> list[int]:
        """Pids of its child processes."""
        with open(f"/proc/{self.pid}/task/{self.pid}/children") as file:
            return [int(pid) for pid in file.read().split()]


def cpu_of(pid: int) -> float:
    """CPU seconds of a process and of its children that have ended; 0 for one that is gone."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            fields = file.read().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return sum(map(int, fields[11:15])) / _TICK


def rss_of(pid: int) -> int:
    """Resident bytes; 0 for a process that is gone."""
    try:
        with open(f"/proc/{pid}/statm") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0


@dataclass
class Seen:
    """What was measured of a daemon over some time. Seconds, and bytes."""

    wall: float = 0.0
    cpu: float = 0.0
    agent_cpu: float = 0.0
    rss: int = 0
    agent_rss: int = 0
    pings: list[float] = field(default_factory=list)
    statuses: list[float] = field(default_factory=list)
    clients: list[float] = field(default_factory=list)

    def told(self) -> list[tuple[str, str]]:
        """As rows of a table."""
        return [
            ("CPU daemon / agents", f"{self.cpu:.1f} s / {self.agent_cpu:.1f} s"),
            ("most RSS daemon / agent", f"{self.rss / _MIB:.0f} MiB / {self.agent_rss / _MIB:.0f} MiB"),
            ("ping: median, 99 %, worst", spread(self.pings)),
            ("status request: median, 99 %, worst", spread(self.statuses)),
            ("cgctl status: median, 99 %, worst", spread(self.clients)),
        ]


@contextmanager
def watched(daemon: Daemon) -> Iterator[Seen]:
    """Ping it 50 times a second and run the client twice a second meanwhile; the rest is there at the end."""
    seen, over = Seen(), threading.Event()
    agents = {pid: cpu_of(pid) for pid in daemon.agents()}
    agents_before = sum(agents.values())

    def ping() -> None:
        with Connection(os.fsencode(daemon.socket)) as connection:
            while not over.wait(0.02):
                seen.pings.append(timed(lambda: connection.call(daemon_wire.Ping())))

    def look() -> None:
        with Connection(os.fsencode(daemon.socket)) as connection:
            while not over.wait(0.5):
                seen.statuses.append(timed(lambda: connection.call(daemon_wire.Status())))
                seen.clients.append(daemon.cgctl("status"))

    def measure() -> None:
        while True:
            ended = over.wait(0.2)
            seen.rss = max(seen.rss, rss_of(daemon.pid))
            for pid in daemon.agents():
                agents[pid] = max(agents.get(pid, 0.0), cpu_of(pid))
                seen.agent_rss = max(seen.agent_rss, rss_of(pid))
            if ended:
                return

    threads = [threading.Thread(target=each) for each in (ping, look, measure)]
    begin, before = time.monotonic(), _own_cpu(daemon.pid)
    for thread in threads:
        thread.start()
    try:
        yield seen
    finally:
        over.set()
        for thread in threads:
            thread.join()
        seen.wall = time.monotonic() - begin
        seen.cpu = _own_cpu(daemon.pid) - before
        seen.agent_cpu = sum(agents.values()) - agents_before


def _own_cpu(pid: int) -> float:
    with open(f"/proc/{pid}/stat") as file:
        return sum(map(int, file.read().rpartition(")")[2].split()[11:13])) / _TICK


def timed(work: Callable[[], object]) -> float:
    """Seconds that it takes."""
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def until(condition: Callable[[], bool], what: str, *, within: float = 1800.0, every: float = 0.1) -> float:
    """Wait for it; the seconds that it took."""
    begin = time.monotonic()
    while not condition():
        if time.monotonic() - begin > within:
            raise SystemExit(f"waited {within:.0f} s for {what}")
        time.sleep(every)
    return time.monotonic() - begin


def spread(seconds: Sequence[float]) -> str:
    """Median, 99th percentile and worst, in milliseconds."""
    if not seconds:
        return "-"
    ordered = sorted(seconds)
    late = ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))]
    return ", ".join(f"{each * 1000:.1f}" for each in (statistics.median(ordered), late, ordered[-1])) + " ms"


def table(title: str, rows: Sequence[tuple[str, str]]) -> None:
    """Print rows, as Markdown."""
    print(f"\n### {title}\n\n| what | measured |\n|---|---|")
    for name, value in rows:
        print(f"| {name} | {value} |")
    sys.stdout.flush()


def machine(where: str) -> str:
    """One line about the machine and the file system of `where`."""
    with open("/proc/meminfo") as file:
        memory = int(file.readline().split()[1]) // _MIB
    kind = subprocess.run(["stat", "-f", "-c", "%T", where], capture_output=True, text=True, check=True).stdout.strip()
    python = platform.python_version()
    return f"{os.cpu_count()} cores, {memory} GiB, {kind}, Linux {platform.release()}, Python {python}"

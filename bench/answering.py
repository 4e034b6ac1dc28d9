"""How fast a daemon answers while it works, and what it costs meanwhile; and the small table that shows it."""

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from measuring import MIB, command, cpu_of, rss_of, spread, timed
from running import Daemon, cgctl

from cgwire import daemon as daemon_wire


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
            ("most RSS daemon / agent", f"{self.rss / MIB:.0f} MiB / {self.agent_rss / MIB:.0f} MiB"),
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
        with daemon.connection() as connection:
            while not over.wait(0.02):
                seen.pings.append(timed(lambda: connection.call(daemon_wire.Ping())))

    def look() -> None:
        with daemon.connection() as connection:
            while not over.wait(0.5):
                seen.statuses.append(timed(lambda: connection.call(daemon_wire.Status())))
                seen.clients.append(command(*cgctl(daemon, "status")).wall)

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
    begin, before = time.monotonic(), cpu_of(daemon.pid, with_ended=False)
    for thread in threads:
        thread.start()
    try:
        yield seen
    finally:
        over.set()
        for thread in threads:
            thread.join()
        seen.wall = time.monotonic() - begin
        seen.cpu = cpu_of(daemon.pid, with_ended=False) - before
        seen.agent_cpu = sum(agents.values()) - agents_before


def show(title: str, rows: Sequence[tuple[str, str]]) -> None:
    """Print rows, as Markdown."""
    print(f"\n### {title}\n\n| what | measured |\n|---|---|")
    for name, value in rows:
        print(f"| {name} | {value} |", flush=True)

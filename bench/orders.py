"""A long queue for a target that is held: memory, and how long each thing takes that an operator may ask for."""

import argparse
import os

from answering import show, watched
from measuring import rss_of, timed, until
from places import scratch
from report import machine
from running import Daemon
from trees import make_files

from cgwire import path as path_wire
from cgwire import queue as queue_wire
from cgwire import target as target_wire
from cgwire import task as task_wire
from cgwire.request import Request


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=100_000)
    parser.add_argument("--below", help="folder for scratch files")
    asked = parser.parse_args()
    with scratch(asked.below) as folder:
        source, root = os.path.join(folder, "source"), os.path.join(folder, "root")
        os.makedirs(source)
        os.makedirs(root)
        print(machine())
        with Daemon(os.path.join(folder, "d"), sources={"many": source}, root=root, task="watch = false") as daemon:
            daemon.ask(target_wire.Pause(name="cloud"))
            idle = rss_of(daemon.pid)
            make_files(source, asked.files, 0)
            with watched(daemon) as seen:
                daemon.ask(task_wire.Run(name="many"))
                took = until(lambda: daemon.totals()["queued"] >= asked.files, "all to be queued", every=0.5)
            rows = [("queued in", f"{took:.1f} s"), ("RSS before", f"{idle / 2**20:.0f} MiB")]
            show(f"{asked.files} transfers are queued", rows + seen.told())
            with watched(daemon) as seen:
                rows = _orders(daemon, source, asked.files)
            show(f"what is asked of {asked.files} queued transfers", rows + seen.told())


def _orders(daemon: Daemon, source: str, files: int) -> list[tuple[str, str]]:
    last = os.fsencode(os.path.join(source, f"{(files - 1) // 500:04}", f"file {files - 1:06}.bin"))
    rows = []

    def order(what: str, request: Request) -> None:
        answer = None

        def ask() -> None:
            nonlocal answer
            answer = daemon.ask(request)

        took = timed(ask)
        count = answer.get("count") if answer else None
        rows.append((what, f"{took * 1000:.0f} ms" + (f" ({count})" if count is not None else "")))

    order("queue list, first 50", queue_wire.List(limit=50))
    order("queue list, 50 at the end", queue_wire.List(limit=50, offset=files - 50))
    order("queue list, by glob", queue_wire.List(glob=b"*9999.bin", limit=50))
    order("why, of the last file", path_wire.Why(path=last))
    order("cancel by glob, a tenth", queue_wire.Cancel(glob=b"*7.bin"))
    order("retry all that was cancelled", queue_wire.Retry(states=("cancelled",)))
    order("cancel all", queue_wire.Cancel(all=True))
    order("retry all", queue_wire.Retry(all=True))
    order("first, by glob, a tenth", queue_wire.First(glob=b"*7.bin"))
    daemon.ask(target_wire.Resume(name="cloud"))
    rows.append(
        ("from resume to the first upload", f"{until(lambda: daemon.totals()['done'] > 0, 'one', every=0.02):.1f} s")
    )
    return rows


if __name__ == "__main__":
    main()

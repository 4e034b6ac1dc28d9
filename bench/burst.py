"""A burst of new files with an inotify queue that is far too short: all of them must be uploaded. Needs root."""

import argparse
import os
import signal
from collections import Counter

from answering import show, watched
from measuring import timed, until
from places import kernel_limit, scratch
from report import machine
from running import Daemon
from trees import make_files, size_of

from cgwire import run as run_wire


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=20_000)
    parser.add_argument("--queue", type=int, default=1024, help="fs.inotify.max_queued_events meanwhile")
    parser.add_argument("--below", help="folder for scratch files")
    asked = parser.parse_args()
    with scratch(asked.below) as folder:
        source, root = os.path.join(folder, "source"), os.path.join(folder, "root")
        os.makedirs(os.path.join(source, "0000"))  # a folder that is watched already
        os.makedirs(root)
        print(machine())
        with (
            kernel_limit("fs.inotify.max_queued_events", asked.queue),
            Daemon(os.path.join(folder, "d"), sources={"many": source}, root=root) as daemon,
        ):
            until(daemon.is_watching, "the watch to be set up")
            os.kill(daemon.pid, signal.SIGSTOP)  # nobody takes events meanwhile: the queue is sure to overflow
            wrote = timed(lambda: make_files(source, asked.files, 100, per_folder=asked.files))
            os.kill(daemon.pid, signal.SIGCONT)
            with watched(daemon) as seen:
                took = until(lambda: daemon.totals()["done"] >= asked.files, "all to be uploaded")
            triggers = Counter(run["trigger"] for run in daemon.ask(run_wire.List(limit=1000))["runs"])
        rows = [
            ("made in", f"{wrote:.1f} s"),
            ("all uploaded after another", f"{took:.1f} s"),
            ("at the target", str(size_of(root).count)),
            ("runs by trigger", ", ".join(f"{name} {count}" for name, count in sorted(triggers.items()))),
        ]
        show(f"{asked.files} files at once, max_queued_events {asked.queue}", rows + seen.told())


if __name__ == "__main__":
    main()

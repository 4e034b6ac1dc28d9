"""How long `cgctl status` takes, beside a Python that only imports click."""

import argparse
import os
import statistics
import subprocess
import sys

from measuring import Daemon, machine, scratch, table, timed

RUNS = 21
GOAL = 2.5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--below", help="folder for scratch files")
    asked = parser.parse_args()
    with scratch(asked.below) as folder:
        os.makedirs(os.path.join(folder, "source"))
        os.makedirs(os.path.join(folder, "root"))
        print(machine(folder))
        sources = {"film": os.path.join(folder, "source")}
        with Daemon(os.path.join(folder, "daemon"), sources=sources, root=os.path.join(folder, "root")) as daemon:
            rows = _rows(daemon)
    table(f"`cgctl status`, {RUNS} runs of each in turn", rows)


def _rows(daemon: Daemon) -> list[tuple[str, str]]:
    click = [sys.executable, "-c", "import click"]
    ours, peer = [], []
    daemon.cgctl("status")
    for _ in range(RUNS):
        peer.append(timed(lambda: subprocess.run(click, check=True)))
        ours.append(daemon.cgctl("status"))
    ratio = statistics.median(ours) / statistics.median(peer)
    return [
        ("`cgctl status`, median", f"{statistics.median(ours) * 1000:.0f} ms"),
        ('`python -c "import click"`, median', f"{statistics.median(peer) * 1000:.0f} ms"),
        (f"ratio (goal: at most {GOAL})", f"{ratio:.2f}"),
    ]


if __name__ == "__main__":
    main()

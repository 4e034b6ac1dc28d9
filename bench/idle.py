"""What a daemon with three tasks costs while nothing happens."""

import argparse
import os
import time

from measuring import Daemon, cpu_of, machine, rss_of, scratch, table, until


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--below", help="folder for scratch files")
    asked = parser.parse_args()
    with scratch(asked.below) as folder:
        sources = {name: os.path.join(folder, name) for name in ("film", "series", "music")}
        for path in [*sources.values(), os.path.join(folder, "root")]:
            os.makedirs(path)
        print(machine(folder))
        with Daemon(os.path.join(folder, "daemon"), sources=sources, root=os.path.join(folder, "root")) as daemon:
            for number, source in enumerate(sources.values()):
                with open(os.path.join(source, f"{number}.bin"), "wb") as file:
                    file.write(b"content")
            until(lambda: daemon.totals()["done"] == len(sources), "the files to be uploaded")
            until(lambda: not daemon.agents(), "the agent to leave")
            table(f"idle for {asked.seconds:.0f} s with {len(sources)} tasks", _rows(daemon, asked.seconds))


def _rows(daemon: Daemon, seconds: float) -> list[tuple[str, str]]:
    before, switches = cpu_of(daemon.pid), _switches(daemon.pid)
    time.sleep(seconds)
    cpu, woken = cpu_of(daemon.pid) - before, _switches(daemon.pid)
    rows = [
        ("CPU", f"{cpu:.2f} s, {cpu / seconds:.2%} of a core"),
        ("RSS", f"{rss_of(daemon.pid) / 2**20:.0f} MiB"),
        ("threads", str(len(woken))),
        ("wake-ups a second", f"{sum(_since(switches, woken).values()) / seconds:.1f}"),
    ]
    return rows + [(f"of these `{name}`", f"{count / seconds:.1f}") for name, count in _since(switches, woken).items()]


def _switches(pid: int) -> dict[tuple[str, str], int]:
    """(thread id, name) -> how often it began to wait."""
    found = {}
    for thread in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{thread}/status") as file:
            values = dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)
        found[thread, values["Name"]] = int(values["voluntary_ctxt_switches"])
    return found


def _since(before: dict[tuple[str, str], int], after: dict[tuple[str, str], int]) -> dict[str, int]:
    """Thread -> how often since, those that waited all the time left out."""
    return {
        f"{name} {thread}": count
        for (thread, name), now in after.items()
        if (count := now - before.get((thread, name), 0)) > 0
    }


if __name__ == "__main__":
    main()

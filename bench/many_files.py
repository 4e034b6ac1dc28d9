"""Many small files to a plain disk: from the start of the daemon to the last upload, then a restart and a rescan."""

import argparse
import os
import shutil
import subprocess
import time
from functools import partial

from measuring import Daemon, Seen, count_files, machine, make_files, scratch, table, timed, until, watched

from cgwire import task as task_wire


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=50_000)
    parser.add_argument("--size", type=int, default=100)
    parser.add_argument("--below", help="folder for scratch files")
    parser.add_argument("--log", help="keep the daemon's log here")
    asked = parser.parse_args()
    with scratch(asked.below) as folder:
        source = os.path.join(folder, "source")
        make_files(source, asked.files, asked.size)
        os.sync()
        print(f"{asked.files} files of {asked.size} bytes; {machine(folder)}")
        peers = _peers(folder, source)
        try:
            _cloudgather(folder, source, asked.files, peers)
        finally:
            if asked.log:
                shutil.copy(os.path.join(folder, "daemon", "daemon.log"), asked.log)


def _peers(folder: str, source: str) -> dict[str, float]:
    took = {}
    commands = {"cp -r": ["cp", "-r"]}
    if shutil.which("rclone"):
        commands["rclone copy"] = ["rclone", "--config", "/dev/null", "copy"]
    for name, command in commands.items():
        there = os.path.join(folder, "peer")
        took[name] = timed(partial(subprocess.run, [*command, source, there], check=True))
        os.sync()
        shutil.rmtree(there)
        os.sync()
    return took


def _cloudgather(folder: str, source: str, files: int, peers: dict[str, float]) -> None:
    root, home = os.path.join(folder, "root"), os.path.join(folder, "daemon")
    os.makedirs(root)
    os.makedirs(home)
    daemon = Daemon(home, sources={"many": source}, root=root, target='profile = "disk"')
    with daemon:
        with watched(daemon) as seen:
            until(lambda: _known(daemon) >= files, "all to be queued")
            queued = _since(daemon)
            until(lambda: daemon.totals()["done"] >= files, "all to be uploaded")
            uploaded = _since(daemon)
        rows = [("all queued after", f"{queued:.1f} s"), ("all uploaded after", f"{uploaded:.1f} s")]
        rows += [(f"ratio to {name}, {took:.1f} s", f"{uploaded / took:.1f}") for name, took in peers.items()]
        rows += [("files a second", f"{files / uploaded:.0f}"), ("CPU a file", f"{_each(seen, files):.2f} ms")]
        table("from start to the last upload", rows + seen.told())
    assert count_files(root) == files, f"{count_files(root)} files are there"
    with daemon:
        with watched(daemon) as seen:
            until(lambda: _scanned(daemon), "the scan at start")
        rows = [("scanned after", f"{_since(daemon):.1f} s"), ("agents that were started", str(len(daemon.agents())))]
        table("restart over the uploaded tree", rows + seen.told())
        with watched(daemon) as seen:
            took = timed(lambda: daemon.cgctl("task", "run", "many", "--wait"))
        rows = [("took", f"{took:.1f} s"), ("agents that were started", str(len(daemon.agents())))]
        table("rescan of the uploaded tree", rows + seen.told())


def _since(daemon: Daemon) -> float:
    return time.monotonic() - daemon.started


def _each(seen: Seen, files: int) -> float:
    return (seen.cpu + seen.agent_cpu) / files * 1000


def _known(daemon: Daemon) -> int:
    return sum(count for state, count in daemon.totals().items())


def _scanned(daemon: Daemon) -> bool:
    task = daemon.ask(task_wire.List())["tasks"][0]
    return bool(task["watch"]) and task["watch"]["mode"] == "inotify" and not task["scanning"] and not task["settling"]


if __name__ == "__main__":
    main()

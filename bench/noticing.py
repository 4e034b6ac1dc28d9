"""Line d: from the close of a file to its name at the target, less the time that it has to be quiet; beside lsyncd."""

import os
import random
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial

from arrivals import arrivals
from measuring import Wrong, percentile, program, until
from places import kind_of, rclone_mount, scratch
from report import Goal, Row
from running import SETTLE, Daemon
from setting import FUSE, Setting, peer

_SIZE = 4096
_APART = 0.02  # seconds between two files, on average
_LSYNCD, _DELAY = "lsyncd, `delay = 1`", 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """Where files go to: `root` as it is written to, `behind` as it can be listened to."""

    folder: str
    root: str
    behind: str
    mount: bool = False


_Watch = Callable[[str, str], AbstractContextManager[None]]  # given a folder for what it needs, and the source


def rows(setting: Setting) -> Iterator[Row]:
    """To a plain disk, and to a FUSE mount."""
    with setting.scratch() as folder:
        root = os.path.join(folder, "root")
        os.mkdir(root)
        place = _Place(folder=folder, root=root, behind=root)
        yield from _compared(setting, place, setting.of(1_000, 50), kind_of(folder))
    with setting.scratch() as folder, rclone_mount(peer("rclone"), folder) as (point, backing):
        place = _Place(folder=folder, root=point, behind=backing, mount=True)
        yield from _compared(setting, place, setting.of(200, 20), FUSE)


def _compared(setting: Setting, place: _Place, files: int, where: str) -> list[Row]:
    watches: dict[str, tuple[_Watch, float]] = {
        "ours": (partial(_our_watch, place), SETTLE),
        _LSYNCD: (partial(_lsyncd, place), _DELAY),
    }
    spans: dict[str, list[list[float]]] = {name: [] for name in watches}
    for number in range(setting.runs):
        for name, (watch, delay) in watches.items():
            spans[name].append([each - delay for each in _measured(place, watch, files, seed=number)])
    goals = {"p50": (0.5, None, None), "p99": (0.99, Goal(words="50 ms", most=50), Goal(words="10 ms", most=10))}
    return [
        Row(
            line="d",
            work=f"close to uploaded, {name} of {files:,} files",
            where=where,
            unit="ms",
            ours=[percentile(each, part) * 1000 for each in spans["ours"]],
            peer=_LSYNCD,
            theirs=[percentile(each, part) * 1000 for each in spans[_LSYNCD]],
            now=now,
            later=later,
        )
        for name, (part, now, later) in goals.items()
    ]


def _measured(place: _Place, watch: _Watch, files: int, *, seed: int) -> list[float]:
    """Seconds from close to there, of each file. One before them, not counted, shows that somebody watches."""
    gap = random.Random(seed)
    with scratch(place.folder) as home:
        source = os.path.join(home, "source")
        os.mkdir(source)
        os.mkdir(behind := os.path.join(place.behind, "bench"))
        closed: dict[str, float] = {}
        try:
            with watch(home, source), arrivals(behind) as arrived:
                _write(source, "first")
                until(lambda: "first" in arrived.at, "the first file", within=60)
                for number in range(files):
                    time.sleep(gap.uniform(0, 2 * _APART))
                    name = f"file {number:06}"
                    closed[name] = _write(source, name)
                until(lambda: len(arrived.at) > files, "all files", within=120)
                missing = closed.keys() - arrived.at.keys()
                if missing:
                    raise Wrong(f"{len(missing)} files have not come: {sorted(missing)[:3]}")
                return [arrived.at[name] - at for name, at in closed.items()]
        finally:
            shutil.rmtree(behind)


def _write(source: str, name: str) -> float:
    """When it was closed."""
    with open(os.path.join(source, name), "wb") as file:
        file.write(bytes(_SIZE))
    return time.perf_counter()


@contextmanager
def _our_watch(place: _Place, home: str, source: str) -> Iterator[None]:
    own = os.path.join(home, "d")
    with Daemon(own, sources={"bench": source}, root=place.root, mount=place.mount) as daemon:
        until(daemon.is_watching, "the watch")
        yield


@contextmanager
def _lsyncd(place: _Place, home: str, source: str) -> Iterator[None]:
    config, log = os.path.join(home, "lsyncd.lua"), os.path.join(home, "lsyncd.log")
    target = os.path.join(place.root, "bench")
    with open(config, "w") as file:
        file.write(
            "settings { nodaemon = true }\n"
            f'sync {{ default.rsync, source = "{source}", target = "{target}", delay = {_DELAY:.0f} }}\n'
        )
    with program(peer("lsyncd"), config, log=log, ready=lambda said: "finished" in said):  # its rsync at the start
        yield

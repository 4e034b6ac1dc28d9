"""Line f: what a daemon costs that watches many folders in which nothing happens."""

import os
import time
from dataclasses import dataclass

from measuring import MIB, TICK, Wrong, until
from places import kernel_limit, kernel_value, kind_of
from report import Goal, Row
from running import Daemon
from setting import Setting
from trees import make_folders

_SPANS = 5  # that the time is looked at in


def rows(setting: Setting) -> list[Row]:
    """Memory at the ends of the spans; CPU over all of them."""
    folders, seconds = setting.of(10_000, 500), setting.of(60, 10)
    limit = "fs.inotify.max_user_watches"
    with setting.scratch() as folder, kernel_limit(limit, max(kernel_value(limit), 2 * folders)):
        source, root = os.path.join(folder, "source"), os.path.join(folder, "root")
        os.mkdir(source)
        os.mkdir(root)
        make_folders(source, folders)
        with open(os.path.join(source, "film.bin"), "wb") as file:
            file.write(b"content")
        with Daemon(os.path.join(folder, "d"), sources={"bench": source}, root=root) as daemon:
            until(lambda: daemon.totals()["done"] == 1 and daemon.is_watching(), "the file to be uploaded", every=0.2)
            until(lambda: not daemon.agents(), "the agent to leave", every=0.5)
            idle = _idle(daemon, seconds)
        where = kind_of(folder)
    work = f"idle, {folders:,} folders watched"
    return [
        Row(
            line="f",
            work=f"{work}: memory (PSS, agents counted)",
            where=where,
            unit="MiB",
            ours=idle.pss,
            now=Goal(words="45 MiB", most=45),
            later=Goal(words="30 MiB", most=30),
        ),
        Row(line="f", work=f"{work}: memory if no other Python ran", where=where, unit="MiB", ours=idle.alone),
        Row(
            line="f",
            work=f"{work}: CPU over {seconds} s",
            where=where,
            unit="ticks",
            ours=[idle.ticks],
            now=Goal(words="5 ticks", most=5),
            later=Goal(words="1 tick", most=1),
        ),
    ]


@dataclass(frozen=True, slots=True)
class _Idle:
    """MiB after each span, and ticks of CPU over all of them."""

    pss: list[float]
    alone: list[float]
    ticks: int


def _idle(daemon: Daemon, seconds: float) -> _Idle:
    """Nobody asks the daemon anything meanwhile."""
    pss, alone = [], []
    before = daemon.cpu()
    for _ in range(_SPANS):
        time.sleep(seconds / _SPANS)
        pss.append(daemon.pss() / MIB)
        alone.append(daemon.alone() / MIB)
    ticks = round((daemon.cpu() - before) * TICK)
    if (done := daemon.totals()["done"]) != 1:
        raise Wrong(f"{done} files are done, not the one that was there")
    return _Idle(pss, alone, ticks)

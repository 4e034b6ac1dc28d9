"""Line c: a look through many files that are all where they should be, beside rclone and rsync doing the same."""

import os
import subprocess
from collections.abc import Iterator
from functools import partial

from measuring import Taken, Wrong, command, in_turn
from places import kind_of, rclone_mount
from report import Row, compared, ratio
from running import Daemon
from setting import FUSE, Setting, peer
from trees import let_settle, make_files

_SIZE = 100
_RCLONE, _RSYNC = "`rclone copy`", "`rsync -a`"


def rows(setting: Setting) -> Iterator[Row]:
    """With a plain disk as the target, and a FUSE mount."""
    with setting.scratch() as folder:
        root = os.path.join(folder, "root")
        os.mkdir(root)
        yield from _compared(setting, folder, root, root, setting.of(100_000, 2_000), kind_of(folder))
    with setting.scratch() as folder, rclone_mount(peer("rclone"), folder) as (point, backing):
        yield from _compared(setting, folder, point, backing, setting.of(10_000, 500), FUSE, mount=True)


def _compared(
    setting: Setting, folder: str, root: str, backing: str, files: int, where: str, *, mount: bool = False
) -> list[Row]:
    source = os.path.join(folder, "source")
    make_files(source, files, _SIZE)
    subprocess.run(["cp", "-a", source, os.path.join(backing, "bench")], check=True)
    let_settle()
    there = os.path.join(root, "bench")
    home, task = os.path.join(folder, "d"), 'watch = false\ninitial = "adopt"'
    with Daemon(home, sources={"bench": source}, root=root, mount=mount, task=task) as daemon:
        daemon.run("bench", uploads=0)  # now its ledger knows them all
        contestants = {
            "ours": partial(_run, daemon, files),
            _RCLONE: partial(command, peer("rclone"), "--config=", "copy", source, there),
            _RSYNC: partial(command, peer("rsync"), "-a", f"{source}/", there),
        }
        taken = in_turn(contestants, setting.runs)
    goals = {_RCLONE: (ratio(1.0, "rclone's time"), None), _RSYNC: (None, ratio(1.0, "rsync's time"))}
    return compared(taken, goals, line="c", work=f"scan of {files:,} unchanged files", where=where)


def _run(daemon: Daemon, files: int) -> Taken:
    taken = daemon.run("bench", uploads=0)
    (run,) = daemon.runs("bench", limit=1)
    if run["seen"] != files:
        raise Wrong(f"the run has seen {run['seen']} files, not {files}")
    return taken

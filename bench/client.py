"""Line e: how long `cgctl status` takes, beside a Python that only imports click."""

import os
import sys
from functools import partial

from measuring import command, cpus, in_turn, walls
from places import kind_of
from report import Row, ratio
from running import Daemon, cgctl
from setting import Setting

_TIMES = 4  # as often as the runs of other lines: each is short


def rows(setting: Setting) -> list[Row]:
    """Whole processes of both, from start to exit."""
    with setting.scratch() as folder:
        for name in ("source", "root"):
            os.mkdir(os.path.join(folder, name))
        sources = {"film": os.path.join(folder, "source")}
        peer = '`python -c "import click"`'
        with Daemon(os.path.join(folder, "d"), sources=sources, root=os.path.join(folder, "root")) as daemon:
            contestants = {
                "ours": partial(command, *cgctl(daemon, "status")),
                peer: partial(command, sys.executable, "-c", "import click"),
            }
            for once in contestants.values():  # what is compiled at the first start is not what is measured
                once()
            taken = in_turn(contestants, setting.runs * _TIMES)
        row = Row(
            line="e",
            work="`cgctl status`",
            where=kind_of(folder),
            unit="ms",
            ours=[each * 1000 for each in walls(taken["ours"])],
            peer=peer,
            theirs=[each * 1000 for each in walls(taken[peer])],
            cpu=cpus(taken["ours"]),
            their_cpu=cpus(taken[peer]),
            now=ratio(2.0, "2 ×"),
            later=ratio(1.3, "1.3 ×"),
        )
    return [row]

"""Line b: one large file through the daemon, digest included, beside cp, rsync and rclone."""

import os
from collections.abc import Iterator

from bringing import contestants
from measuring import MIB, in_turn
from places import kind_of, rclone_mount
from report import Goals, Row, compared, ratio
from setting import FUSE, Setting, peer
from trees import let_settle, make_large_file

_RCLONE, _CP, _RSYNC = "`rclone copy`", "`cp`", "`rsync -a`"


def rows(setting: Setting) -> Iterator[Row]:
    """To a plain disk, and to a FUSE mount."""
    size = setting.of(2048, 64)
    with setting.scratch() as folder:
        root = os.path.join(folder, "root")
        os.mkdir(root)
        goals: Goals = {_RCLONE: (ratio(1.0, "rclone's time"), None), _CP: (None, None), _RSYNC: (None, None)}
        yield from _compared(setting, folder, root, size, kind_of(folder), goals)
    with setting.scratch() as folder, rclone_mount(peer("rclone"), folder) as (point, _):
        as_cp = ratio(1 / 0.9, "0.9 × cp's throughput"), ratio(1.0, "the mount is the limit")
        goals = {_RCLONE: (ratio(1.0, "rclone's time"), None), _CP: as_cp, _RSYNC: (None, None)}
        yield from _compared(setting, folder, point, size, FUSE, goals, mount=True)


def _compared(
    setting: Setting,
    folder: str,
    root: str,
    size: int,
    where: str,
    goals: Goals,
    *,
    mount: bool = False,
) -> list[Row]:
    source = os.path.join(folder, "source")
    os.mkdir(source)
    make_large_file(os.path.join(source, "film.mkv"), size * MIB)
    let_settle()
    peers = {
        _RCLONE: (peer("rclone"), "--config=", "copy", source, "TO"),
        _CP: (peer("cp"), "-r", source, "TO"),
        _RSYNC: (peer("rsync"), "-a", f"{source}/", "TO"),
    }
    taken = in_turn(contestants(folder, source, root, mount=mount, peers=peers), setting.runs)
    return compared(taken, goals, line="b", work=f"one file of {size:,} MiB", where=where)

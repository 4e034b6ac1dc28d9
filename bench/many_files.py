"""Line a: many small files through the daemon, its durable queue included, beside rclone and rsync."""

import os
from collections.abc import Iterator

from bringing import contestants
from measuring import in_turn
from places import kind_of, rclone_mount
from report import Row, compared, ratio
from setting import FUSE, Setting, peer
from trees import let_settle, make_files

_SIZE = 4096
_RCLONE, _RSYNC = "`rclone copy`", "`rsync -a`"


def rows(setting: Setting) -> Iterator[Row]:
    """To a plain disk, and to a FUSE mount."""
    with setting.scratch() as folder:
        root = os.path.join(folder, "root")
        os.mkdir(root)
        yield from _compared(setting, folder, root, setting.of(10_000, 1_000), kind_of(folder))
    with setting.scratch() as folder, rclone_mount(peer("rclone"), folder) as (point, _):
        yield from _compared(setting, folder, point, setting.of(1_000, 100), FUSE, mount=True)


def _compared(setting: Setting, folder: str, root: str, files: int, where: str, *, mount: bool = False) -> list[Row]:
    source = os.path.join(folder, "source")
    make_files(source, files, _SIZE)
    let_settle()
    peers = {
        _RCLONE: (peer("rclone"), "--config=", "copy", source, "TO"),
        _RSYNC: (peer("rsync"), "-a", f"{source}/", "TO"),
    }
    goals = {_RCLONE: (ratio(1.0, "rclone's time"), None), _RSYNC: (None, ratio(1.0, "rsync's time"))}
    taken = in_turn(contestants(folder, source, root, mount=mount, peers=peers), setting.runs)
    return compared(taken, goals, line="a", work=f"{files:,} files of {_SIZE // 1024} KiB", where=where)

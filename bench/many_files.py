"""Line a: many small files through the daemon, its durable queue included, beside rclone and rsync."""

import os
import shutil
from collections.abc import Callable
from functools import partial

from measuring import Taken, Wrong, command, cpus, in_turn, walls
from places import kind_of, rclone_mount, scratch
from report import Row, ratio
from running import Daemon
from setting import MOUNT_LIKE_A_DISK, Setting, peer
from trees import count_files, let_settle, make_files

_SIZE = 4096
_RCLONE, _RSYNC = "`rclone copy`", "`rsync -a`"


def rows(setting: Setting) -> list[Row]:
    """To a plain disk, and to a FUSE mount."""
    many, some = setting.of(10_000, 1_000), setting.of(1_000, 100)
    with setting.scratch() as folder:
        source = os.path.join(folder, "source")
        make_files(source, many, _SIZE)
        let_settle()
        root = os.path.join(folder, "root")
        os.mkdir(root)
        found = _compared(setting, folder, source, root, many, kind_of(folder))
    with setting.scratch() as folder, rclone_mount(peer("rclone"), folder) as (point, _):
        source = os.path.join(folder, "source")
        make_files(source, some, _SIZE)
        let_settle()
        return found + _compared(setting, folder, source, point, some, "FUSE mount of rclone", mount=True)


def _compared(
    setting: Setting, folder: str, source: str, root: str, files: int, where: str, *, mount: bool = False
) -> list[Row]:
    contestants: dict[str, Callable[[], Taken]] = {
        "ours": partial(_brought, folder, source, root, files, mount=mount),
        **_peers(source, root, files),
    }
    taken = in_turn(contestants, setting.runs)
    ours = taken["ours"]
    return [
        Row(
            line="a",
            work=f"{files:,} files of {_SIZE // 1024} KiB",
            where=where,
            unit="s",
            ours=walls(ours),
            peer=name,
            theirs=walls(taken[name]),
            cpu=cpus(ours),
            their_cpu=cpus(taken[name]),
            now=ratio(1.0, "rclone's time") if name == _RCLONE else None,
            later=ratio(1.0, "rsync's time") if name == _RSYNC else None,
        )
        for name in (_RCLONE, _RSYNC)
    ]


def _peers(source: str, root: str, files: int) -> dict[str, Callable[[], Taken]]:
    """What brings the same files to the same place by other means."""
    there = os.path.join(root, "peer")
    commands = {
        _RCLONE: (peer("rclone"), "--config=", "copy", source, there),
        _RSYNC: (peer("rsync"), "-a", f"{source}/", there),
    }
    return {name: partial(_by_peer, words, there, files) for name, words in commands.items()}


def _by_peer(words: tuple[str, ...], there: str, files: int) -> Taken:
    taken = command(*words)
    if (count := count_files(there)) != files:
        raise Wrong(f"{words[0]} has brought {count} files, not {files}")
    shutil.rmtree(there)
    return taken


def _brought(folder: str, source: str, root: str, files: int, *, mount: bool = False) -> Taken:
    """By a daemon that has just been started on an empty state; from the order to run to the last file's name."""
    with scratch(folder) as home:
        daemon = Daemon(
            os.path.join(home, "d"),
            sources={"bench": source},
            root=root,
            kind="mount" if mount else "directory",
            target=MOUNT_LIKE_A_DISK if mount else "",
            task="watch = false",
        )
        with daemon:
            taken = daemon.run("bench", uploads=files)
    there = os.path.join(root, "bench")
    if (count := count_files(there)) != files:
        raise Wrong(f"the daemon has brought {count} files, not {files}")
    shutil.rmtree(there)
    return taken

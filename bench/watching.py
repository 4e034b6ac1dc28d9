"""Line h: from the start until all of many folders are watched, and the memory for that, beside inotifywait."""

import os
import time
from functools import partial

from measuring import MIB, Taken, Wrong, cpu_of, in_turn, program, pss_of, until
from places import kernel_limit, kernel_value, kind_of, scratch
from report import Row, compared, ratio
from running import Daemon
from setting import Setting, peer
from trees import make_folders

_PEER = "`inotifywait -m -r`"
_LIMIT = "fs.inotify.max_user_watches"


def rows(setting: Setting) -> list[Row]:
    """Ours is ready when status says that the task is told of events, and its scan at the start is over."""
    folders = setting.of(100_000, 2_000)
    memory: dict[str, list[float]] = {"ours": [], _PEER: []}
    with setting.scratch() as folder, kernel_limit(_LIMIT, max(kernel_value(_LIMIT), 3 * folders)):
        source, root = os.path.join(folder, "source"), os.path.join(folder, "root")
        os.mkdir(source)
        os.mkdir(root)
        make_folders(source, folders)
        contestants = {
            "ours": partial(_ours, folder, source, root, folders, memory["ours"]),
            _PEER: partial(_peer, folder, source, memory[_PEER]),
        }
        taken = in_turn(contestants, setting.runs)
        where = kind_of(folder)
    goals = {_PEER: (ratio(3.0, "3 × its time"), ratio(1.0, "its time"))}
    return [
        *compared(taken, goals, line="h", work=f"watch on {folders:,} folders: time to ready", where=where),
        Row(
            line="h",
            work=f"watch on {folders:,} folders: memory (PSS, agents counted)",
            where=where,
            unit="MiB",
            ours=memory["ours"],
            peer=_PEER,
            theirs=memory[_PEER],
        ),
    ]


def _ours(folder: str, source: str, root: str, folders: int, memory: list[float]) -> Taken:
    with (
        scratch(folder) as home,
        Daemon(os.path.join(home, "d"), sources={"bench": source}, root=root) as daemon,
    ):
        until(daemon.is_watching, "the watch")
        taken = Taken(time.perf_counter() - daemon.started, daemon.cpu())
        if (count := daemon.watched_folders()) < folders:
            raise Wrong(f"{count} folders are watched, not {folders}")
        memory.append(daemon.pss() / MIB)
    return taken


def _peer(folder: str, source: str, memory: list[float]) -> Taken:
    words = [peer("inotifywait"), "-m", "-r", "-e", "close_write,moved_to", source]
    log = os.path.join(folder, "inotifywait.log")
    begin = time.perf_counter()
    with program(*words, log=log, ready=lambda said: "Watches established" in said) as process:
        taken = Taken(time.perf_counter() - begin, cpu_of(process.pid))
        memory.append(pss_of(process.pid) / MIB)
    return taken

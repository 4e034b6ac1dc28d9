"""A FUSE file system in memory whose power is cut where it is told to; run as a process.

The kernel passes fsync of files and folders on, but not syncfs (tried with Linux 6.18; only virtiofs and fuseblk get
that): what relies on it is tried on a real file system, on a disk that is a file of this one.
"""

import argparse
import errno
import itertools
import os
import random
import stat
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import mfusepy

from fuse.control import listen
from fuse.volatile import Loss, Node, Tree

# utimensat(2): what libfuse hands on for "leave it" and "now".
_UTIME_NOW = (1 << 30) - 1
_UTIME_OMIT = (1 << 30) - 2
# SQLite's shared memory: nothing after a restart depends on it, and when it is written back the kernel decides.
_NOT_COUNTED = "-shm"

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """At the number-th call from now of that operation on a path that contains `path`: before, after, or amid it.

    Number 0: now.
    """

    number: int
    op: str = ""  # any
    path: str = ""
    moment: str = "after"  # "before", "after", "torn"
    loss: Loss
    seen: str | None = None  # a folder to be made of what was seen at that moment, lost or not


class Power:
    """Counts what changes the file system, and says when to cut."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, str]] = []
        self.cut: Cut | None = None
        self.is_cut = False
        self.hanging = 0
        self._met = 0
        self._hold: tuple[str, str] | None = None

    def strike(self, op: str, path: str | None) -> Cut | None:
        """Count a call; the cut, where it is due at this one."""
        path = path or ""  # of a file that was removed while it was open
        if path.endswith(_NOT_COUNTED):
            return None
        self.calls.append((op, path))
        cut = self.cut
        if cut is None or cut.op not in ("", op) or cut.path not in path:
            return None
        self._met += 1
        return cut if self._met == cut.number else None

    def order(self, cut: Cut) -> None:
        """Cut it there, counting from now."""
        self.cut, self._met = cut, 0

    def hold(self, op: str | None, path: str) -> None:
        """Calls like this wait; None: none does any more."""
        self._hold = None if op is None else (op, path)

    def holds(self, op: str, path: str | None) -> bool:
        """Whether such a call waits."""
        return not self.is_cut and self._hold is not None and self._hold[0] == op and self._hold[1] in (path or "")


class VolatileFileSystem(mfusepy.Operations):  # type: ignore[misc]  # mfusepy has no types for us
    """Once its power is cut, every call fails."""

    use_ns = True

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self._power = Power()
        self._changed = threading.Condition()
        self._handles = itertools.count(1)
        self._open: dict[int, Node] = {}

    def _do(
        self, op: str, path: str, act: Callable[[], Result], tear: Callable[[random.Random], None] | None = None
    ) -> Result:
        with self._changed:
            if self._power.holds(op, path):
                self._power.hanging += 1
                self._changed.notify_all()
                self._changed.wait_for(lambda: not self._power.holds(op, path))
                self._power.hanging -= 1
            self._demand_power()
            cut = self._power.strike(op, path)
            if cut is not None and cut.moment != "after":
                if cut.moment == "torn" and tear is not None:
                    tear(random.Random(cut.loss.seed))
                raise self._lose(cut)
            result = act()
            if cut is not None:
                raise self._lose(cut)
            return result

    def _demand_power(self) -> None:
        if self._power.is_cut:
            raise OSError(errno.EIO, os.strerror(errno.EIO))

    def _lose(self, cut: Cut) -> OSError:
        if cut.seen is not None:
            self._tree.save(cut.seen)
        self._tree.lose(cut.loss)
        self._power.is_cut = True
        self._changed.notify_all()
        return OSError(errno.EIO, os.strerror(errno.EIO))

    def _node(self, path: str, fh: int | None = None) -> Node:
        return self._open[fh] if fh else self._tree.at(path)

    def _handle(self, node: Node) -> int:
        handle = next(self._handles)
        self._open[handle] = node
        return handle

    # ---- looking

    def getattr(self, path: str, fh: int | None = None) -> dict[str, Any]:
        with self._changed:
            self._demand_power()
            node = self._node(path, fh)
            times = dict.fromkeys(("st_atime", "st_mtime", "st_ctime"), node.mtime_ns)
            return times | {
                "st_mode": node.mode,
                "st_nlink": 2 if node.is_folder else 1,
                "st_uid": os.getuid(),
                "st_gid": os.getgid(),
                "st_size": len(node.data),
                "st_blocks": (len(node.data) + 511) // 512,
            }

    def readdir(self, path: str, fh: int) -> list[str]:
        with self._changed:
            self._demand_power()
            return [".", "..", *self._tree.at(path).names]

    def statfs(self, path: str) -> dict[str, int]:
        return {
            "f_bsize": 4096,
            "f_frsize": 4096,
            "f_namemax": 255,
            **dict.fromkeys(("f_blocks", "f_bfree", "f_bavail"), 1 << 20),
        }

    def open(self, path: str, flags: int) -> int:
        with self._changed:
            self._demand_power()
            return self._handle(self._tree.at(path))

    def read(self, path: str, size: int, offset: int, fh: int) -> bytes:
        with self._changed:
            self._demand_power()
            return bytes(memoryview(self._open[fh].data)[offset : offset + size])

    def release(self, path: str, fh: int) -> None:
        with self._changed:
            self._open.pop(fh, None)

    # ---- files

    def create(self, path: str, mode: int, flags: int) -> int:
        return self._do("create", path, lambda: self._handle(self._tree.make(path, mode)))

    def write(self, path: str, data: bytes, offset: int, fh: int) -> int:
        node = self._open[fh]

        def act() -> int:
            self._tree.write(node, data, offset)
            return len(data)

        return self._do("write", path, act, lambda luck: self._tree.land(node, data, offset, luck))

    def truncate(self, path: str, length: int, fh: int | None = None) -> None:
        self._do("truncate", path, lambda: self._tree.truncate(self._node(path, fh), length))

    def fsync(self, path: str, datasync: int, fh: int) -> None:
        node = self._open[fh]
        self._do("fsync", path, lambda: self._tree.sync(node), lambda luck: self._tree.half_sync(node, luck))

    # ---- names

    def fsyncdir(self, path: str, datasync: int, fh: int) -> None:
        self._do("fsyncdir", path, lambda: self._tree.sync(self._tree.at(path)))

    def rename(self, old: str, new: str) -> None:
        self._do("rename", new, lambda: self._tree.rename(old, new))

    def unlink(self, path: str) -> None:
        self._do("unlink", path, lambda: self._tree.remove(path))

    def mkdir(self, path: str, mode: int) -> None:
        self._do("mkdir", path, lambda: self._tree.make(path, mode | stat.S_IFDIR))

    def rmdir(self, path: str) -> None:
        self._do("rmdir", path, lambda: self._tree.remove(path))

    # ---- attributes

    def chmod(self, path: str, mode: int, fh: int | None = None) -> None:
        def act() -> None:
            node = self._node(path, fh)
            node.mode = node.mode & ~0o7777 | mode & 0o7777

        self._do("chmod", path, act)

    def chown(self, path: str, uid: int, gid: int) -> None:
        pass

    def utimens(self, path: str, times: tuple[int, int] | None = None) -> None:
        def act() -> None:
            if times is not None and times[1] not in (_UTIME_NOW, _UTIME_OMIT):
                self._tree.at(path).mtime_ns = times[1]

        self._do("utimens", path, act)

    # ---- orders

    def _is_remarkable(self) -> bool:
        return self._power.is_cut or self._power.hanging > 0

    def obey(self, order: dict[str, Any]) -> dict[str, Any]:
        """cut, calls (what has changed it so far), state, save (into a folder), hold."""
        with self._changed:
            match order.pop("command"):
                case "cut":
                    cut = Cut(loss=Loss(**order.pop("loss")), **order)
                    self._power.order(cut)
                    if cut.number == 0:
                        self._lose(cut)
                case "calls":
                    return {"calls": self._power.calls}
                case "state":
                    self._changed.wait_for(self._is_remarkable, order.get("patience", 0))
                    return {"is_cut": self._power.is_cut, "hanging": self._power.hanging}
                case "save":
                    self._tree.save(order["folder"], safe=order["safe"])
                case "hold":
                    self._power.hold(order["op"], order["path"])
                case unknown:
                    raise ValueError(unknown)
            self._changed.notify_all()
            return {}


def main() -> None:
    """Serve until unmounted or killed."""
    parser = argparse.ArgumentParser(prog="fuse.volatiledisk", description=__doc__)
    parser.add_argument("--backing", required=True, help="the folder to begin with; it is only read")
    parser.add_argument("--mount", required=True, help="where to mount")
    parser.add_argument("--control", required=True, help="Unix socket to listen on for commands")
    parser.add_argument("--journal", action="store_true", help="keep the order of what happens to names")
    arguments = parser.parse_args()
    tree = Tree(journal=arguments.journal)
    tree.load(arguments.backing)
    file_system = VolatileFileSystem(tree)
    listen(arguments.control, file_system.obey)
    mfusepy.FUSE(
        file_system,
        arguments.mount,
        foreground=True,
        fsname="volatile:",
        subtype="volatile",
        hard_remove=True,
        attr_timeout=0,
        entry_timeout=0,
        negative_timeout=0,
    )


if __name__ == "__main__":
    main()

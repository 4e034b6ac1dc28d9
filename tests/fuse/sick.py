"""A FUSE file system that passes everything on to a folder, and goes wrong where it is told to; run as a process."""

import argparse
import os
from collections.abc import Iterator
from typing import Any

import mfusepy

from fuse.control import listen
from fuse.faults import Faults

# utimensat(2): what libfuse hands on for "leave it" and "now".
_UTIME_NOW = (1 << 30) - 1
_UTIME_OMIT = (1 << 30) - 2


class SickFileSystem(mfusepy.Operations):  # type: ignore[misc]  # mfusepy has no types for us
    """Every operation asks `faults` first; paths are str with surrogates, as mfusepy hands them."""

    use_ns = True

    def __init__(self, backing: bytes, faults: Faults) -> None:
        self._backing = backing
        self._faults = faults

    def _real(self, path: str) -> bytes:
        return self._backing + os.fsencode(path)

    # ---- looking

    def getattr(self, path: str, fh: int | None = None) -> dict[str, Any]:
        self._faults.strike("getattr", path)
        status = os.fstat(fh) if fh else os.lstat(self._real(path))
        names = ("st_mode", "st_nlink", "st_uid", "st_gid", "st_size", "st_blocks")
        facts = {name: getattr(status, name) for name in names}
        return facts | {
            "st_atime": status.st_atime_ns,
            "st_mtime": status.st_mtime_ns,
            "st_ctime": status.st_ctime_ns,
        }

    def readdir(self, path: str, fh: int) -> Iterator[str]:
        names = sorted(map(os.fsdecode, os.listdir(self._real(path))))
        match self._faults.strike("readdir", path):
            case "empty":
                names = []
            case "cut":
                names = names[: len(names) // 2]
        return iter([".", "..", *names])

    def statfs(self, path: str) -> dict[str, int]:
        self._faults.strike("statfs", path)
        status = os.statvfs(self._real(path))
        return {name: getattr(status, name) for name in dir(status) if name.startswith("f_")}

    def readlink(self, path: str) -> str:
        self._faults.strike("readlink", path)
        return os.fsdecode(os.readlink(self._real(path)))

    # ---- files

    def create(self, path: str, mode: int, flags: int) -> int:
        self._faults.strike("create", path)
        return os.open(self._real(path), flags | os.O_CREAT, mode)

    def open(self, path: str, flags: int) -> int:
        self._faults.strike("open", path)
        return os.open(self._real(path), flags & ~(os.O_APPEND | os.O_DIRECT))

    def read(self, path: str, size: int, offset: int, fh: int) -> bytes:
        self._faults.strike("read", path)
        return os.pread(fh, size, offset)

    def write(self, path: str, data: bytes, offset: int, fh: int) -> int:
        if self._faults.strike("write", path) == "short":
            data = data[: max(1, len(data) // 2)]
        return os.pwrite(fh, data, offset)

    def truncate(self, path: str, length: int, fh: int | None = None) -> None:
        self._faults.strike("truncate", path)
        os.truncate(fh or self._real(path), length)

    def flush(self, path: str, fh: int) -> None:
        """What close() hears of."""
        match self._faults.strike("flush", path):
            case "shorten":
                os.truncate(self._real(path), max(0, os.path.getsize(self._real(path)) - 1))
            case "corrupt":
                with open(self._real(path), "r+b") as file:
                    first = file.read(1)
                    file.seek(0)
                    file.write(bytes(byte ^ 0xFF for byte in first))

    def release(self, path: str, fh: int) -> None:
        os.close(fh)
        self._faults.strike("release", path)

    def fsync(self, path: str, datasync: int, fh: int) -> None:
        self._faults.strike("fsync", path)
        os.fsync(fh)

    def fsyncdir(self, path: str, datasync: int, fh: int) -> None:
        self._faults.strike("fsyncdir", path)

    # ---- names

    def rename(self, old: str, new: str) -> None:
        self._faults.strike("rename", new)
        os.rename(self._real(old), self._real(new))
        self._faults.strike("renamed", new)

    def unlink(self, path: str) -> None:
        self._faults.strike("unlink", path)
        os.unlink(self._real(path))

    def mkdir(self, path: str, mode: int) -> None:
        self._faults.strike("mkdir", path)
        os.mkdir(self._real(path), mode)

    def rmdir(self, path: str) -> None:
        self._faults.strike("rmdir", path)
        os.rmdir(self._real(path))

    def symlink(self, target: str, source: str) -> None:
        self._faults.strike("symlink", target)
        os.symlink(os.fsencode(source), self._real(target))

    # ---- attributes

    def chmod(self, path: str, mode: int) -> None:
        if self._faults.strike("chmod", path) != "ignore":
            os.chmod(self._real(path), mode)

    def chown(self, path: str, uid: int, gid: int) -> None:
        self._faults.strike("chown", path)
        os.chown(self._real(path), uid, gid)

    def utimens(self, path: str, times: tuple[int, int] | None = None) -> None:
        if self._faults.strike("utimens", path) == "ignore":
            return
        if times is None or _UTIME_NOW in times:
            os.utime(self._real(path))
            return
        status = os.stat(self._real(path))
        access, modified = times
        access = status.st_atime_ns if access == _UTIME_OMIT else access
        modified = status.st_mtime_ns if modified == _UTIME_OMIT else modified
        os.utime(self._real(path), ns=(access, modified))


def main() -> None:
    """Serve until unmounted or killed."""
    parser = argparse.ArgumentParser(prog="fuse.sick", description=__doc__)
    parser.add_argument("--backing", required=True, help="the folder that everything is passed on to")
    parser.add_argument("--mount", required=True, help="where to mount")
    parser.add_argument("--control", required=True, help="Unix socket to listen on for commands")
    parser.add_argument("--source", default="sick:", help="the mount source to show in mountinfo")
    parser.add_argument("--remembered", type=float, default=0, help="seconds that the kernel may go by an answer")
    arguments = parser.parse_args()
    faults = Faults()
    listen(arguments.control, faults.obey)
    mfusepy.FUSE(
        SickFileSystem(os.fsencode(arguments.backing), faults),
        arguments.mount,
        foreground=True,
        fsname=arguments.source,
        subtype="sick",
        hard_remove=True,
        attr_timeout=arguments.remembered,
        entry_timeout=arguments.remembered,
        negative_timeout=0,
    )


if __name__ == "__main__":
    main()

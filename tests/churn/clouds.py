"""What befalls mounted targets: operations that fail, are slow or hang, mounts that are pulled out and put back."""

import errno
import random
from typing import Final

from fuse.rclone import RcloneMount
from fuse.sickmount import SickMount

_FAIL: Final = (
    "create",
    "write",
    "flush",
    "fsync",
    "rename",
    "open",
    "getattr",
    "readdir",
    "unlink",
    "mkdir",
    "utimens",
)
_HANG: Final = ("create", "write", "flush", "fsync", "rename", "getattr", "readdir", "statfs")
_NUMBERS: Final = (errno.EIO, errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EROFS, errno.ETIMEDOUT, errno.EAGAIN)


class Clouds:
    """The mounts of one daemon; each is made well before it is pulled out, so that nobody hangs in it for ever."""

    def __init__(self, sick: SickMount, rclone: RcloneMount | None, *, luck: random.Random) -> None:
        self._sick = sick
        self._rclone = rclone
        self._luck = luck
        self._out: set[str] = set()
        self.struck = 0  # calls that a fault has befallen

    def trouble(self) -> None:
        """One more fault in the sick one, of any kind, for some calls or until it is well again."""
        if "sick" in self._out:
            return
        times = self._luck.choice([None, 1, 5])
        match self._luck.choice(["fail", "fail", "fail", "hang", "slow", "empty"]):
            case "fail":
                self._sick.fail(self._luck.choice(_FAIL), self._luck.choice(_NUMBERS), times=times)
            case "hang":
                self._sick.hang(self._luck.choice(_HANG), times=times)
            case "slow":
                self._sick.slow(self._luck.choice(_FAIL), self._luck.uniform(0.05, 0.5), times=times)
            case "empty":
                self._sick.empty_listing(times=times)

    def heal(self) -> None:
        """The sick one is well."""
        if "sick" not in self._out:
            self._sick.heal()
            self.struck += sum(self._sick.tell("stats")["struck"].values())
            self._sick.reset()

    def pull_out(self) -> None:
        """One of the mounts is detached, or its process killed."""
        mount = self._luck.choice([self._sick, self._rclone or self._sick])
        name = "sick" if mount is self._sick else "rclone"
        if name in self._out:
            return
        self.heal()
        self._out.add(name)
        if self._luck.random() < 0.5:
            mount.kill()
        else:
            mount.detach()

    def put_back(self) -> None:
        """All that was pulled out is there again."""
        for name in list(self._out):
            mount = self._sick if name == "sick" else self._rclone
            assert mount is not None
            mount.detach()
            mount.start()
            self._out.remove(name)

"""SickMount: mounts the sick file system for a test, tells it what should go wrong, and always cleans up."""

import errno as errnos
from pathlib import Path

from fuse.served import ServedMount, needs_mfusepy

needs_sick = needs_mfusepy


class SickMount(ServedMount):
    """A pass-through FUSE file system in a process of its own.

    `root` is the mount point, `backing` the folder behind it (look there, never through a mount that hangs).
    Operations: getattr readdir statfs readlink create open read write truncate flush release fsync fsyncdir rename
    unlink mkdir rmdir symlink chmod chown utimens. What close() reports is `flush`; a rename that has happened, and may
    still go wrong for its caller, is `renamed`. For as many seconds as answers are `remembered` the kernel need not ask
    again.
    """

    def __init__(self, folder: Path, *, source: str = "sick:", name: str = "cloud", remembered: int = 0) -> None:
        program = ("fuse.sick", "--source", source, "--remembered", str(remembered))
        super().__init__(folder, name=name, program=program)

    # ---- what should go wrong

    def fail(
        self, op: str, errno: int = errnos.EIO, *, times: int | None = None, skip: int = 0, path: str = ""
    ) -> None:
        """Calls of `op` fail; `skip` of them pass first, and after `times` all pass again."""
        self.tell("strike", op=op, do="fail", errno=errno, times=times, skip=skip, path=path)

    def fail_close(self, errno: int = errnos.EIO, *, times: int | None = None, path: str = "") -> None:
        """Only close() fails, after every write and fsync went well."""
        self.fail("flush", errno, times=times, path=path)

    def slow(self, op: str, seconds: float, *, times: int | None = None, path: str = "") -> None:
        """Calls of `op` take longer by so much."""
        self.tell("strike", op=op, do="slow", seconds=seconds, times=times, path=path)

    def hang(self, op: str, *, times: int | None = None, skip: int = 0, path: str = "", instead: bool = False) -> None:
        """Calls of `op` do not answer until `release`; `instead` of what went wrong with them before."""
        self.tell("strike", op=op, do="hang", times=times, skip=skip, path=path, instead=instead)

    def release(self, op: str) -> None:
        """`op` is well again; calls of it that hang go on as if nothing had been."""
        self.tell("release", op=op)

    def heal(self) -> None:
        """Everything is well again."""
        self.tell("heal")

    def wrong_length(self, *, times: int | None = None, path: str = "") -> None:
        """close() says that all is well, and the file is a byte short."""
        self.tell("strike", op="flush", do="shorten", times=times, path=path)

    def wrong_bytes(self, *, times: int | None = None, path: str = "") -> None:
        """close() says that all is well, and the first byte is another one."""
        self.tell("strike", op="flush", do="corrupt", times=times, path=path)

    def empty_listing(self, *, times: int | None = None, path: str = "") -> None:
        """Folders list as empty."""
        self.tell("strike", op="readdir", do="empty", times=times, path=path)

    def cut_listing(self, *, times: int | None = None, path: str = "") -> None:
        """Folders list the first half of what is in them, by name."""
        self.tell("strike", op="readdir", do="cut", times=times, path=path)

    def short_writes(self, *, times: int | None = None, path: str = "") -> None:
        """write() takes half of what it is given, and says so."""
        self.tell("strike", op="write", do="short", times=times, path=path)

    def ignore(self, op: str) -> None:
        """utimens or chmod say yes and do nothing."""
        self.tell("strike", op=op, do="ignore")

    # ---- what happened

    def counts(self) -> dict[str, int]:
        """Calls of each operation since `reset`."""
        return dict(self.tell("stats")["counts"])

    def struck(self, op: str) -> int:
        """Calls of `op` that a fault has befallen since `reset`."""
        return int(self.tell("stats")["struck"].get(op, 0))

    def hanging(self, op: str) -> int:
        """Calls of `op` that hang now."""
        return int(self.tell("stats")["hanging"].get(op, 0))

    def reset(self) -> None:
        """Count anew."""
        self.tell("reset")

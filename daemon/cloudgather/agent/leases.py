"""Whether anybody has a file open for writing, asked of the kernel by a read lease."""

import errno
import fcntl
import signal
from typing import Final, NamedTuple

FREE: Final = "free"
WRITTEN: Final = "written"
UNKNOWN: Final = "unknown"


class Word(NamedTuple):
    """FREE, WRITTEN or UNKNOWN; `why` says why unknown: "file-system", "permission", "error"."""

    access: str
    why: str | None = None


_FREE: Final = Word(FREE)
_WRITTEN: Final = Word(WRITTEN)

_ignored = False


def ignore_writers_signals() -> None:
    """Have this process, and what it starts, ignore the signal by which the kernel tells of a writer that comes while a
    lease is held (SIGIO, which kills): then no lease has to choose another. For the main thread.
    """
    global _ignored
    signal.signal(signal.SIGIO, signal.SIG_IGN)
    _ignored = True


def ask(fd: int) -> Word:
    """What a read lease on `fd` (open for reading only) says; the caller knows the file system to be trusted.

    fcntl(2), F_SETLEASE: refused with EAGAIN while any descriptor or mapping writes; needs the owner or CAP_LEASE.
    """
    try:
        if not _ignored:
            # A signal that is ignored by default. The kernel forgets which with each lease that ends.
            fcntl.fcntl(fd, fcntl.F_SETSIG, signal.SIGURG)
        # F_RDLCK, which is 0: a number that is given, Python takes for a buffer first, and raises what nobody sees.
        fcntl.fcntl(fd, fcntl.F_SETLEASE)
    except OSError as error:
        if error.errno == errno.EAGAIN:
            return _WRITTEN
        return Word(UNKNOWN, "permission" if error.errno in (errno.EACCES, errno.EPERM) else "error")
    # Before close: closing a leased descriptor leaves a window in which the writer is made to wait.
    fcntl.fcntl(fd, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    return _FREE

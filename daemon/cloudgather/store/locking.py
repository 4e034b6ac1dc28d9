"""The lock on a state directory: one daemon at a time."""

import fcntl
import os

from cloudgather.store.errors import StateLocked, unusable


class StateLock:
    """Held from `__init__` until `release` or the death of the process; raises StateLocked, StateUnusable."""

    def __init__(self, state_dir: str) -> None:
        file = os.path.join(state_dir, "lock")
        try:
            self._descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise unusable(error, file) from error
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._write_pid()
        except BlockingIOError:
            pid = _pid_in(self._descriptor)
            os.close(self._descriptor)
            raise StateLocked(state_dir, pid) from None
        except OSError as error:
            os.close(self._descriptor)
            raise unusable(error, file) from error

    def release(self) -> None:
        """Let another daemon have it. The file stays: removing it would let two hold locks on two files."""
        os.close(self._descriptor)

    def _write_pid(self) -> None:
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, b"%d\n" % os.getpid(), 0)


def _pid_in(descriptor: int) -> int | None:
    text = os.pread(descriptor, 32, 0).strip()
    return int(text) if text.isdigit() else None

"""Starts an agent's process, and knows when it has ended, without ever blocking the event loop."""

import asyncio
import os
import signal
import socket
import sys
from collections.abc import Callable
from typing import Final

# The descriptor number of the socket in the child.
_CHILD_FD: Final = 3
_POLL: Final = 0.2
# -P: the folder that the daemon was started in must not shadow our modules.
_COMMAND: Final = (sys.executable, "-P", "-m", "cloudgather.agent", str(_CHILD_FD))


class Child:
    """One child process, reaped as soon as it can be; `ended` is called then, once, from the event loop."""

    def __init__(self, pid: int, ended: Callable[[], None], *, pidfd: int | None) -> None:
        """With its pidfd, which becomes ours; without one it is asked after a few times a second."""
        self.pid = pid
        self.how: str | None = None  # how it ended; None while it has not been reaped
        self._ended = ended
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._pidfd = pidfd
        if pidfd is None:
            self._timer = self._loop.call_later(_POLL, self._poll)
        else:
            self._loop.add_reader(pidfd, self._reap)

    def kill(self) -> None:
        """SIGKILL; whether it dies of it is another matter. Nothing where it has been reaped."""
        if self.how is None:
            os.kill(self.pid, signal.SIGKILL)

    def forget(self) -> None:
        """Let go of every resource, whether it has ended or not; `ended` is not called any more."""
        if self._pidfd is not None:
            self._loop.remove_reader(self._pidfd)
            os.close(self._pidfd)
            self._pidfd = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _poll(self) -> None:
        self._timer = self._loop.call_later(_POLL, self._poll)
        self._reap()

    def _reap(self) -> None:
        try:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
        except ChildProcessError:  # SIGCHLD is ignored in this process: the kernel has reaped it
            self.how = "ended"
        else:
            if pid == 0:
                return
            code = os.waitstatus_to_exitcode(status)
            self.how = f"was killed by signal {-code}" if code < 0 else f"exited with {code}"
        self.forget()
        self._ended()


def spawn(ended: Callable[[], None]) -> tuple[Child, socket.socket]:
    """Start an agent; its process and our end of its socket.

    Call it in the main thread: the kernel sends a child's PR_SET_PDEATHSIG when the thread that made it ends.
    The child is in a process group of its own, so that a Ctrl-C at the daemon's terminal is the daemon's alone.
    """
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    ours.setblocking(False)
    try:
        pid = os.posix_spawn(
            _COMMAND[0],
            (*_COMMAND, str(os.getpid())),
            os.environ,
            # The socket first: it may itself have the number 0 in a daemon that was started without stdin.
            file_actions=[
                (os.POSIX_SPAWN_DUP2, theirs.fileno(), _CHILD_FD),
                (os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDONLY, 0),
            ],
            setpgroup=0,
            setsigmask=[],
            setsigdef=[signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD],
        )
    except BaseException:
        ours.close()
        raise
    finally:
        theirs.close()
    return Child(pid, ended, pidfd=_pidfd(pid)), ours


def _pidfd(pid: int) -> int | None:
    try:
        return os.pidfd_open(pid)
    except (OSError, AttributeError):  # before Linux 5.3, or a Python that was built for that
        return None

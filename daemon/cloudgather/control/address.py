"""The socket file: made so that everybody can connect, never taken from a daemon that lives, removed only if ours."""

import errno
import logging
import os
import socket
import stat
from dataclasses import dataclass

logger = logging.getLogger(__name__)

_LONGEST = 107  # bytes of a Unix socket's path: sun_path of unix(7), less the NUL
BACKLOG = 512  # connections that wait to be accepted; who comes then waits for a place among them


class AddressUnusable(Exception):
    """The daemon cannot listen there; the text says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """A listening socket and the file it was bound to."""

    path: str
    socket: socket.socket
    device: int
    inode: int

    def remove(self) -> None:
        """Unlink the file, unless another daemon has put its own there meanwhile."""
        try:
            found = os.lstat(self.path)
            if (found.st_dev, found.st_ino) == (self.device, self.inode):
                os.unlink(self.path)
        except FileNotFoundError:
            pass
        except OSError as error:
            logger.warning("cannot remove %s: %s", self.path, error.strerror)


def listen(path: str) -> Address:
    """Bind and listen; raises AddressUnusable. A missing folder is made with mode 0755, the socket has 0666."""
    if len(os.fsencode(path)) > _LONGEST:
        raise AddressUnusable(f"cannot listen on {path}: a socket's path has at most {_LONGEST} bytes")
    try:
        _make_folder(os.path.dirname(path))
        _clear(path)
        return _bind(path)
    except OSError as error:
        raise AddressUnusable(f"cannot listen on {path}: {error.strerror or error}") from error


def _make_folder(folder: str) -> None:
    try:
        os.mkdir(folder)
    except FileExistsError:
        return
    os.chmod(folder, 0o755)  # whatever the umask is


def _clear(path: str) -> None:
    """Remove a socket that nobody listens on any more."""
    try:
        mode = os.lstat(path).st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise AddressUnusable(f"cannot listen on {path}: something that is not a socket is there")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.setblocking(False)
        answer = probe.connect_ex(path)
    match answer:
        case errno.ECONNREFUSED:
            logger.info("%s is left over from a daemon that has ended; replaced", path)
            os.unlink(path)
        case errno.ENOENT:
            pass
        case 0 | errno.EAGAIN:  # EAGAIN: its backlog is full
            raise AddressUnusable(f"cannot listen on {path}: another daemon listens there")
        case _:
            raise OSError(answer, os.strerror(answer))


def _bind(path: str) -> Address:
    bound = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        bound.setblocking(False)
        bound.bind(path)
        # Nobody can connect before listen(), so that the umask (which belongs to all threads) can be left alone.
        os.chmod(path, 0o666)
        found = os.lstat(path)
        bound.listen(BACKLOG)
    except BaseException:
        bound.close()
        raise
    return Address(path=path, socket=bound, device=found.st_dev, inode=found.st_ino)

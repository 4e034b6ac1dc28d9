"""The control socket: whether a daemon answers there, or could."""

import os
import socket
import stat
from typing import Any, Final

from cgwire.codec import REPLY_LIMIT, Answer, Frames, Malformed, encode_call
from cgwire.codes import Code
from cgwire.daemon import Ping
from cgwire.reasons import because
from cgwire.version import VERSION
from cloudgather.doctor.checks import Check, bad, doubtful, fine
from cloudgather.rights import may, nearest, obstacle, user

_PATIENCE: Final = 4.0


def examine_socket(path: str, *, patience: float = _PATIENCE) -> Check:
    """`socket`. Asks a daemon for no more than its version, and waits `patience` seconds."""
    try:
        found = os.lstat(path)
    except FileNotFoundError:
        return _folder(path)
    except PermissionError:
        return bad("socket", because(Code.DOCTOR_SOCKET_DENIED, socket=path, user=user()))
    except OSError as error:
        return bad("socket", because(Code.DOCTOR_SOCKET_ERROR, socket=path, message=error.strerror))
    if not stat.S_ISSOCK(found.st_mode):
        return bad("socket", because(Code.DOCTOR_SOCKET_OCCUPIED, socket=path))
    try:
        answer = _ping(path, patience)
    except (ConnectionRefusedError, FileNotFoundError):
        return _left_over(path)
    except PermissionError:
        return doubtful("socket", because(Code.DOCTOR_SOCKET_DENIED, socket=path, user=user()))
    except (TimeoutError, BlockingIOError, EOFError, Malformed, ConnectionError):
        return bad("socket", because(Code.DOCTOR_SOCKET_MUTE, socket=path, seconds=patience))
    except OSError as error:
        return bad("socket", because(Code.DOCTOR_SOCKET_ERROR, socket=path, message=error.strerror))
    told = answer.result if isinstance(answer.result, dict) else {}
    facts: dict[str, Any] = {"socket": path, "pid": told.get("pid"), "version": told.get("version")}
    if facts["version"] != VERSION:
        return doubtful("socket", because(Code.DOCTOR_SOCKET_VERSION, here=VERSION, **facts))
    return fine("socket", because(Code.DOCTOR_SOCKET, **facts))


def _ping(path: str, patience: float) -> Answer:
    """The answer to daemon.ping, from a daemon that is given a few seconds."""
    frames = Frames(REPLY_LIMIT)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(patience)
        connection.connect(path)
        connection.sendall(encode_call(1, Ping()))
        while True:
            data = connection.recv(65536)
            if not data:
                raise EOFError(path)
            frames.push(data)
            while (message := frames.take()) is not None:
                if isinstance(message, Answer):
                    return message


def _folder(path: str) -> Check:
    """Whether a daemon could make the socket, and, one level deep, its folder."""
    folder = os.path.dirname(os.fsencode(path))
    if os.path.isdir(folder):
        if may(folder, os.W_OK | os.X_OK):
            return fine("socket", because(Code.DOCTOR_SOCKET_FREE, socket=path))
        facts = obstacle(folder, os.W_OK | os.X_OK) or {"at": folder, "user": user()}
        return bad("socket", because(Code.DOCTOR_FOLDER_DENIED, folder=folder, **facts))
    above = nearest(folder)
    if os.path.dirname(folder) == above and os.path.isdir(above) and may(above, os.W_OK | os.X_OK):
        return fine("socket", because(Code.DOCTOR_SOCKET_FREE, socket=path))
    # Not bad: where systemd starts the daemon, it makes the folder.
    return doubtful("socket", because(Code.DOCTOR_SOCKET_FOLDER, folder=folder, user=user()))


def _left_over(path: str) -> Check:
    folder = os.path.dirname(os.fsencode(path))
    if may(folder, os.W_OK | os.X_OK):
        return fine("socket", because(Code.DOCTOR_SOCKET_STALE, socket=path))
    facts = obstacle(folder, os.W_OK | os.X_OK) or {"at": folder, "user": user()}
    return bad("socket", because(Code.DOCTOR_FOLDER_DENIED, folder=folder, **facts))

"""The folders that the daemon keeps its own files in: state and logs."""

import os
import stat
from collections.abc import Sequence
from typing import Any, Final

from cgwire.codes import Code
from cgwire.reasons import because
from cloudgather.core.mounts import Mount, mount_of
from cloudgather.doctor.checks import Check, bad, doubtful, fine
from cloudgather.rights import may, nearest, obstacle, user, user_name

_SCARCE: Final = 1 << 30
_FULL: Final = 50 << 20
# A reboot, or a container made anew, takes what is on these.
_VOLATILE: Final = frozenset({"tmpfs", "ramfs", "overlay"})
_ALL: Final = os.R_OK | os.W_OK | os.X_OK


def state_folder(folder: str, mounts: Sequence[Mount]) -> list[Check]:
    """`state-dir`, and `state-space` where it can be told."""
    path = os.fsencode(folder)
    mount = mount_of(path, mounts)
    if mount is not None and mount.is_remote:
        return [bad("state-dir", because(Code.DOCTOR_STATE_REMOTE, folder=path, fs_type=mount.fs_type))]
    usable = own_folder("state-dir", folder, mounts)
    if usable.reason.code not in (Code.DOCTOR_FOLDER, Code.DOCTOR_FOLDER_NONE):
        return [usable]
    return [_owned(usable, path, mount), _space(path)]


def own_folder(name: str, folder: str, mounts: Sequence[Mount]) -> Check:
    """Whether the daemon can keep files in `folder`, which it makes where it is not there."""
    path = os.fsencode(folder)
    mount = mount_of(path, mounts)
    place: dict[str, Any] = {} if mount is None else {"fs_type": mount.fs_type, "device": mount.source}
    if mount is not None and mount.is_remote:
        return doubtful(name, because(Code.DOCTOR_FOLDER_REMOTE, folder=path, fs_type=mount.fs_type))
    try:
        found = os.stat(path)
    except FileNotFoundError:
        above = nearest(path)
        if may(above, os.W_OK | os.X_OK):
            return fine(name, because(Code.DOCTOR_FOLDER_NONE, folder=path, at=above, **place))
        return _refused(name, path, above, os.W_OK | os.X_OK, mount)
    except NotADirectoryError:
        return bad(name, because(Code.DOCTOR_FOLDER_OCCUPIED, folder=path))
    except PermissionError:
        return _refused(name, path, path, _ALL, mount)
    except OSError as error:
        return bad(name, because(Code.DOCTOR_FOLDER_ERROR, folder=path, message=error.strerror))
    if not stat.S_ISDIR(found.st_mode):
        return bad(name, because(Code.DOCTOR_FOLDER_OCCUPIED, folder=path))
    if not may(path, _ALL):
        return _refused(name, path, path, _ALL, mount)
    return fine(name, because(Code.DOCTOR_FOLDER, folder=path, **place))


def _refused(name: str, path: bytes, at: bytes, mode: int, mount: Mount | None) -> Check:
    if mount is not None and mount.read_only:
        return bad(name, because(Code.DOCTOR_FOLDER_READ_ONLY, folder=path))
    facts = obstacle(at, mode) or {"at": at, "user": user()}
    return bad(name, because(Code.DOCTOR_FOLDER_DENIED, folder=path, **facts))


def _owned(usable: Check, path: bytes, mount: Mount | None) -> Check:
    if mount is not None and mount.fs_type in _VOLATILE:
        return doubtful(usable.name, because(Code.DOCTOR_STATE_VOLATILE, folder=path, fs_type=mount.fs_type))
    if usable.reason.code == Code.DOCTOR_FOLDER_NONE:
        return usable
    owner = os.stat(path).st_uid
    if owner != os.geteuid():
        facts = {"folder": path, "owner": user_name(owner), "user": user()}
        return doubtful(usable.name, because(Code.DOCTOR_STATE_OWNER, **facts))
    return usable


def _space(path: bytes) -> Check:
    room = os.statvfs(path if os.path.isdir(path) else nearest(path))
    free, total = room.f_bavail * room.f_frsize, room.f_blocks * room.f_frsize
    facts = {"folder": path, "free": free, "total": total}
    if free < _FULL:
        return bad("state-space", because(Code.DOCTOR_SPACE_LOW, **facts))
    if free < _SCARCE:
        return doubtful("state-space", because(Code.DOCTOR_SPACE_LOW, **facts))
    return fine("state-space", because(Code.DOCTOR_SPACE, **facts))

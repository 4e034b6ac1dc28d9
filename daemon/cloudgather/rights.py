"""What this process may do with a path of this machine, what stands in its way, and what would let it."""

import grp
import os
import pwd
import shlex
import stat
from collections.abc import Mapping
from typing import Any

from cgwire.codes import Code
from cgwire.reasons import Reason, because


def user() -> str:
    """The name of the user that this process acts as."""
    return user_name(os.geteuid())


def user_name(uid: int) -> str:
    """The user's name, or the number of one without."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def group_name(gid: int) -> str:
    """The group's name, or the number of one without."""
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return str(gid)


def may(path: bytes, mode: int) -> bool:
    """access(2) with the effective ids."""
    return os.access(path, mode, effective_ids=True)


def obstacle(path: bytes, mode: int) -> Mapping[str, Any] | None:
    """Facts of the first folder on the way to `path`, or of itself, that does not let us; None where none is found.

    at, owner, group, mode, user, and `command`, which would give the user what is missing.
    """
    parts = path.strip(b"/").split(b"/")
    ways = [b"/", *(b"/" + b"/".join(parts[: end + 1]) for end in range(len(parts) - 1))]
    for way in ways:
        if not may(way, os.X_OK):
            return _facts(way, "x", recursive=False)
    if may(path, mode):
        return None
    letters = "".join(letter for letter, bit in (("r", os.R_OK), ("w", os.W_OK)) if mode & bit)
    return _facts(path, letters + "X", recursive=True)


def denied_source(root: bytes) -> Reason:
    """That a source may not be read, with whose it is, which mode it has and what to run. Blocks as the disk does."""
    facts = obstacle(root, os.R_OK | os.X_OK) or {"user": user()}
    return because(Code.SOURCE_DENIED, source=root, **facts)


def _facts(path: bytes, letters: str, *, recursive: bool) -> Mapping[str, Any]:
    try:
        found = os.stat(path)
    except OSError:
        found = None
    place = shlex.quote(os.fsencode(path).decode("utf-8", "backslashreplace"))
    command = f"setfacl {'-R ' if recursive else ''}-m u:{user()}:{letters} {place}"
    seen: dict[str, Any] = {}
    if found is not None:
        seen = {
            "owner": user_name(found.st_uid),
            "group": group_name(found.st_gid),
            "mode": stat.S_IMODE(found.st_mode),
        }
    return {"at": path, "user": user(), "command": command, **seen}


def nearest(path: bytes) -> bytes:
    """The deepest folder above `path` that is there."""
    above = os.path.dirname(path)
    while not os.path.lexists(above) and above != b"/":
        above = os.path.dirname(above)
    return above


def may_write_by_mode(uid: int, gid: int, mode: int) -> bool:
    """Whether owner, group and mode of a folder let this process make files in it; access lists are not looked at."""
    if os.geteuid() == 0:
        return True
    shift = 6 if uid == os.geteuid() else 3 if gid in {os.getegid(), *os.getgroups()} else 0
    return (mode >> shift) & 0o3 == 0o3

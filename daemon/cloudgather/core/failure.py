"""Sorts what went wrong with an attempt: try again, hold the target, or give up at once."""

import errno as e
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from cgwire.codes import Code
from cgwire.reasons import Reason, because


class Sort(StrEnum):
    """What a failure means for the transfer and for its target."""

    TRANSIENT = "transient"  # this file may go later
    TARGET_WIDE = "target-wide"  # no file can go now: the breaker opens and no attempt is spent
    PERMANENT = "permanent"  # no retry mends it


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """A sorted failure with its reason."""

    sort: Sort
    reason: Reason


_TARGET_WIDE: Final = {
    e.ENOSPC: Code.FAIL_FULL,
    e.EDQUOT: Code.FAIL_FULL,
    e.EROFS: Code.FAIL_READ_ONLY,
    e.ENOTCONN: Code.FAIL_MOUNT,
    e.ESTALE: Code.FAIL_MOUNT,
    e.ENODEV: Code.FAIL_MOUNT,
    e.ENXIO: Code.FAIL_MOUNT,
    e.ESHUTDOWN: Code.FAIL_MOUNT,
    e.EHOSTDOWN: Code.FAIL_MOUNT,
    e.EHOSTUNREACH: Code.FAIL_MOUNT,
    e.ENETDOWN: Code.FAIL_MOUNT,
    e.ENETUNREACH: Code.FAIL_MOUNT,
}
_PERMANENT: Final = {
    e.ENAMETOOLONG: Code.FAIL_NAME,
    e.EILSEQ: Code.FAIL_NAME,
    e.EFBIG: Code.FAIL_TOO_LARGE,
    e.EISDIR: Code.FAIL_OCCUPIED,
    e.ENOTDIR: Code.FAIL_OCCUPIED,
}
# Steps that name something: EINVAL there is said of the name (vfat, exfat and cloud mounts refuse characters so).
_NAMING: Final = frozenset({"open", "create", "mkdir", "rename"})
# Of a temporary EEXIST means that an answer was lost on its way (NFS): the next try has another name.
_FINAL: Final = "rename"
# Opening the target's root fails for every file alike.
_ROOT: Final = "root"


def sort_errno(errno: int, *, step: str, side: str, message: str) -> Failure:
    """Sort an OSError of a source or target operation."""
    facts: dict[str, object] = {"step": step, "message": message, "errno": e.errorcode.get(errno, str(errno))}
    if side == "source":
        if errno in (e.EACCES, e.EPERM):
            return Failure(sort=Sort.PERMANENT, reason=because(Code.FAIL_SOURCE_DENIED, **facts))
        return Failure(sort=Sort.TRANSIENT, reason=because(Code.FAIL_SOURCE_READ, **facts))
    if (code := _TARGET_WIDE.get(errno)) is not None:
        return Failure(sort=Sort.TARGET_WIDE, reason=because(code, **facts))
    if (code := _PERMANENT.get(errno)) is not None:
        return Failure(sort=Sort.PERMANENT, reason=because(code, **facts))
    if errno == e.EEXIST and step == _FINAL:
        return Failure(sort=Sort.PERMANENT, reason=because(Code.FAIL_OCCUPIED, **facts))
    if errno == e.EINVAL and step in _NAMING:
        return Failure(sort=Sort.PERMANENT, reason=because(Code.FAIL_NAME, **facts))
    if errno in (e.EACCES, e.EPERM):
        # A logged-out account answers so for every file, a folder's mode for one: attempts tell them apart.
        return Failure(sort=Sort.TRANSIENT, reason=because(Code.FAIL_DENIED, **facts))
    sort = Sort.TARGET_WIDE if step == _ROOT else Sort.TRANSIENT
    return Failure(sort=sort, reason=because(Code.FAIL_IO, **facts))


def sort_other(step: str, *, message: str, limit: float | None) -> Failure:
    """Sort a failure that is no errno: a deadline, a wrong length, another digest, an agent that died."""
    facts: dict[str, object] = {"step": step, "message": message}
    if limit is not None:
        sort = Sort.TARGET_WIDE if step == _ROOT else Sort.TRANSIENT
        return Failure(sort=sort, reason=because(Code.FAIL_TIMEOUT, seconds=limit, **facts))
    match step:
        case "length":
            return Failure(sort=Sort.TRANSIENT, reason=because(Code.FAIL_LENGTH, **facts))
        case "digest":
            return Failure(sort=Sort.TRANSIENT, reason=because(Code.FAIL_DIGEST, **facts))
        case "occupied":
            return Failure(sort=Sort.PERMANENT, reason=because(Code.FAIL_OCCUPIED, **facts))
        case _:
            return Failure(sort=Sort.TRANSIENT, reason=because(Code.FAIL_AGENT, **facts))

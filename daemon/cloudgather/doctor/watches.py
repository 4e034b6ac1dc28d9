"""inotify: whether the kernel allows as many watches as the tasks need."""

import ctypes
import errno
import os
from collections.abc import Sequence
from typing import Any, Final

from cgwire.codes import Code
from cgwire.reasons import because
from cloudgather.doctor.census import Census
from cloudgather.doctor.checks import Check, doubtful, fine
from cloudgather.triggers.inotify import limit

_QUEUE: Final = "/proc/sys/fs/inotify/max_queued_events"
_SHORT_QUEUE: Final = 16384  # the kernel's default
_ENOUGH: Final = 1 << 20
_ENOUGH_INSTANCES: Final = 1024
# Other programs of this user watch, too.
_SPARE: Final = 0.8


def examine_watches(watched: Sequence[Census], *, running: bool) -> list[Check]:
    """`watch-limit`, `watch-instances` and `watch-queue`, for sources with so many folders each.

    `running`: a daemon has its instances already.
    """
    return [_watches(watched), _instances(1 if running else len(watched)), _queue()]


def _watches(watched: Sequence[Census]) -> Check:
    most, needed = limit("watches"), sum(census.directories for census in watched)
    stopped = max((census.stopped for census in watched if census.stopped is not None), default=None)
    facts: dict[str, Any] = {"limit": most, "directories": needed, "stopped": stopped}
    if most is None or needed <= most * _SPARE:
        return fine("watch-limit", because(Code.DOCTOR_WATCH, **facts))
    wanted = max(_ENOUGH, 1 << (2 * needed).bit_length())
    return doubtful("watch-limit", because(Code.DOCTOR_WATCH_LIMIT, wanted=wanted, **facts))


def _instances(needed: int) -> Check:
    """Tried, since nothing tells how many there are; one at least."""
    most = limit("instances")
    facts = {"limit": most, "needed": needed}
    descriptors: list[int] = []
    try:
        for _ in range(max(1, min(needed, most or needed))):
            descriptors.append(_inotify())
    except OSError as error:
        if error.errno in (errno.EMFILE, errno.ENFILE):
            return doubtful("watch-instances", because(Code.DOCTOR_INSTANCES_LIMIT, wanted=_ENOUGH_INSTANCES, **facts))
        return doubtful("watch-instances", because(Code.WATCH_BROKEN, message=error.strerror))
    finally:
        for descriptor in descriptors:
            os.close(descriptor)
    return fine("watch-instances", because(Code.DOCTOR_INSTANCES, **facts))


def _inotify() -> int:
    libc = ctypes.CDLL(None, use_errno=True)
    descriptor = int(libc.inotify_init1(os.O_CLOEXEC))
    if descriptor < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return descriptor


def _queue() -> Check:
    try:
        with open(_QUEUE, "rb") as file:
            length = int(file.read())
    except (OSError, ValueError):
        return fine("watch-queue", because(Code.DOCTOR_QUEUE))
    if length < _SHORT_QUEUE:
        return doubtful("watch-queue", because(Code.DOCTOR_QUEUE_SHORT, limit=length, wanted=_SHORT_QUEUE))
    return fine("watch-queue", because(Code.DOCTOR_QUEUE, limit=length))

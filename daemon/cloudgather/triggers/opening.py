"""Setting up the watch of a root: what comes of it, and why it may have to be polling."""

import errno
import logging
from collections.abc import Sequence
from dataclasses import dataclass

from cgwire.codes import Code
from cgwire.reasons import Reason, because
from cloudgather.core.mounts import Mount
from cloudgather.triggers.inbox import Inbox
from cloudgather.triggers.inotify import LimitReached, TreeWatch, limit
from cloudgather.triggers.place import Place, locate, mounts_around, remote_of, unusable

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """The root is watched."""

    watch: TreeWatch
    inbox: Inbox
    place: Place
    around: tuple[Mount, ...]  # what mounts_around said when it began


@dataclass(frozen=True, slots=True, kw_only=True)
class Polled:
    """The root cannot be watched; another try is worth it once `around` or `limits` differ."""

    reason: Reason
    path: bytes  # whose mounts `around` are
    around: tuple[Mount, ...]
    limits: tuple[int | None, int | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Away:
    """The root cannot be used at all."""

    reason: Reason


def polled(reason: Reason, path: bytes, mounts: Sequence[Mount]) -> Polled:
    """Polling, as things are now."""
    return Polled(reason=reason, path=path, around=mounts_around(path, mounts), limits=limits())


def polled_if_remote(root: bytes, path: bytes, mounts: Sequence[Mount]) -> Polled | None:
    """Polling, if `path` (where `root` leads) is on a remote file system or has one below it. Touches no file."""
    if (mount := remote_of(mounts_around(path, mounts))) is None:
        return None
    return polled(because(Code.WATCH_REMOTE, source=root, fs_type=mount.fs_type), path, mounts)


def open_watch(root: bytes, watch: TreeWatch, inbox: Inbox, mounts: Sequence[Mount]) -> Watched | Polled | Away:
    """Watch what `root` leads to. Blocks while it walks the tree."""
    try:
        place = locate(root)
        if remote := polled_if_remote(root, place.path, mounts):
            return remote
        if (reason := _start(root, watch, place)) is not None:
            return polled(reason, root, mounts)
        if locate(root) != place:
            raise FileNotFoundError(errno.ENOENT, "replaced while its watch was set up", root)
    except OSError as error:
        watch.stop()
        return Away(reason=unusable(root, error))
    return Watched(watch=watch, inbox=inbox, place=place, around=mounts_around(place.path, mounts))


def _start(root: bytes, watch: TreeWatch, place: Place) -> Reason | None:
    try:
        watch.start(place.path)
    except LimitReached as error:
        most = limit("watches")
        return because(Code.WATCH_LIMIT, source=root, limit=most, directories=error.directories)
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ENOTDIR, errno.EACCES):
            raise  # the root has just changed
        if error.errno in (errno.EMFILE, errno.ENFILE):
            return because(Code.WATCH_INSTANCES, limit=limit("instances"))
        return because(Code.WATCH_BROKEN, message=error.strerror or str(error))
    except Exception as error:
        logger.exception("cannot watch %r", root)
        return because(Code.WATCH_BROKEN, message=str(error))
    return None


def limits() -> tuple[int | None, int | None]:
    """The kernel's limits on watches and on instances, as they are now."""
    return limit("watches"), limit("instances")

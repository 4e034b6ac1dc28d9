"""The folders that tasks send from: whether they are there, may be read, tell their changes and their writers."""

import errno
import os
import stat
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, TypeVar

from cgwire.codes import Code
from cgwire.reasons import Reason, because
from cloudgather.agent import looking
from cloudgather.agent.fleet import Fleet
from cloudgather.agent.operation import AgentError
from cloudgather.core.mounts import Mount, mount_of
from cloudgather.core.task import Task
from cloudgather.doctor.bounds import within
from cloudgather.doctor.census import Census, take_census
from cloudgather.doctor.checks import Check, bad, doubtful, fine
from cloudgather.outside.threads import on_thread
from cloudgather.ports.source import Access, Look
from cloudgather.ports.target import Failed, Stalled, TargetHeld
from cloudgather.rights import obstacle, user, user_name
from cloudgather.triggers.place import Place, locate, mounts_around, remote_of, unusable

T = TypeVar("T")

_PATIENCE: Final = 8.0
_CENSUS: Final = 15.0  # it ends by itself, unless its disk hangs
_DENIED: Final = frozenset({errno.EACCES, errno.EPERM})


@dataclass(frozen=True, slots=True, kw_only=True)
class Examined:
    """The findings, and the folders to watch: None where the source is not watched."""

    checks: Sequence[Check]
    census: Census | None = None


async def examine_source(task: Task, mounts: Sequence[Mount], fleet: Fleet) -> Examined:
    """`source`, `watch` and `lease` of one task. Only an agent touches a network or FUSE file system."""
    mount = mount_of(task.source, mounts)
    if mount is not None and mount.is_remote:
        return Examined(checks=[await _remote(task, mount, fleet), *_remarks(task, mount)])
    try:
        place = await within(_PATIENCE, on_thread(partial(locate, task.source), "source"))
        mount = mount_of(place.path, mounts)
        if mount is not None and mount.is_remote:
            return Examined(checks=[await _remote(task, mount, fleet), *_remarks(task, mount)])
        census = await within(_CENSUS, on_thread(partial(take_census, place.path, mounts), "census"))
        return await within(_PATIENCE, on_thread(partial(_local, task, place, mount, mounts, census), "source"))
    except TimeoutError:
        reason = because(Code.SOURCE_STALLED, source=task.source, seconds=_PATIENCE)
        return Examined(checks=[bad("source", reason, subject=task.name)])
    except OSError as error:
        return Examined(checks=[_unusable(task, error)])


def _unusable(task: Task, error: OSError) -> Check:
    if error.errno in _DENIED and (facts := obstacle(task.source, os.R_OK | os.X_OK)) is not None:
        reason = because(Code.DOCTOR_SOURCE_DENIED, source=task.source, **facts)
    else:
        reason = unusable(task.source, error)
    return bad("source", reason, subject=task.name)


# ---- local -----------------------------------------------------------------------------------------------------------


def _local(task: Task, place: Place, mount: Mount | None, mounts: Sequence[Mount], census: Census) -> Examined:
    checks = [_found(task, place, mount, census)]
    remote = remote_of(mounts_around(place.path, mounts))
    if task.watch and remote is not None:
        checks.append(_polled(task, remote))
    checks.append(_lease(task, place, mount, census))
    return Examined(checks=checks, census=census if task.watch and remote is None else None)


def _found(task: Task, place: Place, mount: Mount | None, census: Census) -> Check:
    if census.refused:
        facts = {"count": census.refused, "example": census.refused_example, "user": user()}
        reason = because(Code.DOCTOR_SOURCE_PARTS, source=task.source, **facts)
        return doubtful("source", reason, subject=task.name)
    owner, room = os.stat(place.path), os.statvfs(place.path)
    reason = because(
        Code.DOCTOR_SOURCE,
        source=task.source,
        fs_type=None if mount is None else mount.fs_type,
        owner=user_name(owner.st_uid),
        mode=stat.S_IMODE(owner.st_mode),
        directories=census.directories,
        stopped=census.stopped,
        free=room.f_bavail * room.f_frsize,
        total=room.f_blocks * room.f_frsize,
    )
    return fine("source", reason, subject=task.name)


def _lease(task: Task, place: Place, mount: Mount | None, census: Census) -> Check:
    """Files of others first: only CAP_LEASE lets us ask about those."""
    fs_type = None if mount is None else mount.fs_type
    if mount is None or not mount.tells_writers:
        return doubtful("lease", because(Code.DOCTOR_LEASE_UNKNOWN, fs_type=fs_type), subject=task.name)
    for path in (census.other_file, census.own_file):
        if path is None or not isinstance(look := _looked(place.path, path), Look):
            continue
        if look.access is not Access.UNKNOWN:
            return fine("lease", because(Code.DOCTOR_LEASE, fs_type=fs_type, path=path), subject=task.name)
        facts = {"path": path, "user": user(), "cause": look.unknown_why}
        return doubtful("lease", because(Code.DOCTOR_LEASE_REFUSED, **facts), subject=task.name)
    return fine("lease", because(Code.DOCTOR_LEASE_UNTRIED, fs_type=fs_type), subject=task.name)


def _looked(root: bytes, path: bytes) -> object:
    try:
        return looking.look(root, path)
    except OSError:
        return None


# ---- network and FUSE ------------------------------------------------------------------------------------------------


async def _remote(task: Task, mount: Mount, fleet: Fleet) -> Check:
    crew = f"source of {task.name}"
    try:
        found: dict[str, Any] = await fleet.call(crew, "probe", {"root": task.source}, side="source")
    except AgentError as error:
        return bad("source", _why(task, mount, error.facts), subject=task.name)
    except Stalled as error:
        reason = because(Code.SOURCE_STALLED, source=task.source, seconds=error.limit)
        return bad("source", reason, subject=task.name)
    except Failed as error:
        reason = because(Code.SOURCE_ERROR, source=task.source, message=error.message)
        return bad("source", reason, subject=task.name)
    except TargetHeld as error:
        return bad("source", error.reason, subject=task.name)
    told = {"fs_type": found["fs_type"], "owner": user_name(found["uid"])}
    return fine("source", because(Code.DOCTOR_SOURCE, source=task.source, **told), subject=task.name)


def _why(task: Task, mount: Mount, facts: Mapping[str, Any]) -> Reason:
    match facts.get("what"):
        case "dead":
            return because(Code.DOCTOR_SOURCE_DEAD, source=task.source, fs_type=mount.fs_type)
        case "denied":
            owner = facts.get("owner")
            told = {"fs_type": mount.fs_type, "owner": None if owner is None else user_name(owner), "user": user()}
            return because(Code.DOCTOR_SOURCE_PRIVATE, source=task.source, **told)
        case "root-gone":
            return because(Code.SOURCE_GONE, source=task.source)
        case _:
            return because(Code.SOURCE_ERROR, source=task.source, message=str(facts.get("message", "")))


def _remarks(task: Task, mount: Mount) -> list[Check]:
    lease = doubtful("lease", because(Code.DOCTOR_LEASE_UNKNOWN, fs_type=mount.fs_type), subject=task.name)
    return [_polled(task, mount), lease] if task.watch else [lease]


def _polled(task: Task, mount: Mount) -> Check:
    reason = because(Code.WATCH_REMOTE, source=task.source, fs_type=mount.fs_type)
    return fine("watch", reason, subject=task.name)

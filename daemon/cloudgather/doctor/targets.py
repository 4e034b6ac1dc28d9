"""Where tasks send to: what is mounted there, read from mountinfo, and whether an agent reaches it."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from cgwire.codes import Code
from cgwire.reasons import Reason, because
from cloudgather.agent.fleet import Fleet
from cloudgather.agent.probed import Probed
from cloudgather.agent.target import AgentTarget
from cloudgather.agent.verdicts import why_held
from cloudgather.core.mounts import Mount, mount_of
from cloudgather.core.target import Identity, Kind, TargetSpec
from cloudgather.doctor.checks import Check, bad, doubtful, fine
from cloudgather.doctor.container import in_container, is_pinned, makes_mounts
from cloudgather.ports.queue import TargetMemory
from cloudgather.ports.target import AgentLost, Failed, Stalled, TargetHeld
from cloudgather.rights import group_name, may_write_by_mode, user, user_name

_SCARCE: Final = 1 << 30
_UNMOUNTED: Final = frozenset({Code.HELD_NEVER_MOUNTED, Code.HELD_NOT_MOUNTED, Code.HELD_ROOT_GONE})


async def examine_target(
    spec: TargetSpec, memories: Mapping[str, TargetMemory], mounts: Sequence[Mount], fleet: Fleet
) -> Check:
    """`target` of one target. Writes nothing there: `cgctl target test` does."""
    memory = memories.get(spec.name)
    recorded = memory.identity if memory is not None else None
    target = AgentTarget(spec, lambda: recorded, fleet)
    try:
        found = await target.survey()
    except TargetHeld as error:
        return bad("target", _explained(error.reason, spec, recorded, mounts), subject=spec.name)
    except Stalled as error:
        facts = {"step": error.step, "seconds": error.limit}
        return bad("target", because(Code.HELD_STALLED, target=spec.name, **facts), subject=spec.name)
    except AgentLost as error:
        return bad("target", because(Code.FAIL_AGENT, message=error.message), subject=spec.name)
    except Failed as error:
        facts = {"step": error.step, "errno": error.errno, "message": error.message}
        return bad("target", because(Code.FAIL_IO, **facts), subject=spec.name)
    return _judge(spec, found, recorded, mounts)


def _judge(spec: TargetSpec, found: Probed, recorded: Identity | None, mounts: Sequence[Mount]) -> Check:
    if (why := found.why_not(spec, recorded)) is not None:
        return bad("target", _explained(why, spec, recorded, mounts), subject=spec.name)
    here: dict[str, Any] = {"target": spec.name, "root": spec.root, "fs_type": found.identity.fs_type}
    if spec.kind is Kind.DIRECTORY and found.identity.is_remote:
        return doubtful("target", because(Code.DOCTOR_TARGET_UNGUARDED, **here), subject=spec.name)
    if in_container(mounts) and not makes_mounts() and is_pinned(spec.root, mounts):
        return doubtful("target", because(Code.DOCTOR_TARGET_PINNED, **here), subject=spec.name)
    if _mode_decides(spec, mounts) and not may_write_by_mode(found.uid, found.gid, found.mode):
        owned = {"owner": user_name(found.uid), "group": group_name(found.gid), "mode": found.mode, "user": user()}
        return doubtful("target", because(Code.DOCTOR_TARGET_DENIED, **here, **owned), subject=spec.name)
    # Many cloud drives tell no sizes, or make them up.
    room: dict[str, Any] = {"free": found.free, "total": found.total} if found.total else {}
    if found.total and found.free < _SCARCE:
        return doubtful("target", because(Code.DOCTOR_TARGET_FULL, **here, **room), subject=spec.name)
    reason = because(Code.DOCTOR_TARGET, source=found.identity.source, owner=user_name(found.uid), **here, **room)
    return fine("target", reason, subject=spec.name)


def _explained(reason: Reason, spec: TargetSpec, recorded: Identity | None, mounts: Sequence[Mount]) -> Reason:
    """Where no cloud drive is mounted, that is what is said, and not that its empty folder is missing, too."""
    mount = mount_of(spec.root, mounts)
    if reason.code not in _UNMOUNTED or spec.kind is not Kind.MOUNT or mount is None or mount.is_remote:
        return reason
    if recorded is not None and recorded.matches(mount):  # the operator accepted a plain disk
        return reason
    # In a container a folder that was bound before its drive was mounted stays empty, whatever the host does.
    if mount.mount_point == spec.root and in_container(mounts):
        return because(Code.DOCTOR_TARGET_BOUND, target=spec.name, root=spec.root, found=mount.fs_type)
    what = {"what": "absent" if recorded is not None else "never", "fs_type": mount.fs_type}
    return why_held(what, spec, recorded)


def _mode_decides(spec: TargetSpec, mounts: Sequence[Mount]) -> bool:
    """A FUSE file system judges by itself, unless it is mounted with default_permissions; so does a server."""
    mount = mount_of(spec.root, mounts)
    return mount is not None and (not mount.is_remote or "default_permissions" in mount.options)

"""Targets: those of [targets.NAME], and the one that a task's plain path implies."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from importlib.util import find_spec
from typing import Any, Final

from cgwire.flaws import Flaw
from cgwire.reasons import Reason, because
from cloudgather.config.amounts import amount, dir_mode, frequency, mode, span
from cloudgather.config.confirming import read_confirm
from cloudgather.config.names import absent, folded, name_fault, there
from cloudgather.config.problems import Wrong, shown
from cloudgather.config.reading import Table
from cloudgather.config.timetable import bandwidth
from cloudgather.config.values import below, boolean, choice, folder, text, whole, window
from cloudgather.core.mounts import Mount, is_below, mount_of
from cloudgather.core.target import Confirm, Kind, Profile, TargetSpec, Verify
from cloudgather.core.task import WindowEnd
from cloudgather.core.unfit import Unfit


@dataclass(frozen=True, slots=True, kw_only=True)
class _Limits:
    """What a profile sets where the operator does not."""

    parallel: int
    most_parallel: int
    attempts: int
    retry_first: timedelta
    metadata_per_second: float | None
    deadline_factor: float


_PROFILES: Final[Mapping[Profile, _Limits]] = {
    Profile.CLOUD: _Limits(
        parallel=1,
        most_parallel=4,
        attempts=8,
        retry_first=timedelta(seconds=30),
        metadata_per_second=1,
        deadline_factor=2,
    ),
    Profile.LAN: _Limits(
        parallel=2,
        most_parallel=8,
        attempts=6,
        retry_first=timedelta(seconds=10),
        metadata_per_second=100,
        deadline_factor=1,
    ),
    Profile.DISK: _Limits(
        parallel=1,
        most_parallel=8,
        attempts=5,
        retry_first=timedelta(seconds=5),
        metadata_per_second=None,
        deadline_factor=1,
    ),
}
_MOST_UNCONFIRMED: Final = 50 << 30
_LAN: Final = frozenset({"nfs", "nfs4", "cifs", "smb3", "smbfs"})
_HINTS: Final[Mapping[str, Reason]] = {
    "rclone": because(Flaw.CONFIRM_INSTEAD),
    "listings": because(Flaw.INSTEAD, near="metadata_per_second"),
    "listings_per_second": because(Flaw.INSTEAD, near="metadata_per_second"),
    "threads": because(Flaw.INSTEAD, near="parallel"),
    "path": because(Flaw.INSTEAD, near="root"),
}


def read_targets(
    table: Table, mounts: Sequence[Mount], *, secret: Callable[[object], bytes]
) -> Mapping[str, TargetSpec]:
    """The targets of the main file by name, in its order; those with too much wrong are left out and reported.

    `secret` reads where a secret stands.
    """
    found: dict[str, TargetSpec] = {}
    names: list[str] = []
    for name, each in table.tables():
        spec = _read_target(name, each, mounts, secret)
        for other_name in names:
            if folded(other_name) == folded(name):
                each.wrong("", because(Flaw.ALIKE, other=other_name), code=Wrong.NAME)
        names.append(name)
        for other in found.values():
            if spec is not None and other.root == spec.root:
                each.wrong("root", because(Flaw.ROOT_TAKEN, other=other.name), code=Wrong.CONFLICT)
        if spec is not None:
            found[name] = spec
    return found


def _read_target(
    name: str, table: Table, mounts: Sequence[Mount], secret: Callable[[object], bytes]
) -> TargetSpec | None:
    if (fault := name_fault(name)) is not None:
        table.wrong("", because(Flaw.NAME, cause=fault.to_wire()), code=Wrong.NAME)
    root = table.need("root", folder, '"/CloudDrive/115"')
    kind = table.take("kind", choice(Kind), Kind.MOUNT)
    limits = _PROFILES[profile := _profile(table, kind, root, mounts)]
    retry_first = table.take("retry_first", span(timedelta(seconds=1), timedelta(hours=1)), limits.retry_first)
    retry_most = table.take("retry_most", span(timedelta(seconds=1), timedelta(days=1)), timedelta(hours=1))
    if retry_most < retry_first:
        table.wrong("retry_most", because(Flaw.RETRY_MOST), code=Wrong.CONFLICT)
    confirm = read_confirm(table, kind, can_ask=find_spec("aiohttp") is not None, secret=secret)
    spec = TargetSpec(
        name=name,
        root=root or b"/",
        kind=kind,
        profile=profile,
        parallel=table.take("parallel", whole(1, limits.most_parallel), limits.parallel),
        bandwidth=table.take("bandwidth", bandwidth, None),
        daily_limit=table.take("daily_limit", amount(1), None),
        upload_window=table.take("upload_window", window, None),
        window_end=table.take("window_end", choice(WindowEnd), WindowEnd.FINISH),
        verify=table.take("verify", choice(Verify), Verify.SIZE),
        **confirm,
        **_back_pressure(table, confirm["confirm"]),
        attempts=table.take("attempts", whole(1, 100), limits.attempts),
        retry_first=retry_first,
        retry_most=retry_most,
        metadata_per_second=table.take("metadata_per_second", frequency, limits.metadata_per_second),
        deadline_factor=limits.deadline_factor,
        file_mode=table.take("file_mode", mode, None),
        dir_mode=table.take("dir_mode", dir_mode, None),
    )
    table.close(_HINTS)
    return None if root is None else spec


def _back_pressure(table: Table, confirm: Confirm) -> dict[str, Any]:
    """The keys of TargetSpec that keep a mount's cache from filling its disk."""
    most = table.take("max_unconfirmed", amount(1), _MOST_UNCONFIRMED if confirm is Confirm.RCLONE else None)
    for key, other in (("min_free", "cache_dir"), ("cache_dir", "min_free")):
        if key in table and other not in table:
            table.lacks_beside(other, key)
    return {
        "max_unconfirmed": most,
        "cache_dir": table.take("cache_dir", folder, None),
        "min_free": table.take("min_free", amount(1), None),
    }


def _profile(table: Table, kind: Kind, root: bytes | None, mounts: Sequence[Mount]) -> Profile:
    slow = table.take("slow_storage", boolean, False)
    chosen = table.take("profile", choice(Profile), None)
    if slow and chosen not in (None, Profile.CLOUD):
        table.wrong("slow_storage", because(Flaw.SLOW_STORAGE, profile=str(chosen)), code=Wrong.CONFLICT)
    if slow:
        return Profile.CLOUD
    return chosen or _guessed(kind, root, mounts)


def _guessed(kind: Kind, root: bytes | None, mounts: Sequence[Mount]) -> Profile:
    if kind is Kind.DIRECTORY:
        return Profile.DISK
    mount = None if root is None else mount_of(root, mounts)
    return Profile.LAN if mount is not None and mount.fs_type in _LAN else Profile.CLOUD


def resolve(
    value: object,
    *,
    targets: Mapping[str, TargetSpec],
    mounts: Sequence[Mount],
    remembered_roots: Mapping[str, bytes],
) -> tuple[TargetSpec, bytes]:
    """The target that a task's `target` means, and the folder below its root.

    `NAME:folder` is a target of the main file. Of a plain path the deepest of these is the root: a target of the main
    file above it, the FUSE or network mount that it is on now, the root of a remembered implicit target above it (the
    mount may be missing now, and another one showing through). Where there is none it is the path itself, with kind
    `mount` all the same: what is there now may be the empty folder under a mount that comes later.
    """
    given = text(value)
    if not given.startswith("/"):
        return _named(given, targets)
    path = folder(given)
    roots = [(spec.root, 2, spec) for spec in targets.values() if is_below(path, spec.root)]
    mount = mount_of(path, mounts)
    if mount is not None and mount.is_remote:
        roots.append((mount.mount_point, 1, _implicit(shown(mount.mount_point), mount.mount_point, mounts)))
    roots += [
        (root, 0, _implicit(name, root, mounts)) for name, root in remembered_roots.items() if is_below(path, root)
    ]
    if not roots:
        return _implicit(shown(path), path, mounts), b""
    root, _, spec = max(roots, key=lambda each: (len(each[0]), each[1]))
    return spec, path[len(root) :].strip(b"/")


def _named(given: str, targets: Mapping[str, TargetSpec]) -> tuple[TargetSpec, bytes]:
    name, colon, base = given.partition(":")
    if name in targets and colon:
        return targets[name], below(base)
    if name in targets:
        raise Unfit(Flaw.COLON_MISSING, given=given)
    if not colon:
        raise Unfit(Flaw.NO_PLACE, given=given, there=there(targets).to_wire())
    raise Unfit(Flaw.OR_PATH, cause=absent("target", name, targets).reason.to_wire())


def _implicit(name: str, root: bytes, mounts: Sequence[Mount]) -> TargetSpec:
    profile = _guessed(Kind.MOUNT, root, mounts)
    limits = _PROFILES[profile]
    return TargetSpec(
        name=name,
        root=root,
        kind=Kind.MOUNT,
        profile=profile,
        implicit=True,
        parallel=limits.parallel,
        attempts=limits.attempts,
        retry_first=limits.retry_first,
        metadata_per_second=limits.metadata_per_second,
        deadline_factor=limits.deadline_factor,
    )

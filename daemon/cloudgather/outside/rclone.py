"""Asks the rclone behind a mount what it has yet to upload, and what the cloud holds (ports.uploads.Uploads)."""

import os
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from cgwire.codes import Code
from cgwire.reasons import because
from cloudgather.core.mounts import Mount
from cloudgather.core.naming import split
from cloudgather.core.target import Identity, RemoteControl, TargetSpec
from cloudgather.core.uploads import Listed, Upload
from cloudgather.outside.remote_control import CallRefused, Calls
from cloudgather.ports.uploads import CannotAsk

_LIST: Final = 120.0  # seconds: a large folder of a slow cloud
_TOGETHER: Final = 4  # so many files of one folder are looked up by one listing of it
_NOT_FOUND: Final = 404
_UNREADABLE: Final = "\ufffd"  # JSON cannot carry names that are not UTF-8: rclone puts this in
_FORGETS: Final = "rclone runs with --vfs-write-back 0s and so loses what is renamed while it uploads it; use 5s"
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """What a target's root is to rclone."""

    fs: str  # the name of the mounted file system
    below: bytes  # the root's place in it


@dataclass(frozen=True, slots=True, kw_only=True)
class _Cache:
    """How a VFS keeps what is written."""

    unfinished: int  # files it has yet to upload
    forgets: bool  # it uploads while close() has not returned, and never again what is renamed meanwhile


@dataclass(frozen=True, slots=True, kw_only=True)
class _Failed:
    """Tries of a file that have failed in a row, and the error of the last."""

    tries: int
    message: str


class Rclone:
    """ports.uploads.Uploads for every target with `confirm = "rclone"`.

    Tried with 1.60 and 1.75. A mount made by `rclone mount` is not in `mount/listmounts`, but its name among the VFSes
    is the mount's source; what is listed with that name comes from the very remote that the mount uses, past its cache.
    """

    def __init__(self, *, mounts: Callable[[], Sequence[Mount]], turn: Callable[[str], Awaitable[None]]) -> None:
        self._mounts = mounts
        self._turn = turn  # waits until this target may be asked once more
        self._methods: dict[str, frozenset[str]] = {}  # address -> what that rclone can be asked

    async def progress(self, spec: TargetSpec, identity: Identity, paths: Sequence[bytes]) -> Sequence[Upload]:
        """ports.uploads.Uploads."""
        control = _control(spec)
        try:
            async with Calls(control) as calls:
                place = await self._place(calls, control, spec, identity)
                queue = await self._queue(calls, control, place)
                cache = await _cache(calls, place)
                failed = await _failed(calls, place)
        except CallRefused as refused:
            raise self._cannot(control, refused.message) from refused
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise self._cannot(control, f"its answer cannot be understood: {error!r}") from error
        except CannotAsk:
            self._methods.pop(control.address, None)
            raise
        return [_upload(_named(place, path), queue, cache, failed) for path in paths]

    async def stored(self, spec: TargetSpec, identity: Identity, paths: Sequence[bytes]) -> Sequence[Listed | None]:
        """ports.uploads.Uploads."""
        control = _control(spec)
        found: dict[bytes, Listed | None] = {}
        try:
            async with Calls(control) as calls:
                place = await self._place(calls, control, spec, identity)
                for some in _asked_together(paths):
                    await self._turn(spec.name)
                    if len(some) == 1:
                        found[some[0]] = await _one(calls, place, some[0])
                    else:
                        found |= await _of_folder(calls, place, some)
        except CallRefused as refused:
            raise self._cannot(control, refused.message) from refused
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise self._cannot(control, f"its answer cannot be understood: {error!r}") from error
        return [found[path] for path in paths]

    async def _place(self, calls: Calls, control: RemoteControl, spec: TargetSpec, identity: Identity) -> _Place:
        mount = next((each for each in reversed(self._mounts()) if each.mount_point == identity.mount_point), None)
        if mount is None or not identity.matches(mount):
            found = "nothing" if mount is None else os.fsdecode(mount.source)
            raise _other(control, os.fsdecode(identity.source), found)
        inside = spec.root[len(mount.mount_point) :]
        below = b"/".join(part for part in (mount.root.strip(b"/"), inside.strip(b"/")) if part)
        return _Place(fs=await _served(calls, control, identity), below=below)

    async def _queue(self, calls: Calls, control: RemoteControl, place: _Place) -> Mapping[str, int] | None:
        """What is to be uploaded -> its failed tries; None where this rclone cannot tell, or keeps no cache."""
        if control.address not in self._methods:
            known = await calls.call("rc/list")
            self._methods[control.address] = frozenset(command["Path"] for command in known["commands"])
        if "vfs/queue" not in self._methods[control.address]:
            return None
        queue = (await calls.call("vfs/queue", fs=place.fs)).get("queue")
        if queue is None:
            return None
        return {item["name"]: int(item["tries"]) - bool(item["uploading"]) for item in queue}

    def _cannot(self, control: RemoteControl, message: str) -> CannotAsk:
        self._methods.pop(control.address, None)  # it may be another rclone by now
        return Calls(control).cannot(message)


def _control(spec: TargetSpec) -> RemoteControl:
    assert spec.remote_control is not None, "configured together with confirm"
    return spec.remote_control


def _other(control: RemoteControl, expected: str, found: str) -> CannotAsk:
    return CannotAsk(because(Code.CONFIRM_OTHER_MOUNT, rc=control.address, expected=expected, found=found))


async def _served(calls: Calls, control: RemoteControl, identity: Identity) -> str:
    """The name of the VFS behind this mount."""
    served = [str(name) for name in (await calls.call("vfs/list"))["vfses"] or ()]
    expected = control.fs or os.fsdecode(identity.source)
    if expected in served:
        return expected
    if control.fs is None:  # a mount made by remote control may have a device name of its own
        mounts = (await calls.call("mount/listmounts"))["mountPoints"] or ()
        for mount in mounts:
            if os.fsencode(mount["MountPoint"]) == identity.mount_point and mount["Fs"] in served:
                return str(mount["Fs"])
    raise _other(control, expected, ", ".join(served) or "nothing")


async def _cache(calls: Calls, place: _Place) -> _Cache:
    """Of the whole VFS; what was tried in vain is counted as queued."""
    stats = await calls.call("vfs/stats", fs=place.fs)
    if (cache := stats.get("diskCache")) is None:
        return _Cache(unfinished=0, forgets=False)  # without a cache, close() uploads
    unfinished = int(cache["uploadsInProgress"]) + int(cache["uploadsQueued"]) + int(cache["erroredFiles"])
    return _Cache(unfinished=unfinished, forgets=stats.get("opt", {}).get("WriteBack") == 0)


async def _failed(calls: Calls, place: _Place) -> Mapping[str, _Failed]:
    """Of the last hundred tries of this rclone: name -> those that failed since the last success."""
    failed: dict[str, _Failed] = {}
    for each in (await calls.call("core/transferred"))["transferred"] or ():
        if each.get("dstFs", place.fs) != place.fs:
            continue
        name, error = str(each["name"]), str(each["error"])
        if error:
            failed[name] = _Failed(tries=failed[name].tries + 1 if name in failed else 1, message=error)
        else:
            failed.pop(name, None)
    return failed


def _upload(name: str, queue: Mapping[str, int] | None, cache: _Cache, failed: Mapping[str, _Failed]) -> Upload:
    past = failed.get(name)
    tries, message = (past.tries, past.message) if past else (0, _FORGETS if cache.forgets else None)
    if queue is None:
        others = cache.unfinished
        return Upload(pending=others > 0, others=others, failures=tries, message=message)
    if _UNREADABLE in name:  # which of those it is cannot be told
        unreadable = [queued for queued in queue if _UNREADABLE in queued]
        return Upload(pending=bool(unreadable), others=len(unreadable), failures=tries, message=message)
    return Upload(pending=name in queue, failures=max(tries, queue.get(name, 0)), message=message)


async def _one(calls: Calls, place: _Place, path: bytes) -> Listed | None:
    options = {"noMimeType": True}
    answer = await calls.call("operations/stat", patience=_LIST, fs=place.fs, remote=_named(place, path), opt=options)
    return _listed(answer["item"])


async def _of_folder(calls: Calls, place: _Place, paths: Sequence[bytes]) -> Mapping[bytes, Listed | None]:
    """Files of one folder."""
    folder = _named(place, split(paths[0])[0])
    options = {"noMimeType": True, "filesOnly": True}
    try:
        answer = await calls.call("operations/list", patience=_LIST, fs=place.fs, remote=folder, opt=options)
    except CallRefused as refused:
        if refused.status != _NOT_FOUND or "not found" not in refused.message:
            raise
        answer = {"list": []}
    items = {item["Name"]: item for item in answer["list"] or ()}
    return {path: _listed(items.get(split(path)[1].decode())) for path in paths}


def _listed(item: Mapping[str, Any] | None) -> Listed | None:
    if item is None or item["IsDir"]:
        return None
    changed = datetime.fromisoformat(item["ModTime"]) - _EPOCH
    return Listed(size=int(item["Size"]), mtime_ns=changed // timedelta(microseconds=1) * 1000)


def _named(place: _Place, path: bytes) -> str:
    return b"/".join(part for part in (place.below, path) if part).decode(errors="replace")


def _asked_together(paths: Sequence[bytes]) -> list[list[bytes]]:
    """Each by itself, or all of a folder where they are several."""
    folders: dict[bytes, list[bytes]] = {}
    for path in paths:
        folders.setdefault(split(path)[0], []).append(path)
    together: list[list[bytes]] = []
    for files in folders.values():
        together += [files] if len(files) >= _TOGETHER else [[file] for file in files]
    return together

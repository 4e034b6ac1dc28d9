"""What the original kept with each task and belongs to the target here, as lines for the main file."""

import json
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from cgctl.original.reading import Carried

_LAN: Final = frozenset({"nfs", "nfs4", "cifs", "smb3", "smbfs"})  # where the daemon would not guess a cloud drive
_MOST_PARALLEL: Final = 4  # of a cloud drive
_BARE: Final = re.compile(r"[A-Za-z0-9_-]+")


@dataclass(slots=True, kw_only=True)
class Place:
    """A target that tasks go to; `name` is that of the main file, None where it has none there."""

    root: bytes
    name: str | None
    is_remote: bool
    settings: dict[str, Any] = field(default_factory=dict)


def places(
    tasks: Iterable[Carried], mounts: Sequence[Mapping[str, Any]], targets: Sequence[Mapping[str, Any]]
) -> list[Place]:
    """The targets of `tasks`, each with the settings that it needs and has not; `mounts`, `targets` as on the wire."""
    found: dict[bytes, Place] = {}
    for task in tasks:
        path = os.fsencode(task.values["target"])
        named = _above(path, [each for each in targets if not each["name"].startswith("/")], "root")
        mount = _above(path, mounts, "mount_point") or {}
        is_remote = bool(mount.get("is_remote"))
        point = mount.get("mount_point", b"/")
        # Of a plain disk its mount point, which is there; what is above a target's root is never made.
        root = named["root"] if named else point if is_remote or (not task.slow and point != b"/") else path
        place = found.setdefault(root, Place(root=root, name=named["name"] if named else None, is_remote=is_remote))
        _settle(place, task, named or {}, str(mount.get("fs_type")))
    return list(found.values())


def lines(place: Place, taken: Iterable[str] = ()) -> list[str]:
    """A table for the main file, with what is to be added there; empty for nothing. `taken` are names of targets."""
    if not place.settings:
        return []
    name = place.name or _unlike(os.path.basename(place.root).decode("utf-8", "replace") or "root", set(taken))
    settings = place.settings if place.name else {"root": place.root.decode("utf-8", "replace"), **place.settings}
    return [f"[targets.{_key(name)}]", *(f"{key} = {_value(value)}" for key, value in settings.items())]


def _settle(place: Place, task: Carried, named: Mapping[str, Any], fs_type: str) -> None:
    wanted = place.settings
    if not named and not place.is_remote and not task.slow:
        wanted["kind"] = "directory"
    if task.slow and (named.get("profile", "cloud") != "cloud" or (not named and fs_type in _LAN)):
        wanted["profile"] = "cloud"
    parallel = min(task.parallel, _MOST_PARALLEL)
    if parallel > max(1, wanted.get("parallel", 1), named.get("parallel") or 1):
        wanted["parallel"] = parallel
    if task.checksum and named.get("verify") != "checksum":
        wanted["verify"] = "checksum"


def _above(path: bytes, each: Iterable[Mapping[str, Any]], key: str) -> Mapping[str, Any] | None:
    above = [one for one in each if path == one[key] or path.startswith(one[key].rstrip(b"/") + b"/")]
    return max(above, key=lambda one: len(one[key]), default=None)


def _unlike(name: str, taken: set[str]) -> str:
    plain = name.replace(":", "-").lstrip(".-") or "target"
    number, unlike = 1, plain
    while unlike in taken:
        number += 1
        unlike = f"{plain}{number}"
    return unlike


def _key(name: str) -> str:
    return name if _BARE.fullmatch(name) else _value(name)


def _value(value: str | int) -> str:
    """As TOML has it, which is as JSON has it for a number and for text."""
    return json.dumps(value, ensure_ascii=False)

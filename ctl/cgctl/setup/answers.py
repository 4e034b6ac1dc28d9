"""The questions of setup, each answered by a flag, by what is found on the machine, or by the person in front of it."""

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from glob import glob
from typing import Final

import click

from cgctl.options import absolute
from cgctl.session import Session
from cgctl.setup.machine import Mount, mount_of
from cgctl.setup.plan import Present
from cgctl.trouble import Exit, Trouble
from cgwire.text.values import escaped

# Where downloads usually arrive: in containers' words, on fnOS, and in people's homes.
_USUAL: Final = ("/downloads", "/vol*/*/downloads", "/vol*/downloads", "/srv/downloads", "/data/downloads",
                 "/home/*/Downloads", "/home/*/downloads")  # fmt: skip
_NAME: Final = re.compile(r"[^\w.-]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """Which folders it is about. Paths are absolute."""

    downloads: str
    drive: str
    kind: str  # mount, directory
    target: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Flags:
    """What was given on the command line; None where nothing was."""

    downloads: str | None
    drive: str | None
    kind: str | None
    target: str | None


def answers(session: Session, flags: Flags, present: Present, mounts: Sequence[Mount], *, asks: bool) -> Answers:
    """Raises Trouble where nobody can be asked and what is found does not answer."""
    downloads = _downloads(session, flags.downloads, present, asks=asks)
    drive = _drive(session, flags.drive, present, mounts, asks=asks)
    kind = _kind(session, flags.kind, drive, present, mounts, asks=asks)
    known = present.target_at(drive)
    return Answers(
        downloads=downloads, drive=drive, kind=kind, target=known or flags.target or _free_name(drive, present)
    )


def _downloads(session: Session, given: str | None, present: Present, *, asks: bool) -> str:
    found = [*present.sources, *(path for pattern in _USUAL for path in sorted(glob(pattern)) if os.path.isdir(path))]
    proposed = next(iter(found), None)
    if given is None and asks:
        question = session.say("Which folder do the downloads arrive in?")
        given = str(click.prompt(question, default=proposed, err=True))
    folder = given or proposed
    if folder is None:
        raise _missing(session, "--downloads")
    folder = _absolute(folder)
    if not os.path.isdir(folder):
        raise Trouble(
            Exit.FAILED,
            session.say("{folder} is not a folder", folder=escaped(folder)),
            session.say("make it, or mount its disk, and run this again"),
        )
    return folder


def _drive(session: Session, given: str | None, present: Present, mounts: Sequence[Mount], *, asks: bool) -> str:
    if given is not None:
        return _absolute(given)
    offered = list(dict.fromkeys(os.fsdecode(mount.mount_point) for mount in mounts if mount.may_be_drive))
    known = [str(target["root"]) for target in present.targets.values() if "root" in target]
    if not asks:
        found = known or offered
        if len(found) != 1:
            raise _missing(session, "--drive")
        return _absolute(found[0])
    if not offered:
        session.note(
            session.say("No cloud drive is mounted here now: mount it first, or name a folder on a plain disk.")
        )
    proposed = next(iter([*known, *offered]), None)
    if len(offered) > 1:
        session.note(session.say("Mounted here: {mounts}", mounts=", ".join(map(escaped, offered))))
    return _absolute(str(click.prompt(session.say("Where is the cloud drive mounted?"), default=proposed, err=True)))


def _kind(
    session: Session, given: str | None, drive: str, present: Present, mounts: Sequence[Mount], *, asks: bool
) -> str:
    known = present.target_at(drive)
    kind = given or (None if known is None else str(present.targets[known].get("kind", "mount")))
    if kind == "directory":
        return kind
    mount = mount_of(os.fsencode(drive), mounts)
    if mount is not None and mount.is_remote:
        return "mount"
    if (
        kind is None
        and asks
        and click.confirm(
            session.say("{folder} is on a disk of this machine, no cloud drive. Is that meant?", folder=escaped(drive)),
            err=True,
        )
    ):
        return "directory"
    raise Trouble(
        Exit.FAILED,
        session.say("no cloud drive is mounted at {folder}; nothing was changed", folder=escaped(drive)),
        session.say("mount it and run this again; or, for a plain disk: --kind directory"),
    )


def _free_name(drive: str, present: Present) -> str:
    """After the folder; another where that is taken."""
    stem = _NAME.sub("-", os.path.basename(drive.rstrip("/"))).strip(".-") or "drive"
    name, number = stem, 2
    while name in present.targets:
        name, number = f"{stem}-{number}", number + 1
    return name


def _absolute(path: str) -> str:
    return os.fsdecode(absolute(os.path.expanduser(path)))


def _missing(session: Session, flag: str) -> Trouble:
    return Trouble(
        Exit.USAGE,
        session.say("missing: {flags}", flags=flag),
        session.say("on a terminal, and without --yes, it would be asked for"),
    )

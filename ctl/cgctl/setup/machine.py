"""What there is on this machine: mounts, accounts, and what an account may do with a folder, found out by trying."""

import contextlib
import grp
import os
import pwd
import re
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

_ESCAPE: Final = re.compile(rb"\\([0-3][0-7]{2})")
_NETWORK: Final = frozenset({"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "ceph", "glusterfs", "davfs", "virtiofs"})
# FUSE mounts that a desktop or a container runtime makes for itself.
_NO_DRIVES: Final = frozenset({"fuse.lxcfs", "fuse.gvfsd-fuse", "fuse.portal", "fuse.snapfuse", "fuse.fuse-overlayfs"})
_PATIENCE: Final = 30.0  # seconds; a cloud drive may have to ask the cloud, and a dead one never answers


@dataclass(frozen=True, slots=True, kw_only=True)
class Mount:
    """One line of mountinfo."""

    mount_point: bytes
    fs_type: str
    source: bytes
    options: frozenset[str]

    @property
    def is_remote(self) -> bool:
        """FUSE or network."""
        return self.fs_type == "fuse" or self.fs_type.startswith("fuse.") or self.fs_type in _NETWORK

    @property
    def may_be_drive(self) -> bool:
        """Whether it is one to offer."""
        return self.is_remote and self.fs_type not in _NO_DRIVES and "ro" not in self.options

    @property
    def private_to(self) -> tuple[int, int] | None:
        """The uid and gid that alone are let in: FUSE compares both, and asks nobody else, not even root."""
        if not self.fs_type.startswith("fuse") or self.fs_type == "fuseblk" or "allow_other" in self.options:
            return None
        ids = {key: value for key, _, value in (option.partition("=") for option in self.options)}
        try:
            return int(ids["user_id"]), int(ids["group_id"])
        except (KeyError, ValueError):
            return None


def read_mounts() -> Sequence[Mount]:
    """Every mount that this process sees, in the order in which they were made."""
    with open("/proc/self/mountinfo", "rb") as file:
        return parse_mounts(file.read())


def parse_mounts(text: bytes) -> Sequence[Mount]:
    """The lines of mountinfo; see proc(5)."""
    found = []
    for line in text.splitlines():
        head, _, tail = line.partition(b" - ")
        before, after = head.split(b" "), tail.split(b" ")
        if len(before) >= 6 and len(after) >= 3:
            options = f"{before[5].decode('utf-8', 'replace')},{after[2].decode('utf-8', 'replace')}"
            found.append(
                Mount(
                    mount_point=_unescaped(before[4]),
                    fs_type=after[0].decode("utf-8", "replace"),
                    source=_unescaped(after[1]),
                    options=frozenset(options.split(",")),
                )
            )
    return found


def _unescaped(field: bytes) -> bytes:
    return _ESCAPE.sub(lambda escape: bytes([int(escape[1], 8)]), field)


def mount_of(path: bytes, mounts: Sequence[Mount]) -> Mount | None:
    """The mount that `path` is on: the deepest above it, and of several there the last."""
    best = None
    for mount in mounts:
        below = mount.mount_point if mount.mount_point.endswith(b"/") else mount.mount_point + b"/"
        if (path + b"/").startswith(below) and (best is None or len(mount.mount_point) >= len(best.mount_point)):
            best = mount
    return best


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """As whom the daemon runs: names, or numbers where there is no name."""

    user: str
    group: str
    extra: frozenset[str] = frozenset()  # further groups

    @property
    def uid(self) -> int:
        """The user's number."""
        return int(self.user) if self.user.isdigit() else pwd.getpwnam(self.user).pw_uid

    @property
    def gid(self) -> int:
        """The group's number."""
        return _gid(self.group)

    @property
    def gids(self) -> Sequence[int]:
        """The further groups that the service gets: those named here, and those that the user is a member of."""
        given = {_gid(name) for name in self.extra}
        with contextlib.suppress(KeyError):
            given |= set(os.getgrouplist(pwd.getpwuid(self.uid).pw_name, self.gid))
        return sorted(given)


def account_of(uid: int, gid: int | None = None, *, extra: frozenset[str] = frozenset()) -> Account:
    """By numbers; without a gid the user's own group."""
    try:
        entry = pwd.getpwuid(uid)
    except KeyError:
        return Account(user=str(uid), group=group_name(uid if gid is None else gid), extra=extra)
    return Account(user=entry.pw_name, group=group_name(entry.pw_gid if gid is None else gid), extra=extra)


def account_named(user: str, group: str | None = None, *, extra: frozenset[str] = frozenset()) -> Account:
    """By names; raises KeyError where there is no such user or group."""
    entry = pwd.getpwuid(int(user)) if user.isdigit() else pwd.getpwnam(user)
    return account_of(entry.pw_uid, None if group is None else _gid(group), extra=extra)


def group_name(gid: int) -> str:
    """The group's name, or its number."""
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return str(gid)


def _gid(name: str) -> int:
    return int(name) if name.isdigit() else grp.getgrnam(name).gr_gid


def memberships(user: str) -> frozenset[str]:
    """The names of the groups that a user is in; none for one that there is not."""
    try:
        entry = pwd.getpwnam(user)
    except KeyError:
        return frozenset()
    return frozenset(map(group_name, os.getgrouplist(user, entry.pw_gid)))


class Wish(StrEnum):
    """What an account must be allowed to do with a folder; in the words of a shell."""

    READ = '[ -d "$1" ] && [ -r "$1" ] && [ -x "$1" ]'
    PASS = '[ -x "$1" ]'
    WRITE = '[ -d "$1" ] && [ -w "$1" ] && [ -x "$1" ]'


def may(account: Account, path: bytes, wish: Wish) -> bool:
    """Whether it may, with no more rights than the service has; a file system that does not answer lets nobody in.

    Tried by a process of that account: access lists count, and so does what a FUSE file system itself decides.
    """
    groups = ",".join(map(str, account.gids))
    return (
        _says(
            [
                "setpriv",
                f"--reuid={account.uid}",
                f"--regid={account.gid}",
                f"--groups={groups}",
                "--bounding-set=-all",
            ],
            ["sh", "-c", wish, "-", path],
        )
        == b""
    )


def owner_of(path: bytes) -> tuple[int, int, int] | None:
    """uid, gid and mode of a folder; None where root is not told them."""
    said = _says([], ["stat", "-L", "-c", "%u %g %a", "--", path])
    if said is None:
        return None
    uid, gid, mode = said.split()
    return int(uid), int(gid), int(mode, 8)


def _says(prefix: Sequence[str], command: Sequence[str | bytes]) -> bytes | None:
    """What it prints; None where it fails, or does not end: in a dead mount it cannot even be killed."""
    process = subprocess.Popen(
        [*prefix, *command], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd="/"
    )
    try:
        output, _ = process.communicate(timeout=_PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
        return None
    return output if process.returncode == 0 else None

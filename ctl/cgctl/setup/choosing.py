"""Decides as whom the daemon should run: the least that may read the downloads and write to the drive."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from cgctl.setup.machine import Account

SERVICE: Final = "cloudgather"  # the user that the unit names, and the group that everybody who runs it is in
_GROUP_MAY: Final = 0o050


class Why(StrEnum):
    """What speaks for an account."""

    ASKED = "asked"  # the operator's word
    AS_NOW = "as-now"  # it is the one that the service runs as
    MOUNT = "mount"  # the drive is mounted without allow_other: nobody else is let in
    SERVICE = "service"  # the service's own user has all the rights it needs
    GROUP = "group"  # so it has with the groups of the folders
    DOWNLOADS = "downloads"  # whoever owns the downloads
    DRIVE = "drive"  # whoever owns the drive


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """Of a folder: numbers and mode."""

    uid: int
    gid: int
    mode: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """An account, and why this one."""

    account: Account
    why: Why


def choices(
    *,
    now: Account | None,
    private_to: tuple[int, int] | None,
    downloads: Owner | None,
    drive: Owner | None,
    account_of: Callable[[int, int | None], Account],
    group_name: Callable[[int], str],
) -> Iterator[Choice]:
    """The accounts worth a try, best first: the first that may do both is to be taken.

    `now` is what the service runs as; `private_to` the only uid and gid that the drive lets in.
    """
    if private_to is not None:
        owner = account_of(*private_to)
        if now is not None and (now.user, now.group) == (owner.user, owner.group):
            yield Choice(account=member(now), why=Why.AS_NOW)
        yield Choice(account=member(owner), why=Why.MOUNT)
        return
    if now is not None:
        yield Choice(account=member(now), why=Why.AS_NOW)
    yield Choice(account=Account(user=SERVICE, group=SERVICE), why=Why.SERVICE)
    folders = [folder for folder in (downloads, drive) if folder is not None]
    # The group of root and his files opens more than these folders.
    groups = frozenset(group_name(folder.gid) for folder in folders if folder.gid and folder.mode & _GROUP_MAY)
    if groups:
        yield Choice(account=Account(user=SERVICE, group=SERVICE, extra=groups), why=Why.GROUP)
    for folder, why in ((downloads, Why.DOWNLOADS), (drive, Why.DRIVE)):
        if folder is not None and folder.uid:
            yield Choice(account=member(account_of(folder.uid, None)), why=why)


def member(account: Account) -> Account:
    """The same in the group that may write task files."""
    extra = account.extra if account.group == SERVICE else account.extra | {SERVICE}
    return Account(user=account.user, group=account.group, extra=extra)

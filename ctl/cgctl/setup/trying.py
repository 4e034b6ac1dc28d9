"""Tries the accounts that may do, and says what to run where none of them may."""

import os
import shlex
import stat
from collections.abc import Sequence

from cgctl.session import Session
from cgctl.setup import service
from cgctl.setup.choosing import SERVICE, Choice, Owner, Why, choices, member
from cgctl.setup.machine import Account, Mount, Wish, account_named, account_of, group_name, may, mount_of, owner_of
from cgctl.trouble import Exit, Trouble
from cgwire.text.values import escaped


def chosen_for(
    session: Session, downloads: str, drive: str, mounts: Sequence[Mount], *, user: str | None, group: str | None
) -> Choice:
    """The first account that may read the downloads and write to the drive, or the one that is asked for.

    Raises Trouble that says what stands in the way, and what to run.
    """
    source, place = os.fsencode(downloads), os.fsencode(drive)
    mount = mount_of(place, mounts)
    private_to = None if mount is None else mount.private_to
    if user is not None:
        candidates = [Choice(account=_named(session, user, group), why=Why.ASKED)]
    else:
        candidates = list(
            choices(
                now=_now(),
                private_to=private_to,
                downloads=_owner(source),
                drive=None if private_to is not None else _owner(place),
                account_of=account_of,
                group_name=group_name,
            )
        )
    reads = [choice for choice in candidates if may(choice.account, source, Wish.READ)]
    for choice in reads:
        if may(choice.account, place, Wish.WRITE):
            return choice
    first = candidates[0] if user is not None or private_to is not None else Choice(account=_SERVICE, why=Why.SERVICE)
    if not reads:
        raise _unreadable(session, first.account, downloads, is_private=private_to is not None and user is None)
    raise _unwritable(session, reads[0].account if user is None else first.account, drive, mount)


_SERVICE = Account(user=SERVICE, group=SERVICE)


def _now() -> Account | None:
    """As whom the service runs, if there is such a user."""
    account = service.account()
    try:
        account.gids  # noqa: B018  # looks all names up
        return account if account.uid else None
    except KeyError:
        return None


def _named(session: Session, user: str, group: str | None) -> Account:
    try:
        return member(account_named(user, group))
    except KeyError as error:
        raise Trouble(Exit.FAILED, session.say("there is no such user or group: {name}", name=error)) from error


def _owner(path: bytes) -> Owner | None:
    found = owner_of(path)
    return None if found is None else Owner(uid=found[0], gid=found[1], mode=found[2])


def _unreadable(session: Session, account: Account, downloads: str, *, is_private: bool) -> Trouble:
    """Whose it is, which mode it has, and what to run; of the first folder on the way that lets nobody through."""
    at, letters = _obstacle(account, downloads)
    owner = owner_of(os.fsencode(at))
    whose = ""
    if owner is not None:
        uid, gid, mode = owner
        owned = account_of(uid, gid)
        whose = session.say(
            "; {folder} belongs to {owner}, mode {mode}",
            folder=escaped(at),
            owner=f"{owned.user}:{owned.group}",
            mode=f"{stat.S_IMODE(mode):04o}",
        )
    text = session.say("{user} may not read {folder}", user=escaped(account.user), folder=escaped(downloads)) + whose
    if is_private:
        text += session.say("; and the drive lets in nobody but {user}", user=escaped(account.user))
    recursive = "-R " if letters == "rX" else ""
    return Trouble(
        Exit.FAILED, text, f"sudo setfacl {recursive}-m u:{account.user}:{letters} {shlex.quote(at)} (apt install acl)"
    )


def _obstacle(account: Account, path: str) -> tuple[str, str]:
    """The first folder on the way that is closed to it, else the folder itself; with the letters it lacks there."""
    above: list[str] = []
    folder = os.path.dirname(path)
    while folder != "/":
        above.insert(0, folder)
        folder = os.path.dirname(folder)
    for each in above:
        if not may(account, os.fsencode(each), Wish.PASS):
            return each, "x"
    return path, "rX"


def _unwritable(session: Session, account: Account, drive: str, mount: Mount | None) -> Trouble:
    text = session.say("{user} may not write to {folder}", user=escaped(account.user), folder=escaped(drive))
    if mount is not None and mount.private_to is not None:
        owner = account_of(*mount.private_to)
        text += session.say("; it is mounted by {user} without allow_other", user=escaped(owner.user))
        return Trouble(Exit.FAILED, text, session.say("mount it with allow_other, or give no --user"))
    if mount is not None and mount.is_remote:
        return Trouble(
            Exit.FAILED,
            text,
            session.say("see whether it answers (ls {folder}), and for whom it is mounted (uid, umask)", folder=drive),
        )
    return Trouble(Exit.FAILED, text, f"sudo setfacl -m u:{account.user}:rwx {shlex.quote(drive)} (apt install acl)")

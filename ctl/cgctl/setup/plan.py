"""What setup is going to change, each change compared with what is there, and how it is carried out."""

import contextlib
import os
import subprocess
import tempfile
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from cgctl.setup import service
from cgctl.setup.choosing import SERVICE
from cgctl.setup.machine import Account

_STATE: Final = "/var/lib/cloudgather"
_TASKS: Final = "/etc/cloudgather/tasks.d"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One thing that differs from what is wanted; `what` is stable, the rest is for whoever reads it."""

    what: str  # drop-in, owner, member, target, enable
    about: str  # the file, folder or user that it is done to
    text: str = ""  # what is written


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What the operator's answers come to."""

    account: Account
    target: str
    root: str
    kind: str  # mount, directory
    member: str | None = None  # a person who shall be let in


@dataclass(slots=True, kw_only=True)
class Present:
    """The configuration as it stands, read without the daemon."""

    file: str
    text: str = ""
    targets: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    state_dir: str = _STATE
    log_dir: str = ""
    sources: Mapping[str, str] = field(default_factory=dict)  # source -> task

    def target_at(self, root: str) -> str | None:
        """The name of the target whose root that is."""
        wanted = os.path.normpath(root)
        return next((name for name, each in self.targets.items() if _root(each) == wanted), None)


def read_present(file: str) -> Present:
    """Raises OSError, and ValueError where the main file is not TOML; a broken task file is passed over."""
    try:
        with open(file, encoding="utf-8-sig") as opened:
            text = opened.read()
    except FileNotFoundError:
        text = ""
    values = tomllib.loads(text)
    daemon, configured = (values.get(key) for key in ("daemon", "targets"))
    daemon = daemon if isinstance(daemon, dict) else {}  # what else is wrong is told when it is checked
    configured = configured if isinstance(configured, dict) else {}
    state = str(daemon.get("state_dir", _STATE))
    return Present(
        file=file,
        text=text,
        targets={name: each for name, each in configured.items() if isinstance(each, dict)},
        state_dir=state,
        log_dir=str(daemon.get("log_dir", os.path.join(state, "log"))),
        sources=dict(_sources(str(daemon.get("tasks_dir", _TASKS)))),
    )


def _sources(folder: str) -> Sequence[tuple[str, str]]:
    found = []
    with contextlib.suppress(OSError):
        for name in sorted(os.listdir(folder)):
            if name.endswith(".toml") and not name.startswith("."):
                with contextlib.suppress(OSError, ValueError, KeyError), open(os.path.join(folder, name), "rb") as file:
                    found.append((os.path.normpath(str(tomllib.load(file)["source"])), name.removesuffix(".toml")))
    return found


def _root(target: Mapping[str, Any]) -> str:
    return os.path.normpath(str(target.get("root", "")))


def changes(
    wanted: Wanted, present: Present, *, now: Account, is_enabled: bool, groups_of_member: frozenset[str]
) -> list[Change]:
    """In the order in which they are to be made; empty where all is as wanted. `now` is what the service runs as."""
    made = []
    if wanted.account != now:
        made.append(Change(what="drop-in", about=service.DROP_IN, text=service.drop_in(wanted.account)))
    made += [
        Change(what="owner", about=folder, text=f"{wanted.account.user}:{wanted.account.group}")
        for folder in _apart(present.state_dir, present.log_dir)
        if _is_others(folder, wanted.account)
    ]
    if wanted.member is not None and SERVICE not in groups_of_member:
        made.append(Change(what="member", about=wanted.member, text=SERVICE))
    if present.target_at(wanted.root) is None:
        made.append(Change(what="target", about=present.file, text=_table(wanted)))
    if not is_enabled:
        made.append(Change(what="enable", about=service.UNIT))
    return made


def _apart(state_dir: str, log_dir: str) -> Sequence[str]:
    """A folder in the other goes with that one."""
    return (
        [state_dir] if os.path.normpath(log_dir).startswith(os.path.normpath(state_dir) + "/") else [state_dir, log_dir]
    )


def _is_others(folder: str, account: Account) -> bool:
    try:
        found = os.lstat(folder)
    except OSError:
        return False
    return (found.st_uid, found.st_gid) != (account.uid, account.gid)


def _table(wanted: Wanted) -> str:
    import tomlkit

    target = tomlkit.table()
    target["root"] = wanted.root
    if wanted.kind != "mount":
        target["kind"] = wanted.kind
    targets = tomlkit.table(is_super_table=True)
    targets[wanted.target] = target
    document = tomlkit.document()
    document["targets"] = targets
    return tomlkit.dumps(document)


def apply(made: Sequence[Change], wanted: Wanted, present: Present) -> None:
    """Make them, but for starting the service; who runs is stopped before he gets another name.

    The main file must have been found right with its change. Raises OSError, CalledProcessError.
    """
    kinds = {change.what for change in made}
    if kinds & {"drop-in", "owner"}:
        service.stop()
    for change in made:
        match change.what:
            case "drop-in":
                os.makedirs(os.path.dirname(change.about), exist_ok=True)
                replace(change.about, change.text)
            case "owner":
                hand_over(change.about, wanted.account.uid, wanted.account.gid)
            case "member":
                subprocess.run(["usermod", "-aG", change.text, change.about], check=True)
            case "target":
                replace(change.about, with_target(present, change.text))
    if "drop-in" in kinds:
        service.reread()


def with_target(present: Present, table: str) -> str:
    """The main file's text with the target added at its end; comments and all else stay as they are."""
    text = present.text
    return f"{text.rstrip()}\n\n{table}" if text.strip() else table


def replace(file: str, text: str) -> None:
    """Write it anew in one step, with the owner and mode that it had."""
    try:
        before = os.stat(file)
    except FileNotFoundError:
        before = None
    handle, temporary = tempfile.mkstemp(dir=os.path.dirname(file), prefix=".cgctl-")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as opened:
            opened.write(text)
            opened.flush()
            if before is not None:
                os.fchown(opened.fileno(), before.st_uid, before.st_gid)
            os.fchmod(opened.fileno(), 0o644 if before is None else before.st_mode & 0o777)
            os.fsync(opened.fileno())
        os.replace(temporary, file)
    except BaseException:
        os.unlink(temporary)
        raise


def hand_over(folder: str, uid: int, gid: int) -> None:
    """Give a tree to somebody; links are not followed out of it."""
    for _, folders, files, descriptor in os.fwalk(folder, follow_symlinks=False):
        for name in (*folders, *files):
            os.chown(name, uid, gid, dir_fd=descriptor, follow_symlinks=False)
        os.fchown(descriptor, uid, gid)

"""Requests about the daemon itself."""

from dataclasses import dataclass
from typing import ClassVar

from cgwire.access import Access
from cgwire.request import Request


@dataclass(frozen=True, slots=True, kw_only=True)
class Ping(Request):
    """Whether a daemon answers: {version, pid}."""

    METHOD: ClassVar[str] = "daemon.ping"
    ACCESS: ClassVar[Access] = Access.NONE


@dataclass(frozen=True, slots=True, kw_only=True)
class Status(Request):
    """A screenful of everything.

    {daemon: {version, pid, started, now, state_dir, socket, config, timezone, held: [reason], problems: [reason]},
     targets: [target], tasks: [task], active: [transfer], waiting: [first 10 transfers], waiting_total,
     settling: [first 10 of {task, path, size, reasons: [reason], until}], settling_total,
     failed: [newest 10 transfers], failed_total, totals: {state: [n, bytes]},
     downloaders: [downloader], downloads: [10 downloads that are not over], downloads_total}

    target, task, transfer, downloader and download are the maps of target.list, task.list, queue.list, downloader.list
    and download.list. Of downloads those that are stalled or have failed come first, and only those are told of that
    the caller may see.
    """

    METHOD: ClassVar[str] = "daemon.status"
    ACCESS: ClassVar[Access] = Access.VIEW


@dataclass(frozen=True, slots=True, kw_only=True)
class Health(Request):
    """How it goes, for everybody on the machine, in numbers only: no name, no path.

    {version, started, now, tasks, targets, moving, settling, queued, failed, done,
     held: [each code that holds the daemon or a target], problems: errors in the configuration or the log}
    """

    METHOD: ClassVar[str] = "daemon.health"
    ACCESS: ClassVar[Access] = Access.NONE


@dataclass(frozen=True, slots=True, kw_only=True)
class Reload(Request):
    """Read the configuration again; an invalid file changes nothing.

    {problems: [problem], added, removed, changed: [task], main: [key or table of the main file that is not as it was],
     at_restart: [key that is not as at the daemon's start, and counts from its next one on]}

    Keys and tables are named as in `daemon.log_level` and `targets.c115`. A problem is {file, line, table, key, code,
    where, reason: {code: flaw.…, …facts}, message, text}: programs go by its code, sentences are made from the reason,
    and message and text are English.
    """

    METHOD: ClassVar[str] = "daemon.reload"
    ACCESS: ClassVar[Access] = Access.ADMIN


@dataclass(frozen=True, slots=True, kw_only=True)
class Config(Request):
    """The configuration in effect, every default filled in: {file, daemon: map, targets: {name: map}, tasks: {…}}."""

    METHOD: ClassVar[str] = "daemon.config"
    ACCESS: ClassVar[Access] = Access.VIEW


@dataclass(frozen=True, slots=True, kw_only=True)
class Doctor(Request):
    """Look for what often goes wrong: {checks: [{name, subject?, ok: "ok" | "warn" | "bad", code, text, …facts}]}."""

    METHOD: ClassVar[str] = "daemon.doctor"
    ACCESS: ClassVar[Access] = Access.OPERATE


@dataclass(frozen=True, slots=True, kw_only=True)
class Logs(Request):
    """The last lines of the daemon's log, or of a task's, or of a run's: {lines: [str]}, oldest first."""

    METHOD: ClassVar[str] = "daemon.logs"
    ACCESS: ClassVar[Access] = Access.VIEW

    task: str | None = None
    run: int | None = None
    lines: int = 100

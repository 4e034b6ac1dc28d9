"""A task: what the operator configures, as values; config makes them, everything else reads them."""

from dataclasses import dataclass, field
from datetime import time, timedelta
from enum import StrEnum


class Rule(StrEnum):
    """Any rule that matches makes a file go."""

    MISSING = "missing"  # the target has no such file
    CHANGED = "changed"  # the source's size or mtime differs from what the ledger says was sent
    SIZE = "size"  # the source's size differs from the target's
    NEWER = "newer"  # the source's mtime is later than the target's


class Initial(StrEnum):
    """What happens, on a task's first run, with what is there already."""

    SEND = "send"
    ADOPT = "adopt"  # what the target has with the same size counts as sent; the rest is sent
    IGNORE = "ignore"  # passed over until it changes


class Send(StrEnum):
    """How much must be complete before the first file of it goes."""

    FILE = "file"
    FOLDER = "folder"  # every wanted file of a top-level entry
    TORRENT = "torrent"  # every wanted file of the torrent that it belongs to; by itself where it belongs to none


class IfGone(StrEnum):
    """What happens with a file that was sent and that the target no longer shows."""

    LEAVE = "leave"
    RESEND = "resend"


class WindowEnd(StrEnum):
    """What happens with a running transfer when the upload window closes."""

    FINISH = "finish"
    STOP = "stop"


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """A daily span of local time in which uploads may start; it may pass midnight. begin == end is all day."""

    begin: time
    end: time


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """Which files of the source are wanted. Patterns are globs on bytes, matched against the path below the source.

    `extensions` and `exclude_extensions` are lower case without the dot; no `extensions` means all. Sizes are bytes.
    """

    extensions: frozenset[bytes] = frozenset()
    include: tuple[bytes, ...] = ()
    exclude: tuple[bytes, ...] = ()
    exclude_dirs: tuple[bytes, ...] = ()
    exclude_extensions: frozenset[bytes] = frozenset()
    min_size: int = 0  # spares sidecars and disc folders
    max_size: int | None = None
    exact: bool = False  # nothing is spared: small sidecars and what belongs to a disc are judged like any other file
    only: frozenset[bytes] | None = None  # these paths and no others; None: all


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """What goes where, when and why."""

    name: str
    source: bytes  # absolute, normalised, no trailing slash
    target: str  # name of a TargetSpec
    base: bytes  # the destination folder relative to the target's root; b"" is the root itself
    rules: frozenset[Rule] = frozenset({Rule.MISSING, Rule.CHANGED})
    initial: Initial = Initial.SEND
    send: Send = Send.TORRENT
    if_gone: IfGone = IfGone.LEAVE
    settle: timedelta | None = None  # None = auto
    watch: bool = True
    rescan: timedelta = timedelta(hours=1)
    schedule: str | None = None  # a checked cron expression; never together with `every`
    every: timedelta | None = None
    timezone: str | None = None  # IANA name; None = the daemon's
    catch_up: bool = True
    upload_window: Window | None = None
    window_end: WindowEnd = WindowEnd.FINISH
    priority: int = 0  # higher goes first
    filter: Filter = field(default_factory=Filter)

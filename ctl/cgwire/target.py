"""Requests about targets."""

from dataclasses import dataclass
from typing import ClassVar

from cgwire.access import Access
from cgwire.request import Request


@dataclass(frozen=True, slots=True, kw_only=True)
class List(Request):
    """{targets: [target]}; a target is

    {name, root, kind, profile, state: "ok" | "held" | "idle", held: [reason], paused, queued: [n, bytes], active, rate,
     parallel, bandwidth, bandwidth_until, bandwidth_ordered, daily_limit, daily_spent, written: [n, bytes],
     confirm: "none" | "seen" | "stored" | "rclone", unconfirmed: reason | None}

    `bandwidth` is what is in effect now, in bytes a second (None: unlimited), until the instant `bandwidth_until`
    (None: no end is known), by the configuration or by target.limit (`bandwidth_ordered`). `daily_spent` is
    how many bytes were sent within 24 hours or are reserved for what is being sent; counted where there is a limit.
    `written` is what is uploaded and not confirmed yet; `unconfirmed` says what keeps all of that from being confirmed.
    """

    METHOD: ClassVar[str] = "target.list"
    ACCESS: ClassVar[Access] = Access.VIEW


@dataclass(frozen=True, slots=True, kw_only=True)
class Show(Request):
    """A target map as in target.list, and beside its keys

    {config: map of every key in effect, identity: {mount_point, fs_type, source} | None,
     facts: the last report of target.test | None, tasks: [name], put_off: [transfer]}

    `put_off` are the first five of those queued for it that wait for something of their own, as in queue.list.
    """

    METHOD: ClassVar[str] = "target.show"
    ACCESS: ClassVar[Access] = Access.VIEW

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Test(Request):
    """Write, read, rename and delete a probe file there, and measure.

    {steps: [[name, ok, seconds, message]], held: [reason], case_sensitive: bool | None,
     unicode_form: "keeps" | "nfc" | "nfd" | None, keeps_mtime, rename_over, fsync, write_rate, read_rate,
     name_max: int | None, bad_chars: [str]}
    """

    __test__: ClassVar[bool] = False  # pytest would take it for a test

    METHOD: ClassVar[str] = "target.test"
    ACCESS: ClassVar[Access] = Access.OPERATE

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Accept(Request):
    """Take the file system that is mounted there now as the right one: {identity: {mount_point, fs_type, source}}."""

    METHOD: ClassVar[str] = "target.accept"
    ACCESS: ClassVar[Access] = Access.ADMIN

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause(Request):
    """Hand out none of its transfers until target.resume; running ones are interrupted and go back to the queue: {}."""

    METHOD: ClassVar[str] = "target.pause"
    ACCESS: ClassVar[Access] = Access.OPERATE

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Resume(Request):
    """Undo target.pause, and try a target that failed at once: {}."""

    METHOD: ClassVar[str] = "target.resume"
    ACCESS: ClassVar[Access] = Access.OPERATE

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit(Request):
    """Have another bandwidth than configured for a while: {bandwidth, bandwidth_until, bandwidth_ordered}.

    `bandwidth` is as in the configuration ("2MiB/s", "unlimited"), `span`, too ("2h", 30 days at most). Without a
    `bandwidth` what was ordered before ends. It is remembered over a restart.
    """

    METHOD: ClassVar[str] = "target.limit"
    ACCESS: ClassVar[Access] = Access.OPERATE

    name: str
    bandwidth: str | None = None
    span: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mounts(Request):
    """What is mounted on the machine: {mounts: [{mount_point, fs_type, source, read_only, is_remote, target?}]}."""

    METHOD: ClassVar[str] = "target.mounts"
    ACCESS: ClassVar[Access] = Access.VIEW

"""Requests about tasks."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from cgwire.access import Access
from cgwire.request import Request


@dataclass(frozen=True, slots=True, kw_only=True)
class List(Request):
    """{tasks: [task]}; a task is

    {name, source, target, destination, paused, watch: {mode, reason, directories} | None, schedule, every, next,
     last_run: run map | None, settling: n, counts: {state: [n, bytes]}, held: [reason]}
    """

    METHOD: ClassVar[str] = "task.list"
    ACCESS: ClassVar[Access] = Access.VIEW


@dataclass(frozen=True, slots=True, kw_only=True)
class Show(Request):
    """A task map as in task.list, and beside its keys {file, config: map of every key in effect, runs: [newest 5]}."""

    METHOD: ClassVar[str] = "task.show"
    ACCESS: ClassVar[Access] = Access.VIEW

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Text(Request):
    """A task's file as it stands: {text, file}."""

    METHOD: ClassVar[str] = "task.text"
    ACCESS: ClassVar[Access] = Access.ADMIN

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Write(Request):
    """Check a task's file and, if it has no problems, write and load it: {problems: [problem], name}.

    `new`: it must not exist yet, else it must; `paused`: a new one waits for task.resume from the start.
    `check_only`: nothing is written.
    """

    METHOD: ClassVar[str] = "task.write"
    ACCESS: ClassVar[Access] = Access.ADMIN

    name: str
    text: str
    new: bool = False
    check_only: bool = False
    paused: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Compose(Request):
    """The text of a task's file made from values, not written: {text, problems: [problem]}.

    `values` is a map as the TOML file would hold it: {source, target, watch, filter: {…}, …}.
    """

    METHOD: ClassVar[str] = "task.compose"
    ACCESS: ClassVar[Access] = Access.ADMIN

    name: str
    values: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey(Request):
    """What a task with these values would find now; the target is not asked. Walks the source.

    {files, bytes, wanted, wanted_bytes, sample: [[path, size]], skipped: {code: n}}
    """

    METHOD: ClassVar[str] = "task.survey"
    ACCESS: ClassVar[Access] = Access.ADMIN

    values: Mapping[str, Any]
    name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Remove(Request):
    """Cancel what the task has queued and remove its file; its history stays: {cancelled: n, file}."""

    METHOD: ClassVar[str] = "task.remove"
    ACCESS: ClassVar[Access] = Access.ADMIN

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause(Request):
    """Hand out none of its transfers and start no run of it until task.resume: {}.

    Running transfers are interrupted and go back to the queue.
    """

    METHOD: ClassVar[str] = "task.pause"
    ACCESS: ClassVar[Access] = Access.OPERATE

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Resume(Request):
    """Undo task.pause: {}."""

    METHOD: ClassVar[str] = "task.resume"
    ACCESS: ClassVar[Access] = Access.OPERATE

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Run(Request):
    """Scan the task's source now and queue what should go: {run: id}. Follow it with run.show or events.subscribe.

    It waits for its turn while another scan of the task goes on; until its own is over, the next task.run is refused.
    `overwrite`: everything again. `dry_run`: nothing is queued, and the reply is
    {go: [[path, size, reason]], skip: {code: n}, files, bytes, truncated}, with at most `limit` entries in `go`. Files
    that are not complete yet are counted in `skip`, under the condition that they wait for.
    """

    METHOD: ClassVar[str] = "task.run"
    ACCESS: ClassVar[Access] = Access.OPERATE

    name: str
    overwrite: bool = False
    dry_run: bool = False
    limit: int = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Verify(Request):
    """Compare ledger, source and target for real.

    {run: id} or the report {checked, intact, gone: [path], differs: [path], unsent: [path], resent: n, given_up: n,
     withheld: n, truncated}. `gone` and `differs` are of what was sent, `unsent` are files of the source whose version
    was not. `resent` of the gone ones are queued again, as the task's `if_gone` says; `given_up` are not, since this
    version of them was sent again before; `withheld`: so many would have been, but that many at once look like an
    account logged out or a folder moved.
    """

    METHOD: ClassVar[str] = "task.verify"
    ACCESS: ClassVar[Access] = Access.OPERATE

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Next(Request):
    """When the task runs next: {instants: [epoch], timezone, expression}; no instants where it has no schedule."""

    METHOD: ClassVar[str] = "task.next"
    ACCESS: ClassVar[Access] = Access.VIEW

    name: str
    count: int = 5

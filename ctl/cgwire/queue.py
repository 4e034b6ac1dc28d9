"""Requests about transfers in the queue."""

from dataclasses import dataclass
from typing import ClassVar

from cgwire.access import Access
from cgwire.request import Request


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice(Request):
    """Which transfers are meant: all that is given must match; `states` are names, `glob` is on the path."""

    ids: tuple[int, ...] = ()
    task: str | None = None
    target: str | None = None
    states: tuple[str, ...] = ()
    glob: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Order(Choice):
    """An order about the transfers that match; without any of them chosen it needs `all`. The reply is {count}."""

    all: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class List(Choice):
    """{transfers: [transfer], total}: what moves, what waits in the order it goes, what ended newest first; each is

    {id, task, path, target, destination, size, state, priority, attempts, limit (attempts allowed), due,
     reason: reason | None, plan_reason: reason, held: [reason], guessed, run, created, updated,
     done (bytes, while copying), rate (bytes a second), eta (seconds)}
    """

    METHOD: ClassVar[str] = "queue.list"
    ACCESS: ClassVar[Access] = Access.VIEW

    run: int | None = None
    limit: int = 100
    offset: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Show(Request):
    """{transfer: transfer map as in queue.list, history: [move as in history.list]}."""

    METHOD: ClassVar[str] = "queue.show"
    ACCESS: ClassVar[Access] = Access.VIEW

    id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry(Order):
    """Queue failed and cancelled ones again, and make waiting ones due now: {count}."""

    METHOD: ClassVar[str] = "queue.retry"
    ACCESS: ClassVar[Access] = Access.OPERATE


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancel(Order):
    """End queued, running and failed ones; they stay so until the source changes or queue.retry: {count, ending}.

    `count` is of those that have ended. Running ones are waited for, some seconds at most: `ending` will yet stop,
    unless they are published or the daemon is killed before.
    """

    METHOD: ClassVar[str] = "queue.cancel"
    ACCESS: ClassVar[Access] = Access.OPERATE


@dataclass(frozen=True, slots=True, kw_only=True)
class First(Order):
    """Let queued ones go before all others of their target: {count}."""

    METHOD: ClassVar[str] = "queue.first"
    ACCESS: ClassVar[Access] = Access.OPERATE


@dataclass(frozen=True, slots=True, kw_only=True)
class Clear(Order):
    """Take ended ones out of the listing; the ledger stays: {count}."""

    METHOD: ClassVar[str] = "queue.clear"
    ACCESS: ClassVar[Access] = Access.OPERATE


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause(Request):
    """Hand out nothing until queue.resume; running ones are interrupted and go back to the queue: {}."""

    METHOD: ClassVar[str] = "queue.pause"
    ACCESS: ClassVar[Access] = Access.OPERATE


@dataclass(frozen=True, slots=True, kw_only=True)
class Resume(Request):
    """Undo queue.pause: {}."""

    METHOD: ClassVar[str] = "queue.resume"
    ACCESS: ClassVar[Access] = Access.OPERATE

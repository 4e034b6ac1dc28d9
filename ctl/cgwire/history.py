"""The request about what has happened to transfers."""

from dataclasses import dataclass
from typing import ClassVar

from cgwire.access import Access
from cgwire.request import Request


@dataclass(frozen=True, slots=True, kw_only=True)
class List(Request):
    """Newest first: {moves: [{id, transfer, task, path, at, event, before, after, attempt, reason: reason | None}]}.

    `outcomes` leaves out the steps on the way: each move of it ended a transfer or put it back into the queue.
    `path` is absolute, or relative to the source of `task` where that is given. `before`: only older than this id,
    for the next page.
    """

    METHOD: ClassVar[str] = "history.list"
    ACCESS: ClassVar[Access] = Access.VIEW

    task: str | None = None
    path: bytes | None = None
    transfer: int | None = None
    limit: int = 100
    before: int | None = None
    outcomes: bool = False

"""The request that turns a connection into a stream of what happens."""

from dataclasses import dataclass
from typing import ClassVar, Final

from cgwire.access import Access
from cgwire.request import Request

NOTICE: Final = "event"  # the method of the notifications that follow
KINDS: Final = ("transfer", "progress", "run", "target", "task", "download", "log")


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscribe(Request):
    """{} and from then on notifications [2, "event", [map]], until the connection is closed. Once per connection.

    `kinds` (empty: all) and `task` narrow it; what belongs to no task is always told. The maps are one of:
    {kind: "transfer", id, task, path, target, state, event, reason, at}
    {kind: "progress", id, task, done, size, rate}
    {kind: "run", …run map as in run.list}
    {kind: "target", name, held: [reason]}
    {kind: "task", name, change: "added" | "changed" | "removed" | "paused" | "resumed"}
    {kind: "download", id, state}
    {kind: "log", task, run, line}
    """

    METHOD: ClassVar[str] = "events.subscribe"
    ACCESS: ClassVar[Access] = Access.VIEW

    kinds: tuple[str, ...] = ()
    task: str | None = None

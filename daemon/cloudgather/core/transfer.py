"""A transfer, its states, and the one table and function that move it."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Final, NamedTuple

from cgwire.reasons import Reason


class State(StrEnum):
    """Where a transfer stands; each member says what is true then."""

    QUEUED = "queued"  # known complete, waiting for its turn
    COPYING = "copying"  # claimed; its bytes go into the temporary that its row names
    PUBLISHING = "publishing"  # the copy is whole and recorded; its rename may or may not have happened
    WRITTEN = "written"  # it stands under its final name, as far as the mount tells
    DONE = "done"  # stored, as far as the target's `confirm` can tell
    FAILED = "failed"  # gave up on this version of the source
    CANCELLED = "cancelled"  # the operator, or a fact found on the way, ended it
    VANISHED = "vanished"  # the source is gone


class Event(StrEnum):
    """What can happen to a transfer."""

    CLAIM = "claim"  # an agent takes it
    DEFER = "defer"  # try again later: transient failure, interruption, or a target that is held
    CHANGE = "change"  # the source is another version now: generation + 1, attempts anew
    PUBLISH = "publish"  # the copy is whole; what is needed to finish or undo the rename is recorded
    WRITE = "write"  # renamed
    UNPUBLISH = "unpublish"  # recovery found neither a whole temporary nor the published file, or cannot rename it
    CONFIRM = "confirm"  # stored, as far as the target's `confirm` can tell
    LOSE = "lose"  # the cloud lost it
    GIVE_UP = "give-up"  # attempts spent, or a failure that no retry mends
    REQUEUE = "requeue"  # the operator's retry, or the source changed
    CANCEL = "cancel"
    VANISH = "vanish"  # the source is gone


MOVES: Final[Mapping[State, Mapping[Event, State]]] = {
    State.QUEUED: {
        Event.CLAIM: State.COPYING,
        Event.CHANGE: State.QUEUED,
        Event.CANCEL: State.CANCELLED,
        Event.VANISH: State.VANISHED,
    },
    State.COPYING: {
        Event.DEFER: State.QUEUED,
        Event.CHANGE: State.QUEUED,
        Event.PUBLISH: State.PUBLISHING,
        Event.GIVE_UP: State.FAILED,
        Event.CANCEL: State.CANCELLED,
        Event.VANISH: State.VANISHED,
    },
    State.PUBLISHING: {
        Event.WRITE: State.WRITTEN,
        Event.UNPUBLISH: State.QUEUED,
        Event.GIVE_UP: State.FAILED,
    },
    State.WRITTEN: {
        Event.CONFIRM: State.DONE,
        Event.LOSE: State.QUEUED,
        Event.GIVE_UP: State.FAILED,
    },
    State.FAILED: {
        Event.REQUEUE: State.QUEUED,
        Event.CANCEL: State.CANCELLED,
        Event.VANISH: State.VANISHED,
    },
    State.CANCELLED: {
        Event.REQUEUE: State.QUEUED,
    },
    State.DONE: {},
    State.VANISHED: {},
}

LIVE: Final = frozenset({State.QUEUED, State.COPYING, State.PUBLISHING})


class ImpossibleMove(Exception):
    """A move that is not in the table: a bug of ours, or a row that another move overtook."""

    def __init__(self, state: State, event: Event) -> None:
        super().__init__(f"cannot {event} a transfer that is {state}")
        self.state = state
        self.event = event


def moved(state: State, event: Event) -> State:
    """The state that `event` leads to; raises ImpossibleMove where the table has none."""
    try:
        return MOVES[state][event]
    except KeyError:
        raise ImpossibleMove(state, event) from None


# What every file comes by as often as it moves is a named tuple: made, or made anew, in a third of the time.


class Version(NamedTuple):
    """Which content of a path is meant; ctime is left out, since links and chmods move it."""

    size: int
    mtime_ns: int
    device: int
    inode: int

    def same_content_as(self, other: "Version") -> bool:
        """Whether size and mtime agree (device and inode change when a disk is remounted or restored)."""
        return self.size == other.size and self.mtime_ns == other.mtime_ns


class Plan(NamedTuple):
    """What the plan stage decided to bring over; `store.add` makes a transfer of it."""

    task: str
    path: bytes  # relative to the task's source, `/` between components
    target: str
    destination: bytes  # relative to the target's root
    version: Version
    reason: Reason  # which rule made it go
    replace: bool  # whether a file that stands under the final name may be replaced
    guessed: bool  # completeness was guessed, not told by a downloader or the operator
    priority: int = 0  # higher goes first
    run: int | None = None


class Sent(NamedTuple):
    """What is recorded before a rename, so that it can be finished or undone after a crash."""

    size: int
    mtime_ns: int | None  # as the target reports it for the temporary; None where it cannot keep one
    digest: bytes  # xxh3-128 of the bytes written, 16 bytes
    standing: tuple[int, int] | None  # (size, mtime_ns) of what stood under the final name before, if anything


class Transfer(NamedTuple):
    """One file to bring over: the unit of the queue."""

    id: int
    task: str
    path: bytes
    target: str
    destination: bytes
    version: Version
    generation: int  # counts versions of the source; attempts are counted anew for each
    state: State
    priority: int
    attempts: int  # spent on this generation
    tries: int  # claims over all generations; never reset, so that a temporary name is never used twice
    temporary: bytes | None  # the name of the temporary of the current try, beside the final name
    sent: Sent | None
    reason: Reason | None  # why it is where it is: the rule, the last failure, who cancelled
    plan_reason: Reason  # which rule made it go
    replace: bool
    guessed: bool
    due: datetime | None  # not before; None = at once
    run: int | None
    created: datetime
    updated: datetime

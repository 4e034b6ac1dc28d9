"""A download on request, its states, and the one table and function that move it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from cgwire.reasons import Reason
from cloudgather.core.downloader import Item, Phase, SeedingGoal


class State(StrEnum):
    """Where a download stands; each member says what is true then."""

    QUEUED = "queued"  # asked for; the downloader does not have it, or has not begun
    METADATA = "metadata"  # the downloader is finding out which files a magnet link stands for
    CHOOSING = "choosing"  # its files are known, and whoever asked for it has yet to choose among them
    DOWNLOADING = "downloading"
    STALLED = "stalled"  # nothing has come for a while
    MOVING = "moving"  # all is there, and the downloader checks it or brings it to its final place
    DOWNLOADED = "downloaded"  # its files are complete and recorded; their upload has not begun
    UPLOADING = "uploading"  # its files are a task of their own, which brings them to the target
    SEEDING = "seeding"  # uploaded as well as the target can confirm; what is here stays until it may go
    DONE = "done"  # uploaded, and its data here is removed, or stays for good for the reason given
    FAILED = "failed"  # gave up; nothing that was downloaded is removed
    REMOVED = "removed"  # its owner, or an operator, has removed it


class Event(StrEnum):
    """What can happen to a download."""

    FETCH = "fetch"  # the downloader looks for the files of a magnet link
    CHOOSE = "choose"  # its files are known, and somebody is to choose
    DOWNLOAD = "download"  # bytes come, or are to come
    STALL = "stall"
    MOVE = "move"  # all is there, but not yet in its place
    COMPLETE = "complete"  # its files are in their place, whole; they are recorded
    UPLOAD = "upload"  # its files are handed to the queue
    UPLOADED = "uploaded"  # each of them is at the target
    FINISH = "finish"  # its data was removed, or is to stay
    LOSE = "lose"  # the downloader does not know it any more before it is complete: it is handed over again
    FAIL = "fail"  # what no waiting mends
    REQUEUE = "requeue"  # tried again from the beginning
    RESEND = "resend"  # uploaded again; its files are complete
    REMOVE = "remove"


_TAKEN: Final = {
    Event.FETCH: State.METADATA,
    Event.CHOOSE: State.CHOOSING,
    Event.DOWNLOAD: State.DOWNLOADING,
    Event.STALL: State.STALLED,
    Event.MOVE: State.MOVING,
    Event.COMPLETE: State.DOWNLOADED,
    Event.LOSE: State.QUEUED,
    Event.FAIL: State.FAILED,
    Event.REMOVE: State.REMOVED,
}


def _taken(*, but: Event) -> Mapping[Event, State]:
    """The moves of a download that the downloader has: it may be seen anywhere next, since not each step is seen."""
    return {event: state for event, state in _TAKEN.items() if event is not but}


MOVES: Final[Mapping[State, Mapping[Event, State]]] = {
    State.QUEUED: _taken(but=Event.LOSE),
    State.METADATA: _taken(but=Event.FETCH),
    State.CHOOSING: _taken(but=Event.CHOOSE),
    State.DOWNLOADING: _taken(but=Event.DOWNLOAD),
    State.STALLED: _taken(but=Event.STALL),
    State.MOVING: _taken(but=Event.MOVE),
    State.DOWNLOADED: {
        Event.UPLOAD: State.UPLOADING,
        Event.FAIL: State.FAILED,
        Event.REMOVE: State.REMOVED,
    },
    State.UPLOADING: {
        Event.UPLOADED: State.SEEDING,
        Event.FAIL: State.FAILED,
        Event.REMOVE: State.REMOVED,
    },
    State.SEEDING: {
        Event.FINISH: State.DONE,
        Event.REMOVE: State.REMOVED,
    },
    State.FAILED: {
        Event.REQUEUE: State.QUEUED,
        Event.RESEND: State.DOWNLOADED,
        Event.REMOVE: State.REMOVED,
    },
    State.DONE: {Event.REMOVE: State.REMOVED},
    State.REMOVED: {},
}

# The downloader is to have it, and its files are not complete.
ARRIVING: Final = frozenset(
    {State.QUEUED, State.METADATA, State.CHOOSING, State.DOWNLOADING, State.STALLED, State.MOVING}
)


class ImpossibleMove(Exception):
    """A move that is not in the table: a bug of ours, or a row that another move overtook."""

    def __init__(self, state: State, event: Event) -> None:
        super().__init__(f"cannot {event} a download that is {state}")
        self.state = state
        self.event = event


def moved(state: State, event: Event) -> State:
    """The state that `event` leads to; raises ImpossibleMove where the table has none."""
    try:
        return MOVES[state][event]
    except KeyError:
        raise ImpossibleMove(state, event) from None


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What somebody has asked for; it never changes."""

    uri: str | None  # magnet link or address; None: a torrent file
    downloader: str
    task: str | None  # whose target, filter and limits hold for the upload
    target: str
    base: bytes  # the folder below the target's root
    choose: bool  # somebody is to choose among its files before the first byte
    reuse: bool  # what the downloader has of it already may be used
    options: Mapping[str, Any]  # the downloader's own, checked
    max_size: int | None  # bytes that its owner's groups allow
    max_active: int | None  # so many of its owner's may be downloading at once
    uid: int
    user: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Download:
    """One download on request. Paths are as they are here, not as the downloader names them."""

    id: int
    asked: Asked
    state: State
    infohash: str | None  # 40 hex digits, as soon as known
    name: bytes
    folder: bytes  # in which its files lie
    foreign: bool  # the downloader had it before: its data is not ours to remove
    wanted: tuple[int, ...] | None  # numbers of the files that were chosen, from 1; None: all
    size: int | None  # bytes of what is wanted, as soon as known
    private: bool | None = None  # whether its torrent says so; None: not known
    own_folder: bytes | None = None  # of a foreign one: the folder that it would have, had it been handed over
    files: tuple[tuple[bytes, int], ...]  # (path below `folder`, size) of what was downloaded, once it is complete
    left_out: frozenset[bytes] | None = None  # of `files`, what the filter passed over as its upload began
    paused: bool  # by its owner
    short: bool = False  # by us, since too little is left on its disk
    keep_files: bool  # it is removed, and its data is to stay
    clearing: bool  # its data is being removed, since nothing needs it any more
    cleared: bool  # nothing is left to be done for it, with the downloader or on disk
    tries: int  # how often it was handed over
    handed: bool = False  # since it was queued last its downloader was given it, or has had it
    seeded: bool = False  # its seeding was over at one time, and is not asked for any more
    due: datetime | None  # its data is not removed before
    reason: Reason | None  # why it is where it is
    created: datetime
    updated: datetime

    @property
    def task_name(self) -> str:
        """Of the task that uploads it; no configured task can be called so."""
        return f"{TASK_PREFIX}{self.id}"


TASK_PREFIX: Final = "download:"


def download_of(task: str) -> int | None:
    """The download that this task uploads; None for one that somebody configured."""
    return int(task.removeprefix(TASK_PREFIX)) if task.startswith(TASK_PREFIX) else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What the configuration says of downloads; `[downloads]`."""

    to: str | None = None  # TARGET:FOLDER, where results go unless told otherwise
    min_free: int = 10 * 1024**3  # bytes that a download must leave on its disk
    keep_after: timedelta = timedelta(minutes=10)  # for so long data stays after its upload and seeding are over
    stalled_after: timedelta = timedelta(minutes=10)
    wait_for_seeding: bool = True
    seed_ratio: float = 1.0
    seed_time: timedelta = timedelta(hours=24)
    extra_trackers: tuple[str, ...] = ()  # for torrents that are not private
    tracker_file: bytes | None = None  # instead: the file that lists them
    allow_private: bool = False  # addresses of this machine and of private networks may be downloaded from

    @property
    def goal(self) -> SeedingGoal | None:
        """Until when a torrent is seeded; None: that is not waited for."""
        return SeedingGoal(ratio=self.seed_ratio, time=self.seed_time) if self.wait_for_seeding else None


def seen(item: Item, *, choosing: bool, idle: timedelta, rules: Rules) -> Event | None:
    """What the downloader's word comes to for a download that is arriving; None: that it waits there.

    `choosing`: its files have yet to be chosen; `idle`: for how long nothing has come.
    """
    match item.phase:
        case Phase.FAILED | Phase.MISSING:
            return Event.FAIL
        case Phase.METADATA:
            return Event.STALL if idle >= rules.stalled_after else Event.FETCH
        case Phase.QUEUED:
            return Event.CHOOSE if choosing and item.paused and item.size > 0 else None
        case Phase.DOWNLOADING | Phase.STALLED:
            return Event.STALL if idle >= rules.stalled_after else Event.DOWNLOAD
        case Phase.MOVING:
            return Event.MOVE
        case Phase.CHECKING:
            return Event.MOVE if 0 < item.size <= item.done else Event.DOWNLOAD
        case Phase.SEEDING | Phase.COMPLETE:
            return Event.COMPLETE if item.complete else Event.MOVE


def seeding_left(item: Item, goal: SeedingGoal) -> timedelta | None:
    """For how long one that is seeded, or was until it was stopped, has to be seeded yet at most; None: no longer."""
    if item.phase is Phase.COMPLETE or item.ratio >= goal.ratio:
        return None
    left = goal.time - timedelta(seconds=item.seeding or 0.0)
    return left if left > timedelta(0) else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowance:
    """What members of a group may have downloaded; `[groups.NAME]`."""

    max_active: int | None = None
    max_size: int | None = None  # bytes of one download
    downloaders: frozenset[str] | None = None  # None: all
    options: Mapping[str, Any] = field(default_factory=dict)  # for each of their downloads


def widest(allowances: Sequence[Allowance]) -> Allowance:
    """Of somebody in several groups: of each limit the one that allows the most."""
    if not allowances:
        return Allowance()
    named = [each.downloaders for each in allowances]
    options: dict[str, Any] = {}
    for each in allowances:
        options |= each.options
    return Allowance(
        max_active=_most([each.max_active for each in allowances]),
        max_size=_most([each.max_size for each in allowances]),
        downloaders=None if None in named else frozenset().union(*(each for each in named if each is not None)),
        options=options,
    )


def _most(limits: Sequence[int | None]) -> int | None:
    found = [limit for limit in limits if limit is not None]
    return max(found) if len(found) == len(limits) else None

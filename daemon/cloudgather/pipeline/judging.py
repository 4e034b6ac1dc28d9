"""Gathers the evidence on one file, what was observed of it and what a look shows, and has core.settle judge it."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from cgwire.reasons import Reason
from cloudgather.core import filters, settle
from cloudgather.core.task import Task
from cloudgather.pipeline.claims import Claims
from cloudgather.pipeline.pending import Pending
from cloudgather.ports.clock import Clock
from cloudgather.ports.source import Access, Look

_WRITTEN: Final = {Access.FREE: False, Access.WRITTEN: True, Access.UNKNOWN: None}
_CLOCK_JUMP: Final = 2.0  # seconds that wall and monotonic clock may drift apart before ctimes mean nothing


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """When files are judged, and what is the same for all of them."""

    now: float  # monotonic
    wall: float | None  # epoch seconds; None: the wall clock has jumped since the daemon's start
    asked: tuple[str, ...]  # all downloaders
    asked_since: float | None  # as Claims.asked_since() tells


class Judge:
    """Knows what the clocks showed at start: a ctime is compared only while the wall clock has not jumped since."""

    def __init__(self, *, clock: Clock, claims: Claims) -> None:
        self._clock = clock
        self._claims = claims
        self._clock_offset = clock.now().timestamp() - clock.monotonic()

    def moment(self) -> Moment:
        """For files that were looked at, before downloaders are asked for their word: a poll may come in between."""
        now, wall = self._clock.monotonic(), self._clock.now().timestamp()
        jumped = abs(wall - now - self._clock_offset) > _CLOCK_JUMP
        return Moment(
            now=now,
            wall=None if jumped else wall,
            asked=tuple(self._claims.names),
            asked_since=self._claims.asked_since(),
        )

    def verdict(
        self, task: Task, look: Look, pending: Pending | None, word: Reason | None, moment: Moment
    ) -> settle.Verdict:
        """core.settle's answer for what is known of a file; without a `pending`, nothing was observed of it yet.

        `word` is what a downloader says of it.
        """
        return settle.judge(_evidence(look, pending, word, moment), self.needed_quiet(task, look.path))

    def conditions(
        self, task: Task, look: Look, pending: Pending | None, word: Reason | None, moment: Moment
    ) -> tuple[Reason, ...]:
        """What that leans on: every condition, be it met or not."""
        return settle.conditions(_evidence(look, pending, word, moment), self.needed_quiet(task, look.path))

    def needed_quiet(self, task: Task, path: bytes) -> timedelta:
        """How long this file must be quiet where it is a guess."""
        if task.settle is not None:
            return task.settle
        return settle.needed_quiet(None, downloader_answers=self._claims.answering(task, path))


def _evidence(look: Look, pending: Pending | None, word: Reason | None, moment: Moment) -> settle.Evidence:
    path, _, ctime_ns, _, access, unknown_why, control_file = look
    wall = moment.wall
    # In the order of its fields: by their names it would cost twice as much, and every file is judged.
    return settle.Evidence(
        moment.now,
        moment.now if pending is None else pending.quiet_since,
        pending is not None and pending.event_seen,
        None if wall is None else wall - ctime_ns / 1e9,
        _WRITTEN[access],
        unknown_why,
        filters.partial_pattern(path.rpartition(b"/")[2]),
        control_file,
        word,
        moment.asked,
        moment.asked_since,
    )

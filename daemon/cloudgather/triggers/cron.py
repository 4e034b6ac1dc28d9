"""Tells when tasks with a schedule or an interval are due, whatever the clock does meanwhile."""

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from typing import Final, Protocol

from cloudgather.core.schedule import Schedule, due_since, schedule_of
from cloudgather.core.task import Task
from cloudgather.ports.clock import Clock
from cloudgather.ports.queue import TaskMemory

logger = logging.getLogger(__name__)

_LONGEST_WAIT: Final = 30.0  # seconds; asyncio's clock stops in suspend, and nobody tells that the wall clock was set
_JUMP: Final = 5.0  # seconds by which wall clock and monotonic clock may part before the wall clock counts as set
_LATE: Final = timedelta(seconds=90)  # later than this is missed, not due
_DAY: Final = timedelta(days=1)


class Due(Protocol):
    """Called when a task is due."""

    def __call__(self, task: str, trigger: str, instant: datetime, /) -> None:
        """`trigger` is "schedule" or "interval"; `instant` (UTC) is to be remembered as TaskMemory.last_due."""
        ...


@dataclass(slots=True, kw_only=True)
class _Entry:
    task: Task
    rule: "_Rule"
    schedule: Schedule
    last: datetime  # the last instant that was run or passed over, as it was recorded
    base: datetime  # what is due is looked for after this; differs from `last` while that lies in an impossible future
    coming: datetime | None = None  # the first due instant after `base`

    def move(self, base: datetime) -> None:
        """Look for what is due after `base` from now on."""
        self.base = base
        self.coming = self.schedule.next_after(base)

    def rebase(self, now: datetime) -> None:
        """Judge `last` by a clock that was set: what ran at an instant still to come ran by a clock that was wrong.

        A little is borne, so that nothing runs twice; more would keep the task from running until then. The record
        stays: the clock may be set right again.
        """
        following = self.schedule.next_after(self.last)
        most = _DAY if following is None else min(_DAY, following - self.last)
        self.move(self.last if self.last <= now + most else now)


class Schedules:
    """Which task is due when.

    What was missed, because the daemon was down, the machine suspended or the clock set forward, is due once, however
    often it was missed; with `catch_up = false` it is passed over. When the clock is set back, nothing that has run
    runs again, unless the clock was wrong by more than a day or by more than the task's own interval.
    """

    def __init__(
        self,
        *,
        clock: Clock,
        due: Due,
        passed: Callable[[str, datetime], None] = lambda task, instant: None,
    ) -> None:
        """`passed` gets what is to be last_due though nothing ran.

        Those are instants passed over, and for a task never seen before the present, so that its first can be missed.
        """
        self._clock = clock
        self._due = due
        self._passed = passed
        self._entries: dict[str, _Entry] = {}
        self._changed = asyncio.Event()
        self._looked = asyncio.Event()
        self._seen = clock.now(), clock.monotonic()

    def set_tasks(self, tasks: Iterable[Task], memory: Mapping[str, TaskMemory], *, local: tzinfo) -> None:
        """These are the tasks now, and `local` is the zone of those that name none.

        One whose schedule or zone was changed while we ran is not due before the new one says.
        """
        now = self._clock.now()
        known, self._entries = self._entries, {}
        for task in tasks:
            if (schedule := schedule_of(task, local)) is None:
                continue
            rule = _rule(task, local)
            last = self._last(rule, known.get(task.name), memory.get(task.name))
            if last is None:
                last = now
                self._say_passed(task.name, now)
            entry = _Entry(task=task, rule=rule, schedule=schedule, last=last, base=last)
            self._entries[task.name] = entry
            entry.rebase(now)
        self._changed.set()

    def _last(self, rule: "_Rule", known: _Entry | None, remembered: TaskMemory | None) -> datetime | None:
        if known is not None:
            return known.last if known.rule == rule else None
        return None if remembered is None else remembered.last_due

    def next_due(self, task: str) -> datetime | None:
        """When a task is due next, in UTC; None if it has no schedule or will not be due again."""
        entry = self._entries.get(task)
        return None if entry is None else entry.schedule.next_after(max(entry.base, self._clock.now()))

    async def answers(self) -> None:
        """Ends when it has looked once more what is due."""
        self._looked.clear()
        self._changed.set()
        await self._looked.wait()

    async def run(self) -> None:
        """Tell what is due until cancelled."""
        while True:
            self._changed.clear()
            self._look()
            self._looked.set()
            await self._wait()

    def _look(self) -> None:
        now, monotonic = self._clock.now(), self._clock.monotonic()
        before, ticks = self._seen
        self._seen = now, monotonic
        if abs((now - before).total_seconds() - (monotonic - ticks)) > _JUMP:
            logger.warning("the clock was set from %s to %s", before + timedelta(seconds=monotonic - ticks), now)
            for entry in self._entries.values():
                entry.rebase(now)
        for entry in list(self._entries.values()):
            if entry.coming is None or entry.coming > now:
                continue
            if (instant := due_since(entry.schedule, entry.base, now)) is not None:
                entry.last = instant
                entry.move(instant)
                self._tell(entry.task, instant, now)

    def _tell(self, task: Task, instant: datetime, now: datetime) -> None:
        if not task.catch_up and now - instant > _LATE:
            logger.info("task %s: passed over what was due at %s", task.name, instant)
            self._say_passed(task.name, instant)
            return
        try:
            self._due(task.name, "interval" if task.schedule is None else "schedule", instant)
        except Exception:
            logger.exception("task %s: cannot start what is due", task.name)

    def _say_passed(self, task: str, instant: datetime) -> None:
        try:
            self._passed(task, instant)
        except Exception:
            logger.exception("task %s: cannot remember what was passed over", task)

    async def _wait(self) -> None:
        now = self._clock.now()
        coming = (entry.coming for entry in self._entries.values())
        spans = [(instant - now).total_seconds() for instant in coming if instant is not None]
        waits = [
            asyncio.ensure_future(self._clock.sleep(max(0.0, min([_LONGEST_WAIT, *spans])))),
            asyncio.ensure_future(self._changed.wait()),
        ]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()


_Rule = tuple[str | None, timedelta | None, str | tzinfo | None]


def _rule(task: Task, local: tzinfo) -> _Rule:
    return task.schedule, task.every, None if task.schedule is None else task.timezone or local

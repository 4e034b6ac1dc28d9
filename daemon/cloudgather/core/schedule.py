"""When a scheduled task is due: cron expressions and plain spans."""

import hashlib
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Final, Protocol
from zoneinfo import ZoneInfo

from croniter import CroniterBadDateError, croniter

from cgwire.flaws import Flaw
from cloudgather.core.cron import Fields, parse_cron
from cloudgather.core.task import Task
from cloudgather.core.unfit import Unfit
from cloudgather.core.wallclock import first_instant, next_change, wall

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND: Final = timedelta(seconds=1)


class Schedule(Protocol):
    """A rule for instants; every one it gives is aware, in UTC."""

    def next_after(self, instant: datetime) -> datetime | None:
        """The first due instant after `instant`; None if there is none."""
        ...


class Cron:
    """A cron expression in a time zone.

    Where it names hours (`30 2 * * *`), it is about times of day: each runs once a day, the first time the clock shows
    it; one that is passed over when the clock is put forward runs at that moment. Where it takes every hour (`*/30`,
    `@hourly`), it is about spans: it runs whenever the clock shows a matching minute, in both of a repeated hour.

    croniter only finds the next matching date on a calendar without time zone: with zones it runs a time of day twice
    when clocks are put back, asserts that daylight saving is positive (in Dublin it is not), reads `5-5` as the whole
    range, `@daily` with a hash as a random time and a sixth field as seconds. So our parser says what an expression
    means, croniter gets it as plain lists, and the zone is dealt with here.
    """

    def __init__(self, expression: str, timezone: tzinfo, hash_id: str = "") -> None:
        """Raises Unfit for what is not standard cron and for a date that never comes."""
        self.expression = expression
        self.timezone = timezone
        self._fields = parse_cron(expression, hash_id)
        self._plain = _plain(self._fields)
        try:
            self._next_shown(datetime(2000, 1, 1))
        except CroniterBadDateError:
            raise Unfit(Flaw.CRON_NEVER, given=expression) from None

    def next_after(self, instant: datetime) -> datetime | None:
        """The first due instant after `instant`, in UTC; None past the end of the calendar."""
        try:
            return self._next_span(instant) if self._fields.every_hour else self._next_time_of_day(instant)
        except (ValueError, OverflowError):  # no such date, or past the year 9999
            return None

    def _next_time_of_day(self, instant: datetime) -> datetime:
        shown = self._next_shown(wall(instant, self.timezone))
        # In an hour that comes again, what it shows was due the first time.
        while (due := first_instant(shown, self.timezone)) <= instant:
            shown = self._next_shown(shown)
        return due

    def _next_span(self, instant: datetime) -> datetime:
        zone = self.timezone
        start, shown = instant.astimezone(UTC), wall(instant, zone)
        while True:
            # As long as the offset stays, wall clock and time run alike; at a change, go on from what it shows then.
            matching = self._next_shown(shown)
            offset = start.astimezone(zone).utcoffset() or timedelta()
            due = (matching - offset).replace(tzinfo=UTC)
            change = next_change(start, due, zone)
            if change is None:
                return due
            start, shown = change, wall(change, zone) - _SECOND

    def _next_shown(self, shown: datetime) -> datetime:
        start = shown.replace(microsecond=0, tzinfo=UTC)
        found = croniter(self._plain, start, day_or=self._fields.either_day).get_next(datetime)
        assert isinstance(found, datetime)
        return found.replace(tzinfo=None)


class Every:
    """A fixed span, counted from a moment that differs from task to task, so that they do not all start together."""

    def __init__(self, span: timedelta, hash_id: str = "") -> None:
        """`span` is at least a second."""
        self.span = span
        drawn = hashlib.blake2b(hash_id.encode("utf-8", "surrogatepass"), digest_size=8).digest()
        self._anchor = _EPOCH + timedelta(seconds=int.from_bytes(drawn, "big") % max(1, span // _SECOND))

    def next_after(self, instant: datetime) -> datetime | None:
        """The first multiple of the span after `instant`, in UTC; None past the end of the calendar."""
        try:
            return self._anchor + ((instant - self._anchor) // self.span + 1) * self.span
        except OverflowError:
            return None


def schedule_of(task: Task, local: tzinfo) -> Schedule | None:
    """What `task` asks for; `local` is the daemon's time zone, for a task that names none."""
    if task.schedule is not None:
        return Cron(task.schedule, local if task.timezone is None else ZoneInfo(task.timezone), task.name)
    return None if task.every is None else Every(task.every, task.name)


def upcoming(schedule: Schedule, after: datetime, count: int) -> list[datetime]:
    """The next `count` due instants after `after`, fewer if there are no more."""
    found: list[datetime] = []
    due = schedule.next_after(after)
    while due is not None and len(found) < count:
        found.append(due)
        due = schedule.next_after(due)
    return found


def due_since(schedule: Schedule, last: datetime, now: datetime) -> datetime | None:
    """The latest due instant in (last, now], which stands for all that were missed; None if there was none."""
    due = schedule.next_after(last)
    if due is None or due > now:
        return None
    low, high = due, now
    while high - low > _SECOND:
        middle = low + (high - low) / 2
        later = schedule.next_after(middle)
        if later is None or later > now:
            high = middle
        else:
            low = later
    return low


def _plain(fields: Fields) -> str:
    """As croniter cannot misunderstand it: stars and lists of single numbers."""
    days, weekdays = _list(fields.days, 31), _list(fields.weekdays, 7)
    if fields.either_day and "*" in (days, weekdays):
        days = weekdays = "*"
    hours, minutes = _list(fields.hours, 24), _list(fields.minutes, 60)
    return f"{minutes} {hours} {days} {_list(fields.months, 12)} {weekdays}"


def _list(values: Iterable[int], all_of_them: int) -> str:
    numbers = sorted(values)
    return "*" if len(numbers) == all_of_them else ",".join(map(str, numbers))

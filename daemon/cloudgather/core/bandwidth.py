"""How fast a target may be written to now, by its timetable or by an operator's order, and until when."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta
from typing import Final, TypeAlias

from cloudgather.core.wallclock import instants, next_change

# Enough to find a step where a change of the clock swallows one, or (Samoa, 2011) a whole day.
_DAYS_AHEAD: Final = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class RateFrom:
    """One line of a daily timetable."""

    at: time  # local
    rate: int | None  # bytes a second; None: unlimited


# A figure for all day (None: unlimited), or a timetable in the order of the day; its last line holds past midnight.
Bandwidth: TypeAlias = int | tuple[RateFrom, ...] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RateOrder:
    """What an operator has ordered for a while; goes before the configuration."""

    rate: int | None
    until: datetime
    span: timedelta  # that it was given for

    def clamped(self, now: datetime) -> "RateOrder":
        """After a start or a jump of the wall clock: never longer than it was given for from now."""
        return replace(self, until=min(self.until, now + self.span))


@dataclass(frozen=True, slots=True, kw_only=True)
class RateNow:
    """What is in effect. `until` is when something else may be; None: no end is known."""

    rate: int | None
    until: datetime | None
    ordered: bool


def rate_now(bandwidth: Bandwidth, order: RateOrder | None, local: datetime) -> RateNow:
    """At `local`, an aware time in the zone that the timetable is meant in."""
    if order is not None and local < order.until:
        return RateNow(rate=order.rate, until=order.until, ordered=True)
    if not isinstance(bandwidth, tuple):
        return RateNow(rate=bandwidth, until=None, ordered=False)
    rate = _of(bandwidth, local.time())
    return RateNow(rate=rate, until=_until(bandwidth, rate, local), ordered=False)


def _of(timetable: tuple[RateFrom, ...], moment: time) -> int | None:
    begun = [step.rate for step in timetable if step.at <= moment]
    return begun[-1] if begun else timetable[-1].rate


def _until(timetable: tuple[RateFrom, ...], rate: int | None, local: datetime) -> datetime | None:
    """The first instant after `local` with another rate, in UTC, with clocks that are put forward and back."""
    if all(step.rate == rate for step in timetable):
        return None
    zone = local.tzinfo
    assert zone is not None, "a timetable needs an aware time"
    now, today = local.astimezone(UTC), local.date()
    candidates = [
        instant
        for days in range(_DAYS_AHEAD)
        for step in timetable
        for instant in instants(datetime.combine(today + timedelta(days=days), step.at), zone)
    ]
    change = now
    while (found := next_change(change, now + timedelta(days=_DAYS_AHEAD), zone)) is not None:
        candidates.append(found)
        change = found
    later = [
        instant for instant in candidates if instant > now and _of(timetable, instant.astimezone(zone).time()) != rate
    ]
    return min(later, default=None)

"""When a daily upload window is open, with clocks that are put forward and back."""

from datetime import UTC, datetime, time, timedelta

from cloudgather.core.task import Window
from cloudgather.core.wallclock import instants, next_change

# Enough to find an opening where a change of the clock swallows one, or (Samoa, 2011) a whole day.
_DAYS_AHEAD = 4


def is_open(window: Window, local: datetime) -> bool:
    """Whether uploads may start at `local`, an aware time in the zone that the window is meant in."""
    return _contains(window, local.time())


def opens_at(window: Window, local: datetime) -> datetime:
    """The first instant from `local` on at which the window is open, in UTC; `local` itself if it is open then."""
    if is_open(window, local):
        return local.astimezone(UTC)
    return _next(window, local, window.begin, becomes_open=True)


def closes_at(window: Window, local: datetime) -> datetime | None:
    """The first instant from `local` on at which the window is closed, in UTC; None if it is open all day."""
    if window.begin == window.end:
        return None
    if not is_open(window, local):
        return local.astimezone(UTC)
    return _next(window, local, window.end, becomes_open=False)


def _next(window: Window, local: datetime, edge: time, *, becomes_open: bool) -> datetime:
    zone = local.tzinfo
    assert zone is not None, "a window needs an aware time"
    now = local.astimezone(UTC)
    today = local.date()
    candidates = [
        instant
        for days in range(_DAYS_AHEAD)
        for instant in instants(datetime.combine(today + timedelta(days=days), edge), zone)
    ]
    # The clock may also jump over the edge, or back across it.
    change = now
    while (found := next_change(change, now + timedelta(days=_DAYS_AHEAD), zone)) is not None:
        candidates.append(found)
        change = found
    return min(
        instant for instant in candidates if instant > now and is_open(window, instant.astimezone(zone)) is becomes_open
    )


def _contains(window: Window, moment: time) -> bool:
    if window.begin == window.end:
        return True
    if window.begin < window.end:
        return window.begin <= moment < window.end
    return moment >= window.begin or moment < window.end

"""From what a wall clock shows to instants and back, where a clock is put forward or back."""

from datetime import UTC, datetime, timedelta, tzinfo
from typing import Final

# No zone changed its offset and changed it back within this.
_STEP: Final = timedelta(hours=12)
_SECOND: Final = timedelta(seconds=1)


def wall(instant: datetime, zone: tzinfo) -> datetime:
    """What a clock in `zone` shows at `instant`, naive."""
    return instant.astimezone(zone).replace(tzinfo=None, fold=0)


def instants(shown: datetime, zone: tzinfo) -> tuple[datetime, ...]:
    """When a clock in `zone` shows the naive `shown`, in UTC: once, twice where it is put back, never where forward."""
    both = (_read(shown, zone, 0), _read(shown, zone, 1))
    return tuple(sorted({instant for instant in both if wall(instant, zone) == shown}))


def first_instant(shown: datetime, zone: tzinfo) -> datetime:
    """The first instant, in UTC, at which a clock in `zone` shows the naive `shown`, or passes over it."""
    found = instants(shown, zone)
    if found:
        return found[0]
    # PEP 495: in a gap, fold=1 reads it with the offset after the change and so lies before it, fold=0 lies after it.
    change = next_change(_read(shown, zone, 1), _read(shown, zone, 0), zone)
    assert change is not None
    return change


def next_change(after: datetime, until: datetime, zone: tzinfo) -> datetime | None:
    """The first instant in (after, until], in UTC, from which the offset of `zone` differs from that at `after`."""
    low, until = after.astimezone(UTC), until.astimezone(UTC)
    before = low.astimezone(zone).utcoffset()
    while low < until:
        high = min(low + _STEP, until)
        if high.astimezone(zone).utcoffset() != before:
            return _bisected(low, high, zone)
        low = high
    return None


def _bisected(low: datetime, high: datetime, zone: tzinfo) -> datetime:
    before = low.astimezone(zone).utcoffset()
    # Offsets change at whole seconds.
    low, high = low.replace(microsecond=0), high.replace(microsecond=0) + (_SECOND if high.microsecond else timedelta())
    while high - low > _SECOND:
        middle = low + timedelta(seconds=(high - low) // _SECOND // 2)
        if middle.astimezone(zone).utcoffset() == before:
            low = middle
        else:
            high = middle
    return high


def _read(shown: datetime, zone: tzinfo, fold: int) -> datetime:
    return shown.replace(tzinfo=zone, fold=fold).astimezone(UTC)

"""Decides what a target's limit of bytes a day leaves: a rolling 24 hours, in buckets of an hour."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final

HOUR: Final = 3600
# A bucket counts until 24 hours after its end.
_COUNTED: Final = 25


def hour_of(now: datetime) -> int:
    """The bucket of this moment: whole hours since 1970."""
    return int(now.timestamp() // HOUR)


def first_counted(now: datetime) -> int:
    """The oldest bucket that still counts."""
    return hour_of(now) - _COUNTED + 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Spending:
    """What a target was sent within a day: buckets that still count, oldest first, and what is reserved."""

    hours: tuple[tuple[int, int], ...] = ()  # (hour, bytes)
    reserved: int = 0  # sizes of the transfers that are being copied

    @property
    def total(self) -> int:
        """Bytes that are spent or reserved."""
        return self.reserved + sum(size for _, size in self.hours)

    def fits(self, size: int, limit: int) -> bool:
        """Whether a file may start. One that is larger than the limit may on an unused one."""
        return self.total == 0 or self.total + size <= limit

    def reserving(self, size: int) -> "Spending":
        """With a transfer more under way."""
        return replace(self, reserved=self.reserved + size)

    def frees_at(self, size: int, limit: int) -> datetime | None:
        """When a file of this size may start; None: not before what is being copied has ended."""
        for index, (hour, _) in enumerate(self.hours, 1):
            if replace(self, hours=self.hours[index:]).fits(size, limit):
                return datetime.fromtimestamp((hour + _COUNTED) * HOUR, UTC)
        return None

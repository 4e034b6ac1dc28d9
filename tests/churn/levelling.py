"""Whether a measure levels off: how much it has grown over the work that was done, and whether that is a leak."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import median
from typing import Final

_WINDOWS: Final = 12
_FLOOR: Final = 0.25  # the quantile of a window that counts: peaks come and go, a leak lifts the floor as well

Point = tuple[float, float]  # work done so far (transfers), value


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """By how much a measure may grow while so many transfers are made: `spare`, and `each` for every transfer."""

    spare: float
    each: float = 0.0

    def allowed(self, work: float) -> float:
        """The growth that is no leak."""
        return self.spare + self.each * work

    def notices(self, leak: float, work: float) -> bool:
        """Whether a leak of so much a transfer is more than is allowed after so much work."""
        return leak * work > self.allowed(work)


def growth(points: Sequence[Point]) -> float:
    """From the first point to the last, along the line that fits the floors of windows of equal work.

    The slope is the median of those between all pairs of floors (Theil and Sen): up to a quarter of the windows may
    be anything at all. Raises ValueError for points that cannot be fitted: too few, or without work between them.
    """
    work = points[-1][0] - points[0][0]
    if len(points) < 2 * _WINDOWS or work <= 0:
        raise ValueError(f"{len(points)} points over {work} transfers cannot be fitted")
    floors = [_floor(window) for window in _windows(points)]
    slopes = [(b[1] - a[1]) / (b[0] - a[0]) for a, b in combinations(floors, 2) if b[0] > a[0]]
    return median(slopes) * work


def _windows(points: Sequence[Point]) -> list[list[Point]]:
    first, last = points[0][0], points[-1][0]
    windows: list[list[Point]] = [[] for _ in range(_WINDOWS)]
    for point in points:
        windows[min(_WINDOWS - 1, int((point[0] - first) / (last - first) * _WINDOWS))].append(point)
    return [window for window in windows if window]


def _floor(window: Sequence[Point]) -> Point:
    values = sorted(value for _, value in window)
    return sum(work for work, _ in window) / len(window), values[int(len(values) * _FLOOR)]

"""Reads a bandwidth: one figure, or a timetable of the day."""

import re
from datetime import time
from itertools import pairwise
from typing import Final

from cgwire.flaws import Flaw
from cloudgather.config.amounts import rate, size_text
from cloudgather.config.values import kind_of
from cloudgather.core.bandwidth import Bandwidth, RateFrom
from cloudgather.core.unfit import Unfit

_LINE: Final = re.compile(r"(\d{1,2}):(\d{2})\s+(\S.*)", re.ASCII)


def bandwidth(value: object) -> Bandwidth:
    """`"2MiB/s"`, or `["08:00 2MiB/s", "23:00 unlimited"]`: each figure holds until the next time of the day."""
    if not isinstance(value, list):
        return rate(value)
    if not value:
        raise Unfit(Flaw.TIMETABLE_EMPTY)
    steps = sorted((_step(each) for each in value), key=lambda step: step.at)
    for one, other in pairwise(steps):
        if one.at == other.at:
            raise Unfit(Flaw.TIMETABLE_TWICE, at=f"{one.at:%H:%M}")
    return tuple(steps)


def rate_text(value: int | None) -> str:
    """A rate as it is written in the file."""
    return "unlimited" if value is None else f"{size_text(value)}/s"


def step_text(step: RateFrom) -> str:
    """A line of a timetable as it is written in the file."""
    return f"{step.at:%H:%M} {rate_text(step.rate)}"


def _step(value: object) -> RateFrom:
    if not isinstance(value, str):
        raise Unfit(Flaw.TIMETABLE_KIND, found=kind_of(value))
    match = _LINE.fullmatch(value.strip())
    if match is None or int(match[1]) > 23 or int(match[2]) > 59:
        raise Unfit(Flaw.TIMETABLE, given=value)
    return RateFrom(at=time(int(match[1]), int(match[2])), rate=rate(match[3]))

"""Reads a bandwidth: one figure, or a timetable of the day."""

import re
from datetime import time
from itertools import pairwise
from typing import Final

from cloudgather.config.amounts import rate, size_text
from cloudgather.config.values import kind_of
from cloudgather.core.bandwidth import Bandwidth, RateFrom

_LINE: Final = re.compile(r"(\d{1,2}):(\d{2})\s+(\S.*)", re.ASCII)
_EXAMPLE: Final = '["08:00 2MiB/s", "23:00 unlimited"]'


def bandwidth(value: object) -> Bandwidth:
    """`"2MiB/s"`, or `["08:00 2MiB/s", "23:00 unlimited"]`: each figure holds until the next time of the day."""
    if not isinstance(value, list):
        return rate(value)
    if not value:
        raise ValueError(f"is an empty list; write {_EXAMPLE}, or leave the key out for no limit")
    steps = sorted((_step(each) for each in value), key=lambda step: step.at)
    for one, other in pairwise(steps):
        if one.at == other.at:
            raise ValueError(f"gives two figures for {one.at:%H:%M}; leave one out")
    return tuple(steps)


def rate_text(value: int | None) -> str:
    """A rate as it is written in the file."""
    return "unlimited" if value is None else f"{size_text(value)}/s"


def step_text(step: RateFrom) -> str:
    """A line of a timetable as it is written in the file."""
    return f"{step.at:%H:%M} {rate_text(step.rate)}"


def _step(value: object) -> RateFrom:
    if not isinstance(value, str):
        raise ValueError(f"{kind_of(value)} is not allowed in a timetable; write {_EXAMPLE}")
    match = _LINE.fullmatch(value.strip())
    if match is None or int(match[1]) > 23 or int(match[2]) > 59:
        raise ValueError(f'"{value}" is not a time and a rate; write the timetable as {_EXAMPLE}')
    return RateFrom(at=time(int(match[1]), int(match[2])), rate=rate(match[3]))

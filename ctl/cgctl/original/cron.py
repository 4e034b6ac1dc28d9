"""Cron expressions of the original CloudGather in the standard notation.

The original hands the five fields to APScheduler, which counts the days of the week from Monday, 0, to Sunday, 6, and
wants both day fields to match; in standard cron Sunday is 0 and 7, and either of two restricted day fields is enough.
"""

import re
from typing import Final

from cgctl.language import later

_DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_ITEM: Final = re.compile(r"(?:\*|\d+(?:-\d+)?|[a-z]{3}(?:-[a-z]{3})?)(?:/\d+)?", re.ASCII)
_DAY: Final = re.compile(
    r"(?:(?P<star>\*)|(?P<low>\d+)(?:-(?P<high>\d+))?)(?:/(?P<step>\d+))?|(?P<first>[a-z]{3})(?:-(?P<last>[a-z]{3}))?",
    re.ASCII,
)


def standard(expression: str) -> str:
    """The same times in standard cron.

    Raises ValueError with a phrase that says why there is no such expression, or that the original has no use for it.
    """
    fields = expression.lower().split()
    if len(fields) != 5:
        raise ValueError(later("it does not have five fields"))
    *others, weekday = fields
    if not all(_ITEM.fullmatch(item) for field in others for item in field.split(",")):
        raise ValueError(later("it holds what standard cron does not have"))
    days = frozenset(day for item in weekday.split(",") for day in _days(item))
    if len(days) == len(_DAYS):
        return " ".join([*others, "*"])
    if not others[2].startswith("*"):
        raise ValueError(later("it wants a day of the month and a day of the week at once, which standard cron cannot"))
    return " ".join([*others, _written(days)])


def _days(item: str) -> range:
    """Which days an item means, Monday being 0."""
    match = _DAY.fullmatch(item)
    if match is None:
        raise ValueError(later("it holds what standard cron does not have"))
    if match["first"]:
        if not {match["first"], match["last"] or match["first"]} <= set(_DAYS):
            raise ValueError(later("it names a day that there is not"))
        low, high = _DAYS.index(match["first"]), _DAYS.index(match["last"] or match["first"])
    elif match["star"]:
        low, high = 0, 6
    else:
        low = int(match["low"])
        # 3/2 goes on to the end of the week.
        high = int(match["high"]) if match["high"] else 6 if match["step"] else low
    step = int(match["step"] or 1)
    if not 0 <= low <= high <= 6 or step < 1:
        raise ValueError(later("it names a day that there is not"))
    return range(low, high + 1, step)


def _written(days: frozenset[int]) -> str:
    """As 1-5 or 1,3,7: the days that follow each other as a range, Sunday as 7."""
    runs: list[list[int]] = []
    for day in sorted(day + 1 for day in days):
        if runs and runs[-1][-1] == day - 1:
            runs[-1].append(day)
        else:
            runs.append([day])
    return ",".join(f"{run[0]}-{run[-1]}" if len(run) > 2 else ",".join(map(str, run)) for run in runs)

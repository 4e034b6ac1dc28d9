"""A cron expression as sets of numbers: what is accepted, what it means, and what is wrong with what is not."""

import difflib
import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from cgwire.flaws import Flaw
from cloudgather.core.unfit import Unfit

ALIASES: Final[Mapping[str, str]] = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}

_MONTHS: Final = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
_DAYS: Final = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]
_ITEM: Final = re.compile(
    r"(?P<star>\*)|(?P<hash>h)(?:\((?P<from>\d+)-(?P<to>\d+)\))?|(?P<low>\w+)(?:-(?P<high>\w+))?", re.ASCII
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Field:
    name: str
    low: int
    high: int
    names: Mapping[str, int]
    hash_high: int  # the largest value that H takes of itself


_FIELDS: Final = (
    _Field(name="minute", low=0, high=59, names={}, hash_high=59),
    _Field(name="hour", low=0, high=23, names={}, hash_high=23),
    # every month has a 28th
    _Field(name="day of month", low=1, high=31, names={}, hash_high=28),
    _Field(name="month", low=1, high=12, names={name: n for n, name in enumerate(_MONTHS, 1)}, hash_high=12),
    _Field(name="day of week", low=0, high=7, names={name: n for n, name in enumerate(_DAYS)}, hash_high=6),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fields:
    """Which values of each field match; Sunday is 0. `either_day`: one of the two day fields is enough."""

    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    either_day: bool

    @property
    def every_hour(self) -> bool:
        """Whether no hour is named, so that it is about spans of time and not about times of day."""
        return len(self.hours) == 24


def parse_cron(expression: str, hash_id: str) -> Fields:
    """The meaning of a five-field expression or an alias; `hash_id` fixes what `H` stands for.

    Raises Unfit, which says what is wrong and what is allowed.
    """
    given = expression.strip()
    if given.startswith("@"):
        given = _alias(given)
    parts = given.lower().split()
    if len(parts) != len(_FIELDS):
        raise _wrong_count(len(parts))
    sets = [frozenset(_field(part, field, hash_id)) for part, field in zip(parts, _FIELDS, strict=True)]
    minutes, hours, days, months, weekdays = sets
    return Fields(
        minutes=minutes,
        hours=hours,
        days=days,
        months=months,
        weekdays=frozenset(day % 7 for day in weekdays),
        # crontab(5): if both are restricted, that is, do not begin with *, either is enough; else both must match.
        either_day=not parts[2].startswith("*") and not parts[4].startswith("*"),
    )


def _alias(given: str) -> str:
    if (expression := ALIASES.get(given.lower())) is not None:
        return expression
    if given.lower().startswith("@every"):
        raise Unfit(Flaw.CRON_EVERY)
    if given.lower() == "@reboot":
        raise Unfit(Flaw.CRON_REBOOT)
    near = difflib.get_close_matches(given.lower(), ALIASES, 1)
    if near:
        raise Unfit(Flaw.CRON_ALIAS, given=given, near=near[0])
    raise Unfit(Flaw.CRON_ALIAS, given=given, known=list(ALIASES))


def _wrong_count(count: int) -> Unfit:
    if count == 1:
        return Unfit(Flaw.CRON_ONE_FIELD)
    return Unfit(Flaw.CRON_SECONDS if count in (6, 7) else Flaw.CRON_FIELDS, count=count)


def _field(part: str, field: _Field, hash_id: str) -> Iterable[int]:
    for item in part.split(","):
        yield from _item(item, field, hash_id)


def _item(item: str, field: _Field, hash_id: str) -> Iterable[int]:
    span, slash, step_text = item.partition("/")
    match = _ITEM.fullmatch(span)
    if match is None:
        raise _bad(item, field)
    if slash and not (step_text.isascii() and step_text.isdecimal() and int(step_text)):
        raise Unfit(Flaw.CRON_STEP, field=field.name, item=item)
    step = int(step_text) if slash else None
    if match["hash"]:
        low, high = _hash_span(match, item, field)
        _check_step(step, item, low, high, field)
        if step is None:
            return (low + _drawn(hash_id, field, high - low + 1),)
        return range(low + _drawn(hash_id, field, step), high + 1, step)
    if match["star"]:
        low, high = field.low, 6 if field.name == "day of week" else field.high
    else:
        low = _number(match["low"], item, field)
        if match["high"] is not None:
            high = _number(match["high"], item, field)
            if high == 0 and low > 0 and field.name == "day of week":
                high = 7  # fri-sun
        else:
            high = field.high if slash else low
        if low > high:
            raise Unfit(Flaw.CRON_BACKWARDS, field=field.name, item=span)
    _check_step(step, item, low, high, field)
    return range(low, high + 1, step or 1)


def _hash_span(match: re.Match[str], item: str, field: _Field) -> tuple[int, int]:
    if match["from"] is None:
        return field.low, field.hash_high
    low, high = _number(match["from"], item, field), _number(match["to"], item, field)
    if low > high:
        raise Unfit(Flaw.CRON_H_BACKWARDS, field=field.name, item=item)
    return low, high


def _check_step(step: int | None, item: str, low: int, high: int, field: _Field) -> None:
    size = high - low + 1
    if step is not None and step > size:
        raise Unfit(Flaw.CRON_STEP_LARGE, field=field.name, item=item, size=size)


def _drawn(hash_id: str, field: _Field, size: int) -> int:
    """A number below `size`; each field draws its own, since one draw for all would tie hours to minutes."""
    digest = hashlib.blake2b(f"{field.name}\0{hash_id}".encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "big") % size


def _number(text: str, item: str, field: _Field) -> int:
    if text.isdecimal():
        value = int(text) if len(text) < 5 else -1
        if field.low <= value <= field.high:
            return value
    elif text in field.names:
        return field.names[text]
    raise _bad(item, field)


def _bad(item: str, field: _Field) -> Unfit:
    if item == "r" or item.startswith(("r(", "r/")):
        return Unfit(Flaw.CRON_RANDOM, field=field.name)
    if item == "?" or any(char in item for char in "#?") or item.endswith(("l", "w")):
        return Unfit(Flaw.CRON_FOREIGN, field=field.name, item=item)
    return Unfit(Flaw.CRON_VALUE, field=field.name, item=item, low=field.low, high=field.high, names=list(field.names))

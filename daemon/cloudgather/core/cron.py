"""A cron expression as sets of numbers: what is accepted, what it means, and what is wrong with what is not."""

import difflib
import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

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

    @property
    def values(self) -> str:
        named = f" or {', '.join(self.names)}" if self.names else ""
        return f"{self.low}-{self.high}{named}"


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

    Raises ValueError, whose text says what is wrong and what is allowed.
    """
    given = expression.strip()
    if given.startswith("@"):
        given = _alias(given)
    parts = given.lower().split()
    if len(parts) != len(_FIELDS):
        raise ValueError(_wrong_count(len(parts)))
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
        raise ValueError('@every is not cron; use every = "5m" instead of a schedule')
    if given.lower() == "@reboot":
        raise ValueError("@reboot is not needed: a task that watches looks at its source whenever the daemon starts")
    near = difflib.get_close_matches(given.lower(), ALIASES, 1)
    hint = f"; did you mean {near[0]}?" if near else f"; there are {', '.join(ALIASES)}"
    raise ValueError(f"unknown alias {given!r}{hint}")


def _wrong_count(count: int) -> str:
    needed = "five fields are needed (minute, hour, day of month, month, day of week)"
    if count in (6, 7):
        return f"{needed}, not {count}: seconds and years are not known here; leave them out"
    return f"{needed} or an alias such as @daily; there {'is' if count == 1 else 'are'} {count}"


def _field(part: str, field: _Field, hash_id: str) -> Iterable[int]:
    for item in part.split(","):
        yield from _item(item, field, hash_id)


def _item(item: str, field: _Field, hash_id: str) -> Iterable[int]:
    span, slash, step_text = item.partition("/")
    match = _ITEM.fullmatch(span)
    if match is None:
        raise _bad(item, field)
    if slash and not (step_text.isascii() and step_text.isdecimal() and int(step_text)):
        raise ValueError(f"{field.name}: the step in {item!r} must be a number from 1 on")
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
            raise ValueError(f"{field.name}: {span!r} runs backwards; write two ranges with a comma between")
    _check_step(step, item, low, high, field)
    return range(low, high + 1, step or 1)


def _hash_span(match: re.Match[str], item: str, field: _Field) -> tuple[int, int]:
    if match["from"] is None:
        return field.low, field.hash_high
    low, high = _number(match["from"], item, field), _number(match["to"], item, field)
    if low > high:
        raise ValueError(f"{field.name}: the range in {item!r} runs backwards")
    return low, high


def _check_step(step: int | None, item: str, low: int, high: int, field: _Field) -> None:
    size = high - low + 1
    if step is not None and step > size:
        raise ValueError(
            f"{field.name}: the step in {item!r} is larger than its range of {size}, so it would not do what it says; "
            'for a fixed span use every = "90m" instead of a schedule'
        )


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


def _bad(item: str, field: _Field) -> ValueError:
    if item == "r" or item.startswith(("r(", "r/")):
        return ValueError(f"{field.name}: R would be drawn anew at every start; use H, which stays the same for a task")
    if item == "?" or any(char in item for char in "#?") or item.endswith(("l", "w")):
        return ValueError(f"{field.name}: {item!r}: ?, L, W and # are not standard cron; use * or a list of days")
    return ValueError(
        f"{field.name}: {item!r} is not allowed; use {field.values}, *, ranges a-b, lists a,b, steps */n, H"
    )

"""Reads durations, sizes, rates and modes, and writes them back; raises Unfit, which says what is allowed."""

import re
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Final

from cgwire.flaws import Flaw
from cloudgather.config.values import text
from cloudgather.core.unfit import Unfit

_SPANS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}
_SPAN: Final = re.compile(r"(?:\d{1,9}[smhdw]\s*)+", re.ASCII)
_SPAN_PART: Final = re.compile(r"(\d+)([smhdw])", re.ASCII)
_AMOUNT: Final = re.compile(r"(\d{1,18}(?:\.\d{1,9})?)\s*([A-Za-z]*)", re.ASCII)
# As rclone and coreutils read them: K, KiB are 1024, kB is 1000.
_UNITS: Final = {"": 1, "b": 1} | {
    unit: base**power
    for power, letter in enumerate("kmgt", 1)
    for unit, base in ((letter, 1024), (f"{letter}ib", 1024), (f"{letter}b", 1000))
}
_BITS: Final = {
    "bit": 1,
    "kbit": 10**3,
    "mbit": 10**6,
    "gbit": 10**9,
    "bps": 1,
    "kbps": 10**3,
    "mbps": 10**6,
    "gbps": 10**9,
}
_MODE: Final = re.compile(r"0?[0-7]{3}", re.ASCII)
_DIR_MODE: Final = re.compile(r"[0-7]?[0-7]{3}", re.ASCII)
_MOST: Final = 2**63 - 1
_BARE: Final = 10**9  # above it no unit makes a duration of a number


def span(low: timedelta, high: timedelta) -> Callable[[object], timedelta]:
    """A duration such as 10s, 5m, 1h30m, 2d, within bounds."""

    def read(value: object) -> timedelta:
        if type(value) is int and 0 <= value < _BARE:
            raise Unfit(Flaw.SPAN_BARE, given=value)
        given = text(value).strip()
        if not _SPAN.fullmatch(given):
            raise Unfit(Flaw.SPAN, given=given)
        seconds = sum(int(count) * _SPANS[unit] for count, unit in _SPAN_PART.findall(given))
        if not low <= timedelta(seconds=min(seconds, _SPANS["w"] * 5200)) <= high:
            raise Unfit(Flaw.SPAN_RANGE, given=given, low=span_text(low), high=span_text(high))
        return timedelta(seconds=seconds)

    return read


def span_text(value: timedelta) -> str:
    """The shortest way to write a duration of whole seconds."""
    seconds = int(value.total_seconds())
    parts = []
    for unit in ("d", "h", "m", "s"):
        count, seconds = divmod(seconds, _SPANS[unit])
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"


def size(value: object) -> int:
    """Bytes: 50MiB, 2GB, 1.5GiB, or a plain number."""
    if isinstance(value, int) and not isinstance(value, bool):
        if not 0 <= value <= _MOST:
            raise Unfit(Flaw.SIZE_NUMBER)
        return value
    given = text(value).strip()
    found = _amount(given, _UNITS)
    if found is None or found > _MOST:
        raise Unfit(Flaw.SIZE, given=given)
    return found


def amount(least: int) -> Callable[[object], int | None]:
    """As `size`, `least` or more; None for unlimited."""

    def read(value: object) -> int | None:
        if isinstance(value, str) and value.strip().lower() == "unlimited":
            return None
        if (found := size(value)) < least:
            raise Unfit(Flaw.TOO_LITTLE, least=size_text(least))
        return found

    return read


def size_text(value: int) -> str:
    """A size in the largest binary unit that holds it exactly."""
    for letter, power in (("T", 4), ("G", 3), ("M", 2), ("K", 1)):
        if value and value % 1024**power == 0:
            return f"{value // 1024**power}{letter}iB"
    return f"{value}B"


def rate(value: object) -> int | None:
    """Bytes a second: 2MiB/s, 10Mbit/s; None for unlimited."""
    if isinstance(value, int) and not isinstance(value, bool):
        found = value
    else:
        given = text(value).strip()
        if given.lower() == "unlimited":
            return None
        amount, slash, per = given.partition("/")
        if slash and per.strip() != "s":
            raise Unfit(Flaw.RATE, given=given)
        number = _amount(amount.strip(), _UNITS)
        bits = _amount(amount.strip(), _BITS)
        if number is None and bits is None:
            raise Unfit(Flaw.RATE, given=given)
        found = number if number is not None else (bits or 0) // 8
    if not 16 * 1024 <= found <= _MOST:
        raise Unfit(Flaw.RATE_LITTLE, given=str(value))
    return found


def frequency(value: object) -> float | None:
    """Times a second; None for unlimited."""
    if isinstance(value, str) and value.strip().lower() == "unlimited":
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0.01 <= value <= 10_000:
        raise Unfit(Flaw.FREQUENCY)
    return float(value)


def mode(value: object) -> int:
    """A file's permissions, in octal."""
    return _permissions(value, _MODE, "0644")


def dir_mode(value: object) -> int:
    """A folder's permissions, in octal; setgid and sticky are allowed."""
    return _permissions(value, _DIR_MODE, "0755")


def _amount(given: str, units: Mapping[str, int]) -> int | None:
    match = _AMOUNT.fullmatch(given)
    if match is None or match[2].lower() not in units:
        return None
    number = match[1]
    factor = units[match[2].lower()]
    return int(number) * factor if number.isdecimal() else int(float(number) * factor)


def _permissions(value: object, pattern: re.Pattern[str], example: str) -> int:
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise Unfit(Flaw.MODE, example=example)
    return int(value, 8)

"""Reads one TOML value each; a ValueError says what is wrong with it and what is allowed instead."""

import posixpath
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, time
from enum import StrEnum
from typing import Final, TypeVar
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, available_timezones

from cgwire.codes import Code
from cloudgather.config.names import near
from cloudgather.core.cron import parse_cron
from cloudgather.core.schedule import Cron
from cloudgather.core.task import Window

E = TypeVar("E", bound=StrEnum)

_CLOCK: Final = re.compile(r"(\d{1,2}):(\d{2})\s*-\s*(\d{1,2}):(\d{2})", re.ASCII)


def text(value: object) -> str:
    """Any text but an empty one."""
    if not isinstance(value, str):
        raise ValueError(f"{kind_of(value)} is not allowed here; write text in quotes")
    if not value.strip():
        raise ValueError("is empty; write some text or leave the key out")
    return value


def boolean(value: object) -> bool:
    """true or false."""
    if not isinstance(value, bool):
        raise ValueError(f"{kind_of(value)} is not allowed here; use true or false")
    return value


def whole(low: int, high: int) -> Callable[[object], int]:
    """A whole number from `low` to `high`."""

    def read(value: object) -> int:
        if isinstance(value, bool) or not isinstance(value, int):
            raise ValueError(f"{kind_of(value)} is not allowed here; use a whole number from {low} to {high}")
        if not low <= value <= high:
            raise ValueError(f"{number_text(value)} is not allowed; use {low} to {high}")
        return value

    return read


def choice(
    kind: type[E], *, later: Mapping[str, str] | None = None, only: Sequence[E] | None = None
) -> Callable[[object], E]:
    """One member of an enum, or of `only`; `later` explains values that may be expected and cannot be had."""
    allowed = tuple(kind) if only is None else tuple(only)
    said = ", ".join(f'"{each}"' for each in allowed)

    def read(value: object) -> E:
        if not isinstance(value, str):
            raise ValueError(f"{kind_of(value)} is not allowed here; use {said}")
        if value in allowed:
            return kind(value)
        if later and value in later:
            raise ValueError(f'"{value}" {later[value]}; use {said}')
        raise ValueError(f'"{value}" is not allowed{near(value, allowed)}; use {said}')

    return read


def folder(value: object) -> bytes:
    """An absolute path without `.`, `..` and needless slashes."""
    given = text(value)
    if given.startswith("~"):
        raise ValueError(f'"{given}": ~ is not replaced; write the whole path, beginning with /')
    if not given.startswith("/"):
        raise ValueError(f'"{given}" is not an absolute path; begin it with /')
    return b"/" + below(given)


class BadPath(ValueError):
    """No path; its text is for a line of the configuration, `code` (place.*) for whoever asks for one."""

    def __init__(self, text: str, code: Code) -> None:
        super().__init__(text)
        self.code = code


def below(given: str) -> bytes:
    """A path below some folder, without slashes at its ends; raises BadPath for `..`, NUL and what is too long."""
    if "\0" in given:
        raise BadPath("holds a NUL character, which no path can", Code.PLACE_NUL)
    parts = [part for part in given.split("/") if part not in ("", ".")]
    if ".." in parts:
        raise BadPath(f'"{given}" goes up with ..; write the path without it', Code.PLACE_UP)
    encoded = posixpath.join(*parts).encode() if parts else b""
    if any(len(part.encode()) > 255 for part in parts) or len(encoded) > 4000:
        raise BadPath("is longer than a path can be", Code.PLACE_TOO_LONG)
    return encoded


def window(value: object) -> Window:
    """A daily span of local time: 01:00-07:00."""
    given = text(value).strip()
    match = _CLOCK.fullmatch(given)
    wrong = f'"{given}" is not a window; write it as "01:00-07:00" (it may pass midnight: "23:00-06:00")'
    if match is None:
        raise ValueError(wrong)
    hours = [int(match[1]), int(match[3])]
    minutes = [int(match[2]), int(match[4])]
    if hours[1] == 24 and minutes[1] == 0:
        hours[1] = 0
    if max(hours) > 23 or max(minutes) > 59:
        raise ValueError(wrong)
    begin, end = time(hours[0], minutes[0]), time(hours[1], minutes[1])
    if begin == end:
        raise ValueError(f'"{given}" ends when it begins; leave the key out to upload at any time')
    return Window(begin=begin, end=end)


def zone(value: object) -> str:
    """The name of a time zone that is known here."""
    given = text(value)
    try:
        ZoneInfo(given)
    except (KeyError, ValueError, OSError):
        hint = near(given, available_timezones())
        raise ValueError(
            f'"{given}" is not a time zone{hint}; use a name like "Asia/Shanghai" or "Europe/Berlin"'
        ) from None
    return given


def cron(value: object) -> str:
    """A cron expression that comes true some day."""
    given = text(value)
    parse_cron(given, "")
    Cron(given, UTC)
    return given.strip()


def texts(read: Callable[[object], str]) -> Callable[[object], tuple[str, ...]]:
    """A list of what `read` reads."""

    def read_all(value: object) -> tuple[str, ...]:
        if not isinstance(value, list):
            raise ValueError(f'{kind_of(value)} is not allowed here; write a list: ["…", "…"]')
        return tuple(read(each) for each in value)

    return read_all


def glob(value: object) -> str:
    """A pattern for paths."""
    given = text(value)
    if "\0" in given or len(given) > 1000:
        raise ValueError("is not a pattern: too long, or with a NUL character in it")
    if given.startswith("!"):
        raise ValueError(
            f'"{given}": ! does not negate here; use include or exclude ("[!]" at the start is a name\'s !)'
        )
    if not given.strip("/"):
        raise ValueError(f'"{given}" names nothing')
    return given


def extension(value: object) -> str:
    """A file extension: mkv, .mkv and *.mkv are the same."""
    given = text(value).strip().lower()
    bare = given.removeprefix("*").removeprefix(".")
    if not bare or any(char in bare for char in "/*?[]\0."):
        raise ValueError(f'"{given}" is not an extension; write it as "mkv" (what follows the last dot)')
    return bare


def kind_of(value: object) -> str:
    """What a TOML value is, for people."""
    names = {bool: "true or false", int: "a number", float: "a number", str: "text", list: "a list", dict: "a table"}
    return names.get(type(value), "a date or time")


def number_text(value: float) -> str:
    """A number as written, unless that would fill the screen."""
    return str(value) if abs(value) < 10**15 else "a number this large"


def web_address(given: str, *, wrong: str, instead: str) -> str:
    """http://HOST:PORT or https://…; raises ValueError: `wrong`, or that a user is written as `instead`."""
    try:
        parts = urlsplit(given)
        port_fits = parts.port is None or parts.port > 0
    except ValueError:
        raise ValueError(wrong) from None
    if parts.username is not None or parts.password is not None:
        raise ValueError(f"holds a user or a password; write them as {instead}")
    if parts.scheme not in ("http", "https") or not parts.hostname or not port_fits or parts.query or parts.fragment:
        raise ValueError(wrong)
    return given

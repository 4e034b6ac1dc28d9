"""Reads one TOML value each; raises Unfit, which says what is wrong with it and what is allowed instead."""

import posixpath
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, time
from enum import StrEnum
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, available_timezones

from cgwire.codes import Code
from cgwire.flaws import Flaw
from cloudgather.config.names import near
from cloudgather.core.cron import parse_cron
from cloudgather.core.schedule import Cron
from cloudgather.core.task import Window
from cloudgather.core.unfit import Unfit

E = TypeVar("E", bound=StrEnum)

_CLOCK: Final = re.compile(r"(\d{1,2}):(\d{2})\s*-\s*(\d{1,2}):(\d{2})", re.ASCII)


def text(value: object) -> str:
    """Any text but an empty one."""
    if not isinstance(value, str):
        raise Unfit(Flaw.NOT_TEXT, found=kind_of(value))
    if not value.strip():
        raise Unfit(Flaw.EMPTY)
    return value


def boolean(value: object) -> bool:
    """true or false."""
    if not isinstance(value, bool):
        raise Unfit(Flaw.NOT_BOOLEAN, found=kind_of(value))
    return value


def whole(low: int, high: int) -> Callable[[object], int]:
    """A whole number from `low` to `high`."""

    def read(value: object) -> int:
        if isinstance(value, bool) or not isinstance(value, int):
            raise Unfit(Flaw.NOT_WHOLE, found=kind_of(value), low=low, high=high)
        if not low <= value <= high:
            raise Unfit(Flaw.RANGE, given=shown_number(value), low=low, high=high)
        return value

    return read


def choice(
    kind: type[E], *, later: Mapping[str, Flaw] | None = None, only: Sequence[E] | None = None
) -> Callable[[object], E]:
    """One member of an enum, or of `only`; `later` explains values that may be expected and cannot be had."""
    allowed = [str(each) for each in (kind if only is None else only)]

    def read(value: object) -> E:
        if not isinstance(value, str):
            raise Unfit(Flaw.NOT_ONE_OF, found=kind_of(value), allowed=allowed)
        if value in allowed:
            return kind(value)
        if later and value in later:
            raise Unfit(later[value], given=value, allowed=allowed)
        raise Unfit(Flaw.CHOICE, given=value, near=near(value, allowed), allowed=allowed)

    return read


def folder(value: object) -> bytes:
    """An absolute path without `.`, `..` and needless slashes."""
    given = text(value)
    if given.startswith("~"):
        raise Unfit(Flaw.TILDE, given=given)
    if not given.startswith("/"):
        raise Unfit(Flaw.RELATIVE, given=given)
    return b"/" + below(given)


class BadPath(Unfit):
    """No path; `reason` is for a line of the configuration, `code` (place.*) for whoever asks for one."""

    def __init__(self, flaw: Flaw, code: Code, **facts: Any) -> None:
        super().__init__(flaw, **facts)
        self.code = code


def below(given: str) -> bytes:
    """A path below some folder, without slashes at its ends; raises BadPath for `..`, NUL and what is too long."""
    if "\0" in given:
        raise BadPath(Flaw.PATH_NUL, Code.PLACE_NUL)
    parts = [part for part in given.split("/") if part not in ("", ".")]
    if ".." in parts:
        raise BadPath(Flaw.PATH_UP, Code.PLACE_UP, given=given)
    encoded = posixpath.join(*parts).encode() if parts else b""
    if any(len(part.encode()) > 255 for part in parts) or len(encoded) > 4000:
        raise BadPath(Flaw.PATH_LONG, Code.PLACE_TOO_LONG)
    return encoded


def window(value: object) -> Window:
    """A daily span of local time: 01:00-07:00."""
    given = text(value).strip()
    match = _CLOCK.fullmatch(given)
    if match is None:
        raise Unfit(Flaw.WINDOW, given=given)
    hours = [int(match[1]), int(match[3])]
    minutes = [int(match[2]), int(match[4])]
    if hours[1] == 24 and minutes[1] == 0:
        hours[1] = 0
    if max(hours) > 23 or max(minutes) > 59:
        raise Unfit(Flaw.WINDOW, given=given)
    begin, end = time(hours[0], minutes[0]), time(hours[1], minutes[1])
    if begin == end:
        raise Unfit(Flaw.WINDOW_EMPTY, given=given)
    return Window(begin=begin, end=end)


def zone(value: object) -> str:
    """The name of a time zone that is known here."""
    given = text(value)
    try:
        ZoneInfo(given)
    except (KeyError, ValueError, OSError):
        raise Unfit(Flaw.ZONE, given=given, near=near(given, available_timezones())) from None
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
            raise Unfit(Flaw.NOT_LIST, found=kind_of(value))
        return tuple(read(each) for each in value)

    return read_all


def glob(value: object) -> str:
    """A pattern for paths."""
    given = text(value)
    if "\0" in given or len(given) > 1000:
        raise Unfit(Flaw.PATTERN)
    if given.startswith("!"):
        raise Unfit(Flaw.PATTERN_NEGATED, given=given)
    if not given.strip("/"):
        raise Unfit(Flaw.PATTERN_EMPTY, given=given)
    return given


def extension(value: object) -> str:
    """A file extension: mkv, .mkv and *.mkv are the same."""
    given = text(value).strip().lower()
    bare = given.removeprefix("*").removeprefix(".")
    if not bare or any(char in bare for char in "/*?[]\0."):
        raise Unfit(Flaw.EXTENSION, given=given)
    return bare


def kind_of(value: object) -> str:
    """What a TOML value is: a word of the sentences."""
    names = {bool: "boolean", int: "number", float: "number", str: "string", list: "array", dict: "table"}
    return names.get(type(value), "date-time")


def shown_number(value: float) -> float | str:
    """A number as written, unless that would fill the screen."""
    return value if abs(value) < 10**15 else "huge"


def web_address(given: str, *, wrong: Flaw, user_key: str, password_key: str) -> str:
    """http://HOST:PORT or https://…; raises Unfit: `wrong`, or that a user is written under other keys."""
    try:
        parts = urlsplit(given)
        port_fits = parts.port is None or parts.port > 0
    except ValueError:
        raise Unfit(wrong, given=given) from None
    if parts.username is not None or parts.password is not None:
        raise Unfit(Flaw.ADDRESS_WITH_USER, user_key=user_key, password_key=password_key)
    if parts.scheme not in ("http", "https") or not parts.hostname or not port_fits or parts.query or parts.fragment:
        raise Unfit(wrong, given=given)
    return given

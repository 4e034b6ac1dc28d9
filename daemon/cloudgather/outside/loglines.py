"""A log line as a value, made of a logging record, and how it reads."""

import logging
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, tzinfo
from functools import lru_cache
from typing import Final, NamedTuple

_INDENT: Final = "    "  # begins the lines of a traceback below the line it belongs to
_PRIORITIES: Final = ((logging.CRITICAL, 2), (logging.ERROR, 3), (logging.WARNING, 4), (logging.INFO, 6))


class Line(NamedTuple):
    """What was said, when and by whom: one line, or one about each of some `transfers` that have the rest in common."""

    created: float  # epoch seconds
    level: int
    logger: str
    message: str  # printable
    fields: Mapping[str, str | int]
    trace: str = ""  # a traceback, or empty
    code: tuple[str, int, str] = ("", 0, "")  # file, line, function
    transfers: Sequence[int] = ()

    @property
    def lines(self) -> int:
        """How many lines it is, a traceback left out."""
        return len(self.transfers) or 1

    @property
    def task(self) -> str | None:
        """The task it is about, if any."""
        task = self.fields.get("TASK")
        return None if task is None else str(task)

    @property
    def run(self) -> int | None:
        """The run it is about, if any."""
        run = self.fields.get("RUN")
        return run if isinstance(run, int) else None

    @property
    def priority(self) -> int:
        """As in syslog."""
        return next((priority for level, priority in _PRIORITIES if self.level >= level), 7)

    def written(self, zone: tzinfo | None) -> "Written":
        """Time, level, [task and run], message; a traceback follows on indented lines."""
        day, stamp = _second(int(self.created), zone)
        head = f"{stamp} {_head(self.level, self.task, self.run)}"
        trace = [f"\n{_INDENT}{printable(line)}" for line in self.trace.splitlines()]
        return Written(self, "".join([head, self.message.replace("\n", f"\n{head}"), *trace]), day)


class Written(NamedTuple):
    """It as it reads in every place that it is written to, without an end of line, and the day it was said."""

    line: Line
    text: str
    day: date


@lru_cache(maxsize=8)
def _second(epoch: int, zone: tzinfo | None) -> tuple[date, str]:
    """The day and the stamp of a second: its many lines share them."""
    moment = datetime.fromtimestamp(epoch, zone)
    return moment.date(), moment.strftime("%Y-%m-%d %H:%M:%S")


@lru_cache(maxsize=64)
def _head(level: int, task: str | None, run: int | None) -> str:
    """Level and [task and run]."""
    about = printable(" ".join(filter(None, [task, None if run is None else f"run {run}"])))
    return f"{logging.getLevelName(level)} {f'[{about}] ' if about else ''}"


def line_of(record: logging.LogRecord) -> Line:
    """Take from a record all that is needed later, by another thread."""
    lines: Sequence[tuple[int, str]] = getattr(record, "lines", ())
    texts = [text for _, text in lines] or [_message(record)]
    message = "\n".join(texts if all(map(str.isprintable, texts)) else map(printable, texts))
    trace = ""
    if record.exc_info and record.exc_info[0] is not None:
        trace = logging.Formatter().formatException(record.exc_info)
    if record.stack_info:
        trace = f"{trace}\n{record.stack_info}".strip("\n")
    return Line(
        record.created,
        record.levelno,
        record.name,
        message,
        getattr(record, "about", {}),
        trace,
        (record.pathname, record.lineno, record.funcName or ""),
        [transfer for transfer, _ in lines],
    )


def _message(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except (TypeError, ValueError, KeyError):  # arguments that do not fit the format: still worth reading
        return f"{record.msg} {record.args!r}"


def printable(text: str) -> str:
    """Text on one line: what a terminal would act on, and what is not Unicode, as backslash escapes."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode("ascii") for char in text)


def of_run(newest_first: Iterable[str], run: int, task: str | None) -> Iterator[str]:
    """Those lines of a log, read backwards, that are about this run, tracebacks included."""
    whose = r"(?:[^]]* )?" if task is None else re.escape(printable(task)) + " "
    about = re.compile(rf"\S+ \S+ \S+ \[{whose}run {run}\] ")
    following: list[str] = []
    for line in newest_first:
        following.append(line)
        if not line.startswith(_INDENT):
            if about.match(line):
                yield from following
            following = []

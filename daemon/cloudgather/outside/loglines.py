"""A log line as a value, made of a logging record, and how it reads."""

import logging
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, tzinfo
from functools import lru_cache
from typing import Final

FIELDS: Final = ("TASK", "TRANSFER", "TARGET", "RUN", "DOWNLOAD")
_INDENT: Final = "    "  # begins the lines of a traceback below the line it belongs to
_PRIORITIES: Final = ((logging.CRITICAL, 2), (logging.ERROR, 3), (logging.WARNING, 4), (logging.INFO, 6))


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """What was said, when and by whom. `message` is one printable line; `trace` is a traceback or empty."""

    created: float  # epoch seconds
    level: int
    logger: str
    message: str
    trace: str = ""
    fields: Mapping[str, str | int]
    code: tuple[str, int, str] = ("", 0, "")  # file, line, function

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

    def day(self, zone: tzinfo | None) -> date:
        """The day it was said."""
        return _second(int(self.created), zone)[0]

    def text(self, zone: tzinfo | None) -> str:
        """As it stands in a file: time, level, [task and run], message; a traceback follows on indented lines."""
        _, stamp = _second(int(self.created), zone)
        about = printable(" ".join(filter(None, [self.task, None if self.run is None else f"run {self.run}"])))
        head = f"{stamp} {logging.getLevelName(self.level)} {f'[{about}] ' if about else ''}{self.message}"
        return "\n".join([head, *(_INDENT + printable(line) for line in self.trace.splitlines())])


@lru_cache(maxsize=8)
def _second(epoch: int, zone: tzinfo | None) -> tuple[date, str]:
    """The day and the stamp of a second; the many lines of one share them, in each place that they are written to."""
    moment = datetime.fromtimestamp(epoch, zone)
    return moment.date(), moment.strftime("%Y-%m-%d %H:%M:%S")


def line_of(record: logging.LogRecord) -> Line:
    """Take from a record all that is needed later, by another thread."""
    try:
        message = record.getMessage()
    except (TypeError, ValueError, KeyError):  # arguments that do not fit the format: still worth reading
        message = f"{record.msg} {record.args!r}"
    trace = ""
    if record.exc_info and record.exc_info[0] is not None:
        trace = logging.Formatter().formatException(record.exc_info)
    if record.stack_info:
        trace = f"{trace}\n{record.stack_info}".strip("\n")
    fields: dict[str, str | int] = {}
    for name in FIELDS:
        value = getattr(record, name, None)
        if value is not None:
            fields[name] = value if isinstance(value, int) else str(value)
    return Line(
        created=record.created,
        level=record.levelno,
        logger=record.name,
        message=printable(message),
        trace=trace,
        fields=fields,
        code=(record.pathname, record.lineno, record.funcName or ""),
    )


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

"""The places that log lines are written to; each answers with what it had to drop, and none of them waits."""

import os
import select
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import tzinfo
from itertools import groupby
from operator import attrgetter
from typing import Final, Protocol

from cloudgather.outside.journal import JournalSender
from cloudgather.outside.logfiles import DatedLog, file_name
from cloudgather.outside.loglines import Line, Written

_PATIENCE: Final = 0.2  # seconds that a full pipe may take to be read


@dataclass(frozen=True, slots=True, kw_only=True)
class Loss:
    """Lines that could not be written."""

    lines: int
    why: str  # "cannot write FILE: No space left on device"


class Sink(Protocol):
    """Where lines of `level` and above go."""

    level: int

    def write(self, lines: Sequence[Written]) -> Loss | None:
        """Write them in order, without waiting; None when all are written. Raises nothing."""
        ...

    def close(self) -> None:
        """Let go of what is held."""
        ...


class Console:
    """A descriptor, mostly standard error. Where nobody reads it, lines are dropped."""

    def __init__(self, fd: int, *, level: int, priorities: bool = False) -> None:
        self.level = level
        self._fd = fd
        self._priorities = priorities  # "<4>" before each line, which journald reads as its level
        self._poll = select.poll()
        self._poll.register(fd, select.POLLOUT)

    def write(self, lines: Sequence[Written]) -> Loss | None:
        """A descriptor that polls writable takes PIPE_BUF bytes at once; at most so much is written at a time."""
        data = "".join([self._text(each) for each in lines]).encode("utf-8", "backslashreplace")
        begin = 0
        while begin < len(data):
            # As many lines as fit; one that is longer by itself.
            end = 1 + max(data.rfind(b"\n", begin, begin + select.PIPE_BUF), data.index(b"\n", begin))
            try:
                for start in range(begin, end, select.PIPE_BUF):
                    if not any(found & select.POLLOUT for _, found in self._poll.poll(_PATIENCE * 1000)):
                        raise BlockingIOError("nobody reads it")
                    os.write(self._fd, data[start : min(start + select.PIPE_BUF, end)])
            except OSError as error:
                why = f"cannot write to the console: {error.strerror or error}"
                return Loss(lines=data.count(b"\n", begin), why=why)
            begin = end
        return None

    def _text(self, written: Written) -> str:
        if not self._priorities:
            return written.text + "\n"
        before = f"<{written.line.priority}>"
        return before + written.text.replace("\n", f"\n{before}") + "\n"

    def close(self) -> None:
        """The descriptor is not ours."""


class File:
    """The log of the whole daemon."""

    def __init__(self, path: str, *, level: int, zone: tzinfo | None) -> None:
        self.level = level
        self._path = path
        self._log = DatedLog(path, zone)

    def write(self, lines: Sequence[Written]) -> Loss | None:
        """One append for the lines of a day."""
        return _append(self._log, self._path, lines)

    def close(self) -> None:
        """Nothing is kept open."""


class TaskFiles:
    """A log for each task, in one folder; lines about no task are not for it."""

    def __init__(self, folder: str, *, level: int, zone: tzinfo | None) -> None:
        self.level = level
        self._folder = folder
        self._zone = zone
        self._logs: dict[str, DatedLog] = {}

    def write(self, lines: Sequence[Written]) -> Loss | None:
        """Each task's lines in order."""
        by_task: dict[str, list[Written]] = defaultdict(list)
        for each in lines:
            if (task := each.line.task) is not None:
                by_task[task].append(each)
        losses = []
        for task, its_lines in by_task.items():
            path = os.path.join(self._folder, file_name(task))
            log = self._logs.setdefault(task, DatedLog(path, self._zone))
            if loss := _append(log, path, its_lines):
                losses.append(loss)
        return Loss(lines=sum(loss.lines for loss in losses), why=losses[0].why) if losses else None

    def close(self) -> None:
        """Nothing is kept open."""


class Journal:
    """systemd's journal, with structured fields; what its socket does not take at once goes to `otherwise`."""

    def __init__(self, sender: JournalSender, otherwise: Console, *, level: int) -> None:
        self.level = level
        self._sender = sender
        self._otherwise = otherwise

    def write(self, lines: Sequence[Written]) -> Loss | None:
        """One entry for each line."""
        refused = []
        for each in lines:
            texts = each.text.split("\n") if each.line.transfers else [each.text]
            for entry, text in zip(_entries(each.line), texts, strict=True):
                try:
                    self._sender.send(entry)
                except OSError:
                    refused.append(each._replace(text=text))
        return self._otherwise.write(refused) if refused else None

    def close(self) -> None:
        """Close the socket."""
        self._sender.close()


def _entries(line: Line) -> Iterator[dict[str, str | int]]:
    file, number, function = line.code
    common = {
        "PRIORITY": line.priority,
        "SYSLOG_IDENTIFIER": "cloudgatherd",
        "LOGGER": line.logger,
        "CODE_FILE": file,
        "CODE_LINE": number,
        "CODE_FUNC": function,
        **line.fields,
    }
    if line.transfers:
        for transfer, message in zip(line.transfers, line.message.split("\n"), strict=True):
            yield {"MESSAGE": message, "TRANSFER": transfer, **common}
    else:
        yield {"MESSAGE": f"{line.message}\n{line.trace}" if line.trace else line.message, **common}


def _append(log: DatedLog, path: str, lines: Sequence[Written]) -> Loss | None:
    lost, why = 0, ""
    for day, of_day in groupby(lines, attrgetter("day")):
        data = "\n".join([*(each.text for each in of_day), ""]).encode("utf-8", "backslashreplace")
        try:
            try:
                log.append(data, day)
            except FileNotFoundError:
                os.makedirs(os.path.dirname(path), exist_ok=True)
                log.append(data, day)
        except OSError as error:
            lost += data.count(b"\n")
            why = f"cannot write {path}: {error.strerror}"
    return Loss(lines=lost, why=why) if lost else None

"""Sets logging up: the journal, or console and file, and a log per task; none of it can hold up or end the daemon.

Structured fields come with a line: `logger.info("…", extra={"about": {"TASK": …, "RUN": …}})`. What else there is:
TRANSFER, TARGET, DOWNLOAD. Lines about several transfers that have the rest in common are one record, whose own text is
not read: `extra={"about": {…}, "lines": [(7, "…"), …]}`.
"""

import contextlib
import logging
import os
import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, datetime, tzinfo
from itertools import islice, repeat
from typing import Final

from cgwire.codes import Code
from cgwire.reasons import Reason, because
from cloudgather.outside import journal
from cloudgather.outside.logfiles import backwards, file_name, prune
from cloudgather.outside.loglines import Line, Written, line_of, of_run, printable
from cloudgather.outside.logsinks import Console, File, Journal, Loss, Sink, TaskFiles

OnLines = Callable[[str | None, int | None, str], None]  # task, run, one line or more

_MOST_WAITING: Final = 20_000  # lines, about 10 MB: more than these are dropped and counted
_RECENT: Final = 1000  # lines kept in memory where there is no file to read them from
_PARTING: Final = 2.0  # seconds that closing waits for the last lines


class Writer:
    """One thread that writes all lines. What a sink cannot write is dropped, counted, and said once."""

    def __init__(
        self, sinks: Sequence[Sink], *, level: int, zone: tzinfo | None, folders: Sequence[str], keep_days: int
    ):
        self._sinks = sinks
        self._level = level
        self._zone = zone
        self._folders = folders
        self._keep_days = keep_days
        self._pruned: date | None = None
        self._waiting: queue.SimpleQueue[Line | threading.Event | None] = queue.SimpleQueue()
        self._troubled: dict[Sink, int] = {}  # lines dropped since it last worked
        self.dropped = 0
        self.trouble: tuple[str, int] | None = None  # what cannot be written now and why, lines lost by that
        self._taken = self._done = 0  # lines
        self._recent: deque[tuple[str | None, str]] = deque(maxlen=_RECENT)
        self.listeners: list[OnLines] = []
        self._thread = threading.Thread(target=self._work, name="logs", daemon=True)
        self._thread.start()

    def take(self, line: Line) -> None:
        """Called from any thread, by one at a time; never waits."""
        if self._taken - self._done >= _MOST_WAITING:
            self.dropped += line.lines
        else:
            self._taken += line.lines
            self._waiting.put(line)

    def flush(self, timeout: float) -> bool:
        """Wait until all that was taken so far is written; False if that took too long."""
        written = threading.Event()
        self._waiting.put(written)
        return written.wait(timeout)

    def remembered(self, task: str | None) -> Iterator[str]:
        """The last lines, newest first, for where no file has them."""
        for about, line in reversed(tuple(self._recent)):
            if task is None or about == task:
                yield line

    def close(self) -> None:
        """Write what is left, within two seconds."""
        self._waiting.put(None)
        self._thread.join(_PARTING)
        if not self._thread.is_alive():
            for sink in self._sinks:
                sink.close()

    def _work(self) -> None:
        lines: list[Line] = []
        while True:
            item = self._waiting.get()
            if isinstance(item, Line):
                lines.append(item)
                if len(lines) < 512 and not self._waiting.empty():
                    continue
            if lines:
                try:
                    self._write(lines)
                except Exception:  # the thread goes on whatever a line was made of
                    self.dropped += sum(line.lines for line in lines)
                self._done += sum(line.lines for line in lines)
                lines = []
            if item is None:
                return
            if isinstance(item, threading.Event):
                item.set()

    def _write(self, lines: Sequence[Line]) -> None:
        self._prune()
        written = [line.written(self._zone) for line in lines]
        outcome: dict[Sink, Loss | None] = {}
        for sink in self._sinks:
            wanted = [each for each in written if each.line.level >= sink.level]
            if wanted:
                outcome[sink] = sink.write(wanted)
        self._tell([each for each in written if each.line.level >= self._level])
        for sink, loss in outcome.items():
            self._judge(sink, loss)

    def _judge(self, sink: Sink, loss: Loss | None) -> None:
        if loss is not None:
            self.dropped += loss.lines
            first = sink not in self._troubled
            self._troubled[sink] = self._troubled.get(sink, 0) + loss.lines
            self.trouble = loss.why, sum(self._troubled.values())
            if first:
                self._say(f"{loss.why}; log lines are dropped until it can be written", except_for=sink)
        elif lost := self._troubled.pop(sink, 0):
            self.trouble = self.trouble if self._troubled else None
            self._say(f"the log can be written again; {lost} lines were dropped")

    def _say(self, text: str, except_for: Sink | None = None) -> None:
        line = Line(time.time(), logging.WARNING, __name__, printable(text), {}).written(self._zone)
        for sink in self._sinks:
            if sink is not except_for and sink.level <= logging.WARNING:
                sink.write([line])  # if this fails as well, the sink's next line tells
        self._tell([line])

    def _tell(self, written: Sequence[Written]) -> None:
        for line, text, _ in written:
            self._recent.extend(zip(repeat(line.task), text.splitlines()))
        for listener in tuple(self.listeners):
            with contextlib.suppress(Exception):  # a listener that has gone must not cost the others their lines
                for line, text, _ in written:
                    listener(line.task, line.run, text)

    def _prune(self) -> None:
        today = datetime.now(self._zone).date()
        if self._pruned != today:
            self._pruned = today
            for folder in self._folders:
                with contextlib.suppress(OSError):  # not there, or not ours: then there is nothing to keep small
                    prune(folder, today, self._keep_days, self._zone)


class _Entrance(logging.Handler):
    def __init__(self, writer: Writer) -> None:
        super().__init__()
        self._writer = writer

    def emit(self, record: logging.LogRecord) -> None:
        self._writer.take(line_of(record))  # a handler is called with its lock held


class Logging:
    """The logging of the process, until it is closed."""

    def __init__(self, writer: Writer, *, level: int, log_dir: str | None, has_file: bool) -> None:
        self._writer = writer
        self._log_dir = log_dir
        self._has_file = has_file
        self._entrance = _Entrance(writer)
        root, ours = logging.getLogger(), logging.getLogger("cloudgather")
        self._before = ours.level
        self._recorded = logging.logThreads, logging.logProcesses, logging.logMultiprocessing
        # No line says them, and they are looked up for each.
        logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
        root.addHandler(self._entrance)
        ours.setLevel(level)  # libraries keep the root's level, warnings and above

    @property
    def dropped(self) -> int:
        """Lines that could not be written anywhere they belong."""
        return self._writer.dropped

    def trouble(self) -> Reason | None:
        """Why lines are lost now; None while all are written, as far as was tried."""
        if (trouble := self._writer.trouble) is None:
            return None
        message, lines = trouble
        return because(Code.LOG_DROPPED, message=message, lines=lines)

    def on_lines(self, listener: OnLines) -> None:
        """Have all lines of `log_level` and above told, as (task, run, text), from the log's own thread: one or more
        that were said at once, with their tracebacks.
        """
        self._writer.listeners.append(listener)

    def flush(self, timeout: float = 1.0) -> bool:
        """Wait until what was logged so far is written; False if that took longer than `timeout` seconds."""
        return self._writer.flush(timeout)

    def read_lines(self, task: str | None = None, run: int | None = None, lines: int = 100) -> list[str]:
        """The last `lines` lines, oldest first, of a task's log or the daemon's, of one run if given. Reads files."""
        self.flush(0.5)
        if self._log_dir is not None and task is not None:
            newest_first = backwards(os.path.join(self._log_dir, "tasks", file_name(task)))
        elif self._log_dir is not None and self._has_file:
            newest_first = backwards(os.path.join(self._log_dir, "cloudgather.log"))
        else:
            newest_first = self._writer.remembered(task)
        found = newest_first if run is None else of_run(newest_first, run, task)
        return list(islice(found, lines))[::-1]

    def close(self) -> None:
        """Write what is left and put logging back as it was."""
        logging.getLogger().removeHandler(self._entrance)
        logging.getLogger("cloudgather").setLevel(self._before)
        logging.logThreads, logging.logProcesses, logging.logMultiprocessing = self._recorded
        self._writer.close()


def set_up(
    *,
    log_dir: str | None,
    log_level: str = "INFO",
    console_level: str = "INFO",
    keep_days: int = 7,
    zone: tzinfo | None = None,
    environ: Mapping[str, str] = os.environ,
    console: int = 2,
    journal_socket: str = journal.SOCKET,
) -> Logging:
    """Begin to write log lines.

    Under systemd they go to the journal; elsewhere to `console` and `log_dir`/cloudgather.log. Lines about a task go to
    `log_dir`/tasks besides. Files are put aside daily and kept `keep_days` days; None for `log_dir` means no files.
    A folder that cannot be written is no error: it is said, and the lines are dropped and counted.
    """
    file_level, shown_level = _number(log_level), _number(console_level)
    has_file = False
    sinks: list[Sink]
    if journal.is_stderr(environ):
        otherwise = Console(console, level=file_level, priorities=True)
        sinks = [Journal(journal.JournalSender(journal_socket), otherwise, level=file_level)]
    else:
        sinks = [Console(console, level=shown_level)]
        if log_dir is not None:
            has_file = True
            sinks.append(File(os.path.join(log_dir, "cloudgather.log"), level=file_level, zone=zone))
    folders: tuple[str, ...] = ()
    if log_dir is not None:
        folders = (log_dir, os.path.join(log_dir, "tasks"))
        sinks.append(TaskFiles(folders[1], level=file_level, zone=zone))
    writer = Writer(sinks, level=file_level, zone=zone, folders=folders, keep_days=keep_days)
    return Logging(writer, level=min(file_level, *(sink.level for sink in sinks)), log_dir=log_dir, has_file=has_file)


def _number(level: str) -> int:
    return logging.getLevelNamesMapping()[level.upper()]

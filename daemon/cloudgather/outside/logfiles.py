"""Log files of a day each: appended to, put aside at midnight, removed when they are old, read from the end."""

import contextlib
import hashlib
import os
import re
from collections.abc import Iterator
from datetime import date, datetime, timedelta, tzinfo
from typing import Final

_LONGEST: Final = 200  # bytes of a task's name in a file name: ".log.2026-01-01" must fit behind it
_DATED: Final = re.compile(r"\.log\.(\d{4}-\d\d-\d\d)$")
_BLOCK: Final = 64 * 1024


def file_name(task: str) -> str:
    """The file name of a task's log; a name that is too long for a file is cut and told apart by its hash."""
    whole = task.encode("utf-8", "backslashreplace")
    name = whole.replace(b"/", b"_").replace(b"\0", b"_").lstrip(b".")
    if not name or len(name) > _LONGEST or name != whole:
        name = name[: _LONGEST - 17] + b"-" + hashlib.sha256(whole).hexdigest()[:16].encode()
    return name.decode("utf-8", "ignore") + ".log"


class DatedLog:
    """One log file. Today's lines stand in `path`, those of an earlier day in `path` with `.YYYY-MM-DD` behind it.

    It is opened for each append, so that many of them cost no descriptors and a removed file is made anew.
    """

    def __init__(self, path: str, zone: tzinfo | None) -> None:
        self._path = path
        self._zone = zone
        self._day: date | None = None  # whose lines are in `path`
        self._torn = False  # the last append stopped in the middle of a line

    def append(self, lines: bytes, day: date) -> None:
        """Add whole lines that were written on `day`; raises OSError."""
        if self._day is None:
            self._day = self._day_found()
        if self._day is not None and self._day < day:
            self._put_aside(self._day)
        self._day = day
        fd = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o640)
        try:
            left = memoryview(b"\n" + lines if self._torn else lines)
            while left:
                written = os.write(fd, left)
                self._torn = left[written - 1] != ord("\n")
                left = left[written:]
        finally:
            os.close(fd)

    def _day_found(self) -> date | None:
        try:
            return datetime.fromtimestamp(os.stat(self._path).st_mtime, self._zone).date()
        except FileNotFoundError:
            return None

    def _put_aside(self, day: date) -> None:
        aside = f"{self._path}.{day.isoformat()}"
        if not os.path.exists(aside):  # else the clock went back and forth: the lines stay together
            try:
                os.rename(self._path, aside)
            except FileNotFoundError:
                return
        self._torn = False


def prune(folder: str, today: date, keep_days: int, zone: tzinfo | None) -> int:
    """Remove the logs in `folder` that are more than `keep_days` days old; answers how many. Raises OSError."""
    removed = 0
    oldest = today - timedelta(days=keep_days)
    with os.scandir(folder) as entries:
        for entry in entries:
            if not entry.is_file(follow_symlinks=False):
                continue
            if dated := _DATED.search(entry.name):
                day = date.fromisoformat(dated[1])
            elif entry.name.endswith(".log"):
                day = datetime.fromtimestamp(entry.stat().st_mtime, zone).date()
            else:
                continue
            if day < oldest:
                os.unlink(entry.path)
                removed += 1
    return removed


def backwards(path: str) -> Iterator[str]:
    """All lines of a log, the newest first: today's file, then the dated ones. What is not there gives none."""
    folder, name = os.path.split(path)
    try:
        others = [other for other in os.listdir(folder) if other.startswith(name + ".") and _DATED.search(other)]
    except FileNotFoundError:
        return
    for each in [name, *sorted(others, reverse=True)]:
        yield from _backwards_in(os.path.join(folder, each))


def _backwards_in(path: str) -> Iterator[str]:
    with contextlib.suppress(FileNotFoundError), open(path, "rb") as file:
        position = file.seek(0, os.SEEK_END)
        rest = b""
        while position:
            size = min(_BLOCK, position)
            position -= size
            file.seek(position)
            rest, *lines = (file.read(size) + rest).split(b"\n")
            for line in reversed(lines):
                if line:
                    yield line.decode("utf-8", "backslashreplace")
        if rest:
            yield rest.decode("utf-8", "backslashreplace")

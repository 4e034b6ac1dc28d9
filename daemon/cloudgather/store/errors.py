"""What can go wrong with the database: why a state directory is refused, and how SQLite's errors are sorted."""

import os
import sqlite3
from typing import Final

from cgwire.codes import Code
from cgwire.reasons import Reason, because
from cloudgather.ports.queue import StoreUnavailable

# Less than this free on the disk, and an I/O error is put down to it (SQLite reports a full disk as FULL only where
# a plain write fails, not where it cannot grow its shared memory).
_FULL_BELOW: Final = 256 * 1024


class StateRefused(Exception):
    """The state directory cannot be used; nothing in it was changed. `reason` is a state.* code."""

    def __init__(self, text: str, reason: Reason) -> None:
        super().__init__(text)
        self.reason = reason


class StateLocked(StateRefused):
    """Another daemon uses it."""

    def __init__(self, state_dir: str, pid: int | None) -> None:
        who = f"pid {pid}" if pid is not None else "pid unknown"
        super().__init__(
            f"cannot use state directory {state_dir}: another daemon ({who}) does",
            because(Code.STATE_LOCKED, file=state_dir, pid=pid),
        )
        self.pid = pid


class StateForeign(StateRefused):
    """The file is no database, or another program's."""

    def __init__(self, file: str, message: str) -> None:
        super().__init__(
            f"cannot open database {file}: {message}", because(Code.STATE_FOREIGN, file=file, message=message)
        )


class StateCorrupt(StateRefused):
    """The database is damaged; `copy` names the copy that was made of it, None where that failed."""

    def __init__(self, file: str, message: str, copy: str | None) -> None:
        kept = f" (a copy is kept in {copy})" if copy else ""
        super().__init__(
            f"cannot open database {file}: it is damaged: {message}{kept}",
            because(Code.STATE_CORRUPT, file=file, message=message, copy=copy),
        )
        self.copy = copy


class StateNewer(StateRefused):
    """The database was made by a later release."""

    def __init__(self, file: str, found: int, known: int, copy: str | None) -> None:
        kept = f" (a copy is kept in {copy})" if copy else ""
        super().__init__(
            f"cannot open database {file}: its schema {found} is of a later release, this one knows {known}{kept}",
            because(Code.STATE_NEWER, file=file, found=found, known=known, copy=copy),
        )
        self.copy = copy


class StateUnusable(StateRefused):
    """The operating system refuses, or the database could not be brought up to date."""

    def __init__(self, file: str, message: str) -> None:
        super().__init__(
            f"cannot open database {file}: {message}", because(Code.STATE_UNUSABLE, file=file, message=message)
        )


class RowDamaged(Exception):
    """A row that this program cannot have written: SQLite keeps no checksums of values."""


def unavailable(error: sqlite3.Error, file: str) -> StoreUnavailable | None:
    """What an error of SQLite means to the caller; None where it is a bug of ours (SQL, constraint, types)."""
    if isinstance(error, sqlite3.IntegrityError):
        return None
    if not hasattr(error, "sqlite_errorcode"):  # raised by the Python module itself
        return broken(error, file) if isinstance(error, sqlite3.OperationalError) else None  # a text that is no UTF-8
    match error.sqlite_errorcode & 0xFF:
        case sqlite3.SQLITE_FULL:
            return StoreUnavailable(because(Code.HELD_STATE_FULL, file=file))
        case sqlite3.SQLITE_ERROR if not _lacks_a_name(str(error)):
            return None
        case sqlite3.SQLITE_IOERR | sqlite3.SQLITE_CANTOPEN if _is_full(file):
            return StoreUnavailable(because(Code.HELD_STATE_FULL, file=file))
        case _:
            return broken(error, file)


def _lacks_a_name(message: str) -> bool:
    """Whether it is of a table or column that its schema has not: a name there is damaged."""
    return message.startswith("no such ") or " has no column named " in message


def broken(error: Exception, file: str) -> StoreUnavailable:
    """The database is damaged or cannot be read; `error` says how."""
    return StoreUnavailable(because(Code.HELD_STATE_BROKEN, file=file, message=str(error)))


def unusable(error: OSError | sqlite3.Error, file: str) -> StateUnusable:
    """What an error while the database is opened, made or migrated means."""
    if isinstance(error, OSError):
        return StateUnusable(file, error.strerror or str(error))
    held = unavailable(error, file)
    if held is not None and held.reason.code == Code.HELD_STATE_FULL:
        return StateUnusable(file, "its disk is full")
    return StateUnusable(file, str(error))


def _is_full(file: str) -> bool:
    try:
        free = os.statvfs(os.path.dirname(file))
    except OSError:
        return False
    return free.f_bavail * free.f_frsize < _FULL_BELOW

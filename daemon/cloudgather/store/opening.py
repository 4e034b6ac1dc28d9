"""Opens the database of a state directory: checks that it is ours and whole before anything is written to it."""

import contextlib
import errno
import os
import shutil
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from datetime import datetime
from typing import Final

from cloudgather.store.connecting import connect
from cloudgather.store.errors import StateCorrupt, StateForeign, StateNewer, StateUnusable, unusable
from cloudgather.store.migrating import (
    APPLICATION_ID,
    Migration,
    application_of,
    back_up,
    is_blank,
    migrate,
    schema_of,
)

DATABASE: Final = "state.db"
OLDEST: Final = (3, 35)  # of SQLite: RETURNING (store/spending.py)

_MAGIC: Final = b"SQLite format 3\0"
_JOURNAL_MAGIC: Final = bytes.fromhex("d9d505f920a163d7")
# A folder that may not be read was not made by us either; some file systems cannot sync one.
_NOT_OURS_TO_SYNC: Final = frozenset(
    {errno.EACCES, errno.EPERM, errno.EINVAL, errno.ENOTSUP, errno.ENOSYS, errno.EROFS}
)
_BROKEN: Final = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})


def make_folder(state_dir: str) -> None:
    """Make the state directory, durably and for us alone; raises StateUnusable."""
    try:
        os.makedirs(state_dir, mode=0o700, exist_ok=True)
        _sync_above(os.path.realpath(state_dir))
    except OSError as error:
        raise unusable(error, state_dir) from error


def _sync_above(folder: str) -> None:
    """A database whose folder is forgotten with the power is lost, and whoever made it need not have seen to that."""
    device = os.stat(folder).st_dev
    while (above := os.path.dirname(folder)) != folder and os.stat(above).st_dev == device:
        try:
            _sync(above)
        except OSError as error:
            if error.errno not in _NOT_OURS_TO_SYNC:
                raise
        folder = above


def _sync(folder: str) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def open_database(state_dir: str, *, now: datetime, migrations: Sequence[Migration]) -> str:
    """The path of the database, made if there is none, and brought to the newest schema; the lock must be held.

    Raises StateForeign, StateCorrupt, StateNewer or StateUnusable. The database is only written to once it is known
    to be ours and whole. A damaged or newer one is copied, byte for byte, before it is refused, and one that will be
    migrated is backed up; no file that stands is ever overwritten.
    """
    file = os.path.join(state_dir, DATABASE)
    if sqlite3.sqlite_version_info < OLDEST:
        least = ".".join(map(str, OLDEST))
        raise StateUnusable(file, f"this Python has SQLite {sqlite3.sqlite_version}, {least} or newer is needed")
    try:
        _make(file)
        found = _check(file, now, newest=migrations[-1].number)
        if found < migrations[-1].number:
            _migrate(file, found, migrations, now)
    except (OSError, sqlite3.Error) as error:
        raise unusable(error, file) from error
    return file


def _migrate(file: str, found: int, migrations: Sequence[Migration], now: datetime) -> None:
    with contextlib.ExitStack() as opened:
        if found:  # the last to close takes the log away, unless it cannot write: else all stays as it was on failure
            schema_of(opened.enter_context(closing(connect(file, read_only=True))))
        connection = opened.enter_context(closing(connect(file, "synchronous = FULL")))
        if found:
            back_up(connection, _beside(file, f"before-schema-{migrations[-1].number}", now))
        migrate(connection, migrations)


def _make(file: str) -> None:
    """An empty file, if there is none: SQLite then makes its others with the same mode."""
    try:
        descriptor = os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600)
    except FileExistsError:
        return
    os.close(descriptor)
    _sync(os.path.dirname(file))  # SQLite does this for its log, not for the database


def _check(file: str, now: datetime, *, newest: int) -> int:
    """The database's schema, 0 for one without; raises if it is not ours, damaged or newer. Changes nothing."""
    magic = _beginning(file, len(_MAGIC))
    if not magic and not _size(file + "-wal"):
        return 0
    if not magic:
        raise StateCorrupt(file, "it is empty, but its log is not", _kept(file, "corrupt", now))
    if magic != _MAGIC and not _was_being_made(file, magic):
        raise StateForeign(file, "it is not an SQLite database")
    try:
        # A crash while it was made leaves a journal, which only a writer can roll back.
        with closing(connect(file, read_only=not os.path.exists(file + "-journal"))) as connection:
            if is_blank(connection) and application_of(connection) in (0, APPLICATION_ID):
                return 0
            if application_of(connection) != APPLICATION_ID:
                raise StateForeign(file, "it belongs to another program")
            schema = schema_of(connection)
            if schema < 1:
                raise StateCorrupt(file, f"its schema is said to be {schema}", _kept(file, "corrupt", now))
            if schema > newest:
                raise StateNewer(file, schema, newest, _kept(file, "newer", now))
            verdict = str(connection.execute("PRAGMA quick_check(1)").fetchone()[0])
    except sqlite3.DatabaseError as error:
        # Of a verdict that quotes a damaged name the Python module raises an error without SQLite's code.
        if getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT) & 0xFF not in _BROKEN:
            raise
        verdict = str(error)
    if verdict != "ok":
        raise StateCorrupt(file, verdict, _kept(file, "corrupt", now))
    return schema


def _was_being_made(file: str, magic: bytes) -> bool:
    """A power cut may leave it without its first page; the journal beside it then undoes the others."""
    return not any(magic) and _beginning(file + "-journal", len(_JOURNAL_MAGIC)) == _JOURNAL_MAGIC


def _beginning(file: str, length: int) -> bytes:
    try:
        with open(file, "rb") as opened:
            return opened.read(length)
    except FileNotFoundError:
        return b""


def _size(file: str) -> int:
    try:
        return os.stat(file).st_size
    except FileNotFoundError:
        return 0


def _kept(file: str, label: str, now: datetime) -> str | None:
    """Copy the database and its log, unless a daemon that is started over and over has done so; None: no space."""
    known = _copy_of(file, label)
    if known is not None:
        return known
    copy = _beside(file, label, now)
    try:
        for suffix in ("-wal", ""):
            if not suffix or _size(file + suffix):
                shutil.copy2(file + suffix, copy + suffix)
    except OSError:
        for suffix in ("-wal", ""):
            if os.path.exists(copy + suffix):
                os.unlink(copy + suffix)
        return None
    return copy


def _copy_of(file: str, label: str) -> str | None:
    """An earlier copy of the file as it is now, told by size and mtime."""
    folder, name = os.path.split(file)
    now = os.stat(file)
    for other in sorted(os.listdir(folder)):
        if other.startswith(f"{name}.{label}-") and not other.endswith("-wal"):
            then = os.stat(os.path.join(folder, other))
            if (then.st_size, then.st_mtime_ns) == (now.st_size, now.st_mtime_ns):
                return os.path.join(folder, other)
    return None


def _beside(file: str, label: str, now: datetime) -> str:
    """A name that nothing has."""
    stamp = f"{file}.{label}-{now:%Y%m%dT%H%M%SZ}"
    name, number = stamp, 1
    while os.path.lexists(name) or os.path.lexists(name + "-wal"):
        number += 1
        name = f"{stamp}-{number}"
    return name

"""The database in the state directory: looked at read-only, beside a daemon that uses it, and left as it is."""

import os
import sqlite3
import time
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import quote

from cgwire.codes import Code
from cgwire.reasons import because
from cloudgather.doctor.checks import Check, bad, doubtful, fine
from cloudgather.doctor.holder import holder
from cloudgather.ports.queue import TargetMemory
from cloudgather.store import remembered
from cloudgather.store.migrating import APPLICATION_ID, application_of, is_blank, known_migrations, schema_of
from cloudgather.store.opening import DATABASE

_MAGIC: Final = b"SQLite format 3\0"
_BROKEN: Final = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
_BUSY: Final = 2.0
_PATIENCE: Final = 6.0
_INSTRUCTIONS: Final = 20_000  # of SQLite's machine between two looks at the clock


@dataclass(frozen=True, slots=True, kw_only=True)
class Examined:
    """The finding, and what the database remembers of targets by name: nothing where it cannot be read."""

    check: Check
    targets: Mapping[str, TargetMemory] = field(default_factory=dict)


class _Unfinished(Exception):
    """The check of all pages takes too long."""


def examine_database(state_dir: str) -> Examined:
    """`database`. Neither makes nor changes a file, nor waits for a lock for long."""
    file = os.path.join(state_dir, DATABASE)
    try:
        with open(file, "rb") as database:
            magic = database.read(len(_MAGIC))
    except FileNotFoundError:
        return Examined(check=fine("database", because(Code.DOCTOR_DATABASE_NONE, file=file)))
    except OSError as error:
        return _unknown(file, error.strerror or str(error))
    if not magic:
        if os.path.exists(file + "-wal"):
            return Examined(check=bad("database", because(Code.STATE_CORRUPT, file=file, message="it is empty")))
        return Examined(check=fine("database", because(Code.DOCTOR_DATABASE_NONE, file=file)))
    if magic != _MAGIC:
        return Examined(check=bad("database", because(Code.STATE_FOREIGN, file=file)))
    try:
        alone = _is_alone(file)
        found = _look(file, state_dir, alone=alone)
        # A daemon that started meanwhile wrote under our eyes; what was read then means nothing.
        return found if _is_alone(file) is alone else _look(file, state_dir, alone=False)
    except sqlite3.Error as error:
        return _unknown(file, str(error))


def _is_alone(file: str) -> bool:
    """Nobody has it open: a write-ahead log is there as long as somebody has, and after a crash."""
    return not os.path.exists(file + "-wal")


def _look(file: str, state_dir: str, *, alone: bool) -> Examined:
    # Even a reader makes the log's files where they are missing; an immutable database has none.
    uri = f"file:{quote(file)}?mode=ro{'&immutable=1' if alone else ''}"
    with closing(sqlite3.connect(uri, uri=True, timeout=_BUSY, isolation_level=None)) as connection:
        try:
            return _judge(connection, file, holder(state_dir))
        except sqlite3.DatabaseError as error:
            if getattr(error, "sqlite_errorcode", 0) & 0xFF not in _BROKEN:
                raise
            return Examined(check=bad("database", because(Code.STATE_CORRUPT, file=file, message=str(error))))


def _judge(connection: sqlite3.Connection, file: str, pid: int | None) -> Examined:
    application, schema, known = application_of(connection), schema_of(connection), known_migrations()[-1].number
    if is_blank(connection) and application in (0, APPLICATION_ID):
        return Examined(check=fine("database", because(Code.DOCTOR_DATABASE_NONE, file=file)))
    if application != APPLICATION_ID:
        return Examined(check=bad("database", because(Code.STATE_FOREIGN, file=file)))
    if schema > known:
        return Examined(check=bad("database", because(Code.STATE_NEWER, file=file, found=schema, known=known)))
    facts: dict[str, Any] = {"file": file, "schema": schema, "size": os.stat(file).st_size, "pid": pid}
    if schema < known:
        return Examined(check=fine("database", because(Code.DOCTOR_DATABASE_OLD, known=known, **facts)))
    targets = remembered.targets(connection)
    try:
        verdict = _verdict(connection)
    except _Unfinished:
        reason = because(Code.DOCTOR_DATABASE_LARGE, seconds=_PATIENCE, **facts)
        return Examined(check=fine("database", reason), targets=targets)
    if verdict != "ok":
        return Examined(check=bad("database", because(Code.STATE_CORRUPT, file=file, message=verdict)), targets=targets)
    return Examined(check=fine("database", because(Code.DOCTOR_DATABASE, **facts)), targets=targets)


def _verdict(connection: sqlite3.Connection) -> str:
    """What quick_check says of all pages; raises _Unfinished after a while."""
    end = time.monotonic() + _PATIENCE
    connection.set_progress_handler(lambda: int(time.monotonic() > end), _INSTRUCTIONS)
    try:
        return str(connection.execute("PRAGMA quick_check(1)").fetchone()[0])
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_INTERRUPT:
            raise _Unfinished from error
        raise
    finally:
        connection.set_progress_handler(None, 0)


def _unknown(file: str, message: str) -> Examined:
    return Examined(check=doubtful("database", because(Code.DOCTOR_DATABASE_UNKNOWN, file=file, message=message)))

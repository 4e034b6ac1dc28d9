"""Brings a database to the newest schema, from nothing or from an older one, in one transaction."""

import os
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.resources import files
from sqlite3 import Connection
from typing import Final

from cloudgather.core.clashes import folded

APPLICATION_ID: Final = 0x43474154  # "CGAT", in the header of every database of ours


@dataclass(frozen=True, slots=True, kw_only=True)
class Migration:
    """What leads from the schema before it to `number`."""

    number: int
    sql: str


def known_migrations() -> Sequence[Migration]:
    """Those of this release: `migrations/NNNN.sql`, numbered from 1 without a gap."""
    found = sorted(
        (entry for entry in files("cloudgather.store").joinpath("migrations").iterdir() if entry.name.endswith(".sql")),
        key=lambda entry: entry.name,
    )
    return [Migration(number=int(entry.name[:-4]), sql=entry.read_text("utf-8")) for entry in found]


def schema_of(connection: Connection) -> int:
    """The number of the last migration that was made; 0: none."""
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def application_of(connection: Connection) -> int:
    """The application id in the database's header."""
    return int(connection.execute("PRAGMA application_id").fetchone()[0])


def is_blank(connection: Connection) -> bool:
    """Whether it has no tables: just made, or left so by a crash while it was made."""
    try:
        return connection.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone() is None
    except UnicodeDecodeError as error:  # what SQLite says of a damaged schema quotes it, and sqlite3 cannot read that
        damaged = sqlite3.DatabaseError(f"malformed database schema: {error}")
        damaged.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
        raise damaged from error


def migrate(connection: Connection, migrations: Sequence[Migration]) -> None:
    """Make those that are missing: all of them, or after an error or a crash none."""
    done = schema_of(connection)
    connection.create_function("folded", 1, folded, deterministic=True)
    connection.execute("BEGIN IMMEDIATE")
    try:
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        for migration in migrations:
            if migration.number > done:
                for statement in statements(migration.sql):
                    connection.execute(statement)
                connection.execute(f"PRAGMA user_version = {migration.number}")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def statements(sql: str) -> Iterator[str]:
    """The statements of a script (triggers have semicolons inside; executescript would commit on its own)."""
    begun = ""
    for line in sql.splitlines(keepends=True):
        begun += line
        if sqlite3.complete_statement(begun):
            yield begun
            begun = ""


def back_up(connection: Connection, copy: str) -> None:
    """Copy the database, as it is now, to the new file `copy`, durably."""
    os.close(os.open(copy, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600))
    backup = sqlite3.connect(copy)
    try:
        connection.backup(backup)
    finally:
        backup.close()
    descriptor = os.open(copy, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

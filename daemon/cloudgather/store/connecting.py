"""The two connections: one that writes with group commit, one that reads what has been committed."""

import contextlib
import os
import sqlite3
from collections.abc import Sequence
from sqlite3 import Connection
from typing import Final
from urllib.parse import quote

from cloudgather.core.globs import matches
from cloudgather.ports.queue import StoreUnavailable
from cloudgather.store.errors import RowDamaged, broken, unavailable
from cloudgather.store.fresh import Fresh
from cloudgather.store.lane import Request

_BUSY_SECONDS: Final = 10  # for a person's sqlite3 shell that holds a lock
_KEPT_WAL: Final = 16 * 1024 * 1024
_WAL_PAGES: Final = 512  # 2 MiB: brought into the database then, so that a small state disk is not filled by the log


def connect(file: str, *pragmas: str, read_only: bool = False) -> Connection:
    """A connection that any one thread at a time may use; transactions are begun and ended by hand."""
    uri = f"file:{quote(file)}?mode={'ro' if read_only else 'rw'}"
    # For a type that has no adapter sqlite3 looks for one in vain, at each value, for twice the price.
    sqlite3.register_adapter(bytes, bytes.__bytes__)
    connection = sqlite3.connect(uri, uri=True, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    try:
        connection.create_function("matches", 2, matches, deterministic=True)
        for pragma in ("temp_store = MEMORY", *pragmas):  # MEMORY: a full /tmp must not matter
            connection.execute(f"PRAGMA {pragma}").fetchall()
    except BaseException:
        connection.close()
        raise
    return connection


class Writing:
    """The only connection that writes.

    What comes together is committed together: one fsync for all. If anything goes wrong with that, each request is
    tried again in a transaction of its own, so that one that raises undoes nothing but itself. (Savepoints within one
    transaction would do, too, but SQLite's cost then grows with the square of a large request.) A request has its
    result only once its commit is on the disk (synchronous = FULL); one that has an error has changed nothing.
    """

    def __init__(self, file: str) -> None:
        self._file = file
        self._connection = connect(
            file,
            "journal_mode = WAL",
            "synchronous = FULL",
            f"journal_size_limit = {_KEPT_WAL}",
            f"wal_autocheckpoint = {_WAL_PAGES}",
        )
        try:
            self.fresh = Fresh(self._connection)
        except BaseException:
            self._connection.close()
            raise

    def serve(self, batch: Sequence[Request]) -> None:
        """Run the requests' steps, which look at nothing but the database, and commit them."""
        try:
            self._commit(batch)
        except Exception as error:
            if len(batch) > 1:
                for request in batch:
                    self.serve([request])
                return
            batch[0].error = _sorted(error, self._file)
            if isinstance(batch[0].error, StoreUnavailable) and self._has_shrunk():
                self._try_again(batch[0])

    def _has_shrunk(self) -> bool:
        """Bring the write-ahead log into the database: on a full disk it may be all that takes the room."""
        try:
            before = os.path.getsize(self._file + "-wal")
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
            return os.path.getsize(self._file + "-wal") < before
        except (OSError, sqlite3.Error):
            return False

    def _try_again(self, request: Request) -> None:
        try:
            self._commit([request])
        except Exception as error:
            request.error = _sorted(error, self._file)
        else:
            request.error = None

    def _commit(self, batch: Sequence[Request]) -> None:
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            self.fresh.begin()
            for request in batch:
                request.result = request.step(self._connection)
            self._connection.execute("COMMIT")
        except BaseException:
            self.fresh.forget_all()
            raise
        finally:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")

    def finish(self) -> None:
        """Bring the write-ahead log into the database and close."""
        with contextlib.suppress(sqlite3.Error):  # a full disk: the log stays and is read at the next start
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        self._connection.close()


class Reading:
    """A connection that cannot write; each request sees one committed state."""

    def __init__(self, file: str) -> None:
        self._file = file
        self._connection = connect(file, "query_only = ON")

    def serve(self, batch: Sequence[Request]) -> None:
        """Run the requests' steps, each in a snapshot."""
        for request in batch:
            try:
                self._connection.execute("BEGIN")
                request.result = request.step(self._connection)
            except Exception as error:
                request.error = _sorted(error, self._file)
            finally:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")

    def finish(self) -> None:
        """Close."""
        self._connection.close()


def _sorted(error: Exception, file: str) -> Exception:
    """StoreUnavailable where it is that; else what a step of ours raised."""
    if isinstance(error, RowDamaged):
        return broken(error, file)
    return (unavailable(error, file) if isinstance(error, sqlite3.Error) else None) or error

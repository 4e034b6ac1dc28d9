"""Group commit: what one request does to the others of its batch, and what fails them all."""

import asyncio
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from sqlite3 import Connection
from typing import Any

import pytest

from cgwire.codes import Code
from cloudgather.ports.queue import Overtaken, StoreUnavailable
from cloudgather.store.connecting import Reading, Writing
from cloudgather.store.lane import Request
from cloudgather.store.migrating import known_migrations, migrate


@pytest.fixture
def file(tmp_path: Path) -> str:
    path = str(tmp_path / "some.db")
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        migrate(connection, known_migrations())
        connection.execute("CREATE TABLE t (value UNIQUE)")
    return path


@pytest.fixture
def writing(file: str) -> Iterator[Writing]:
    found = Writing(file)
    yield found
    found.finish()


@pytest.fixture
def request_for() -> Iterator[Callable[[Callable[[Connection], Any]], Request]]:
    with closing(asyncio.new_event_loop()) as loop:
        yield lambda step: Request(step, loop.create_future())


RequestFor = Callable[[Callable[[Connection], Any]], Request]


def insert(value: int, error: Exception | None = None) -> Callable[[Connection], int]:
    def step(connection: Connection) -> int:
        connection.execute("INSERT INTO t VALUES (?)", (value,))
        if error is not None:
            raise error
        return value

    return step


def values_in(file: str) -> list[int]:
    with closing(sqlite3.connect(file)) as connection:
        return [value for (value,) in connection.execute("SELECT value FROM t ORDER BY value")]


def test_one_that_raises_undoes_nothing_but_itself(writing: Writing, file: str, request_for: RequestFor) -> None:
    batch = [request_for(insert(1)), request_for(insert(2, Overtaken("late"))), request_for(insert(3))]

    writing.serve(batch)

    assert values_in(file) == [1, 3]
    assert [request.result for request in batch] == [1, None, 3]
    assert isinstance(batch[1].error, Overtaken)


def test_a_broken_constraint_is_the_callers_own(writing: Writing, file: str, request_for: RequestFor) -> None:
    batch = [request_for(insert(1)), request_for(insert(1)), request_for(insert(3))]

    writing.serve(batch)

    assert values_in(file) == [1, 3]
    assert isinstance(batch[1].error, sqlite3.IntegrityError)


def too_much(connection: Connection) -> None:
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    connection.execute(f"PRAGMA max_page_count = {pages + 1}").fetchall()
    connection.execute("INSERT INTO t VALUES (randomblob(1000000))")


def test_one_that_does_not_fit_leaves_room_for_the_others(writing: Writing, file: str, request_for: RequestFor) -> None:
    batch = [request_for(insert(1)), request_for(too_much), request_for(insert(3))]

    writing.serve(batch)

    refused = batch[1].error
    assert isinstance(refused, StoreUnavailable)
    assert refused.reason.code == Code.HELD_STATE_FULL
    assert (values_in(file), batch[0].error, batch[2].error) == ([1, 3], None, None)


def test_what_a_bug_left_open_is_rolled_back(writing: Writing, file: str, request_for: RequestFor) -> None:
    batch = [request_for(insert(1, OverflowError("a bug"))), request_for(insert(2))]

    writing.serve(batch)

    assert values_in(file) == [2]
    assert isinstance(batch[0].error, OverflowError)


def test_a_reader_cannot_write_and_sees_what_was_committed(
    writing: Writing, file: str, request_for: RequestFor
) -> None:
    reading = Reading(file)
    try:
        writing.serve([request_for(insert(1))])

        batch = [request_for(insert(2)), request_for(lambda c: c.execute("SELECT value FROM t").fetchall())]
        reading.serve(batch)
    finally:
        reading.finish()

    assert isinstance(batch[0].error, StoreUnavailable)
    assert batch[1].result == [(1,)]


def test_a_commit_is_synchronous(writing: Writing, request_for: RequestFor) -> None:
    asked = request_for(
        lambda c: [c.execute(f"PRAGMA {name}").fetchone()[0] for name in ("synchronous", "journal_mode")]
    )

    writing.serve([asked])

    assert asked.result == [2, "wal"]

"""What was added is claimed as it is by then, whatever was done to it; nothing is read back that nobody touched."""

import asyncio
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from sqlite3 import Connection
from typing import Any

import pytest

from cgwire.codes import Code
from cgwire.reasons import because
from cloudgather.core.transfer import Event, State
from cloudgather.ports.queue import Added, Chosen, Move, QueueStore
from cloudgather.store import adding, claiming
from cloudgather.store.connecting import Writing
from cloudgather.store.fresh import Fresh
from cloudgather.store.lane import Request
from cloudgather.store.migrating import known_migrations, migrate
from cloudgather.store.opening import DATABASE
from queueing import LATER, NOW, a_plan, a_version, running_store

FILM = a_plan(reason=because(Code.GO_CHANGED, size=100), run=7, priority=1)
OTHERWISE = because(Code.GO_OVERWRITE)
BY_HAND = because(Code.CANCELLED_OPERATOR, by="ann")
MOVED = a_version(device=3, inode=2**64 - 1)

Work = Callable[[QueueStore], Any]


def moved(event: Event, **facts: Any) -> Work:
    async def work(store: QueueStore) -> None:
        transfer = await store.transfer(1)
        assert transfer is not None
        await store.move([Move([transfer], event, **facts)], now=NOW)

    return work


async def cancelled_and_queued_anew(store: QueueStore) -> None:
    assert await store.cancel(Chosen(), reason=BY_HAND, now=NOW) == 1
    assert await store.requeue(Chosen(), now=LATER) == 1


async def tried_in_vain(store: QueueStore) -> None:
    (transfer,) = await store.claim("cloud", now=NOW, count=1, most_bytes=None, except_tasks=frozenset())
    await store.move([Move([transfer], Event.DEFER, reason=because(Code.RETRY_INTERRUPTED), spend=True)], now=LATER)


async def put_off(store: QueueStore) -> None:
    assert await store.put_off("films", until=LATER, reason=because(Code.HELD_WINDOW, until=None)) == 1


@pytest.mark.parametrize(
    "work",
    [
        lambda store: store.add([FILM._replace(version=MOVED)], now=LATER),
        lambda store: store.add([FILM._replace(priority=5)], now=LATER),
        lambda store: store.add([FILM._replace(reason=OTHERWISE, replace=True, run=8)], now=LATER),
        lambda store: store.add([FILM._replace(version=a_version(size=7), guessed=False)], now=LATER),
        lambda store: store.add([FILM._replace(destination=b"elsewhere/film.mkv")], now=LATER),
        lambda store: store.add([FILM] * 3, now=LATER),
        lambda store: store.put_first(Chosen(), now=LATER),
        lambda store: store.redirect("films", target="cloud", base=b"elsewhere"),
        lambda store: store.forget(Chosen(), now=LATER),
        put_off,
        cancelled_and_queued_anew,
        tried_in_vain,
        moved(Event.CHANGE, version=a_version(mtime_ns=9), reason=because(Code.GO_CHANGED)),
        moved(Event.CANCEL, reason=BY_HAND),
    ],
)
def test_it_is_claimed_as_it_is(tmp_path: Path, work: Work) -> None:
    with running_store(str(tmp_path)) as (store, do):
        do(store.add([FILM], now=NOW))

        do(work(store))
        as_it_is = do(store.transfer(1))
        found = do(store.claim("cloud", now=LATER, count=9, most_bytes=None, except_tasks=frozenset()))

        queued = [as_it_is] if as_it_is.state is State.QUEUED else []
        assert [each.id for each in found] == [each.id for each in queued]
        assert found == [do(store.transfer(each.id)) for each in queued]
        taken = {"state": State.COPYING, "tries": as_it_is.tries + 1, "updated": LATER, "due": None}
        assert [each._replace(temporary=None) for each in found] == [each._replace(**taken) for each in queued]


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE transfer SET destination = x'61'",
        "UPDATE transfer SET generation = 4, size = 9",
        "UPDATE transfer SET state = 'cancelled', live = 0",
        "DELETE FROM transfer",
    ],
)
def test_so_it_is_when_another_program_changes_it(tmp_path: Path, change: str) -> None:
    with running_store(str(tmp_path)) as (store, do):
        do(store.add([FILM], now=NOW))
        with closing(sqlite3.connect(tmp_path / DATABASE)) as connection, connection:
            connection.execute(change)

        found = do(store.claim("cloud", now=LATER, count=9, most_bytes=None, except_tasks=frozenset()))

        assert len(found) == ("SET destination" in change or "SET generation" in change)
        assert found == [do(store.transfer(each.id)) for each in found]


def test_what_was_added_in_vain_is_not_what_its_id_means_later(tmp_path: Path) -> None:
    with running_store(str(tmp_path)) as (store, do):
        refused = a_plan(b"refused", task=None)

        async def at_once() -> list[Any]:
            steps = [store.add([a_plan(b"first"), refused], now=NOW), store.add([a_plan(b"second")], now=NOW)]
            return await asyncio.gather(*steps, return_exceptions=True)

        error, added = do(at_once())
        found = do(store.claim("cloud", now=NOW, count=9, most_bytes=None, except_tasks=frozenset()))

        assert isinstance(error, sqlite3.IntegrityError)
        assert added == [(1, Added.NEW)]
        assert [each.path for each in found] == [b"second"]
        assert found == [do(store.transfer(1))]


# What is remembered, and what is not


@pytest.fixture
def connection() -> Iterator[Connection]:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as found:
        migrate(found, known_migrations())
        yield found


def test_a_claim_reads_nothing_back_of_what_was_just_added(connection: Connection) -> None:
    fresh = Fresh(connection)
    adding.add_all(connection, [a_plan(b"%d" % number) for number in range(9)], NOW, fresh=fresh)
    statements: list[str] = []
    connection.set_trace_callback(statements.append)

    found = claiming.claim(connection, "cloud", NOW, 5, None, frozenset(), fresh=fresh)

    assert [each.path for each in found] == [b"%d" % number for number in range(5)]
    assert statements
    assert not [statement for statement in statements if statement.startswith("SELECT id, task, path")]
    assert [*fresh.known(range(99))] == [6, 7, 8, 9]


@pytest.mark.parametrize(
    "column",
    [
        *("task", "path", "target", "destination", "size", "mtime_ns", "device", "inode"),
        *("priority", "plan_reason", "replaces", "guessed", "due", "run", "created"),
    ],
)
def test_any_statement_about_what_a_claim_does_not_check_makes_it_forget_the_row(
    connection: Connection, column: str
) -> None:
    fresh = Fresh(connection)
    adding.add_all(connection, [a_plan(b"a"), a_plan(b"b")], NOW, fresh=fresh)

    connection.execute(f"UPDATE transfer SET {column} = {column} WHERE id = 1")

    assert [*fresh.known([1, 2])] == [2]


def test_it_remembers_the_newest(connection: Connection) -> None:
    fresh = Fresh(connection)
    for folder in range(10):
        plans = [a_plan(b"%d/%d" % (folder, number)) for number in range(1000)]
        adding.add_all(connection, plans, NOW, fresh=fresh)

    known = fresh.known(range(20_000))

    assert len(known) == 8192
    assert max(known) == 10_000
    assert min(known) == 10_000 - 8191


def add(connection: Connection, fresh: Fresh) -> None:
    adding.add_all(connection, [a_plan(b"film")], NOW, fresh=fresh)


def add_in_vain(connection: Connection, fresh: Fresh) -> None:
    add(connection, fresh)
    raise ValueError("undone")


def add_what_cannot_be_committed(connection: Connection, fresh: Fresh) -> None:
    connection.execute("COMMIT")
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("BEGIN IMMEDIATE")
    connection.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, other REFERENCES t DEFERRABLE INITIALLY DEFERRED)")
    connection.execute("INSERT INTO t VALUES (1, 9)")
    add(connection, fresh)
    assert fresh.known([1])


@pytest.mark.parametrize(
    ("step", "is_known"), [(add, True), (add_in_vain, False), (add_what_cannot_be_committed, False)]
)
def test_it_knows_what_was_committed(tmp_path: Path, step: Callable[[Connection, Fresh], None], is_known: bool) -> None:
    with running_store(str(tmp_path)):
        pass
    writing = Writing(str(tmp_path / DATABASE))

    with closing(asyncio.new_event_loop()) as loop:
        asked = Request(lambda connection: step(connection, writing.fresh), loop.create_future())

        writing.serve([asked])
        known = writing.fresh.known([1])

    writing.finish()
    assert (asked.error is None) is is_known
    assert bool(known) is is_known

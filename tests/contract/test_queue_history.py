"""The history of transfers that are moved together; see ports.queue.QueueStore for the law."""

from typing import Any

import pytest

from cgwire.codes import Code
from cgwire.reasons import because
from cloudgather.core.transfer import Event, State, Transfer
from cloudgather.ports.queue import Chosen, Move, PastMove, QueueStore
from queueing import LATER, NOW, Do, a_move, a_plan, a_sent, claimed, moved_on

MANY = 600


def queued(store: QueueStore, do: Do, count: int, *tasks: str) -> None:
    """So many of each of the tasks, by turns."""
    do(store.add([a_plan(b"%d" % number, task=task) for number in range(count) for task in tasks], now=NOW))


def all_claimed(store: QueueStore, do: Do, count: int) -> list[Transfer]:
    found = do(store.claim("cloud", now=NOW, count=count, most_bytes=None, except_tasks=frozenset()))
    assert len(found) == count
    return list(found)


def all_written(store: QueueStore, do: Do, transfers: list[Transfer]) -> None:
    """And confirmed."""
    publishing = do(store.move([Move(transfers, Event.PUBLISH, sent=[a_sent()] * len(transfers))], now=NOW))
    stored = because(Code.DONE_STORED)
    do(store.move([Move(publishing, Event.WRITE, confirmed=stored, strength="stored")], now=NOW))


def told(store: QueueStore, do: Do, **of: Any) -> list[PastMove]:
    """Oldest first."""
    wanted: dict[str, Any] = {"task": None, "path": None, "transfer": None, "limit": 10_000, **of}
    return [past for _, past in reversed(do(store.history(**wanted)))]


def test_each_of_many_has_its_own_lines(store: QueueStore, do: Do) -> None:
    queued(store, do, MANY, "films")
    all_written(store, do, all_claimed(store, do, MANY))

    for number in (0, 254, 255, 256, 511, 512, MANY - 1):
        path = b"%d" % number
        of_path, of_transfer = told(store, do, path=path), told(store, do, transfer=number + 1)
        assert [past.event for past in of_path] == [Event.CLAIM, Event.PUBLISH, Event.WRITE, Event.CONFIRM]
        assert {(past.transfer, past.path, past.task) for past in of_path} == {(number + 1, path, "films")}
        assert of_transfer == of_path
    assert len(told(store, do)) == 4 * MANY
    assert told(store, do, transfer=MANY + 1) == told(store, do, path=b"other") == told(store, do, task="other") == []


@pytest.mark.parametrize(("limit", "count"), [(1, 5), (7, 300), (256, MANY), (1000, MANY)])
def test_pages_begin_in_the_midst_of_what_was_moved_together(store: QueueStore, do: Do, limit: int, count: int) -> None:
    queued(store, do, count, "films")
    all_written(store, do, all_claimed(store, do, count))
    whole = do(store.history(task=None, path=None, transfer=None, limit=10_000))

    pages, before = [], None
    while page := do(store.history(task="films", path=None, transfer=None, limit=limit, before_id=before)):
        pages += page
        before = page[-1][0]

    assert pages == whole
    ids = [id for id, _ in whole]
    assert ids == sorted(set(ids), reverse=True)


def test_what_comes_later_has_a_higher_number(store: QueueStore, do: Do) -> None:
    queued(store, do, 3, "films")
    first, *rest = all_claimed(store, do, 3)
    claims = do(store.history(task=None, path=None, transfer=None, limit=9))

    do(moved_on(store, first, Event.PUBLISH))
    ((number, publish), *before) = do(store.history(task=None, path=None, transfer=None, limit=9))

    assert (publish.event, before) == (Event.PUBLISH, claims)
    assert number > max(id for id, _ in claims)
    assert len(rest) == 2


def test_each_line_tells_its_own_attempt(store: QueueStore, do: Do) -> None:
    queued(store, do, 3, "films")
    one, two, three = all_claimed(store, do, 3)
    do(store.move([a_move(two, Event.DEFER, due=NOW, spend=True)], now=NOW))
    do(store.move([Move([one, three], Event.DEFER, due=NOW)], now=NOW))

    all_claimed(store, do, 3)

    assert [(past.transfer, past.attempt) for past in told(store, do)][-3:] == [(1, 1), (2, 2), (3, 1)]


def test_those_of_several_tasks_are_told_apart(store: QueueStore, do: Do) -> None:
    queued(store, do, 5, "films", "series")
    all_claimed(store, do, 10)

    films, series = told(store, do, task="films"), told(store, do, task="series")

    assert [past.path for past in films] == [past.path for past in series] == [b"%d" % number for number in range(5)]
    assert {past.task for past in films} == {"films"}
    assert {past.transfer for past in films}.isdisjoint(past.transfer for past in series)


def test_what_goes_leaves_the_lines_of_those_that_stay(store: QueueStore, do: Do) -> None:
    queued(store, do, MANY, "films")
    moving = all_claimed(store, do, MANY)
    stays = moving.pop(300)
    do(store.move([a_move(stays, Event.GIVE_UP, reason=because(Code.CANCELLED_OPERATOR))], now=NOW))
    all_written(store, do, moving)

    removed = do(store.prune(before=LATER))

    assert removed == MANY - 1
    assert [(past.transfer, past.event) for past in told(store, do)] == [(301, Event.CLAIM), (301, Event.GIVE_UP)]
    assert told(store, do, path=b"299") == []


def test_an_order_for_all_is_told_of_each(store: QueueStore, do: Do) -> None:
    queued(store, do, MANY, "films", "series")
    do(claimed(store))

    cancelled = do(store.cancel(Chosen(task="series"), reason=because(Code.CANCELLED_OPERATOR), now=NOW))

    assert cancelled == MANY
    lines = told(store, do, task="series")
    assert [past.path for past in lines] == [b"%d" % number for number in range(MANY)]
    assert {(past.event, past.before, past.after) for past in lines} == {(Event.CANCEL, State.QUEUED, State.CANCELLED)}

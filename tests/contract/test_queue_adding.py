"""What every QueueStore makes of a plan; see ports.queue.QueueStore for the law."""

import pytest

from cgwire.codes import Code
from cgwire.reasons import because
from cloudgather.core.transfer import Event, State, Transfer
from cloudgather.ports.queue import Added, Chosen, QueueStore
from queueing import (
    LATER,
    NOW,
    STRANGE,
    Do,
    a_move,
    a_plan,
    a_version,
    claimed,
    content,
    failed,
    moved_on,
    passed,
    written,
)


def test_a_plan_becomes_a_queued_transfer(store: QueueStore, do: Do) -> None:
    plan = a_plan(run=7, priority=3, version=a_version(device=2**64 - 1, inode=2**63, mtime_ns=-5))

    ((id, added),) = do(store.add([plan], now=NOW))

    transfer = do(store.transfer(id))
    assert added is Added.NEW
    assert transfer == Transfer(
        id=id,
        task=plan.task,
        path=plan.path,
        target=plan.target,
        destination=plan.destination,
        version=plan.version,
        generation=1,
        state=State.QUEUED,
        priority=3,
        attempts=0,
        tries=0,
        temporary=None,
        sent=None,
        reason=plan.reason,
        plan_reason=plan.reason,
        replace=False,
        guessed=True,
        due=None,
        run=7,
        created=NOW,
        updated=NOW,
    )


def test_plans_answer_in_their_order_and_twice_the_same_is_one(store: QueueStore, do: Do) -> None:
    answers = do(store.add([a_plan(b"a"), a_plan(b"b"), a_plan(b"a")], now=NOW))

    (a, first), (b, second), (again, third) = answers
    assert (first, second, third) == (Added.NEW, Added.NEW, Added.KNOWN)
    assert a == again != b


def test_the_same_path_of_two_tasks_is_two_transfers(store: QueueStore, do: Do) -> None:
    answers = do(store.add([a_plan(task="one"), a_plan(task="two")], now=NOW))

    assert [added for _, added in answers] == [Added.NEW, Added.NEW]


def test_a_queued_transfer_takes_the_new_version(store: QueueStore, do: Do) -> None:
    do(store.add([a_plan()], now=NOW))
    do(store.move([a_move(do(claimed(store)), Event.DEFER, spend=True, due=LATER)], now=NOW))

    ((id, added),) = do(store.add([a_plan(version=a_version(size=5), run=9)], now=LATER))

    transfer = do(store.transfer(id))
    assert added is Added.REFRESHED
    assert (transfer.version.size, transfer.generation, transfer.attempts, transfer.run) == (5, 2, 0, 9)
    assert (transfer.due, transfer.updated) == (None, LATER)
    assert [past.event for _, past in do(store.history(task=None, path=None, transfer=id, limit=1))] == [Event.CHANGE]


def test_a_queued_transfer_takes_another_destination(store: QueueStore, do: Do) -> None:
    do(store.add([a_plan()], now=NOW))

    ((id, added),) = do(store.add([a_plan(target="other", destination=b"elsewhere")], now=NOW))

    transfer = do(store.transfer(id))
    assert (added, transfer.target, transfer.destination) == (Added.REFRESHED, "other", b"elsewhere")


def test_a_disk_mounted_anew_is_no_new_version(store: QueueStore, do: Do) -> None:
    do(store.add([a_plan()], now=NOW))

    ((id, added),) = do(store.add([a_plan(version=a_version(device=99, inode=2**64 - 1))], now=NOW))

    transfer = do(store.transfer(id))
    assert (added, transfer.generation) == (Added.KNOWN, 1)
    assert (transfer.version.device, transfer.version.inode) == (99, 2**64 - 1)


@pytest.mark.parametrize("events", [(), (Event.PUBLISH,)], ids=["copying", "publishing"])
def test_a_transfer_that_is_worked_on_is_left_alone(store: QueueStore, do: Do, events: tuple[Event, ...]) -> None:
    do(store.add([a_plan()], now=NOW))
    before = do(moved_on(store, do(claimed(store)), *events))

    ((id, added),) = do(store.add([a_plan(version=a_version(size=5))], now=LATER))

    assert (id, added) == (before.id, Added.KNOWN)
    assert do(store.transfer(id)) == before


def test_a_failed_version_stays_failed(store: QueueStore, do: Do) -> None:
    before = failed(store, do)

    answers = do(store.add([a_plan(version=a_version(device=99))], now=NOW))

    assert answers == [(before.id, Added.BOUND)]
    assert do(passed(store, [content()])) == {b"film.mkv"}
    assert do(passed(store, [content(size=5)])) == frozenset()
    assert do(passed(store, [content()], task="other")) == frozenset()


def test_a_failed_transfer_takes_another_version(store: QueueStore, do: Do) -> None:
    before = failed(store, do)

    ((id, added),) = do(store.add([a_plan(version=a_version(size=5))], now=NOW))

    transfer = do(store.transfer(id))
    assert (id, added) == (before.id, Added.REFRESHED)
    assert (transfer.state, transfer.generation, transfer.attempts) == (State.QUEUED, 2, 0)


@pytest.mark.parametrize("code", [Code.GO_OVERWRITE, Code.GO_RESEND])
def test_an_order_overrides_a_failure(store: QueueStore, do: Do, code: Code) -> None:
    before = failed(store, do)

    ((id, added),) = do(store.add([a_plan(reason=because(code), replace=True, run=4)], now=NOW))

    transfer = do(store.transfer(id))
    assert (id, added) == (before.id, Added.REFRESHED)
    assert (transfer.state, transfer.generation, transfer.replace, transfer.run) == (State.QUEUED, 1, True, 4)


def test_live_versions_are_known(store: QueueStore, do: Do) -> None:
    do(store.add([a_plan(b"copying"), a_plan(b"failed"), a_plan(b"queued")], now=NOW))
    do(claimed(store))
    do(moved_on(store, do(claimed(store)), Event.GIVE_UP))

    contents = [content(path) for path in (b"copying", b"failed", b"queued", b"no such")]

    assert do(passed(store, contents)) == {b"copying", b"failed", b"queued"}
    assert do(passed(store, contents, force=True)) == {b"copying", b"queued"}
    assert do(passed(store, [content(b"copying", mtime_ns=5)])) == frozenset()
    assert do(passed(store, [content(b"copying")], task="other")) == frozenset()


def test_versions_under_way_are_known(store: QueueStore, do: Do) -> None:
    do(store.add([a_plan(b"copying"), a_plan(b"publishing"), a_plan(b"queued")], now=NOW))
    copying = do(claimed(store))
    publishing = do(moved_on(store, do(claimed(store)), Event.PUBLISH))
    paths = [b"copying", b"publishing", b"queued", b"no such"]

    under_way, sent = do(store.known("films", paths))

    assert under_way == {b"copying": copying.version, b"publishing": publishing.version}
    assert sent == {}
    assert do(store.known("films", [b"queued"])) == ({}, {})
    assert do(store.known("other", paths)) == ({}, {})


def test_what_was_sent_is_known_by_its_ledger_entry(store: QueueStore, do: Do) -> None:
    do(store.add([a_plan(b"sent"), a_plan(b"queued")], now=NOW))
    publishing = do(moved_on(store, do(claimed(store)), Event.PUBLISH))
    do(moved_on(store, publishing, Event.WRITE))

    under_way, sent = do(store.known("films", [b"sent", b"queued", b"no such"]))

    assert under_way == {}
    assert sent == do(store.ledger("films", [b"sent"]))
    assert sent.keys() == {b"sent"}


def test_what_a_removed_task_left_does_not_bind_its_successor(store: QueueStore, do: Do) -> None:
    do(store.add([a_plan()], now=NOW))
    do(store.cancel(Chosen(task="films"), reason=because(Code.CANCELLED_TASK_REMOVED), now=NOW))

    bound = do(passed(store, [content()]))
    ((_, added),) = do(store.add([a_plan()], now=NOW))

    assert (bound, added) == (frozenset(), Added.REFRESHED)


def test_a_version_after_a_written_one_is_a_transfer_beside_it(store: QueueStore, do: Do) -> None:
    before = written(store, do)

    ((id, added),) = do(store.add([a_plan(version=a_version(size=5))], now=NOW))

    assert (id != before.id, added) == (True, Added.NEW)
    assert do(store.newest("films", b"film.mkv")).id == id


@pytest.mark.parametrize("event", [None, Event.CONFIRM])
def test_a_plan_made_before_its_version_was_written_is_out_of_date(
    store: QueueStore, do: Do, event: Event | None
) -> None:
    before = written(store, do)
    if event is not None:
        do(moved_on(store, before, event))

    late = do(store.add([a_plan()], now=NOW))
    ((by_order, insisted),) = do(store.add([a_plan(reason=because(Code.GO_OVERWRITE))], now=NOW))

    assert late == [(before.id, Added.SENT)]
    assert (by_order != before.id, insisted) == (True, Added.NEW)


def test_a_plan_for_another_place_is_not_out_of_date(store: QueueStore, do: Do) -> None:
    before = written(store, do)

    ((id, added),) = do(store.add([a_plan(destination=b"elsewhere/film.mkv")], now=NOW))

    assert (id != before.id, added) == (True, Added.NEW)


@pytest.mark.parametrize("path", STRANGE)
def test_any_bytes_travel(store: QueueStore, do: Do, path: bytes) -> None:
    transfer = written(store, do, path=path, task="任务")

    assert (transfer.path, transfer.destination) == (path, b"base/" + path)
    assert do(store.newest("任务", path)) == transfer
    assert do(store.ledger("任务", [path]))[path].destination == b"base/" + path
    assert [past.path for _, past in do(store.history(task=None, path=path, transfer=None, limit=1))] == [path]

"""What every QueueStore does; see ports.queue.QueueStore for the law."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from cgwire.codes import Code
from cgwire.reasons import because
from cloudgather.core.bandwidth import RateOrder
from cloudgather.core.target import Identity
from cloudgather.core.transfer import Event, State, Transfer
from cloudgather.ports.queue import (
    Added,
    Chosen,
    Content,
    LedgerEntry,
    Move,
    Origin,
    Overtaken,
    QueueStore,
    TargetMemory,
    TaskMemory,
)
from queueing import LATER, NOW, Do, a_move, a_plan, a_sent, a_version, claimed, moved_on, running_store

STRANGE = [
    b"\xff\xfe not utf-8",
    b"new\nline",
    b"-leading dash",
    "电影/第一集 🎬.mkv".encode(),
    b"trailing dot. ",
    b"deep/" + b"n" * 255,
    b"quote'\"%_?*[",
    b"nul-free but \x01 odd",
]


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[tuple[QueueStore, Do]]:
    with running_store(str(tmp_path)) as found:
        yield found


@pytest.fixture
def store(opened: tuple[QueueStore, Do]) -> QueueStore:
    return opened[0]


@pytest.fixture
def do(opened: tuple[QueueStore, Do]) -> Do:
    return opened[1]


def content(path: bytes = b"film.mkv", *, size: int = 100, mtime_ns: int = 1_000) -> Content:
    """Of `a_version`, unless told otherwise."""
    return path, size, mtime_ns


def failed(store: QueueStore, do: Do, **plan: Any) -> Transfer:
    do(store.add([a_plan(**plan)], now=NOW))
    transfer: Transfer = do(moved_on(store, do(claimed(store)), Event.GIVE_UP))
    return transfer


def written(store: QueueStore, do: Do, **plan: Any) -> Transfer:
    do(store.add([a_plan(**plan)], now=NOW))
    transfer: Transfer = do(moved_on(store, do(claimed(store)), Event.PUBLISH, Event.WRITE))
    return transfer


# Adding


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
    assert do(store.bound("films", [content()])) == {b"film.mkv"}
    assert do(store.bound("films", [content(size=5)])) == frozenset()
    assert do(store.bound("other", [content()])) == frozenset()


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

    live = do(store.live("films", [content(path) for path in (b"copying", b"failed", b"queued", b"no such")]))

    assert live == {b"copying", b"queued"}
    assert do(store.live("films", [content(b"copying", mtime_ns=5)])) == frozenset()
    assert do(store.live("other", [content(b"copying")])) == frozenset()


def test_versions_under_way_are_known(store: QueueStore, do: Do) -> None:
    do(store.add([a_plan(b"copying"), a_plan(b"publishing"), a_plan(b"queued")], now=NOW))
    copying = do(claimed(store))
    publishing = do(moved_on(store, do(claimed(store)), Event.PUBLISH))
    paths = [b"copying", b"publishing", b"queued", b"no such"]

    under_way = do(store.under_way("films", paths))

    assert under_way == {b"copying": copying.version, b"publishing": publishing.version}
    assert do(store.under_way("films", [b"queued"])) == {}
    assert do(store.under_way("other", paths)) == {}


def test_what_a_removed_task_left_does_not_bind_its_successor(store: QueueStore, do: Do) -> None:
    do(store.add([a_plan()], now=NOW))
    do(store.cancel(Chosen(task="films"), reason=because(Code.CANCELLED_TASK_REMOVED), now=NOW))

    bound = do(store.bound("films", [content()]))
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


# Claiming


def test_priority_goes_before_age(store: QueueStore, do: Do) -> None:
    do(store.add([a_plan(b"old"), a_plan(b"young"), a_plan(b"urgent", priority=1, task="other")], now=NOW))

    order = [do(claimed(store)).path for _ in range(3)]

    assert order == [b"urgent", b"old", b"young"]


def test_a_claim_takes_no_more_than_asked_for(store: QueueStore, do: Do) -> None:
    do(store.add([a_plan(b"%d" % number) for number in range(5)], now=NOW))

    some = do(store.claim("cloud", now=NOW, count=3, most_bytes=None, except_tasks=frozenset()))
    rest = do(store.claim("cloud", now=NOW, count=9, most_bytes=None, except_tasks=frozenset()))

    assert [transfer.path for transfer in some] == [b"0", b"1", b"2"]
    assert [transfer.path for transfer in rest] == [b"3", b"4"]
    assert all(transfer.state is State.COPYING for transfer in [*some, *rest])


def test_bytes_bound_all_but_the_first(store: QueueStore, do: Do) -> None:
    do(store.add([a_plan(b"%d" % number, version=a_version(size=100)) for number in range(4)], now=NOW))

    first = do(store.claim("cloud", now=NOW, count=9, most_bytes=10, except_tasks=frozenset()))
    rest = do(store.claim("cloud", now=NOW, count=9, most_bytes=200, except_tasks=frozenset()))

    assert (len(first), len(rest)) == (1, 2)


def test_held_tasks_and_other_targets_are_passed_over(store: QueueStore, do: Do) -> None:
    do(store.add([a_plan(b"a", task="held"), a_plan(b"b", target="other"), a_plan(b"c", task="free")], now=NOW))

    found = do(store.claim("cloud", now=NOW, count=9, most_bytes=None, except_tasks=frozenset({"held"})))

    assert [transfer.path for transfer in found] == [b"c"]


def test_what_is_due_later_waits(store: QueueStore, do: Do) -> None:
    do(store.add([a_plan()], now=NOW))
    do(store.move([a_move(do(claimed(store)), Event.DEFER, due=LATER)], now=NOW))
    early = LATER - timedelta(microseconds=1)

    before = do(store.claim("cloud", now=early, count=1, most_bytes=None, except_tasks=frozenset()))
    after = do(store.claim("cloud", now=LATER, count=1, most_bytes=None, except_tasks=frozenset()))

    assert (len(before), len(after)) == (0, 1)


def test_every_try_has_a_name_of_its_own(store: QueueStore, do: Do) -> None:
    do(store.add([a_plan(b"folder/film.mkv", destination=b"to/film.mkv")], now=NOW))
    names = []
    for _ in range(3):
        transfer = do(claimed(store))
        names.append(transfer.temporary)
        do(moved_on(store, transfer, Event.DEFER))

    listed = [debris.path for debris in do(store.debris("cloud"))]

    assert len({*names}) == 3
    assert {len(name) for name in names} == {36}
    assert all(name.startswith(b".cg-") and name.endswith(b".part~") for name in names)
    assert listed == [b"to/" + name for name in names]


def test_next_due_tells_when_to_look_again(store: QueueStore, do: Do) -> None:
    empty = do(store.next_due("cloud"))
    do(store.add([a_plan()], now=NOW))
    at_once = do(store.next_due("cloud"))
    held = do(store.next_due("cloud", except_tasks=frozenset({"films"})))
    do(store.move([a_move(do(claimed(store)), Event.DEFER, due=LATER)], now=NOW))

    assert (empty, held) == (None, None)
    assert at_once < NOW
    assert do(store.next_due("cloud")) == LATER
    assert do(store.next_due("other")) is None


def test_due_instants_are_clamped(store: QueueStore, do: Do) -> None:
    do(store.add([a_plan()], now=NOW))
    do(store.move([a_move(do(claimed(store)), Event.DEFER, due=NOW + timedelta(days=400))], now=NOW))

    clamped = do(store.clamp_due(now=NOW, most=timedelta(hours=1)))

    assert clamped == 1
    assert do(store.next_due("cloud")) == NOW + timedelta(hours=1)


# Moving


def test_a_transfer_goes_its_whole_way(store: QueueStore, do: Do) -> None:
    do(store.add([a_plan()], now=NOW))
    transfer = do(claimed(store))
    sent = a_sent(standing=(7, 2**70), mtime_ns=2**65)

    (publishing,) = do(store.move([a_move(transfer, Event.PUBLISH, sent=sent)], now=NOW))
    done_reason = because(Code.DONE_STORED)
    standing = do(moved_on(store, publishing, Event.WRITE, now=LATER))
    (done,) = do(store.move([a_move(standing, Event.CONFIRM, strength="stored", reason=done_reason)], now=LATER))

    past = [past for _, past in do(store.history(task="films", path=b"film.mkv", transfer=None, limit=9))]
    assert (publishing.sent, publishing.temporary) == (sent, transfer.temporary)
    assert (done.state, done.reason, done.temporary) == (State.DONE, done_reason, None)
    assert [(one.before, one.after, one.attempt) for one in reversed(past)] == [
        (State.QUEUED, State.COPYING, 1),
        (State.COPYING, State.PUBLISHING, 1),
        (State.PUBLISHING, State.WRITTEN, 1),
        (State.WRITTEN, State.DONE, 1),
    ]
    assert past[0].reason == done_reason
    assert do(store.ledger("films", [b"film.mkv", b"other"])) == {
        b"film.mkv": LedgerEntry(
            task="films",
            path=b"film.mkv",
            size=100,
            mtime_ns=1_000,
            origin=Origin.SENT,
            target="cloud",
            destination=b"base/film.mkv",
            target_size=None,
            digest=bytes(16),
            transfer=done.id,
            strength="stored",
            at=LATER,
        )
    }


def test_a_transfer_may_go_several_ways_in_one_step(store: QueueStore, do: Do) -> None:
    do(store.add([a_plan(b"one", run=7), a_plan(b"two")], now=NOW))
    claim = store.claim("cloud", now=NOW, count=2, most_bytes=None, except_tasks=frozenset())
    files = do(store.move([a_move(transfer, Event.PUBLISH) for transfer in do(claim)], now=NOW))

    moves = [a_move(file, Event.WRITE) for file in files] + [
        a_move(file, Event.CONFIRM, strength="stored") for file in files
    ]
    made = do(store.move(moves, now=LATER))

    assert [transfer.state for transfer in made] == [State.WRITTEN] * 2 + [State.DONE] * 2
    assert [do(store.transfer(transfer.id)) for transfer in made[2:]] == made[2:]
    past = do(store.history(task="films", path=b"one", transfer=None, limit=2))
    assert [(one.before, one.after) for _, one in past] == [
        (State.WRITTEN, State.DONE),
        (State.PUBLISHING, State.WRITTEN),
    ]
    ledger = do(store.ledger("films", [b"one", b"two"]))
    assert {entry.strength for entry in ledger.values()} == {"stored"}
    counts = {key[2]: count for key, (count, _) in do(store.counts()).items() if count}
    assert counts == {State.DONE: 2}


def test_attempts_count_what_was_spent(store: QueueStore, do: Do) -> None:
    do(store.add([a_plan()], now=NOW))
    reason = because(Code.FAIL_IO, errno=5, step="write", message=b"\xff".decode("utf-8", "surrogateescape"))
    do(moved_on(store, do(claimed(store)), Event.DEFER))
    do(store.move([a_move(do(claimed(store)), Event.DEFER, spend=True, reason=reason)], now=NOW))

    transfer = do(claimed(store))

    assert (transfer.attempts, transfer.tries, transfer.reason) == (1, 3, reason)


def test_a_change_begins_anew(store: QueueStore, do: Do) -> None:
    do(store.add([a_plan()], now=NOW))
    do(store.move([a_move(do(claimed(store)), Event.DEFER, spend=True)], now=NOW))
    transfer = do(claimed(store))

    move = a_move(transfer, Event.CHANGE, version=a_version(size=5), due=LATER)
    (changed,) = do(store.move([move], now=NOW))

    assert (changed.state, changed.generation, changed.attempts, changed.tries) == (State.QUEUED, 2, 0, 2)
    assert (changed.version, changed.due) == (a_version(size=5), LATER)


@pytest.mark.parametrize("known", [True, False])
def test_a_move_of_an_earlier_try_is_overtaken(store: QueueStore, do: Do, known: bool) -> None:
    do(store.add([a_plan()], now=NOW))
    stale = do(claimed(store))
    do(moved_on(store, stale, Event.DEFER))
    current = do(claimed(store))
    moves = [a_move(stale, event) for event in (Event.PUBLISH, Event.DEFER, Event.GIVE_UP, Event.VANISH)]

    for move in moves:
        with pytest.raises(Overtaken, match="try"):
            do(store.move([move if known else replace(move, known=None)], now=NOW))

    assert do(store.transfer(current.id)) == current


def test_a_move_of_what_has_another_state_by_now_is_overtaken(store: QueueStore, do: Do) -> None:
    """Both are of one generation and try, and the table has the move for both states."""
    do(store.add([a_plan(b"a"), a_plan(b"b")], now=NOW))
    stale, beside = do(claimed(store)), do(claimed(store))
    current = do(moved_on(store, stale, Event.PUBLISH))
    history = do(store.history(task=None, path=None, transfer=None, limit=9))

    with pytest.raises(Overtaken):
        do(store.move([a_move(beside, Event.PUBLISH), a_move(stale, Event.GIVE_UP)], now=NOW))

    assert [do(store.transfer(each.id)) for each in (stale, beside)] == [current, beside]
    assert do(store.history(task=None, path=None, transfer=None, limit=9)) == history


def test_what_changed_without_a_move_is_not_undone_by_one(store: QueueStore, do: Do) -> None:
    do(store.add([a_plan()], now=NOW))
    known = do(moved_on(store, do(claimed(store)), Event.DEFER, now=NOW))
    do(store.put_first(Chosen(), now=NOW))
    put_first = do(store.transfer(known.id))

    (changed,) = do(store.move([a_move(known, Event.CHANGE, version=a_version(size=5))], now=NOW))

    assert put_first.priority > known.priority
    assert changed == do(store.transfer(known.id))
    assert changed.priority == put_first.priority


def test_a_move_of_an_earlier_generation_is_overtaken(store: QueueStore, do: Do) -> None:
    do(store.add([a_plan()], now=NOW))
    stale = do(claimed(store))
    do(moved_on(store, stale, Event.CHANGE))
    before = do(claimed(store))

    with pytest.raises(Overtaken):
        do(store.move([a_move(stale, Event.PUBLISH)], now=NOW))

    assert do(store.transfer(stale.id)) == before


def test_of_several_moves_all_are_made_or_none(store: QueueStore, do: Do) -> None:
    do(store.add([a_plan(b"a"), a_plan(b"b")], now=NOW))
    a, b = do(claimed(store)), do(claimed(store))
    history = do(store.history(task=None, path=None, transfer=None, limit=9))

    with pytest.raises(Overtaken):
        do(store.move([a_move(a, Event.PUBLISH), a_move(b, Event.WRITE)], now=NOW))

    assert do(store.transfer(a.id)) == a
    assert do(store.history(task=None, path=None, transfer=None, limit=9)) == history


def test_a_transfer_that_is_not_there_is_overtaken(store: QueueStore, do: Do) -> None:
    with pytest.raises(Overtaken):
        do(store.move([Move(transfer=4711, generation=1, event=Event.DEFER)], now=NOW))


def test_a_lost_one_cannot_live_beside_its_successor(store: QueueStore, do: Do) -> None:
    first = written(store, do)
    do(store.add([a_plan(version=a_version(size=5))], now=NOW))

    with pytest.raises(Overtaken):
        do(store.move([a_move(first, Event.LOSE)], now=NOW))


def test_a_lost_one_counts_as_never_sent(store: QueueStore, do: Do) -> None:
    transfer = do(moved_on(store, written(store, do), Event.LOSE))

    assert (transfer.state, transfer.sent) == (State.QUEUED, None)
    assert do(store.ledger("films", [b"film.mkv"])) == {}


def test_a_late_confirmation_leaves_a_newer_ledger_entry_alone(store: QueueStore, do: Do) -> None:
    first = written(store, do)
    written(store, do, version=a_version(size=5))

    do(store.move([a_move(first, Event.CONFIRM, strength="stored")], now=NOW))

    entry = do(store.ledger("films", [b"film.mkv"]))[b"film.mkv"]
    assert (entry.size, entry.strength) == (5, "")


# Debris


def test_a_temporary_is_owned_while_its_try_runs(store: QueueStore, do: Do) -> None:
    do(store.add([a_plan()], now=NOW))
    transfer = do(claimed(store))

    while_copying = do(store.debris())
    transfer = do(moved_on(store, transfer, Event.PUBLISH))
    while_publishing = do(store.debris())
    do(moved_on(store, transfer, Event.UNPUBLISH))
    again = do(claimed(store))

    (left,) = do(store.debris())
    assert (while_copying, while_publishing) == ([], [])
    assert left.path == b"base/" + transfer.temporary != b"base/" + again.temporary
    assert (left.transfer, left.target) == (transfer.id, "cloud")


def test_a_published_or_swept_temporary_is_debris_no_more(store: QueueStore, do: Do) -> None:
    written(store, do, path=b"published")
    do(store.add([a_plan(b"swept at once"), a_plan(b"swept later")], now=NOW))
    do(store.move([a_move(do(claimed(store)), Event.DEFER, swept=True, due=LATER)], now=NOW))
    do(moved_on(store, do(claimed(store)), Event.VANISH))
    (left,) = do(store.debris())

    do(store.swept([left.id]))

    assert do(store.debris()) == []


# Orders


def test_of_several_of_one_path_a_retry_requeues_the_newest(store: QueueStore, do: Do) -> None:
    old = a_plan()
    do(store.add([old], now=NOW))
    written = do(moved_on(store, do(claimed(store)), Event.PUBLISH, Event.WRITE))
    do(store.add([a_plan(version=a_version(size=200))], now=NOW))
    newer = do(moved_on(store, do(claimed(store)), Event.GIVE_UP))
    do(moved_on(store, written, Event.GIVE_UP))

    assert do(store.requeue(Chosen(task="films"), now=NOW)) == 1

    assert {each.id: str(each.state) for each in do(store.transfers(Chosen(), limit=9))} == {
        written.id: "failed",
        newer.id: "queued",
    }


def test_a_retry_requeues_what_failed(store: QueueStore, do: Do) -> None:
    before = failed(store, do)

    count = do(store.requeue(Chosen(ids=(before.id,)), now=LATER))

    transfer = do(store.transfer(before.id))
    assert count == 1
    assert (transfer.state, transfer.attempts, transfer.generation, transfer.due) == (State.QUEUED, 0, 1, None)
    assert transfer.reason == transfer.plan_reason


def test_a_retry_makes_what_waits_due_at_once(store: QueueStore, do: Do) -> None:
    do(store.add([a_plan()], now=NOW))
    do(store.move([a_move(do(claimed(store)), Event.DEFER, spend=True, due=LATER)], now=NOW))

    count = do(store.requeue(Chosen(task="films"), now=NOW))

    transfer = do(claimed(store))
    assert (count, transfer.attempts) == (1, 1)


def test_a_retry_passes_over_what_has_a_live_successor(store: QueueStore, do: Do) -> None:
    first = written(store, do)
    do(store.add([a_plan(version=a_version(size=5))], now=NOW))
    do(moved_on(store, first, Event.GIVE_UP))

    count = do(store.requeue(Chosen(states=frozenset({State.FAILED})), now=NOW))

    assert (count, do(store.transfer(first.id)).state) == (0, State.FAILED)


def test_cancelling_takes_the_queued_and_the_failed(store: QueueStore, do: Do) -> None:
    failed(store, do, path=b"failed")
    do(store.add([a_plan(b"running"), a_plan(b"queued")], now=NOW))
    running = do(claimed(store))
    reason = because(Code.CANCELLED_OPERATOR, by="ann")

    count = do(store.cancel(Chosen(task="films"), reason=reason, now=NOW))

    rows = do(store.transfers(Chosen(states=frozenset({State.CANCELLED})), limit=9))
    assert count == 2
    assert [(row.path, row.reason) for row in rows] == [(b"failed", reason), (b"queued", reason)]
    assert do(store.transfer(running.id)).state is State.COPYING


def test_a_retry_of_many_passes_over_only_those_with_a_successor(store: QueueStore, do: Do) -> None:
    succeeded = written(store, do)
    do(store.add([a_plan(version=a_version(size=5))], now=NOW))
    do(moved_on(store, succeeded, Event.GIVE_UP))
    do(store.cancel(Chosen(states=frozenset({State.QUEUED})), reason=because(Code.CANCELLED_OPERATOR), now=NOW))
    others = [failed(store, do, path=b"failed"), failed(store, do, path=b"failed too")]

    count = do(store.requeue(Chosen(), now=LATER))

    assert (count, do(store.transfer(succeeded.id)).state) == (3, State.FAILED)
    queued = do(store.transfers(Chosen(states=frozenset({State.QUEUED})), limit=9))
    assert {each.id for each in queued} - {each.id for each in others} == {succeeded.id + 1}


def test_of_several_of_one_path_a_retry_takes_the_newest_however_many_lie_between(store: QueueStore, do: Do) -> None:
    older = written(store, do)
    between = [a_plan(b"%d" % number) for number in range(300)]  # more than go in one step
    do(store.add([*between, a_plan(version=a_version(size=5))], now=NOW))
    do(moved_on(store, older, Event.GIVE_UP))
    do(store.cancel(Chosen(states=frozenset({State.QUEUED})), reason=because(Code.CANCELLED_OPERATOR), now=NOW))

    count = do(store.requeue(Chosen(), now=LATER))

    newer = do(store.newest("films", older.path))
    assert count == 301
    assert (newer.state, do(store.transfer(older.id)).state) == (State.QUEUED, State.FAILED)


def test_orders_are_written_into_history_as_moves_are(store: QueueStore, do: Do) -> None:
    do(store.add([a_plan()], now=NOW))
    again = do(moved_on(store, do(claimed(store)), Event.DEFER))
    do(store.move([a_move(do(claimed(store)), Event.GIVE_UP, spend=True)], now=NOW))
    reason = because(Code.CANCELLED_OPERATOR, by="ann")

    do(store.cancel(Chosen(), reason=reason, now=NOW))
    do(store.requeue(Chosen(), now=LATER))

    history = [move for _, move in do(store.history(task=None, path=None, transfer=again.id, limit=2))]
    assert [(move.event, move.before, move.after, move.attempt, move.reason, move.at) for move in history] == [
        (Event.REQUEUE, State.CANCELLED, State.QUEUED, 1, None, LATER),
        (Event.CANCEL, State.FAILED, State.CANCELLED, 1, reason, NOW),
    ]
    transfer = do(store.transfer(again.id))
    assert (transfer.attempts, transfer.updated, transfer.reason) == (0, LATER, transfer.plan_reason)


def test_first_goes_before_all_others_of_its_target(store: QueueStore, do: Do) -> None:
    do(store.add([a_plan(b"a", priority=5), a_plan(b"b"), a_plan(b"c"), a_plan(b"d", target="other")], now=NOW))

    count = do(store.put_first(Chosen(glob=b"[cd]"), now=NOW))

    assert count == 2
    assert [do(claimed(store)).path for _ in range(3)] == [b"c", b"a", b"b"]


def test_many_that_are_put_first_keep_their_order(store: QueueStore, do: Do) -> None:
    names = [b"%03d" % number for number in range(600)]  # more than go in one step
    do(store.add([a_plan(b"before", priority=5), *map(a_plan, names)], now=NOW))

    count = do(store.put_first(Chosen(glob=b"[0-9]*"), now=NOW))

    queued = do(store.transfers(Chosen(states=frozenset({State.QUEUED})), limit=999))
    assert count == 600
    assert [each.path for each in queued] == [*names, b"before"]


def test_first_is_due_at_once_and_stays_first_when_it_changes(store: QueueStore, do: Do) -> None:
    do(store.add([a_plan(b"a")], now=NOW))
    do(store.move([a_move(do(claimed(store)), Event.DEFER, due=LATER)], now=NOW))
    do(store.put_first(Chosen(glob=b"a"), now=NOW))
    do(store.add([a_plan(b"b"), a_plan(b"a", version=a_version(size=5))], now=NOW))

    assert do(claimed(store)).path == b"a"


def test_clearing_takes_ended_ones_out_of_sight_only(store: QueueStore, do: Do) -> None:
    ended = failed(store, do)
    do(store.add([a_plan(b"queued")], now=NOW))

    count = do(store.forget(Chosen(task="films"), now=NOW))

    assert count == 1
    assert [row.path for row in do(store.transfers(Chosen(), limit=9))] == [b"queued"]
    assert do(store.counts()) == {("films", "cloud", State.QUEUED): (1, 100)}
    assert do(store.bound("films", [content()])) == {b"film.mkv"}
    assert do(store.transfer(ended.id)).state is State.FAILED
    assert len(do(store.history(task=None, path=None, transfer=ended.id, limit=9))) == 2


def test_a_cleared_one_that_is_retried_is_seen_again(store: QueueStore, do: Do) -> None:
    ended = failed(store, do)
    do(store.forget(Chosen(ids=(ended.id,)), now=NOW))

    do(store.requeue(Chosen(ids=(ended.id,)), now=NOW))

    assert [row.id for row in do(store.transfers(Chosen(), limit=9))] == [ended.id]
    assert do(store.counts()) == {("films", "cloud", State.QUEUED): (1, 100)}


@pytest.mark.parametrize(
    ("chosen", "expected"),
    [
        (Chosen(), [b"a.mkv", b"b.mkv", b"sub/c.srt"]),
        (Chosen(task="two"), [b"b.mkv"]),
        (Chosen(target="disk"), [b"sub/c.srt"]),
        (Chosen(run=4), [b"b.mkv"]),
        (Chosen(glob=b"*.mkv"), [b"a.mkv", b"b.mkv"]),
        (Chosen(glob=b"sub/"), [b"sub/c.srt"]),
        (Chosen(glob=b"*.mkv", task="two"), [b"b.mkv"]),
        (Chosen(ids=(1, 3, 99)), [b"a.mkv", b"sub/c.srt"]),
        (Chosen(states=frozenset({State.FAILED})), []),
        (Chosen(states=frozenset({State.QUEUED, State.FAILED})), [b"a.mkv", b"b.mkv", b"sub/c.srt"]),
    ],
)
def test_all_that_is_given_must_match(store: QueueStore, do: Do, chosen: Chosen, expected: list[bytes]) -> None:
    plans = [a_plan(b"a.mkv"), a_plan(b"b.mkv", task="two", run=4), a_plan(b"sub/c.srt", target="disk")]
    do(store.add(plans, now=NOW))

    assert [row.path for row in do(store.transfers(chosen, limit=9))] == expected
    assert do(store.count(chosen)) == len(expected)

    do(store.add([a_plan(b"cleared.mkv")], now=NOW))
    do(store.cancel(Chosen(glob=b"cleared*"), reason=because(Code.CANCELLED_OPERATOR), now=NOW))
    do(store.forget(Chosen(glob=b"cleared*"), now=NOW))
    assert do(store.count(chosen)) == len(expected)


def test_the_queue_is_listed_in_the_order_it_goes(store: QueueStore, do: Do) -> None:
    do(store.add([a_plan(b"waits")], now=NOW))
    do(store.move([a_move(do(claimed(store)), Event.DEFER, due=LATER)], now=NOW))
    do(store.add([a_plan(b"waits longer")], now=NOW))
    do(store.move([a_move(do(claimed(store)), Event.DEFER, due=LATER + timedelta(1))], now=NOW))
    do(store.add([a_plan(b"old"), a_plan(b"young"), a_plan(b"urgent", priority=1)], now=NOW))
    queued = Chosen(states=frozenset({State.QUEUED}))

    whole = [row.path for row in do(store.transfers(queued, limit=9))]
    pages = [do(store.transfers(queued, limit=2, offset=offset)) for offset in (0, 2, 4, 6)]

    assert whole == [b"urgent", b"old", b"young", b"waits", b"waits longer"]
    assert [row.path for page in pages for row in page] == whole
    assert [row.id for row in do(store.transfers(queued, limit=9, newest_first=True))] == [5, 4, 3, 2, 1]


# Counts, runs, history


def test_counts_follow_every_move(store: QueueStore, do: Do) -> None:
    sizes = [a_plan(b"%d" % size, version=a_version(size=size)) for size in (1, 10, 100)]
    do(store.add([*sizes, a_plan(b"other", task="two", version=a_version(size=7))], now=NOW))
    do(moved_on(store, do(claimed(store)), Event.PUBLISH, Event.WRITE, Event.CONFIRM))
    do(moved_on(store, do(claimed(store)), Event.GIVE_UP))
    do(store.add([a_plan(b"100", version=a_version(size=1000))], now=NOW))

    assert do(store.counts()) == {
        ("films", "cloud", State.DONE): (1, 1),
        ("films", "cloud", State.FAILED): (1, 10),
        ("films", "cloud", State.QUEUED): (1, 1000),
        ("two", "cloud", State.QUEUED): (1, 7),
    }


def test_a_run_ends_with_its_last_transfer(store: QueueStore, do: Do) -> None:
    run = do(store.start_run("films", "watch", now=NOW))
    do(store.add([a_plan(b"a", run=run), a_plan(b"b", run=run)], now=NOW))
    scanning = do(store.run(run))
    do(store.note_run(run, now=NOW, seen=5, planned=2, skipped=3, problem=None))
    do(moved_on(store, do(claimed(store)), Event.PUBLISH, Event.WRITE))
    going_on = do(store.run(run))
    do(moved_on(store, do(claimed(store)), Event.GIVE_UP, now=LATER))

    ended = do(store.run(run))
    assert (scanning.scanned, scanning.ended, going_on.scanned, going_on.ended) == (None, None, NOW, None)
    assert (ended.ended, ended.uploaded, ended.failed, ended.bytes) == (LATER, 1, 1, 100)
    assert (ended.seen, ended.planned, ended.skipped, ended.problem) == (5, 2, 3, None)


def test_a_run_without_transfers_ends_with_its_scan(store: QueueStore, do: Do) -> None:
    run = do(store.start_run("films", "schedule", now=NOW))
    problem = because(Code.SOURCE_GONE, source=b"/downloads")

    do(store.note_run(run, now=LATER, seen=0, planned=0, skipped=0, problem=problem))

    found = do(store.run(run))
    assert (found.started, found.ended, found.problem) == (NOW, LATER, problem)


def test_a_run_keeps_its_tally_when_transfers_are_cleared_or_taken_over(store: QueueStore, do: Do) -> None:
    first, second = (do(store.start_run("films", "manual", now=NOW)) for _ in range(2))
    failed(store, do, run=first)
    do(store.add([a_plan(run=second, version=a_version(size=5))], now=NOW))
    do(moved_on(store, do(claimed(store)), Event.PUBLISH, Event.WRITE, Event.CONFIRM))
    do(store.forget(Chosen(), now=NOW))

    runs = do(store.runs("films", limit=9))

    assert [(run.id, run.failed, run.uploaded, run.bytes) for run in runs] == [(second, 0, 1, 5), (first, 1, 0, 0)]


def test_scans_that_a_crash_ended_are_closed(store: QueueStore, do: Do) -> None:
    run = do(store.start_run("films", "watch", now=NOW))
    reason = because(Code.RETRY_INTERRUPTED)

    assert do(store.interrupt_runs(reason=reason, now=LATER)) == 1
    assert do(store.interrupt_runs(reason=reason, now=LATER)) == 0

    found = do(store.run(run))
    assert (found.ended, found.problem) == (LATER, reason)


def test_history_is_paged_newest_first(store: QueueStore, do: Do) -> None:
    written(store, do, path=b"a")
    written(store, do, path=b"b", task="two")

    first = do(store.history(task=None, path=None, transfer=None, limit=4))
    rest = do(store.history(task=None, path=None, transfer=None, limit=9, before_id=first[-1][0]))

    assert [past.event for _, past in first] == [Event.WRITE, Event.PUBLISH, Event.CLAIM, Event.WRITE]
    assert [past.event for _, past in rest] == [Event.PUBLISH, Event.CLAIM]
    assert {past.task for _, past in do(store.history(task="two", path=None, transfer=None, limit=9))} == {"two"}


def test_pruning_takes_what_ended_long_ago_but_what_binds(store: QueueStore, do: Do) -> None:
    run = do(store.start_run("films", "watch", now=NOW))
    do(store.note_run(run, now=NOW, seen=0, planned=0, skipped=0, problem=None))
    do(moved_on(store, written(store, do, path=b"done", run=run), Event.CONFIRM))
    failed(store, do, path=b"binds")
    written(store, do, path=b"still unconfirmed")
    do(store.add([a_plan(b"queued")], now=NOW))

    early, removed = do(store.prune(before=NOW)), do(store.prune(before=LATER))

    assert (early, removed) == (0, 1)
    rows = do(store.transfers(Chosen(), limit=9))
    assert [row.path for row in rows] == [b"binds", b"still unconfirmed", b"queued"]
    assert do(store.history(task=None, path=b"done", transfer=None, limit=9)) == []
    assert b"done" in do(store.ledger("films", [b"done"]))
    assert (do(store.run(run)), do(store.bound("films", [content(b"binds")]))) == (None, {b"binds"})


def test_pruning_goes_through_more_than_one_step(store: QueueStore, do: Do) -> None:
    do(store.add([a_plan(b"%d" % number) for number in range(1200)], now=NOW))
    do(store.cancel(Chosen(), reason=because(Code.CANCELLED_TASK_REMOVED), now=NOW))

    removed = do(store.prune(before=LATER))

    assert (removed, do(store.transfers(Chosen(), limit=1)), do(store.counts())) == (1200, [], {})


# The ledger and what is remembered


def adopted(path: bytes, **changes: Any) -> LedgerEntry:
    entry = LedgerEntry(
        task="films",
        path=path,
        size=100,
        mtime_ns=1_000,
        origin=Origin.ADOPTED,
        target="cloud",
        destination=b"base/" + path,
        target_size=100,
        digest=None,
        transfer=None,
        strength="",
        at=NOW,
    )
    return replace(entry, **changes)


def test_what_the_ledger_has_at_its_place_is_not_unsent(store: QueueStore, do: Do) -> None:
    do(store.adopt([adopted(path, mtime_ns=2**70 if index % 2 else -1) for index, path in enumerate(STRANGE)]))
    same = [content(path, mtime_ns=2**70 if index % 2 else -1) for index, path in enumerate(STRANGE)]

    def unsent(contents: list[Content], *, task: str = "films", target: str = "cloud", base: bytes = b"base") -> Any:
        return do(store.unsent(task, contents, target=target, base=base))

    assert unsent(same) == frozenset()
    assert unsent([*same, content(b"new")]) == {b"new"}
    assert unsent([(path, size + 1, mtime_ns) for path, size, mtime_ns in same]) == set(STRANGE)
    assert unsent([(path, size, 5) for path, size, _ in same]) == set(STRANGE)
    assert unsent(same, task="other") == unsent(same, target="disk") == unsent(same, base=b"elsewhere") == set(STRANGE)
    assert unsent([]) == frozenset()


def test_a_base_may_be_the_root_of_the_target(store: QueueStore, do: Do) -> None:
    do(store.adopt([adopted(b"film.mkv", destination=b"film.mkv")]))

    assert do(store.unsent("films", [content(), content(b"new")], target="cloud", base=b"")) == {b"new"}


def test_more_are_compared_than_one_statement_names(store: QueueStore, do: Do) -> None:
    paths = [b"%d.mkv" % number for number in range(3000)]
    do(store.adopt([adopted(path) for path in paths[:-1]]))

    assert do(store.unsent("films", [content(path) for path in paths], target="cloud", base=b"base")) == {paths[-1]}


def test_the_ledger_is_paged_by_path(store: QueueStore, do: Do) -> None:
    entries = [
        LedgerEntry(
            task="films",
            path=path,
            size=1,
            mtime_ns=2**70,
            origin=Origin.ADOPTED,
            target="cloud",
            destination=path,
            target_size=2,
            digest=None,
            transfer=None,
            strength="",
            at=NOW,
        )
        for path in sorted(STRANGE)
    ]
    do(store.adopt(entries))

    first = do(store.ledger_of("films", after=None, limit=3))
    rest = do(store.ledger_of("films", after=first[-1].path, limit=99))

    assert [*first, *rest] == entries
    assert do(store.ledger_of("other", after=None, limit=9)) == []
    assert do(store.ledger("films", STRANGE)) == {entry.path: entry for entry in entries}


def test_memory_outlives_the_daemon(tmp_path: Path) -> None:
    task = TaskMemory(name="电影", paused=True, initialised=True, base_made=b"c115:films", last_due=NOW)
    target = TargetMemory(
        name="cloud",
        root=b"/mnt/\xff",
        identity=Identity(mount_point=b"/mnt/\xff", fs_type="fuse.rclone", source=b"115:"),
        paused=True,
        breaker_until=LATER,
        breaker_opened=3,
        breaker_reason=because(Code.FAIL_IO, errno=5, cause={"code": "x"}),
        facts={"case_sensitive": None, "bad_chars": ["?"], "write_rate": 1.5},
        rate_order=RateOrder(rate=None, until=LATER, span=timedelta(hours=2)),
    )
    with running_store(str(tmp_path)) as (store, do):
        do(store.remember_task(TaskMemory(name="电影")))
        do(store.remember_task(task))
        do(store.remember_target(target))
        do(store.remember_target(TargetMemory(name="plain")))
        do(store.set_flag("queue-paused", "yes"))
        do(store.set_flag("gone", "yes"))
        do(store.set_flag("gone", None))
        flags = do(store.flags())
        before = failed(store, do)

    with running_store(str(tmp_path)) as (store, do):
        assert do(store.tasks()) == {"电影": task}
        assert do(store.targets()) == {"cloud": target, "plain": TargetMemory(name="plain")}
        assert do(store.flags()) == flags
        assert do(store.transfer(before.id)) == before
        assert flags.keys() == {"queue-paused", "daemon-id"}


def test_what_a_task_has_queued_is_redirected(store: QueueStore, do: Do) -> None:
    other = a_plan(b"a", task="series")
    do(store.add([a_plan(b"\xff/a", replace=True), a_plan(b"b"), a_plan(b"c", destination=b"new/c"), other], now=NOW))
    copying = do(claimed(store))

    assert do(store.redirect("films", target="cloud", base=b"new")) == 1
    assert do(store.redirect("films", target="cloud", base=b"new")) == 0

    found = {(each.task, each.path): each for each in do(store.transfers(Chosen(), limit=10))}
    assert found["films", copying.path].destination == copying.destination, "it runs"
    assert (found["films", b"b"].destination, found["films", b"b"].generation) == (b"new/b", 2)
    assert found["series", b"a"].destination == b"base/a"

    do(moved_on(store, copying, Event.DEFER))
    assert do(store.redirect("films", target="disk", base=b"")) == 3
    back = do(store.transfer(copying.id))
    assert (back.target, back.destination, back.replace) == ("disk", b"\xff/a", False)


def test_what_waits_for_one_thing_is_put_off_together(store: QueueStore, do: Do) -> None:
    away, there = a_version(device=2**63 + 1), a_version(device=7)
    plans = [a_plan(b"a", version=away), a_plan(b"b", version=away), a_plan(b"c", version=there)]
    do(store.add([*plans, a_plan(b"a", task="series", version=away)], now=NOW))
    reason = because(Code.HELD_SOURCE, cause={"code": "source.gone", "source": b"/downloads"})

    assert do(store.put_off("films", until=LATER, reason=reason, device=2**63 + 1)) == 2
    assert do(store.put_off("films", until=LATER, reason=reason, device=2**63 + 1)) == 0

    found = {(each.task, each.path): each for each in do(store.transfers(Chosen(), limit=10))}
    assert (found["films", b"a"].due, found["films", b"a"].reason) == (LATER, reason)
    assert found["films", b"c"].due is None and found["series", b"a"].due is None
    assert do(store.put_off("films", until=LATER, reason=reason)) == 1
    assert len(do(store.claim("cloud", now=LATER, count=9, most_bytes=None, except_tasks=frozenset()))) == 4


def test_what_is_put_off_at_a_target_is_told_first_due_first(store: QueueStore, do: Do) -> None:
    plans = [a_plan(b"a", task="films"), a_plan(b"b", task="series"), a_plan(b"c", task="songs", target="other")]
    ids = [id for id, _ in do(store.add(plans, now=NOW))]
    for number, task in enumerate(("series", "films", "songs"), 1):
        do(store.put_off(task, until=NOW + timedelta(minutes=number), reason=because(Code.HELD_NAME_CLASH)))
    do(store.add([a_plan(b"d")], now=NOW))

    assert [each.id for each in do(store.put_off_there("cloud", limit=5))] == [ids[1], ids[0]]
    assert [each.id for each in do(store.put_off_there("cloud", limit=1))] == [ids[1]]
    assert do(store.put_off_there("nowhere", limit=5)) == []


def test_how_many_go_before_one(store: QueueStore, do: Do) -> None:
    plans = [a_plan(b"a"), a_plan(b"b"), a_plan(b"c", priority=5), a_plan(b"d", target="other", priority=9)]
    ids = [id for id, _ in do(store.add(plans, now=NOW))]

    assert [do(store.ahead(do(store.transfer(id)))) for id in ids] == [1, 2, 0, 0]

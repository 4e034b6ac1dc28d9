"""What an operator's orders change in a QueueStore; see ports.queue.QueueStore for the law."""

from cgwire.codes import Code
from cgwire.reasons import because
from cloudgather.core.transfer import Event, State
from cloudgather.ports.queue import Chosen, QueueStore
from queueing import LATER, NOW, Do, a_move, a_plan, a_version, claimed, content, failed, moved_on, passed, written


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


def test_a_retry_passes_over_what_has_a_live_predecessor_and_tells_of_nothing_else(store: QueueStore, do: Do) -> None:
    lost = written(store, do)
    do(store.add([a_plan(version=a_version(size=200))], now=NOW))
    newer = do(moved_on(store, do(claimed(store)), Event.GIVE_UP))
    do(store.add([a_plan(b"b")], now=NOW))
    other = do(moved_on(store, do(claimed(store)), Event.GIVE_UP))
    do(moved_on(store, lost, Event.LOSE))
    ((told, _), *_) = do(store.history(task=None, path=None, transfer=None, limit=1))

    assert do(store.requeue(Chosen(task="films"), now=NOW)) == 1

    assert {each.id: str(each.state) for each in do(store.transfers(Chosen(), limit=9))} == {
        lost.id: "queued",
        newer.id: "failed",
        other.id: "queued",
    }
    moves = do(store.history(task=None, path=None, transfer=None, limit=99))
    assert [(move.transfer, move.event) for id, move in moves if id > told] == [(other.id, Event.REQUEUE)]


def test_a_retry_requeues_what_failed(store: QueueStore, do: Do) -> None:
    before = failed(store, do)

    order = because(Code.RETRY_OPERATOR, by="me")
    count = do(store.requeue(Chosen(ids=(before.id,)), reason=order, now=LATER))

    transfer = do(store.transfer(before.id))
    ((_, move), *_) = do(store.history(task=None, path=None, transfer=before.id, limit=1))
    assert (count, move.event, move.reason) == (1, Event.REQUEUE, order)
    assert (transfer.state, transfer.attempts, transfer.generation, transfer.due) == (State.QUEUED, 0, 1, None)
    assert transfer.reason == transfer.plan_reason


def test_a_retry_of_what_was_written_and_never_confirmed_begins_with_the_copy(store: QueueStore, do: Do) -> None:
    before = do(moved_on(store, written(store, do), Event.GIVE_UP))

    do(store.requeue(Chosen(ids=(before.id,)), now=LATER))

    transfer = do(store.transfer(before.id))
    assert (before.sent is None, transfer.sent, transfer.temporary) == (False, None, None)


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
    assert do(passed(store, [content()])) == {b"film.mkv"}
    assert do(store.transfer(ended.id)).state is State.FAILED
    assert len(do(store.history(task=None, path=None, transfer=ended.id, limit=9))) == 2


def test_a_cleared_one_that_is_retried_is_seen_again(store: QueueStore, do: Do) -> None:
    ended = failed(store, do)
    do(store.forget(Chosen(ids=(ended.id,)), now=NOW))

    do(store.requeue(Chosen(ids=(ended.id,)), now=NOW))

    assert [row.id for row in do(store.transfers(Chosen(), limit=9))] == [ended.id]
    assert do(store.counts()) == {("films", "cloud", State.QUEUED): (1, 100)}


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

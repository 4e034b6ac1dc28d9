"""What a move changes in a QueueStore, and which are overtaken; see ports.queue.QueueStore for the law."""

import pytest

from cgwire.codes import Code
from cgwire.reasons import because
from cloudgather.core.transfer import Event, State
from cloudgather.ports.queue import Chosen, LedgerEntry, Move, Origin, Overtaken, QueueStore
from queueing import (
    LATER,
    NOW,
    Do,
    a_move,
    a_plan,
    a_sent,
    a_version,
    claimed,
    content,
    failed,
    moved_on,
    passed,
    written,
)


def test_a_transfer_goes_its_whole_way(store: QueueStore, do: Do) -> None:
    do(store.add([a_plan()], now=NOW))
    transfer = do(claimed(store))
    sent = a_sent(standing=(7, 2**70), mtime_ns=2**65)

    (publishing,) = do(store.move([a_move(transfer, Event.PUBLISH, sent=[sent])], now=NOW))
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


def test_what_is_confirmed_as_it_is_written_makes_both_moves_in_one_step(store: QueueStore, do: Do) -> None:
    do(store.add([a_plan(b"one", run=7), a_plan(b"two")], now=NOW))
    claim = store.claim("cloud", now=NOW, count=2, most_bytes=None, except_tasks=frozenset())
    files = do(store.move([Move(do(claim), Event.PUBLISH, sent=[a_sent()] * 2)], now=NOW))

    written, stored = because(Code.DONE_WRITTEN), because(Code.DONE_STORED)
    write = Move(files, Event.WRITE, reason=written, confirmed=stored, strength="stored")
    made = do(store.move([write], now=LATER))

    assert [(transfer.state, transfer.reason) for transfer in made] == [(State.DONE, stored)] * 2
    assert [do(store.transfer(transfer.id)) for transfer in made] == made
    past = do(store.history(task="films", path=b"one", transfer=None, limit=2))
    assert [(one.event, one.before, one.after, one.attempt, one.reason) for _, one in past] == [
        (Event.CONFIRM, State.WRITTEN, State.DONE, 1, stored),
        (Event.WRITE, State.PUBLISHING, State.WRITTEN, 1, written),
    ]
    ledger = do(store.ledger("films", [b"one", b"two"]))
    assert {entry.strength for entry in ledger.values()} == {"stored"}
    counts = {key[2]: count for key, (count, _) in do(store.counts()).items() if count}
    assert counts == {State.DONE: 2}


def test_what_is_moved_together_may_be_of_different_tries_and_in_any_order(store: QueueStore, do: Do) -> None:
    do(store.add([a_plan(b"%d" % number) for number in range(6)], now=NOW))
    do(moved_on(store, do(claimed(store)), Event.DEFER))
    do(store.put_first(Chosen(glob=b"3"), now=NOW))
    do(moved_on(store, do(claimed(store)), Event.CHANGE))
    claim = store.claim("cloud", now=NOW, count=9, most_bytes=None, except_tasks=frozenset())
    files = {transfer.path: transfer for transfer in do(claim)}
    assert {(each.generation, each.tries) for each in files.values()} == {(1, 1), (1, 2), (2, 2)}

    some = [files[path] for path in (b"3", b"5", b"0", b"1")]
    sent = [a_sent(digest=transfer.path * 16) for transfer in some]
    published = do(store.move([Move(some, Event.PUBLISH, sent=sent)], now=LATER))

    assert [each.id for each in published] == [each.id for each in some]
    assert [each.sent for each in published] == sent
    left = [files[b"2"], files[b"4"]]
    assert [do(store.transfer(each.id)) for each in (*published, *left)] == [*published, *left]
    past = do(store.history(task=None, path=None, transfer=None, limit=5))
    lines = [(one.transfer, one.event, one.attempt) for _, one in reversed(past)]
    assert lines[1:] == [(each.id, Event.PUBLISH, 1) for each in some]
    assert lines[0][1] is Event.CLAIM


@pytest.mark.parametrize("stale", [0, 1, 2])
def test_one_that_is_in_another_try_keeps_all_from_being_moved(store: QueueStore, do: Do, stale: int) -> None:
    do(store.add([a_plan(b"%d" % number) for number in range(3)], now=NOW))
    claim = store.claim("cloud", now=NOW, count=3, most_bytes=None, except_tasks=frozenset())
    before = do(claim)
    do(moved_on(store, before[stale], Event.DEFER))
    current = do(claimed(store))
    move = Move(before, Event.PUBLISH, sent=[a_sent()] * 3)

    with pytest.raises(Overtaken):
        do(store.move([move], now=LATER))

    now = [current if number == stale else each for number, each in enumerate(before)]
    assert [do(store.transfer(each.id)) for each in before] == now


def test_only_one_move_of_a_transfer_is_made_in_one_step(store: QueueStore, do: Do) -> None:
    do(store.add([a_plan(b"a"), a_plan(b"b")], now=NOW))
    a, b = do(claimed(store)), do(claimed(store))

    defer = Move([a, b], Event.DEFER)
    for moves in ([defer, a_move(a, Event.DEFER)], [defer, a_move(a, Event.GIVE_UP)], [Move([a, b, a], Event.DEFER)]):
        with pytest.raises(Overtaken):
            do(store.move(moves, now=NOW))

    assert [do(store.transfer(each.id)) for each in (a, b)] == [a, b]


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


@pytest.mark.parametrize("seen", [State.COPYING, State.QUEUED])
def test_a_move_of_an_earlier_try_is_overtaken(store: QueueStore, do: Do, seen: State) -> None:
    do(store.add([a_plan()], now=NOW))
    stale = do(claimed(store))
    queued = do(moved_on(store, stale, Event.DEFER))
    current = do(claimed(store))
    moves = {
        State.COPYING: [a_move(stale, event) for event in (Event.PUBLISH, Event.DEFER, Event.GIVE_UP, Event.VANISH)],
        State.QUEUED: [a_move(queued, event) for event in (Event.CHANGE, Event.CANCEL, Event.VANISH)],
    }

    for move in moves[seen]:
        with pytest.raises(Overtaken, match="try"):
            do(store.move([move], now=NOW))

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


@pytest.mark.parametrize("seen", [State.COPYING, State.QUEUED])
def test_a_move_of_an_earlier_generation_is_overtaken(store: QueueStore, do: Do, seen: State) -> None:
    """By that alone: it is of the same try."""
    do(store.add([a_plan()], now=NOW))
    do(moved_on(store, do(claimed(store)), Event.CHANGE))
    current = do(claimed(store))
    stale = current._replace(generation=1, state=seen)

    with pytest.raises(Overtaken, match="generation"):
        do(store.move([a_move(stale, Event.CANCEL)], now=NOW))

    assert do(store.transfer(stale.id)) == current


def test_of_several_moves_all_are_made_or_none(store: QueueStore, do: Do) -> None:
    do(store.add([a_plan(b"a"), a_plan(b"b")], now=NOW))
    a, b = do(claimed(store)), do(claimed(store))
    history = do(store.history(task=None, path=None, transfer=None, limit=9))

    with pytest.raises(Overtaken):
        do(store.move([a_move(a, Event.PUBLISH), a_move(b, Event.WRITE)], now=NOW))

    assert do(store.transfer(a.id)) == a
    assert do(store.history(task=None, path=None, transfer=None, limit=9)) == history


@pytest.mark.parametrize("seen", [State.COPYING, State.QUEUED])
def test_a_transfer_that_is_not_there_is_overtaken(store: QueueStore, do: Do, seen: State) -> None:
    do(store.add([a_plan()], now=NOW))
    known = do(claimed(store))._replace(state=seen)

    with pytest.raises(Overtaken):
        do(store.move([a_move(known._replace(id=4711), Event.CANCEL)], now=NOW))


def test_a_lost_one_cannot_live_beside_its_successor(store: QueueStore, do: Do) -> None:
    first = written(store, do)
    do(store.add([a_plan(version=a_version(size=5))], now=NOW))

    with pytest.raises(Overtaken):
        do(store.move([a_move(first, Event.LOSE)], now=NOW))


def test_a_lost_one_counts_as_never_sent(store: QueueStore, do: Do) -> None:
    transfer = do(moved_on(store, written(store, do), Event.LOSE))

    assert (transfer.state, transfer.sent) == (State.QUEUED, None)
    assert transfer.replace  # what is left of it there is ours
    assert do(store.ledger("films", [b"film.mkv"])) == {}


@pytest.mark.parametrize("event", [Event.LOSE, Event.GIVE_UP])
def test_what_did_not_arrive_may_have_its_temporary_again(store: QueueStore, do: Do, event: Event) -> None:
    """A write-back cache that died may have forgotten the rename."""
    do(store.add([a_plan()], now=NOW))
    copied = do(claimed(store))
    transfer = do(moved_on(store, copied, Event.PUBLISH, Event.WRITE))
    while_written = do(store.debris())

    do(moved_on(store, transfer, event))

    (left,) = do(store.debris())
    assert while_written == []
    assert (left.path, left.transfer) == (b"base/" + copied.temporary, copied.id)


def test_what_had_failed_and_arrives_after_all_binds_no_more(store: QueueStore, do: Do) -> None:
    transfer = failed(store, do)
    while_failed = do(passed(store, [content()]))

    do(moved_on(store, transfer, Event.REQUEUE))
    do(moved_on(store, do(claimed(store)), Event.PUBLISH, Event.WRITE))

    now = do(store.unknown("films", [content()], target="cloud", base=b"where the ledger does not have it"))
    assert (while_failed, now) == ({b"film.mkv"}, {b"film.mkv"})


def test_a_late_confirmation_leaves_a_newer_ledger_entry_alone(store: QueueStore, do: Do) -> None:
    first = written(store, do)
    written(store, do, version=a_version(size=5))

    do(store.move([a_move(first, Event.CONFIRM, strength="stored")], now=NOW))

    entry = do(store.ledger("films", [b"film.mkv"]))[b"film.mkv"]
    assert (entry.size, entry.strength) == (5, "")


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


@pytest.mark.parametrize("event", [Event.DEFER, Event.CHANGE, Event.GIVE_UP, Event.CANCEL, Event.VANISH])
def test_what_ends_a_try_leaves_its_temporary_as_debris(store: QueueStore, do: Do, event: Event) -> None:
    do(store.add([a_plan()], now=NOW))
    copying = do(claimed(store))

    do(moved_on(store, copying, event))

    assert [(left.path, left.transfer) for left in do(store.debris())] == [(b"base/" + copying.temporary, copying.id)]


def test_what_could_not_be_removed_beside_a_published_file_is_debris_as_well(store: QueueStore, do: Do) -> None:
    transfer = written(store, do)

    do(store.leave(transfer, b"base/old"))
    do(store.leave(transfer, b"base/old"))

    (left,) = do(store.debris())
    assert (left.path, left.transfer, left.target) == (b"base/old", transfer.id, "cloud")
    do(store.swept([left.id]))
    assert do(store.debris()) == []


def test_a_published_or_swept_temporary_is_debris_no_more(store: QueueStore, do: Do) -> None:
    written(store, do, path=b"published")
    do(store.add([a_plan(b"swept at once"), a_plan(b"swept later")], now=NOW))
    do(store.move([a_move(do(claimed(store)), Event.DEFER, swept=True, due=LATER)], now=NOW))
    do(moved_on(store, do(claimed(store)), Event.VANISH))
    (left,) = do(store.debris())

    do(store.swept([left.id]))

    assert do(store.debris()) == []

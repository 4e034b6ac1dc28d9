"""What a QueueStore tells of its transfers, runs and history; see ports.queue.QueueStore for the law."""

from datetime import timedelta

import pytest

from cgwire.codes import Code
from cgwire.reasons import because
from cloudgather.core.transfer import Event, State
from cloudgather.ports.queue import Chosen, Overtaken, QueueStore
from queueing import LATER, NOW, Do, a_move, a_plan, a_version, claimed, content, failed, moved_on, passed, written


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


def in_every_state(store: QueueStore, do: Do) -> None:
    """Of task films, in the order of State's members, so that its ids and names go by them."""
    moves = {
        State.COPYING: (),
        State.PUBLISHING: (Event.PUBLISH,),
        State.WRITTEN: (Event.PUBLISH, Event.WRITE),
        State.DONE: (Event.PUBLISH, Event.WRITE, Event.CONFIRM),
        State.FAILED: (Event.GIVE_UP,),
        State.CANCELLED: (Event.CANCEL,),
        State.VANISHED: (Event.VANISH,),
    }
    do(store.add([a_plan(str(state).encode()) for state in State], now=NOW))
    do(store.put_first(Chosen(ids=tuple(range(2, len(State) + 1))), now=NOW))
    for events in moves.values():
        do(moved_on(store, do(claimed(store)), *events))


@pytest.mark.parametrize("task", [None, "films"])
@pytest.mark.parametrize("newest_first", [False, True])
def test_those_in_several_states_are_listed_in_the_order_of_their_ids(
    store: QueueStore, do: Do, task: str | None, newest_first: bool
) -> None:
    in_every_state(store, do)
    do(store.add([a_plan(b"another's", task="two")], now=NOW))
    chosen = Chosen(task=task, states=frozenset(State))

    pages = [do(store.transfers(chosen, limit=4, offset=offset, newest_first=newest_first)) for offset in (0, 4, 8, 12)]

    listed = [(row.id, row.state) for page in pages for row in page]
    expected = [*enumerate(State, 1), *([] if task else [(9, State.QUEUED)])]
    assert listed == (expected[::-1] if newest_first else expected)


def test_each_state_is_listed_by_itself(store: QueueStore, do: Do) -> None:
    in_every_state(store, do)

    assert {
        state: [row.path for row in do(store.transfers(Chosen(states=frozenset({state})), limit=9))] for state in State
    } == {state: [str(state).encode()] for state in State}


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


@pytest.mark.parametrize("event", [Event.CANCEL, Event.VANISH])
def test_a_cleared_one_that_is_moved_is_counted_no_more(store: QueueStore, do: Do, event: Event) -> None:
    ended = failed(store, do)
    do(store.forget(Chosen(), now=NOW))

    do(moved_on(store, ended, event))

    assert do(store.counts()) == {}


def test_a_cleared_one_that_is_cancelled_by_its_id_is_counted_no_more(store: QueueStore, do: Do) -> None:
    ended = failed(store, do)
    do(store.forget(Chosen(), now=NOW))

    cancelled = do(store.cancel(Chosen(ids=(ended.id,)), reason=because(Code.CANCELLED_OPERATOR), now=NOW))

    assert cancelled == 1
    assert do(store.counts()) == {}


def test_a_batch_of_several_tasks_targets_and_runs_is_counted_for_each(store: QueueStore, do: Do) -> None:
    runs = [do(store.start_run("films", "manual", now=NOW)) for _ in range(2)]
    for number, run in enumerate(runs):
        do(store.note_run(run, now=NOW, seen=1, planned=1, skipped=0, problem=None))
        plans = [a_plan(b"a%d" % number, run=run), a_plan(b"b%d" % number, task="series", target="nas", run=run)]
        do(store.add(plans, now=NOW))
    do(store.add([a_plan(b"none")], now=NOW))
    claims = [
        store.claim(name, now=NOW, count=9, most_bytes=None, except_tasks=frozenset()) for name in ("cloud", "nas")
    ]
    moving = [transfer for claim in claims for transfer in do(claim)]

    do(store.move([a_move(transfer, Event.VANISH) for transfer in moving[1:]], now=LATER))

    assert do(store.counts()) == {
        ("films", "cloud", State.COPYING): (1, 100),
        ("films", "cloud", State.VANISHED): (2, 200),
        ("series", "nas", State.VANISHED): (2, 200),
    }
    assert [(found.left, found.ended) for run in runs if (found := do(store.run(run)))] == [(1, None), (0, LATER)]


def test_a_refused_batch_counts_for_nothing(store: QueueStore, do: Do) -> None:
    do(store.add([a_plan(b"a"), a_plan(b"b")], now=NOW))
    first, second = do(claimed(store)), do(claimed(store))
    do(moved_on(store, second, Event.GIVE_UP))
    before = do(store.counts())

    with pytest.raises(Overtaken):
        do(store.move([a_move(first, Event.PUBLISH), a_move(second, Event.PUBLISH)], now=NOW))

    assert do(store.counts()) == before


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
    assert (do(store.run(run)), do(passed(store, [content(b"binds")]))) == (None, {b"binds"})


def test_pruning_lets_no_failure_go_again_whose_path_was_sent_since(store: QueueStore, do: Do) -> None:
    do(store.add([a_plan(b"film")], now=NOW))
    first = do(moved_on(store, do(claimed(store)), Event.PUBLISH, Event.WRITE))
    do(store.add([a_plan(b"film", version=a_version(size=7))], now=NOW))
    do(moved_on(store, first, Event.GIVE_UP))
    do(moved_on(store, do(claimed(store)), Event.PUBLISH, Event.WRITE, Event.CONFIRM))

    removed = do(store.prune(before=LATER))

    assert (removed, do(store.requeue(Chosen(states=frozenset({State.FAILED})), now=LATER))) == (2, 0)


def test_pruning_goes_through_more_than_one_step(store: QueueStore, do: Do) -> None:
    do(store.add([a_plan(b"%d" % number) for number in range(1200)], now=NOW))
    do(store.cancel(Chosen(), reason=because(Code.CANCELLED_TASK_REMOVED), now=NOW))

    removed = do(store.prune(before=LATER))

    assert (removed, do(store.transfers(Chosen(), limit=1)), do(store.counts())) == (1200, [], {})

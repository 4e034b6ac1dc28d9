"""In which order a QueueStore hands transfers out, and what waits; see ports.queue.QueueStore for the law."""

from collections.abc import Mapping, Sequence
from datetime import timedelta

import pytest

from cgwire.codes import Code
from cgwire.reasons import because
from cloudgather.core.transfer import Event, Plan, State
from cloudgather.ports.queue import Chosen, QueueStore
from queueing import LATER, NOW, Do, a_move, a_plan, a_version, claimed, moved_on


def test_priority_goes_before_age(store: QueueStore, do: Do) -> None:
    do(store.add([a_plan(b"old"), a_plan(b"young"), a_plan(b"urgent", priority=1, task="other")], now=NOW))

    order = [do(claimed(store)).path for _ in range(3)]

    assert order == [b"urgent", b"old", b"young"]


def test_tasks_take_turns_by_priority_and_age(store: QueueStore, do: Do) -> None:
    kinds = [("films", 0), ("series", 1), ("songs", 0), ("films", 1), ("series", 0), ("songs", 2)]
    plans = [a_plan(b"%d" % at, task=task, priority=priority) for at, (task, priority) in enumerate(kinds * 2)]
    do(store.add(plans, now=NOW))

    found = [do(store.claim("cloud", now=NOW, count=5, most_bytes=None, except_tasks=frozenset())) for _ in range(3)]

    assert [[int(transfer.path) for transfer in some] for some in found] == [[5, 11, 1, 3, 7], [9, 0, 2, 4, 6], [8, 10]]


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


def claim_beside(store: QueueStore, do: Do, busy: Mapping[bytes, int], *, most_bytes: int | None = 400) -> list[bytes]:
    """The paths of four claimed together, while so many work in these folders."""
    busy = {b"base/" + folder: count for folder, count in busy.items()}
    claim = store.claim("cloud", now=NOW, count=4, most_bytes=most_bytes, except_tasks=frozenset(), busy=busy)
    return [transfer.path for transfer in do(claim)]


def some_folders(*, size: int = 100, priorities: Sequence[int] = (0, 0, 0)) -> Sequence[Plan]:
    """64 files in each of three folders."""
    return [
        a_plan(b"%c/%02d" % (folder, number), version=a_version(size=size), priority=priority)
        for folder, priority in zip(b"abc", priorities, strict=True)
        for number in range(64)
    ]


def test_small_files_of_the_least_busy_folder_go_first(store: QueueStore, do: Do) -> None:
    do(store.add(some_folders(), now=NOW))

    assert claim_beside(store, do, {}) == [b"a/00", b"a/01", b"a/02", b"a/03"]
    assert claim_beside(store, do, {b"a": 1})[0].startswith(b"b/")
    assert claim_beside(store, do, {b"a": 1, b"b": 1})[0].startswith(b"c/")
    assert claim_beside(store, do, {b"a": 2, b"b": 2, b"c": 1})[0].startswith(b"c/")
    assert claim_beside(store, do, {b"a": 1, b"b": 1, b"c": 1}) == [b"a/04", b"a/05", b"a/06", b"a/07"]


def test_all_are_claimed_once_whichever_folders_are_busy(store: QueueStore, do: Do) -> None:
    do(store.add(plans := some_folders(), now=NOW))

    claimed = [path for turn in range(len(plans) // 4) for path in claim_beside(store, do, {b"abc"[turn % 3 :][:1]: 1})]

    assert sorted(claimed) == sorted(plan.path for plan in plans)


@pytest.mark.parametrize("most_bytes", [None, 399])
def test_large_files_keep_their_turn(store: QueueStore, do: Do, most_bytes: int | None) -> None:
    do(store.add(some_folders(), now=NOW))

    assert claim_beside(store, do, {b"a": 1}, most_bytes=most_bytes)[0] == b"a/00"


def test_no_large_file_goes_before_its_turn(store: QueueStore, do: Do) -> None:
    small, large = some_folders(), some_folders(size=101)
    do(store.add([*small[:64], *large[64:128], *small[128:]], now=NOW))

    assert claim_beside(store, do, {b"a": 1})[0].startswith(b"c/")


def test_no_folder_goes_before_a_higher_priority(store: QueueStore, do: Do) -> None:
    do(store.add(some_folders(priorities=(1, 0, 0)), now=NOW))

    assert claim_beside(store, do, {b"a": 3})[0] == b"a/00"


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

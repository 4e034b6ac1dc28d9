"""What a QueueStore does about a limit of bytes a day; see ports.queue.QueueStore.claim."""

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import pytest

from cgwire.codes import Code
from cgwire.reasons import because
from cloudgather.core.limits import Spending, hour_of
from cloudgather.core.transfer import Event, State, Transfer
from cloudgather.ports.queue import Chosen, DailyLimitSpent, QueueStore
from queueing import NOW, Do, a_move, a_plan, a_version, running_store

LIMIT = 250
H = hour_of(NOW)


def three(opened: tuple[QueueStore, Do]) -> None:
    """Of 100 bytes each."""
    store, do = opened
    do(store.add([a_plan(b"%d" % number) for number in range(3)], now=NOW))


def claim(
    opened: tuple[QueueStore, Do], *, count: int = 9, hours: float = 0, limit: int | None = LIMIT
) -> Sequence[Transfer]:
    store, do = opened
    found: Sequence[Transfer] = do(
        store.claim(
            "cloud",
            now=NOW + timedelta(hours=hours),
            count=count,
            most_bytes=None,
            except_tasks=frozenset(),
            daily_limit=limit,
        )
    )
    return found


def spent(opened: tuple[QueueStore, Do], *, hours: float = 0) -> Spending:
    store, do = opened
    found: Spending = do(store.spending(now=NOW + timedelta(hours=hours))).get("cloud", Spending())
    return found


def end(
    opened: tuple[QueueStore, Do], transfer: Transfer, event: Event, moved: int | None, *, hours: float = 0
) -> Transfer:
    store, do = opened
    (ended,) = do(store.move([a_move(transfer, event, moved=[moved])], now=NOW + timedelta(hours=hours)))
    assert isinstance(ended, Transfer)
    return ended


def test_sizes_are_reserved_with_the_claim(opened: tuple[QueueStore, Do]) -> None:
    three(opened)

    assert len(claim(opened)) == 2
    assert spent(opened) == Spending(reserved=200)
    with pytest.raises(DailyLimitSpent) as caught:
        claim(opened)

    assert (caught.value.size, caught.value.spending) == (100, Spending(reserved=200))


def test_without_a_limit_nothing_is_counted(opened: tuple[QueueStore, Do]) -> None:
    three(opened)

    for transfer in claim(opened, limit=None):
        end(opened, transfer, Event.DEFER, 7)

    assert spent(opened) == Spending()


@pytest.mark.parametrize("event", [Event.DEFER, Event.CHANGE, Event.GIVE_UP, Event.CANCEL, Event.VANISH])
def test_what_was_really_sent_counts_where_the_try_ends(opened: tuple[QueueStore, Do], event: Event) -> None:
    three(opened)
    first, _ = claim(opened)

    end(opened, first, event, 30, hours=2)

    assert spent(opened, hours=2) == Spending(hours=((H + 2, 30),), reserved=100)


def test_a_whole_copy_counts_with_its_size_and_only_once(opened: tuple[QueueStore, Do]) -> None:
    three(opened)
    first, second = claim(opened)

    first = end(opened, first, Event.PUBLISH, 90)
    end(opened, first, Event.WRITE, None)
    end(opened, second, Event.PUBLISH, 180)  # it was begun anew in between

    assert spent(opened) == Spending(hours=((H, 280),))


def test_a_crash_keeps_the_reservation(tmp_path: Path) -> None:
    with running_store(str(tmp_path)) as opened:
        three(opened)
        claim(opened)
    with running_store(str(tmp_path)) as opened:
        assert spent(opened) == Spending(reserved=200)
        store, do = opened
        for transfer in do(store.transfers(Chosen(states=frozenset({State.COPYING})), limit=9)):
            reason = because(Code.RETRY_INTERRUPTED)
            do(store.move([a_move(transfer, Event.DEFER, reason=reason)], now=NOW))

        assert spent(opened) == Spending(hours=((H, 200),))
        with pytest.raises(DailyLimitSpent):
            claim(opened)


def test_what_was_spent_is_free_again_after_a_day(opened: tuple[QueueStore, Do]) -> None:
    three(opened)
    for transfer in claim(opened):
        end(opened, transfer, Event.PUBLISH, None)
    with pytest.raises(DailyLimitSpent):
        claim(opened, hours=24)

    assert len(claim(opened, hours=25)) == 1
    assert spent(opened, hours=25) == Spending(reserved=100)


def test_a_file_larger_than_the_limit_goes_on_an_unused_one_and_nothing_passes_it(
    opened: tuple[QueueStore, Do],
) -> None:
    store, do = opened
    do(
        store.add(
            [a_plan(b"large", version=a_version(size=1000)), a_plan(b"small", version=a_version(size=1))], now=NOW
        )
    )
    (large,) = claim(opened)
    assert large.path == b"large"
    end(opened, large, Event.DEFER, 1)

    with pytest.raises(DailyLimitSpent) as caught:
        claim(opened)

    assert caught.value.size == 1000
    assert [transfer.path for transfer in claim(opened, hours=25)] == [b"large"]


def test_a_clock_that_is_set_neither_frees_nor_keeps(opened: tuple[QueueStore, Do]) -> None:
    three(opened)
    (first,) = claim(opened, count=1)
    end(opened, first, Event.PUBLISH, None)
    store, do = opened

    do(store.shift_spending(now=NOW + timedelta(hours=1000), hours=1000))
    assert spent(opened, hours=1000) == Spending(hours=((H + 1000, 100),))
    do(store.shift_spending(now=NOW))  # a start with a clock that is far behind

    assert spent(opened) == Spending(hours=((H, 100),))

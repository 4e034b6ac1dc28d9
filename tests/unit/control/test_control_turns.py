"""Whose call begins next."""

import asyncio

from cloudgather.control.bounds import Account, Bounds, Full
from cloudgather.control.turns import Turns


def test_a_user_who_asks_without_end_is_followed_by_whoever_else_asks() -> None:
    async def scenario() -> None:
        turns, begun = Turns(at_once=2), []

        async def call(name: str, uid: int) -> None:
            await turns.turn(uid)
            begun.append(name)

        calls = [asyncio.ensure_future(call(f"a{number}", 1)) for number in range(5)]
        calls += [asyncio.ensure_future(call("b0", 2)), asyncio.ensure_future(call("c0", 3))]
        await asyncio.gather(*calls)

        assert begun == ["a0", "b0", "c0", "a1", "a2", "a3", "a4"]

    asyncio.run(scenario())


def test_the_loop_goes_round_between_turns() -> None:
    async def scenario() -> None:
        turns, rounds = Turns(at_once=2), 0
        calls = [asyncio.ensure_future(turns.turn(1)) for _ in range(10)]
        while not all(call.done() for call in calls):
            rounds += 1
            await asyncio.sleep(0)

        assert rounds >= 5

    asyncio.run(scenario())


def test_a_call_that_is_cancelled_takes_nobodys_turn() -> None:
    async def scenario() -> None:
        turns = Turns(at_once=1)
        first, second, third = (asyncio.ensure_future(turns.turn(1)) for _ in range(3))
        await asyncio.sleep(0)
        second.cancel()
        await asyncio.gather(first, third)

        assert second.cancelled()

    asyncio.run(scenario())


def full(account: Account, uid: int, change: int) -> bool:
    try:
        account.send(uid, change)
    except Full:
        return True
    return False


def test_unread_answers_of_one_user_leave_room_for_those_of_another() -> None:
    account = Account(Bounds(replies=300, replies_of_user=100))

    assert [full(account, 1, 60), full(account, 1, 60), full(account, 2, 100)] == [False, True, False]
    account.send(1, -60)
    account.send(1, -60)
    assert account.bytes == 100
    assert not full(account, 1, 100)


def test_an_admin_is_let_in_where_all_others_have_taken_every_place() -> None:
    account = Account(Bounds().with_descriptors(8))
    for uid in range(4):
        account.admit(uid, admin=False)

    refused = None
    try:
        account.admit(5, admin=False)
    except Full as error:
        refused = str(error)
    account.admit(0, admin=True)

    assert refused == "more than 4 connections"
    assert account.connections == 5


def test_many_descriptors_allow_no_more_connections_than_bounds_say() -> None:
    assert Bounds().with_descriptors(65536).connections == Bounds().connections

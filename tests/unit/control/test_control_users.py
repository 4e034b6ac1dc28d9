"""The names of users where the system tells them late, or not at first."""

import asyncio
import threading

from cloudgather.control.users import Users

UID = 12345


def test_a_name_that_comes_too_late_is_known_from_then_on() -> None:
    told = threading.Event()
    asked = []

    def name_of(uid: int) -> str | None:
        asked.append(uid)
        return "anna" if told.wait(60.0) else None

    async def scenario() -> None:
        users = Users(within=0.0, name_of=name_of)
        assert [await users.name(UID), await users.name(UID)] == [str(UID)] * 2

        (asking,) = (thread for thread in threading.enumerate() if thread.name == f"user-{UID}")
        told.set()
        await asyncio.to_thread(asking.join, 60.0)

        assert await users.name(UID) == "anna"
        assert asked == [UID]  # one that hangs is not asked for again and again

    asyncio.run(scenario())


def test_who_has_no_name_is_asked_for_again_after_a_while() -> None:
    def users(*, again: float) -> Users:
        answers = iter([None, "anna"])
        return Users(within=60.0, again=again, name_of=lambda uid: next(answers))

    async def scenario() -> None:
        at_once, later = users(again=0.0), users(again=3600.0)

        assert [await at_once.name(UID) for _ in range(3)] == [str(UID), "anna", "anna"]
        assert [await later.name(UID) for _ in range(3)] == [str(UID)] * 3

    asyncio.run(scenario())

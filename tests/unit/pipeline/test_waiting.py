"""What one stage makes while the next is still busy."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

import pytest

from cloudgather.pipeline.waiting import ahead
from waiting import eventually


class Parts:
    """Numbers from 0 on, until `most`; then it fails, if it is to."""

    def __init__(self, most: int, *, error: Exception | None = None) -> None:
        self.made = 0
        self.ended = False
        self._most = most
        self._error = error

    async def give(self) -> AsyncGenerator[int, None]:
        """Each as soon as it is asked for."""
        try:
            while self.made < self._most:
                self.made += 1
                yield self.made - 1
                await asyncio.sleep(0)
            if self._error is not None:
                raise self._error
        finally:
            self.ended = True


def test_all_comes_in_order() -> None:
    async def main() -> None:
        async with aclosing(ahead(Parts(100).give(), 3)) as parts:
            assert [part async for part in parts] == list(range(100))

    asyncio.run(main())


def test_some_are_made_ahead_and_no_more() -> None:
    async def main() -> None:
        parts = Parts(100)
        async with aclosing(ahead(parts.give(), 3)) as made:
            assert await anext(made) == 0
            await eventually(lambda: parts.made == 5)  # one is dealt with, three wait, and one is in hand
            for _ in range(100):
                await asyncio.sleep(0)
            assert parts.made == 5

            assert await anext(made) == 1
            await eventually(lambda: parts.made == 6)

    asyncio.run(main())


def test_what_fails_is_raised_after_what_came_before() -> None:
    async def main() -> None:
        taken = []
        async with aclosing(ahead(Parts(3, error=ValueError("broken")).give(), 8)) as made:
            with pytest.raises(ValueError, match="broken"):
                async for part in made:
                    taken.append(part)
        assert taken == [0, 1, 2]

    asyncio.run(main())


@pytest.mark.parametrize("most", [1, 100], ids=["waits for room", "has made all"])
def test_who_takes_no_more_ends_it(most: int) -> None:
    async def main() -> None:
        others = asyncio.all_tasks()
        parts = Parts(10)
        async with aclosing(ahead(parts.give(), most)) as made:
            assert await anext(made) == 0
            await eventually(lambda: parts.made == min(10, most + 2))
        assert parts.ended
        assert asyncio.all_tasks() == others

    asyncio.run(main())


def test_who_is_cancelled_while_waiting_for_the_next_ends_it() -> None:
    async def main() -> None:
        begun, ended = asyncio.Event(), asyncio.Event()

        async def give() -> AsyncGenerator[int, None]:
            try:
                begun.set()
                await asyncio.Event().wait()
                yield 0
            finally:
                ended.set()

        async def take() -> None:
            async with aclosing(ahead(give(), 1)) as made:
                await anext(made)

        taking = asyncio.create_task(take())
        await begun.wait()
        taking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await taking
        assert ended.is_set()

    asyncio.run(main())

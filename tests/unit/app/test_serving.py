"""Loops are kept running until they are dropped, whatever goes wrong in them."""

import asyncio

import pytest

from cloudgather.app.serving import Serving
from fakes.clock import FakeClock


def test_a_loop_that_fails_is_started_again(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        clock = FakeClock()
        serving = Serving(clock=clock)
        begun = 0

        async def loop() -> None:
            nonlocal begun
            begun += 1
            raise RuntimeError("wrong")

        serving.keep("kind", "name", loop)
        await clock.advance(25)

        assert begun == 3
        await serving.stop(1.0)

    asyncio.run(main())

    assert "kind name failed: a bug of ours; it is started again" in caplog.text


def test_a_loop_that_fails_as_it_is_dropped_is_not(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        clock = FakeClock()
        serving = Serving(clock=clock)
        begun = 0

        async def loop() -> None:
            nonlocal begun
            begun += 1
            try:
                await asyncio.get_running_loop().create_future()
            finally:
                raise RuntimeError("wrong")

        serving.keep("kind", "name", loop)
        await clock.advance(1)
        serving.drop("kind", "name")
        await clock.advance(60)

        assert begun == 1
        await serving.stop(1.0)

    asyncio.run(main())

    assert "kind name failed as it was to end: a bug of ours" in caplog.text

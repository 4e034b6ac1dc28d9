"""Waiting for one of several things, and for what is made meanwhile."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable
from contextlib import aclosing
from typing import TypeVar

T = TypeVar("T")


async def wait_for_either(*waits: Awaitable[object]) -> None:
    """Wait for the first; the others are cancelled and have ended when this returns."""
    futures: list[asyncio.Future[object]] = [asyncio.ensure_future(wait) for wait in waits]
    try:
        await asyncio.wait(futures, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for future in futures:
            future.cancel()
        await asyncio.gather(*futures, return_exceptions=True)


async def ahead(parts: AsyncGenerator[T, None], most: int) -> AsyncGenerator[T, None]:
    """What `parts` gives, in order, made in a task of its own while who takes it is still busy with what came before.

    Up to `most` wait here. Raises what `parts` raises, after all that came before that; it is closed with this.
    """
    made: asyncio.Queue[T | None] = asyncio.Queue()
    room = asyncio.Semaphore(most)

    async def make() -> None:
        async with aclosing(parts):
            async for part in parts:
                await room.acquire()
                made.put_nowait(part)

    making = asyncio.create_task(make(), name="ahead")
    making.add_done_callback(lambda _: made.put_nowait(None))
    try:
        while (part := await made.get()) is not None:
            room.release()
            yield part
        making.result()
    finally:
        making.cancel()
        await asyncio.gather(making, return_exceptions=True)

"""Waiting for one of several things."""

import asyncio
from collections.abc import Awaitable


async def wait_for_either(*waits: Awaitable[object]) -> None:
    """Wait for the first; the others are cancelled and have ended when this returns."""
    futures: list[asyncio.Future[object]] = [asyncio.ensure_future(wait) for wait in waits]
    try:
        await asyncio.wait(futures, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for future in futures:
            future.cancel()
        await asyncio.gather(*futures, return_exceptions=True)

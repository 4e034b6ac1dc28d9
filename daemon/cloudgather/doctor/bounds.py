"""Waiting for a part of the examination, never for long."""

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

T = TypeVar("T")


async def within(seconds: float, awaited: Awaitable[T]) -> T:
    """What `awaited` gives; TimeoutError after so long."""
    async with asyncio.timeout(seconds):
        return await awaited

"""A source that stops answering is unavailable in time, whoever looks at it."""

import asyncio
import os
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from agents import BOUND, SHORT, a_file, a_fleet
from cgwire.codes import Code
from cloudgather.agent.source import AgentSource, LocalSource
from cloudgather.ports.source import Look, Source, SourceUnavailable
from fuse.sickmount import SickMount, needs_sick
from waiting import eventually

pytestmark = needs_sick

MakeSource = Callable[[AsyncExitStack, bytes], Awaitable[Source]]


async def local(stack: AsyncExitStack, root: bytes) -> Source:
    """In threads, as if nobody had known that it is no local disk."""
    return LocalSource(root, deadlines=SHORT)


async def by_agent(stack: AsyncExitStack, root: bytes) -> Source:
    """As it ought to be."""
    return AgentSource(root, await stack.enter_async_context(a_fleet(SHORT)))


both = pytest.mark.parametrize("make", [local, by_agent])


@both
def test_a_look_that_hangs_makes_the_source_unavailable_and_the_loop_runs_on(tmp_path: Path, make: MakeSource) -> None:
    async def main(sick: SickMount) -> None:
        a_file(os.fsdecode(sick.backing), "film")
        async with AsyncExitStack() as stack:
            source = await make(stack, sick.root)
            assert isinstance(await source.look(b"film"), Look)
            sick.hang("getattr")

            looking = asyncio.ensure_future(source.look(b"film"))
            begun = time.monotonic()
            await eventually(lambda: sick.hanging("getattr") >= 1)
            with pytest.raises(SourceUnavailable) as unavailable:
                await looking

            assert unavailable.value.reason.code == Code.SOURCE_STALLED
            assert time.monotonic() - begun < BOUND
            sick.heal()
            assert isinstance(await source.look(b"film"), Look)

    with SickMount(tmp_path) as sick:
        asyncio.run(main(sick))


@both
def test_a_scan_that_hangs_ends_in_time_and_not_as_if_it_had_seen_everything(tmp_path: Path, make: MakeSource) -> None:
    async def main(sick: SickMount) -> None:
        a_file(os.fsdecode(sick.backing), "film")
        async with AsyncExitStack() as stack:
            source = await make(stack, sick.root)
            sick.hang("readdir")

            with pytest.raises(SourceUnavailable) as unavailable:
                async for _ in source.scan():
                    pass

            assert sick.hanging("readdir") == 1
            assert unavailable.value.reason.code == Code.SOURCE_STALLED
            sick.heal()

    with SickMount(tmp_path) as sick:
        asyncio.run(main(sick))


@both
def test_a_source_whose_mount_died_is_gone(tmp_path: Path, make: MakeSource) -> None:
    async def main(sick: SickMount) -> None:
        async with AsyncExitStack() as stack:
            source = await make(stack, sick.root)
            await source.root()
            sick.kill()

            for attempt in (source.root(), source.look(b"film")):
                with pytest.raises(SourceUnavailable) as unavailable:
                    await attempt
                assert unavailable.value.reason.code == Code.SOURCE_GONE

    with SickMount(tmp_path) as sick:
        asyncio.run(main(sick))

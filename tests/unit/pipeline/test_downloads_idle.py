"""What is told of a download for which nothing comes: why its downloader does nothing, and since when it tries."""

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from cgwire.codes import Code
from cloudgather.core.download import Download, Rules, State
from cloudgather.core.downloader import Item, Phase
from downloadwork import Stage, staged
from fakes.downloader import an_item

RULES = Rules(min_free=800, stalled_after=timedelta(minutes=10))


def of(download: Download, **changes: Any) -> Item:
    where = {"final": download.folder, "current": download.folder, "phase": Phase.DOWNLOADING}
    return an_item("1", **{**where, **changes})


async def begun(stage: Stage) -> Download:
    stage.rules = RULES
    download = await stage.add(infohash=None, size=100)
    stage.client.put(of(download))
    return await stage.step(download)


def held(stage: Stage, download: Download) -> str | None:
    hold = stage.book.hold_of(download.id)
    return None if hold is None else hold.code


@pytest.mark.parametrize(
    ("told", "reason"),
    [
        ({"phase": Phase.QUEUED, "paused": True}, Code.HELD_DOWNLOAD_STOPPED),
        ({"phase": Phase.QUEUED}, Code.HELD_DOWNLOAD_QUEUED),
        ({"phase": Phase.METADATA, "paused": True}, Code.HELD_DOWNLOAD_STOPPED),
        ({"phase": Phase.METADATA}, None),
        ({"phase": Phase.STALLED}, None),
    ],
    ids=["stopped", "queued", "link stopped", "link", "stalled"],
)
def test_what_the_downloader_lets_wait_says_so(tmp_path: Path, told: Any, reason: Code | None) -> None:
    async def main() -> None:
        async with staged(tmp_path) as stage:
            download = await begun(stage)
            stage.client.put(of(download, **told))

            await stage.step(download, times=2)

            assert held(stage, download) == reason

    asyncio.run(main())


def test_one_that_its_owner_has_paused_says_that(tmp_path: Path) -> None:
    async def main() -> None:
        async with staged(tmp_path) as stage:
            download = await begun(stage)
            await stage.book.note(download, {"paused": True})
            stage.client.put(of(download, phase=Phase.QUEUED, paused=True))

            await stage.step(download)

            assert held(stage, download) == Code.HELD_DOWNLOAD_PAUSED

    asyncio.run(main())


@pytest.mark.parametrize("why", ["queued", "checked", "no room"])
def test_the_time_in_which_it_wanted_nothing_is_not_counted_as_a_stall(tmp_path: Path, why: str) -> None:
    async def main() -> None:
        async with staged(tmp_path) as stage:
            download = await begun(stage)
            if why == "no room":
                stage.free = 0
                await stage.works.advance(10.0)
                await stage.step(download)
            phase = Phase.CHECKING if why == "checked" else Phase.QUEUED
            stage.client.put(of(download, phase=phase, paused=why == "no room"))
            for _ in range(60):
                await stage.works.advance(60.0)
                await stage.step(download)
            stage.free = 1 << 50
            await stage.works.advance(10.0)
            await stage.step(download)

            stage.client.put(of(download))
            assert (await stage.step(download)).state is State.DOWNLOADING
            await stage.works.advance(599.0)
            assert (await stage.step(download)).state is State.DOWNLOADING

            await stage.works.advance(11.0)
            assert (await stage.step(download)).state is State.STALLED

    asyncio.run(main())

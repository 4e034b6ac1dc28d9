"""Downloads that begin anew, after a failure or since their downloader forgot them: they wait for nothing of before."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from cgwire.codes import Code
from cloudgather.core.download import Download, Event, Rules, State
from cloudgather.core.downloader import Item, Phase
from downloadwork import Stage, staged
from fakes.downloader import an_item


def of(download: Download, **changes: Any) -> Item:
    where = {"final": download.folder, "current": download.folder, "phase": Phase.DOWNLOADING}
    return an_item(str(download.id), **{**where, **changes})


async def begun_and_over(stage: Stage, how: str, **asked: Any) -> Download:
    """One that was handed over and has begun, and is queued once more since it failed or was forgotten."""
    download = await stage.step(await stage.add(infohash=None, **asked))
    stage.client.put(of(download))
    download = await stage.step(download)
    assert download.state is State.DOWNLOADING
    if how == "lost":
        stage.client.items.clear()
        return await stage.step(download, times=4)
    stage.client.put(of(download, phase=Phase.FAILED))
    download = await stage.step(download)
    stage.client.items.clear()
    return await stage.book.move(download, Event.REQUEUE, None, {})


@pytest.mark.parametrize("how", ["lost", "retried"])
@pytest.mark.parametrize("scarce", [Code.HELD_DOWNLOAD_ACTIVE, Code.HELD_DOWNLOAD_SPACE], ids=["turn", "room"])
def test_two_that_begin_anew_do_not_wait_for_each_other(tmp_path: Path, how: str, scarce: Code) -> None:
    async def main() -> None:
        async with staged(tmp_path) as stage:
            stage.rules = Rules(min_free=0)
            most = 1 if scarce == Code.HELD_DOWNLOAD_ACTIVE else None
            first, second = [await begun_and_over(stage, how, max_active=most) for _ in range(2)]
            assert {first.state, second.state} == {State.QUEUED}
            stage.client.told.clear()
            if scarce == Code.HELD_DOWNLOAD_SPACE:
                stage.free = 120

            for _ in range(4):
                await stage.step(first)
                await stage.step(second)

            assert {told for told in stage.client.told if told[0] == "add"} == {("add", first.folder)}
            hold = stage.book.hold_of(second.id)
            assert hold is not None and hold.code == scarce
            assert stage.book.hold_of(first.id) is None

    asyncio.run(main())


def test_nothing_is_shown_of_the_try_before(tmp_path: Path) -> None:
    async def main() -> None:
        async with staged(tmp_path) as stage:
            download = await begun_and_over(stage, "lost")

            assert stage.book.shown(download.id) is None

    asyncio.run(main())


@pytest.mark.parametrize("resumable", [True, False])
def test_what_cannot_be_gone_on_with_is_begun_afresh_by_the_next_try_and_by_no_other(
    tmp_path: Path, resumable: bool
) -> None:
    async def main() -> None:
        async with staged(tmp_path) as stage:
            download = await stage.step(await stage.add(infohash=None))
            stage.client.put(of(download, phase=Phase.FAILED, resumable=resumable))
            download = await stage.step(download)
            assert download.state is State.FAILED

            download = await stage.book.move(download, Event.REQUEUE, None, {})
            download = await stage.step(download, times=3)
            assert [order.afresh for order in stage.client.orders] == [False, not resumable]

            stage.client.put(of(download))
            download = await stage.step(download)
            stage.client.items.clear()
            await stage.step(download, times=8)
            forgotten = stage.client.orders[2:]
            assert forgotten and not any(order.afresh for order in forgotten)

    asyncio.run(main())

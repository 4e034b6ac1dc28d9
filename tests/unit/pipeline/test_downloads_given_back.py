"""A downloader that forgets with its restart what it seeds is handed it once more."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from cgwire.codes import Code
from cgwire.reasons import because
from cloudgather.core.download import Download, Event, Rules, State
from cloudgather.core.downloader import Kind, Phase
from cloudgather.core.task import Filter
from cloudgather.pipeline.matching import mark
from cloudgather.ports.downloader import DownloadRefused
from downloadwork import HASH, Stage, code, staged
from fakes.downloader import an_item, complete

HOUR = timedelta(hours=1)


async def seeded(stage: Stage, *, kind: Kind = Kind.ARIA2, torrent: bytes | None = None, **asked: Any) -> Download:
    """One that is stored at the target, an hour after it was complete; its downloader does not list it."""
    stage.client.spec = replace(stage.client.spec, kind=kind)
    stage.rules = Rules(keep_after=timedelta(0), seed_time=3 * HOUR, seed_ratio=2.0)
    download = await stage.add(uri="magnet:?xt=urn:btih:" + "a" * 40, torrent=torrent, **asked)
    now = stage.works.clock.now()
    await stage.store.move_download(
        download.id, State.QUEUED, Event.COMPLETE, changes={"files": ((b"ours.mkv", 100),)}, now=now
    )
    download = await stage.book.move(await stage.now(download), Event.UPLOAD, None, {})
    stage.board(download, Filter())
    stage.works.board.tasks.pop("films")
    await stage.stored(download)
    await stage.works.advance(HOUR)
    return await stage.book.move(download, Event.UPLOADED, None, {})


async def looked(stage: Stage, download: Download, times: int) -> Download:
    for _ in range(times):
        if (current := await stage.now(download)).state is State.SEEDING:
            await stage.leaving.seed(current, stage.known(), await stage.store.open_downloads())
            await stage.works.advance(5.0)
    return await stage.now(download)


def test_it_is_seeded_for_the_time_that_is_left(tmp_path: Path) -> None:
    async def main() -> None:
        async with staged(tmp_path) as stage:
            download = await seeded(stage)
            await looked(stage, download, 3)
            assert stage.client.orders == []  # it may only be starting

            download = await looked(stage, download, 1)
            (order,) = stage.client.orders
            assert (order.uri, order.folder, order.mark) == (download.asked.uri, download.folder, mark(download))
            assert order.goal is not None
            assert timedelta(0) <= 2 * HOUR - order.goal.time < timedelta(minutes=1)
            assert order.options["check-integrity"] == "true"

            place = {"final": download.folder, "current": download.folder, "infohashes": frozenset({HASH})}
            item = complete(an_item("ours", **place))
            stage.client.put(replace(item, phase=Phase.CHECKING))
            download = await looked(stage, download, 30)
            assert (download.state, download.seeded) == (State.SEEDING, False)
            stage.client.put(item)
            await looked(stage, download, 30)
            hold = stage.book.hold_of(download.id)
            assert hold is not None
            assert hold.code == Code.HELD_DOWNLOAD_SEEDING
            assert len(stage.client.orders) == 1

            stage.client.items.clear()  # and once more
            await looked(stage, download, 4)
            assert len(stage.client.orders) == 2
            stage.client.put(replace(item, ratio=2.0))
            assert code(await looked(stage, download, 5)) == Code.DOWNLOAD_CLEARED

    asyncio.run(main())


@pytest.mark.parametrize("why", ["another kind", "refused", "not listed", "time", "which files"])
def test_what_cannot_be_seeded_on_is_over_after_a_minute(tmp_path: Path, why: str) -> None:
    async def main() -> None:
        async with staged(tmp_path) as stage:
            kind = Kind.QBITTORRENT if why == "another kind" else Kind.ARIA2
            download = await seeded(stage, kind=kind, wanted=(1,) if why == "which files" else None)
            if why == "time":
                await stage.works.advance(2 * HOUR)
            if why == "refused":
                stage.client.refusal = DownloadRefused(because(Code.DOWNLOAD_FAILED, downloader="qb", message="no"))

            download = await looked(stage, download, 8)
            assert (download.state, stage.removed) == (State.SEEDING, [])
            download = await looked(stage, download, 20)

            assert (code(download), stage.removed) == (Code.DOWNLOAD_CLEARED, [download.folder])
            assert len(stage.client.orders) == (why in ("refused", "not listed"))

    asyncio.run(main())


def test_of_a_torrent_with_pad_files_those_that_were_chosen_are_seeded(tmp_path: Path) -> None:
    files = b"d6:lengthi100e4:pathl5:a.mkveed4:attr1:p6:lengthi28e4:pathl4:.pad2:28eed6:lengthi100e4:pathl5:b.mkvee"
    rest = b"4:name6:season12:piece lengthi128e6:pieces40:" + b"x" * 40
    torrent = b"d4:infod5:filesl" + files + b"e" + rest + b"ee"

    async def main() -> None:
        async with staged(tmp_path) as stage:
            await looked(stage, await seeded(stage, wanted=(2,), torrent=torrent), 4)

            (order,) = stage.client.orders
            assert (order.uri, order.torrent, order.options["select-file"]) == (None, torrent, "3")

    asyncio.run(main())

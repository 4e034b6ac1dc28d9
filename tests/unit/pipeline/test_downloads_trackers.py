"""Which downloads are given further trackers, and when."""

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cgwire.codes import Code
from cgwire.reasons import because
from cloudgather.core.download import Rules, State
from cloudgather.core.downloader import Item, Phase
from cloudgather.ports.downloader import DownloadRefused
from cloudgather.ports.uploads import CannotAsk
from downloadwork import HASH, Stage, staged, theirs
from fakes.downloader import an_item

TRACKERS = ("udp://a:1", "udp://b:1")


def told(stage: Stage) -> list[Any]:
    return [given for what, given in stage.client.told if what == "announce"]


def of(folder: bytes, **changes: Any) -> Item:
    return an_item("1", **{"final": folder, "current": folder, "phase": Phase.DOWNLOADING, **changes})


@pytest.mark.parametrize(
    ("infohash", "private", "given"),
    [(HASH, None, TRACKERS), (HASH, False, TRACKERS), (HASH, True, ()), (None, None, ())],
    ids=["magnet", "public", "private", "web"],
)
def test_torrents_that_are_not_known_to_be_private_are_handed_over_with_them(
    tmp_path: Path, infohash: str | None, private: bool | None, given: tuple[str, ...]
) -> None:
    async def main() -> None:
        async with staged(tmp_path) as stage:
            stage.rules = Rules(extra_trackers=TRACKERS)
            await stage.step(await stage.add(infohash=infohash, private=private))

            assert [order.trackers for order in stage.client.orders] == [given]

    asyncio.run(main())


def test_they_are_told_once_when_its_files_are_known_and_again_when_they_are_others(tmp_path: Path) -> None:
    async def main() -> None:
        async with staged(tmp_path) as stage:
            stage.rules, stage.listed = Rules(tracker_file=b"/trackers"), TRACKERS[:1]
            download = await stage.add()
            stage.client.put(of(download.folder, phase=Phase.METADATA))
            download = await stage.step(download, times=2)
            assert told(stage) == []

            stage.client.put(of(download.folder))
            download = await stage.step(download, times=3)
            assert told(stage) == [("1", TRACKERS[:1])]

            stage.listed = TRACKERS
            download = await stage.step(download, times=3)
            assert told(stage) == [("1", TRACKERS[:1]), ("1", TRACKERS)]

    asyncio.run(main())


def test_what_others_have_given_the_downloader_and_what_is_private_is_left_as_it_is(tmp_path: Path) -> None:
    async def main() -> None:
        async with staged(tmp_path) as stage:
            stage.rules = Rules(extra_trackers=TRACKERS)
            stage.client.put(theirs(phase=Phase.DOWNLOADING))
            adopted = await stage.step(await stage.add(), times=3)
            assert adopted.foreign

            private = await stage.add(infohash="b" * 40, private=True)
            stage.client.put(of(private.folder))
            assert (await stage.step(private, times=3)).state is State.DOWNLOADING

            assert told(stage) == []

    asyncio.run(main())


def test_a_downloader_that_refuses_them_keeps_up_no_download(tmp_path: Path) -> None:
    async def main() -> None:
        async with staged(tmp_path) as stage:
            stage.rules = Rules(extra_trackers=TRACKERS)
            refusals = 0

            async def announce(id: str, trackers: Any) -> None:
                nonlocal refusals
                refusals += 1
                raise DownloadRefused(because(Code.DOWNLOADER_REFUSED, downloader="qb", message="no"))

            stage.client.announce = announce  # type: ignore[method-assign]
            download = await stage.add()
            stage.client.put(of(download.folder))
            download = await stage.step(download, times=3)

            assert (download.state, refusals) == (State.DOWNLOADING, 1)
            assert replace(download, reason=None) == download

    asyncio.run(main())


def test_who_does_not_answer_is_told_of_them_later(tmp_path: Path) -> None:
    async def main() -> None:
        async with staged(tmp_path) as stage:
            stage.rules = Rules(extra_trackers=TRACKERS)
            silent, announce = (
                because(Code.DOWNLOADER_UNREACHABLE, downloader="qb", url="http://qb"),
                stage.client.announce,
            )

            async def unanswered(id: str, trackers: Any) -> None:
                raise CannotAsk(silent)

            stage.client.announce = unanswered  # type: ignore[method-assign]
            download = await stage.add()
            stage.client.put(of(download.folder))
            with pytest.raises(CannotAsk):
                await stage.step(download)
            stage.client.announce = announce  # type: ignore[method-assign]
            await stage.step(download, times=3)

            assert told(stage) == [("1", TRACKERS)]

    asyncio.run(main())

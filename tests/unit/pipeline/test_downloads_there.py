"""What the downloader got from elsewhere while a download was handed to it is followed, or refused with that reason."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from cgwire.codes import Code
from cgwire.reasons import because
from cloudgather.core.download import State
from cloudgather.core.downloader import DownloadOrder, Phase
from cloudgather.ports.downloader import DownloadRefused
from downloadwork import HASH, ToldDownloader, code, staged, theirs
from fakes.downloader import an_item


class Refusing(ToldDownloader):
    """As qBittorrent does with a torrent that it has."""

    async def add(self, order: DownloadOrder) -> str | None:
        await super().add(order)
        raise DownloadRefused(because(Code.DOWNLOADER_REFUSED, message="it has it already, or cannot read it"))


class GivingUp(ToldDownloader):
    """As aria2 does: it takes what it has, and says afterwards that it is in error."""

    async def add(self, order: DownloadOrder) -> str | None:
        await super().add(order)
        there = {"final": order.folder, "current": order.folder, "infohashes": frozenset({HASH})}
        self.put(an_item("again", phase=Phase.FAILED, message="already registered", **there))
        return "again"


@pytest.mark.parametrize("client", [Refusing, GivingUp])
@pytest.mark.parametrize("reuse", [True, False])
def test_it_is_followed_or_refused(tmp_path: Path, client: type[ToldDownloader], reuse: bool) -> None:
    async def main() -> None:
        async with staged(tmp_path) as stage:
            stage.client = client()
            download = await stage.step(await stage.add(reuse=reuse))
            assert stage.client.told == [("add", download.folder)]
            stage.client.put(theirs(phase=Phase.DOWNLOADING))  # since the last poll

            found = await stage.step(download, times=4)

            if reuse:
                assert (found.state, found.foreign, found.handed) == (State.DOWNLOADING, True, False)
            else:
                assert (found.state, code(found)) == (State.FAILED, Code.ERROR_DOWNLOAD_THERE)
            assert [told for told in stage.client.told if told[0] == "add"] == [("add", download.folder)]
            assert "theirs" in stage.client.items

    asyncio.run(main())


def test_before_its_files_are_known_it_is_followed_whatever_was_chosen(tmp_path: Path) -> None:
    async def main() -> None:
        async with staged(tmp_path) as stage:
            stage.client = Refusing()
            download = await stage.step(await stage.add(wanted=frozenset({7})))
            # As aria2 does: meanwhile it lists one file, which is no file of the torrent.
            stage.client.put(theirs(phase=Phase.METADATA, top=b"[METADATA]show"))

            found = await stage.step(download, times=4)

            assert found.foreign and found.state is State.METADATA, (found.state, code(found))

    asyncio.run(main())


def test_what_is_refused_for_another_reason_fails_with_that(tmp_path: Path) -> None:
    async def main() -> None:
        async with staged(tmp_path) as stage:
            stage.client = Refusing()

            download = await stage.step(await stage.add(), times=6)

            assert (download.state, code(download)) == (State.FAILED, Code.DOWNLOADER_REFUSED)
            assert stage.client.told == [("add", download.folder)]

    asyncio.run(main())


def test_what_is_refused_since_our_own_order_came_late_goes_on(tmp_path: Path) -> None:
    async def main() -> None:
        async with staged(tmp_path) as stage:
            stage.client = Refusing()
            download = await stage.step(await stage.add())
            ours = theirs(phase=Phase.DOWNLOADING)
            stage.client.put(replace(ours, final=download.folder, current=download.folder))

            download = await stage.step(download, times=5)

            assert (download.state, download.foreign) == (State.DOWNLOADING, False)

    asyncio.run(main())

"""One that was handed over at rest begins, with the files that are wanted, whatever its downloader forgets."""

import asyncio
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

import pytest

from cloudgather.core.download import Event, State
from cloudgather.core.downloader import Item, ItemFile, Phase
from downloadwork import Stage, ToldDownloader, staged
from fakes.downloader import an_item

FILES = [ItemFile(index=n, path=b"%d" % n, size=50, done=0, wanted=True) for n in range(3)]


class Forgetful(ToldDownloader):
    """Takes each order, and does the first of each kind not: it had just been given the item."""

    async def select(self, id: str, wanted: Collection[int]) -> None:
        await super().select(id, wanted)
        if len([each for each in self.told if each[0] == "select"]) > 1:
            self.content[id] = [replace(file, wanted=file.index in wanted) for file in self.content[id]]

    async def resume(self, id: str) -> None:
        await super().resume(id)
        if len([each for each in self.told if each[0] == "resume"]) > 1:
            self.put(replace(self.items[id], phase=Phase.STALLED, paused=False), self.content[id])


@pytest.mark.parametrize("wanted", [None, (2,)])
def test_what_the_downloader_forgets_it_is_told_again(tmp_path: Path, wanted: tuple[int, ...] | None) -> None:
    async def main() -> None:
        async with staged(tmp_path) as stage:
            stage.client = Forgetful()
            download = await stage.add(wanted=wanted)
            stage.client.put(resting(download.folder), FILES)

            download = await stage.step(download, times=5)

            assert download.state is State.DOWNLOADING
            selects = [] if wanted is None else [("select", ("1", frozenset({1})))] * 2
            assert stage.client.told == [*selects, ("resume", "1"), ("resume", "1")]

    asyncio.run(main())


@pytest.mark.parametrize(
    ("wanted", "done", "begins"), [((2,), 0, True), ((2,), 10, False), (None, 0, False)], ids=["anew", "began", "all"]
)
def test_what_somebody_has_stopped_stays_stopped_but_what_lost_its_choice_begins_anew(
    tmp_path: Path, wanted: tuple[int, ...] | None, done: int, begins: bool
) -> None:
    async def main() -> None:
        async with staged(tmp_path) as stage:
            download = await stage.add(wanted=wanted)
            await began(stage, download.id)
            stage.client.put(replace(resting(download.folder), done=done), FILES[:2])

            await stage.step(download, times=2)

            assert bool(stage.client.told) == begins

    asyncio.run(main())


def test_one_that_its_owner_has_paused_does_not_begin(tmp_path: Path) -> None:
    async def main() -> None:
        async with staged(tmp_path) as stage:
            download = await stage.add()
            download = await stage.book.note(download, {"paused": True})
            stage.client.put(resting(download.folder), FILES)

            await stage.step(download, times=2)

            assert stage.client.told == []

    asyncio.run(main())


def resting(folder: bytes) -> Item:
    return an_item(phase=Phase.QUEUED, paused=True, done=0, final=folder, current=folder)


async def began(stage: Stage, id: int) -> None:
    await stage.store.move_download(id, State.QUEUED, Event.DOWNLOAD, now=stage.works.clock.now())

"""One that was handed over at rest begins, with the files that are wanted, whatever its downloader forgets."""

import asyncio
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final, cast

import pytest

from cgwire import download as wire
from cgwire.access import Access
from cloudgather.core.caller import Caller
from cloudgather.core.download import Event, State
from cloudgather.core.downloader import Item, ItemFile, Phase
from cloudgather.operations.downloads import DownloadOperations
from cloudgather.operations.world import World
from downloadwork import Stage, ToldDownloader, staged
from fakes.downloader import an_item
from waiting import eventually

OPERATOR: Final = Caller(uid=1, gid=1, pid=1, user="somebody", groups=frozenset({1}), access=Access.OPERATE)
FILES = [ItemFile(index=n, path=b"%d" % n, size=50, done=0, wanted=True) for n in range(3)]


class Obedient(ToldDownloader):
    """Does what it is told."""

    async def select(self, id: str, wanted: Collection[int]) -> None:
        await super().select(id, wanted)
        files = [replace(file, wanted=file.index in wanted) for file in self.content[id]]
        self.put(replace(self.items[id], size=sum(file.size for file in files if file.wanted)), files)

    async def pause(self, id: str) -> None:
        await super().pause(id)
        if self.items[id].size:
            self.put(replace(self.items[id], phase=Phase.QUEUED, paused=True), self.content[id])

    async def resume(self, id: str) -> None:
        await super().resume(id)
        if self.items[id].size:
            self.put(replace(self.items[id], phase=Phase.STALLED, paused=False), self.content[id])


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


@pytest.mark.parametrize("asked", [{"wanted": (2,)}, {"choose": True}], ids=["wanted", "choose"])
@pytest.mark.parametrize("polled", [True, False])
def test_one_that_was_paused_before_it_began_and_goes_on_has_the_files_that_were_chosen(
    tmp_path: Path, asked: dict[str, Any], polled: bool
) -> None:
    async def main() -> None:
        async with staged(tmp_path) as stage:
            stage.client = Obedient()
            download = await stage.add(**asked)
            if polled:
                stage.client.put(resting(download.folder), FILES)
            else:  # the last poll was before the pause, when it looked for its files
                stage.client.put(replace(resting(download.folder), phase=Phase.METADATA, paused=False, size=0), [])
            async with stage.followed() as downloads:
                operations = DownloadOperations(cast(World, SimpleNamespace(downloads=downloads)))
                await operations.download_pause(wire.Pause(id=download.id), OPERATOR)
                await operations.download_resume(wire.Resume(id=download.id), OPERATOR)
                if not polled:
                    stage.client.put(replace(resting(download.folder), phase=Phase.STALLED, paused=False), FILES)
                for _ in range(5):
                    await stage.works.advance(1.0)

            download = await stage.now(download)
            if "choose" in asked:
                assert (download.state, stage.client.items["1"].paused) == (State.CHOOSING, True)
            else:
                assert download.state is State.DOWNLOADING
                assert [file.index for file in stage.client.content["1"] if file.wanted] == [1]

    asyncio.run(main())


def test_a_choice_is_let_begin_with_the_next_step_and_not_by_the_order(tmp_path: Path) -> None:
    async def main() -> None:
        async with staged(tmp_path) as stage:
            stage.client = Obedient()
            download = await stage.add(choose=True)
            stage.client.put(resting(download.folder), FILES)
            async with stage.followed() as downloads:
                operations = DownloadOperations(cast(World, SimpleNamespace(downloads=downloads)))
                await stage.works.advance(1.0)
                await eventually(lambda: stage.book.open[download.id].state is State.CHOOSING, what="its choice")
                await operations.download_select(wire.Select(id=download.id, files=(1, 3)), OPERATOR)
                assert stage.client.told == [("select", ("1", frozenset({0, 2})))]
                for _ in range(3):
                    await stage.works.advance(1.0)

            assert (await stage.now(download)).state is State.DOWNLOADING
            assert stage.client.told[1:] == [("resume", "1")]

    asyncio.run(main())


@pytest.mark.parametrize(("size", "begins"), [(60, False), (50, True)])
def test_of_one_whose_files_were_chosen_only_those_count_for_what_its_owner_may_have(
    tmp_path: Path, size: int, begins: bool
) -> None:
    async def main() -> None:
        async with staged(tmp_path) as stage:
            stage.client = Obedient()
            download = await stage.add(wanted=(2,), max_size=50)
            files = [replace(FILES[0]), replace(FILES[1], size=size)]
            stage.client.put(resting(download.folder), files)

            download = await stage.step(download, times=3)

            assert download.state is (State.DOWNLOADING if begins else State.FAILED)
            assert (("resume", "1") in stage.client.told) == begins

    asyncio.run(main())


def resting(folder: bytes) -> Item:
    return an_item(phase=Phase.QUEUED, paused=True, done=0, final=folder, current=folder)


async def began(stage: Stage, id: int) -> None:
    await stage.store.move_download(id, State.QUEUED, Event.DOWNLOAD, now=stage.works.clock.now())

"""That a download under way rests while too little is left on its disk, and goes on by itself afterwards."""

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from cgwire.codes import Code
from cgwire.reasons import because
from cloudgather.core.download import Download, Event, Rules, State
from cloudgather.core.downloader import Item, Phase
from cloudgather.ports.uploads import CannotAsk
from downloadwork import Stage, ToldDownloader, staged, theirs
from fakes.downloader import an_item

LEAST = 800


def of(download: Download, **changes: Any) -> Item:
    where = {"final": download.folder, "current": download.folder}
    return an_item("1", **{**where, "phase": Phase.DOWNLOADING, **changes})


RESTING = {"phase": Phase.QUEUED, "paused": True}


async def stepped(stage: Stage, download: Download, *, free: int) -> Download:
    """One step, a while after the disk has come to have so much free."""
    stage.free = free
    await stage.works.advance(timedelta(seconds=10))
    return await stage.step(download)


def held(stage: Stage, download: Download) -> str | None:
    hold = stage.book.hold_of(download.id)
    return None if hold is None else hold.code


def test_it_rests_below_the_least_and_goes_on_when_an_eighth_more_is_free(tmp_path: Path) -> None:
    async def main() -> None:
        async with staged(tmp_path) as stage:
            stage.rules = Rules(min_free=LEAST)
            download = await stage.add(size=100)
            stage.client.put(of(download))
            download = await stepped(stage, download, free=LEAST)
            assert (stage.client.told, download.state) == ([], State.DOWNLOADING)

            download = await stepped(stage, download, free=LEAST - 1)
            assert (stage.client.told, download.short) == ([("pause", "1")], True)
            assert held(stage, download) == Code.HELD_DOWNLOAD_SPACE

            stage.client.put(of(download, **RESTING))
            download = await stepped(stage, download, free=LEAST + 99)
            assert (stage.client.told, download.short) == ([("pause", "1")], True)

            download = await stepped(stage, download, free=LEAST + 100)
            assert (stage.client.told, download.short) == ([("pause", "1"), ("resume", "1")], True)

            stage.client.put(of(download))
            download = await stepped(stage, download, free=LEAST + 100)
            assert (stage.client.told, download.short) == ([("pause", "1"), ("resume", "1")], False)

    asyncio.run(main())


def test_what_is_not_heard_when_it_is_let_go_on_is_let_go_on_again(tmp_path: Path) -> None:
    class Deaf(ToldDownloader):
        async def resume(self, id: str) -> None:
            await super().resume(id)
            if self.told.count(("resume", id)) == 1:
                raise CannotAsk(because(Code.DOWNLOADER_UNREACHABLE, downloader="qb", url="http://qb"))

    async def main() -> None:
        async with staged(tmp_path) as stage:
            stage.client, stage.rules = Deaf(), Rules(min_free=LEAST)
            download = await stage.add()
            stage.client.put(of(download))
            download = await stepped(stage, download, free=0)
            stage.client.put(of(download, **RESTING))

            with pytest.raises(CannotAsk):
                await stepped(stage, download, free=1 << 40)
            await stepped(stage, download, free=1 << 40)
            stage.client.put(of(download))
            download = await stepped(stage, download, free=1 << 40)

            assert stage.client.told == [("pause", "1"), ("resume", "1"), ("resume", "1")]
            assert (download.short, download.state) == (False, State.DOWNLOADING)

    asyncio.run(main())


def test_who_lets_it_go_on_by_hand_does_not_fill_the_disk(tmp_path: Path) -> None:
    async def main() -> None:
        async with staged(tmp_path) as stage:
            stage.rules = Rules(min_free=LEAST)
            download = await stage.add()
            stage.client.put(of(download))
            for _ in range(2):
                download = await stepped(stage, download, free=0)

            assert stage.client.told == [("pause", "1")] * 2

    asyncio.run(main())


def test_one_that_its_owner_has_paused_meanwhile_does_not_go_on(tmp_path: Path) -> None:
    async def main() -> None:
        async with staged(tmp_path) as stage:
            stage.rules = Rules(min_free=LEAST)
            download = await stage.add()
            stage.client.put(of(download))
            download = await stepped(stage, download, free=0)
            download = await stage.book.note(download, {"paused": True})
            stage.client.put(of(download, **RESTING))

            download = await stepped(stage, download, free=1 << 40)

            assert (stage.client.told, download.short) == ([("pause", "1")], False)

    asyncio.run(main())


@pytest.mark.parametrize("phase", [Phase.SEEDING, Phase.MOVING, Phase.CHECKING, Phase.METADATA])
def test_what_writes_nothing_goes_on(tmp_path: Path, phase: Phase) -> None:
    async def main() -> None:
        async with staged(tmp_path) as stage:
            stage.rules = Rules(min_free=LEAST)
            download = await stage.add()
            stage.client.put(of(download, phase=phase))

            await stepped(stage, download, free=0)

            assert stage.client.told == []

    asyncio.run(main())


def test_what_others_have_given_the_downloader_is_not_paused(tmp_path: Path) -> None:
    async def main() -> None:
        async with staged(tmp_path) as stage:
            stage.rules = Rules(min_free=LEAST)
            stage.client.put(theirs(phase=Phase.DOWNLOADING))
            download = await stage.step(await stage.add())
            assert download.foreign

            await stepped(stage, download, free=0)

            assert stage.client.told == []

    asyncio.run(main())


def test_a_disk_that_does_not_answer_pauses_nothing_and_lets_nothing_go_on(tmp_path: Path) -> None:
    async def main() -> None:
        async with staged(tmp_path) as stage:
            stage.rules = Rules(min_free=LEAST)
            download = await stage.add()
            stage.client.put(of(download))
            stage.free_fails = True
            download = await stepped(stage, download, free=0)
            assert stage.client.told == []

            stage.free_fails = False
            download = await stepped(stage, download, free=0)
            stage.client.put(of(download, **RESTING))
            stage.free_fails = True
            download = await stepped(stage, download, free=1 << 40)

            assert (stage.client.told, download.short) == ([("pause", "1")], True)
            assert held(stage, download) == Code.HELD_DOWNLOAD_FOLDER

    asyncio.run(main())


def magnet(download: Download, id: str, **changes: Any) -> Item:
    """The files of its link are known now."""
    where = {"final": download.folder, "current": download.folder, "size": 600, "done": 0}
    return an_item(id, **{**where, "phase": Phase.DOWNLOADING, **changes})


def test_of_links_whose_files_become_known_only_those_go_on_that_have_room(tmp_path: Path) -> None:
    async def main() -> None:
        async with staged(tmp_path) as stage:
            stage.rules, stage.free = Rules(min_free=LEAST), LEAST + 1000
            added = [await stage.add(infohash=None) for _ in range(3)]
            first, second, third = [await stage.book.note(each, {"tries": 1, "handed": True}) for each in added]
            for number, download in enumerate((first, second, third), 1):
                stage.client.put(magnet(download, str(number), phase=Phase.METADATA, size=0))
                await stage.step(download)

            async def looked(*downloads: Download, free: int) -> None:
                for download in downloads:
                    await stepped(stage, download, free=free)

            for number, download in enumerate((first, second, third), 1):
                stage.client.put(magnet(download, str(number)))
            await looked(first, second, third, free=LEAST + 1000)
            assert stage.client.told == [("pause", "2"), ("pause", "3")]
            assert (await stage.now(first)).state is State.DOWNLOADING
            assert held(stage, second) == Code.HELD_DOWNLOAD_SPACE

            for number, download in enumerate((second, third), 2):
                stage.client.put(magnet(download, str(number), **RESTING))
            stage.client.put(magnet(first, "1", done=500))
            await looked(first, second, third, free=LEAST + 500)
            assert stage.client.told[2:] == [("resume", "2")]  # the third is after the second

            stage.client.put(magnet(second, "2"))
            await looked(first, second, third, free=LEAST + 500)
            assert stage.client.told[3:] == []

            changes = {"cleared": True}
            await stage.book.move(await stage.now(first), Event.REMOVE, None, changes)
            await stage.book.move(await stage.now(second), Event.REMOVE, None, changes)
            await looked(third, free=LEAST + 1000)
            assert stage.client.told[3:] == [("resume", "3")]

    asyncio.run(main())


def test_those_whose_files_were_chosen_begin_one_after_the_other_where_the_disk_has_no_room_for_both(
    tmp_path: Path,
) -> None:
    async def main() -> None:
        async with staged(tmp_path) as stage:
            stage.rules, stage.free = Rules(min_free=LEAST), LEAST + 1000
            added = [await stage.add(infohash=None, wanted=(1,)) for _ in range(2)]
            first, second = [await stage.book.note(each, {"tries": 1, "handed": True}) for each in added]
            for id, download in (("1", first), ("2", second)):
                stage.client.put(magnet(download, id, **RESTING))
                await stage.step(download)

            assert stage.client.told == [("resume", "1")]
            assert held(stage, second) == Code.HELD_DOWNLOAD_SPACE

            await stage.book.move(first, Event.REMOVE, None, {"cleared": True})
            await stage.step(second)
            assert stage.client.told == [("resume", "1"), ("resume", "2")]

    asyncio.run(main())

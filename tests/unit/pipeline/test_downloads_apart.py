"""That what goes wrong with one download, or hangs, keeps up no other, and that two at once take no room twice."""

import asyncio
import logging
import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest

from cgwire.codes import Code
from cloudgather.core.download import Event, Rules, State
from cloudgather.core.downloader import DownloadOrder, Item, Phase
from cloudgather.pipeline.downloads import Downloads
from downloadwork import Stage, staged
from fakes.downloader import an_item, complete
from waiting import eventually


def of(folder: bytes, id: str, **changes: object) -> Item:
    """The downloader's item for the download with this folder."""
    return an_item(id, **{"final": folder, "current": folder, "phase": Phase.DOWNLOADING, **changes})


async def looked(stage: Stage, times: int = 1) -> None:
    """As many looks at all of them."""
    for _ in range(times):
        await stage.works.advance(1.0)


async def state(stage: Stage, id: int) -> State:
    found = await stage.works.store.asked(lambda store: store.download(id))
    assert found is not None
    return found.state


def test_a_folder_that_does_not_answer_holds_up_its_download_and_no_other(tmp_path: Path) -> None:
    async def main() -> None:
        async with staged(tmp_path) as stage, stage.followed():
            hung, other = await stage.add(), await stage.add()
            stage.hung.add(hung.folder)
            for id, download in (("1", hung), ("2", other)):
                stage.client.put(complete(of(download.folder, id)))

            await looked(stage, 3)

            await eventually(lambda: stage.book.open[other.id].state is State.UPLOADING, what="the other is uploaded")
            assert await state(stage, hung.id) is State.QUEUED
            assert stage.hung_at == {hung.folder}

    asyncio.run(main())


def test_a_removal_that_hangs_holds_up_no_other(tmp_path: Path) -> None:
    async def main() -> None:
        async with staged(tmp_path) as stage, stage.followed() as downloads:
            hung, other = await stage.add(), await stage.add()
            stage.hung.add(hung.folder)
            for download in (hung, other):
                await downloads.move(download, Event.REMOVE, {})

            await looked(stage, 4)

            await eventually(lambda: stage.removed == [other.folder], what="the other is removed")
            assert hung.folder in stage.hung_at
            assert (await state(stage, hung.id), hung.id in stage.book.open) == (State.REMOVED, True)

    asyncio.run(main())


def test_a_bug_at_one_is_told_once_and_shown_and_keeps_up_no_other(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> None:
        async with staged(tmp_path) as stage, stage.followed() as downloads:
            sick, other = await stage.add(), await stage.add()
            stage.client.put(of(sick.folder, "1"))
            stage.client.put(of(other.folder, "2"))
            shown = stage.book.show
            met = []

            def show(id: int, item: Item) -> None:
                if id == sick.id:
                    met.append(stage.works.clock.monotonic())
                    raise ZeroDivisionError("no such thing")
                shown(id, item)

            stage.book.show = show  # type: ignore[method-assign]  # the bug
            with caplog.at_level(logging.ERROR):
                await looked(stage, 100)

            assert await state(stage, other.id) is State.DOWNLOADING
            assert [each.getMessage() for each in caplog.records if "a bug of ours" in each.getMessage()] == [
                f"download {sick.id} cannot be brought on: a bug of ours"
            ]
            assert 4 <= len(met) <= 8  # at first, and after 2, 4, 8 … seconds
            hold = downloads.hold_of(sick)
            assert hold is not None and (hold.code, "no such thing" in str(hold.facts)) == (
                Code.HELD_DOWNLOAD_BUG,
                True,
            )

            stage.book.show = shown  # type: ignore[method-assign]
            await looked(stage, 100)
            assert await state(stage, sick.id) is State.DOWNLOADING
            assert downloads.hold_of(sick) is None

    asyncio.run(main())


def test_two_at_once_are_not_more_than_their_owner_may_have(tmp_path: Path) -> None:
    async def main() -> None:
        async with staged(tmp_path) as stage:
            stage.client.takes = True
            for _ in range(3):
                await stage.add(max_active=1, infohash=None)
            async with stage.followed() as downloads:
                await looked(stage, 3)

                assert [what for what, _ in stage.client.told] == ["add"]
                held = [downloads.hold_of(each) for each in stage.book.open.values()]
                assert [hold.code for hold in held if hold is not None] == [Code.HELD_DOWNLOAD_ACTIVE] * 2

    asyncio.run(main())


def test_two_at_once_do_not_take_the_same_room(tmp_path: Path) -> None:
    async def main() -> None:
        async with staged(tmp_path) as stage:
            stage.client.takes = True
            stage.rules = Rules(min_free=0)
            stage.free = 120
            for _ in range(2):
                await stage.add(size=100, infohash=None)
            async with stage.followed() as downloads:
                await looked(stage, 3)

                assert [what for what, _ in stage.client.told] == ["add"]
                held = [downloads.hold_of(each) for each in stage.book.open.values()]
                assert [hold.code for hold in held if hold is not None] == [Code.HELD_DOWNLOAD_SPACE]

    asyncio.run(main())


def test_a_downloader_that_does_not_answer_an_order_holds_up_no_other_download(tmp_path: Path) -> None:
    async def main() -> None:
        async with staged(tmp_path) as stage, stage.followed():
            stage.client.takes = True
            first = await stage.add(infohash=None)
            add, hung = stage.client.add, asyncio.Event()

            async def adding(order: DownloadOrder) -> str | None:
                if order.folder == first.folder:
                    hung.set()
                    await asyncio.get_running_loop().create_future()
                return await add(order)

            stage.client.add = adding  # type: ignore[method-assign]  # a request that is not answered
            await looked(stage)
            assert hung.is_set()
            second = await stage.add(infohash=None)
            await looked(stage, 2)

            assert stage.client.told == [("add", second.folder)]

    asyncio.run(main())


def test_a_row_that_cannot_be_read_is_left_out_and_the_others_are_there(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> None:
        async with staged(tmp_path) as stage:
            stage.client.takes = True
            whole, damaged = await stage.add(infohash=None), await stage.add()
            with sqlite3.connect(next(tmp_path.rglob("state.db"))) as connection:
                connection.execute("UPDATE download SET known = x'c1' WHERE id = ?", (damaged.id,))
            connection.close()
            stage.client.put(of(damaged.folder, "damaged"))  # what becomes of it nobody knows
            with caplog.at_level(logging.ERROR):
                async with stage.followed() as downloads:
                    await looked(stage, 2)

                    assert [each.id for each in await downloads.all(uid=None)] == [whole.id]
                    assert stage.client.told == [("add", whole.folder)]
                    assert await downloads.of_infohash("a" * 40) is None
                    assert (await downloads.one(whole.id)) is not None
            told = [each.getMessage() for each in caplog.records if "left out" in each.getMessage()]
            assert told == [f"download {damaged.id} cannot be read from the database and is left out"]

    asyncio.run(main())


def test_what_was_recorded_while_the_store_was_read_is_not_forgotten(tmp_path: Path) -> None:
    async def main() -> None:
        async with staged(tmp_path) as stage:
            one, other = await stage.add(), await stage.add()
            await stage.book.read()

            async def meanwhile(step: str) -> None:
                if step == "open_downloads.end":
                    stage.works.store.met = passed
                    await stage.book.note(one, {"tries": 7})
                    await stage.book.move(other, Event.REMOVE, None, {"cleared": True})

            passed, stage.works.store.met = stage.works.store.met, meanwhile
            await stage.book.read()

            assert stage.works.store.met is passed
            assert stage.book.open == {one.id: replace(await stage.now(one), tries=7)}

    asyncio.run(main())


def test_what_the_store_refuses_is_done_once_it_can(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        async with staged(tmp_path) as stage, stage.followed():
            download = await stage.add(infohash=None)
            stage.client.put(of(download.folder, "1"))
            stage.works.store.refuse("move_download", times=1000)
            with caplog.at_level(logging.WARNING):
                await looked(stage, 4)
                await eventually(lambda: stage.works.store.refused["move_download"] > 1, what="that it was tried again")
                assert await state(stage, download.id) is State.QUEUED
                stage.works.store.accept()
                await looked(stage, 2)
                await eventually(
                    lambda: stage.book.open[download.id].state is State.DOWNLOADING, what="that it is done"
                )

            assert len([each for each in caplog.records if "downloads wait" in each.getMessage()]) == 1

    asyncio.run(main())


def test_nothing_of_it_is_left_running(tmp_path: Path) -> None:
    async def main() -> None:
        async with staged(tmp_path) as stage:
            async with stage.followed() as downloads:
                assert isinstance(downloads, Downloads)
                stage.hung.add((await stage.add()).folder)
                stage.client.put(complete(of(next(iter(stage.hung)), "1")))
                await looked(stage, 2)
                await eventually(lambda: bool(stage.hung_at), what="a look that hangs")

            assert [task for task in asyncio.all_tasks() if task.get_name().startswith("download ")] == []

    asyncio.run(main())

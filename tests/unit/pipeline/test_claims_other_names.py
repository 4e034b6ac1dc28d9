"""A downloader's file is that file under another name, too: a link, or the suffix of what is incomplete."""

import asyncio
from datetime import timedelta
from pathlib import Path

from cgwire.codes import Code
from claimwork import NAME, asking, sighted, waits
from cloudgather.core.downloader import ItemFile
from cloudgather.core.task import Send
from fakes.downloader import FakeDownloader, an_item, complete


def test_a_link_to_an_unfinished_file_waits_though_its_disk_was_not_there_when_it_was_looked_for(
    tmp_path: Path,
) -> None:
    async def main() -> None:
        qb = FakeDownloader()
        qb.put(an_item(final=b"/other", current=b"/other"))
        async with asking(tmp_path, qb) as works:
            other = works.world.source_at(b"/other")
            other.gone()
            works.world.source.write(b"a", b"x" * 100)
            works.world.source.link(b"a", b"b")
            await sighted(works)
            works.intake.sight("films", b"a")
            await works.advance(10.0)
            assert await works.states() == {b"a": "done"}

            other.unavailable = None  # its disk is mounted late
            other.write(NAME, b"x" * 100)
            works.world.source.link(NAME, b"film.mkv", of=other)
            await works.advance(3.0)
            works.intake.sight("films", b"film.mkv")
            await works.advance(timedelta(minutes=5))
            assert waits(works, b"film.mkv") == {Code.WAIT_DOWNLOADER}

            qb.put(complete(an_item(final=b"/other", current=b"/other")))
            await works.advance(15.0)
            assert (await works.states())[b"film.mkv"] == "done"

    asyncio.run(main())


def test_an_inode_that_was_an_unfinished_file_and_is_another_now_is_that(tmp_path: Path) -> None:
    async def main() -> None:
        qb = FakeDownloader()
        item = an_item(final=b"/other", current=b"/fast")
        qb.put(item)
        async with asking(tmp_path, qb) as works:
            fast, other = works.world.source_at(b"/fast"), works.world.source_at(b"/other")
            fast.write(NAME, b"x" * 100)
            works.world.source.link(NAME, b"a", of=fast)
            works.intake.sight("films", b"a")
            await works.advance(15.0)
            assert waits(works, b"a") == {Code.WAIT_DOWNLOADER}

            inode = fast.files[NAME].inode
            fast.remove(NAME)
            works.world.source.remove(b"a")
            other.write(NAME, b"x" * 100)
            other.files[NAME].inode = inode + 1000
            qb.put(complete(an_item(final=b"/other", current=b"/other")))
            await works.advance(15.0)
            works.world.source.write(b"b", b"y" * 60)
            works.world.source.files[b"b"].inode = inode
            works.world.source.link(b"b", b"c")
            works.intake.sight("films", b"b")
            await works.advance(15.0)
            assert (await works.states())[b"b"] == "done"

    asyncio.run(main())


def test_under_the_suffix_of_what_is_incomplete_it_is_the_same_file(tmp_path: Path) -> None:
    async def main() -> None:
        qb = FakeDownloader()
        qb.put(an_item())
        async with asking(tmp_path, qb) as works:
            source = works.world.source
            await sighted(works, NAME + b".!qB")
            source.link(NAME + b".!qB", b"film.mkv")
            works.intake.sight("films", b"film.mkv")
            await works.advance(timedelta(minutes=5))
            assert waits(works, NAME + b".!qB") == waits(works, b"film.mkv") == {Code.WAIT_DOWNLOADER}

            qb.put(complete(an_item()))
            source.rename(NAME + b".!qB", NAME)
            works.intake.sight("films", NAME)
            source.write(b"left.mkv.!qB", b"x" * 100)
            works.intake.sight("films", b"left.mkv.!qB")
            await works.advance(timedelta(minutes=5))
            assert await works.states() == {NAME: "done", b"film.mkv": "done"}
            assert Code.WAIT_PARTIAL_NAME in waits(works, b"left.mkv.!qB")

    asyncio.run(main())


def test_what_nobody_chose_keeps_up_no_folder_under_the_suffix_of_what_is_incomplete_either(tmp_path: Path) -> None:
    async def main() -> None:
        qb = FakeDownloader()
        files = [
            ItemFile(index=0, path=b"show/a.mkv", size=100, done=100, wanted=True),
            ItemFile(index=1, path=b"show/b.mkv", size=100, done=30, wanted=False),
        ]
        qb.put(complete(an_item(top=b"show")), files)
        async with asking(tmp_path, qb, send=Send.FOLDER) as works:
            await sighted(works, b"show/a.mkv", b"show/b.mkv.!qB")
            await works.advance(timedelta(minutes=5))
            assert await works.states() == {b"show/a.mkv": "done"}
            assert not waits(works, b"show/b.mkv.!qB")

    asyncio.run(main())

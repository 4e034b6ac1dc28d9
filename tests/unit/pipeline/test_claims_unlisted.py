"""What a downloader had unfinished and no longer lists is not taken for complete."""

import asyncio
from datetime import timedelta
from pathlib import Path

from cgwire.codes import Code
from claimwork import NAME, asking, sighted, waits
from cloudgather.core.downloader import Phase
from cloudgather.pipeline.claims import Claims
from cloudgather.pipeline.pending import SkipSettle
from cloudgather.ports.source import Look
from fakes.downloader import FakeDownloader, an_item, complete


def test_where_it_had_unfinished_files_is_remembered_of_however_many(tmp_path: Path) -> None:
    async def main() -> None:
        qb = FakeDownloader()
        for number in range(1001):
            folder = b"/other/%d" % number
            qb.put(an_item(str(number), final=folder, current=folder))
        async with asking(tmp_path, qb) as works:
            again = Claims(
                store=works.store, clock=works.world.clock, make=lambda spec: qb, source_at=works.world.source_at
            )
            await again.take({"qb": qb.spec})
            following = again.following["qb"]
            assert all(following.covers(b"/other/%d/file" % number) for number in range(1001))
            assert not following.covers(b"/another/file")

    asyncio.run(main())


def test_what_leaves_the_list_unfinished_is_not_taken_for_complete_at_once(tmp_path: Path) -> None:
    async def main() -> None:
        qb = FakeDownloader()
        qb.put(an_item())
        async with asking(tmp_path, qb) as works:
            await sighted(works, NAME)
            qb.items.clear()
            await works.advance(30.0)
            assert waits(works) == {Code.WAIT_DOWNLOADER_GONE}
            qb.put(an_item())  # its list was not whole
            await works.advance(timedelta(minutes=10))
            assert waits(works) == {Code.WAIT_DOWNLOADER}

    asyncio.run(main())


def test_what_left_the_list_unfinished_waits_for_an_order_or_until_its_files_are_gone(tmp_path: Path) -> None:
    async def main() -> None:
        qb = FakeDownloader()
        never_listed = an_item("2", top=b"show", phase=Phase.STALLED)
        qb.put(an_item())
        qb.put(never_listed)
        async with asking(tmp_path, qb) as works:
            await sighted(works, NAME)
            qb.items.clear()
            await works.advance(1.0)
            await sighted(works, b"show/a.mkv")
            await works.advance(timedelta(hours=2))
            assert waits(works) == waits(works, b"show/a.mkv") == {Code.WAIT_DOWNLOADER_GONE}

            del works.world.source.files[NAME]
            await works.advance(timedelta(minutes=3))
            await sighted(works, NAME)  # it has come from elsewhere
            await works.scanner.upload(works.board.tasks["films"], b"show", skip_settle=SkipSettle.ALL)
            await works.advance(timedelta(minutes=1))
            assert await works.states() == {NAME: "done", b"show/a.mkv": "done"}

    asyncio.run(main())


def test_what_is_there_again_under_another_id_is_what_counts(tmp_path: Path) -> None:
    async def main() -> None:
        qb = FakeDownloader()
        qb.put(an_item("1"))
        async with asking(tmp_path, qb) as works:
            await sighted(works, NAME)
            qb.items.clear()
            await works.advance(timedelta(minutes=5))
            assert waits(works) == {Code.WAIT_DOWNLOADER_GONE}

            qb.put(complete(an_item("2", top=NAME)))
            await works.advance(timedelta(minutes=1))
            assert await works.states() == {NAME: "done"}

    asyncio.run(main())


def test_what_left_the_list_while_the_daemon_was_not_there_waits_as_well(tmp_path: Path) -> None:
    async def main() -> None:
        qb = FakeDownloader()
        qb.put(an_item("1"))
        qb.put(an_item("2", others=(b"/temporary",)))
        async with asking(tmp_path, qb) as works:
            state = works.board.tasks["films"]
            works.world.source.write(NAME, b"x" * 100)
            look = await state.source.look(NAME)
            assert isinstance(look, Look)
            empty = FakeDownloader()
            again = Claims(
                store=works.store, clock=works.world.clock, make=lambda spec: empty, source_at=works.world.source_at
            )
            await again.take({"qb": empty.spec})
            await again.following["qb"].poll()
            await again.following["qb"].let_go_of_what_is_not_here()

            word = await again.word(state.task, look)
            assert word is not None and word.code == Code.WAIT_DOWNLOADER_GONE
            assert [place.item for place in again.following["qb"].unfinished()] == ["1"]  # nothing of "2" is here

    asyncio.run(main())

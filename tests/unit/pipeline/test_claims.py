"""What a downloader says of files decides when they go; what it cannot say waits."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from cgwire.codes import Code
from claimwork import NAME, asking, sighted, waits
from cloudgather.core.downloader import ItemFile, Phase
from cloudgather.core.task import Send
from cloudgather.pipeline.pending import SkipSettle
from cloudgather.ports.source import Look
from fakes.downloader import FakeDownloader, an_item, complete


def test_a_stalled_download_waits_as_long_as_it_is_stalled(tmp_path: Path) -> None:
    async def main() -> None:
        qb = FakeDownloader()
        qb.put(an_item())
        async with asking(tmp_path, qb) as works:
            await sighted(works, NAME)
            await works.advance(timedelta(hours=2))
            assert waits(works) == {Code.WAIT_DOWNLOADER}

            qb.put(complete(an_item()))
            await works.advance(3.0)

            transfer = await works.one()
            assert (transfer.path, str(transfer.state), transfer.guessed) == (NAME, "done", False)

    asyncio.run(main())


def test_a_downloader_leaves_the_configuration_while_the_state_disk_is_full(tmp_path: Path) -> None:
    async def main() -> None:
        qb = FakeDownloader()
        qb.put(an_item())
        async with asking(tmp_path, qb) as works:
            works.store.refuse("set_flag")

            assert await works.claims.take({}) == ["qb"]

            assert works.store.refused["set_flag"] == 1
            assert works.claims.following == {}

    asyncio.run(main())


def test_what_is_complete_and_of_another_size_on_disk_waits(tmp_path: Path) -> None:
    async def main() -> None:
        qb = FakeDownloader()
        qb.put(complete(an_item()))
        async with asking(tmp_path, qb) as works:
            await sighted(works, NAME, size=60)
            await works.advance(timedelta(minutes=5))
            assert waits(works) == {Code.WAIT_DOWNLOADER_SIZE}

    asyncio.run(main())


def test_what_is_being_moved_or_lies_elsewhere_waits(tmp_path: Path) -> None:
    async def main() -> None:
        qb = FakeDownloader()
        async with asking(tmp_path, qb) as works:
            for item in (
                complete(an_item(), phase=Phase.MOVING),
                complete(an_item(), phase=Phase.CHECKING),
                complete(an_item(), current=b"/temporary"),
            ):
                qb.put(item)
                await works.advance(4.0)
                await sighted(works, NAME)
                await works.advance(timedelta(minutes=5))
                assert waits(works) == {Code.WAIT_DOWNLOADER}

    asyncio.run(main())


def test_what_was_looked_at_before_it_told_of_it_goes_as_soon_as_it_is_complete(tmp_path: Path) -> None:
    async def main() -> None:
        qb = FakeDownloader()
        async with asking(tmp_path, qb, settle=timedelta(hours=1)) as works:
            await sighted(works, NAME)
            assert Code.WAIT_QUIET in waits(works)
            qb.put(an_item())
            await works.advance(4.0)
            qb.put(complete(an_item()))
            await works.advance(3.0)
            assert await works.states() == {NAME: "done"}

    asyncio.run(main())


def test_what_it_completes_while_files_are_looked_at_is_looked_at_again_at_once(tmp_path: Path) -> None:
    async def main() -> None:
        qb = FakeDownloader()
        qb.put(an_item("1"))
        qb.put(an_item("2"))
        async with asking(tmp_path, qb) as works:
            gate = qb.slow_files["2"] = asyncio.Event()
            await sighted(works, NAME, b"2.mkv")  # what it says of the first is had, and of the second not yet
            qb.put(complete(an_item("1")))
            await works.advance(3.0)
            gate.set()
            await works.advance(1.0)
            assert await works.states() == {NAME: "done"}

    asyncio.run(main())


def test_what_nobody_claims_is_a_guess(tmp_path: Path) -> None:
    async def main() -> None:
        async with asking(tmp_path, FakeDownloader()) as works:
            await sighted(works, b"other.mkv")
            await works.advance(1.5)
            assert await works.states() == {}
            await works.advance(2.0)
            assert (await works.one()).guessed

    asyncio.run(main())


def test_files_go_together_or_one_by_one_and_never_those_that_nobody_chose(tmp_path: Path) -> None:
    async def main(send: Send) -> None:
        qb = FakeDownloader()
        item = an_item(top=b"show", size=200, done=100, phase=Phase.DOWNLOADING)
        files = [
            ItemFile(index=0, path=b"show/a.mkv", size=100, done=100, wanted=True),
            ItemFile(index=1, path=b"show/b.mkv", size=100, done=0, wanted=True),
            ItemFile(index=2, path=b"show/c.mkv", size=100, done=30, wanted=False),
        ]
        qb.put(item, files)
        async with asking(tmp_path / send, qb, send=send) as works:
            await sighted(works, b"show/a.mkv", b"show/b.mkv", b"show/c.mkv")
            await works.advance(timedelta(minutes=5))
            assert set(await works.states()) == ({b"show/a.mkv"} if send is Send.FILE else set())

            qb.put(complete(item), [files[0], replace(files[1], done=100), files[2]])
            await works.advance(4.0)

            assert set(await works.states()) == {b"show/a.mkv", b"show/b.mkv"}

    for send in Send:
        (tmp_path / send).mkdir()
        asyncio.run(main(send))


def test_a_finished_item_is_looked_at_though_nothing_told_of_its_files(tmp_path: Path) -> None:
    async def main() -> None:
        qb = FakeDownloader()
        qb.put(an_item())
        async with asking(tmp_path, qb) as works:
            await works.advance(5.0)
            works.world.source.write(NAME, b"x" * 100)
            qb.put(complete(an_item()))
            await works.advance(4.0)
            assert await works.states() == {NAME: "done"}

    asyncio.run(main())


def test_what_has_finished_while_files_cannot_be_asked_for_is_told_with_a_later_answer(tmp_path: Path) -> None:
    async def main() -> None:
        qb = FakeDownloader()
        for id in ("1", "2"):
            qb.put(an_item(id))
        async with asking(tmp_path, qb) as works:
            await works.advance(5.0)
            for id in ("1", "2"):
                works.world.source.write(f"{id}.mkv".encode(), b"x" * 100)
                qb.put(complete(an_item(id)))
            qb.refuses_files = 2
            await works.advance(15.0)
            assert qb.refuses_files == 0
            assert await works.states() == {b"1.mkv": "done", b"2.mkv": "done"}

    asyncio.run(main())


def test_a_file_goes_by_itself_when_two_polls_show_it_complete_and_an_empty_one_with_its_item(tmp_path: Path) -> None:
    async def main() -> None:
        qb = FakeDownloader()
        item = an_item(top=b"show", size=200, done=100, phase=Phase.DOWNLOADING)
        files = [
            ItemFile(index=0, path=b"show/a.mkv", size=100, done=100, wanted=True),
            ItemFile(index=1, path=b"show/b.mkv", size=100, done=0, wanted=True),
            ItemFile(index=2, path=b"show/empty.nfo", size=0, done=0, wanted=True),
        ]
        qb.put(item, files)
        async with asking(tmp_path, qb, send=Send.FILE) as works:
            state = works.board.tasks["films"]
            works.world.source.write(b"show/a.mkv", b"x" * 100)
            look = await state.source.look(b"show/a.mkv")
            assert isinstance(look, Look)
            first = await works.claims.word(state.task, look)
            qb.put(replace(item, done=60), [replace(files[0], done=60), *files[1:]])  # a piece was bad after all
            await works.advance(1.0)
            second = await works.claims.word(state.task, look)
            assert first is not None and second is not None
            assert (first.code, second.code) == (Code.WAIT_DOWNLOADER, Code.WAIT_DOWNLOADER)

            qb.put(item, files)
            await sighted(works, b"show/a.mkv", b"show/b.mkv")
            await sighted(works, b"show/empty.nfo", size=0)
            await works.advance(timedelta(minutes=5))
            assert await works.states() == {b"show/a.mkv": "done"}

            qb.put(complete(item), [files[0], replace(files[1], done=100), files[2]])
            await works.advance(4.0)
            assert (await works.states()).keys() == {b"show/a.mkv", b"show/b.mkv", b"show/empty.nfo"}

    asyncio.run(main())


def test_whoever_skips_the_guess_still_waits_for_the_downloader_and_an_order_does_not(tmp_path: Path) -> None:
    async def main() -> None:
        qb = FakeDownloader()
        qb.put(complete(an_item(), phase=Phase.CHECKING))
        async with asking(tmp_path, qb, settle=timedelta(hours=1)) as works:
            state = works.board.tasks["films"]
            works.world.source.write(NAME, b"x" * 100)
            works.world.source.write(b"other.mkv", b"x")

            await works.scanner.upload(state, b"", skip_settle=SkipSettle.GUESS)
            await works.rest()
            assert await works.states() == {b"other.mkv": "done"}
            assert [each.path for each in works.scanner.unsettled("films")] == [NAME]
            assert waits(works) == {Code.WAIT_DOWNLOADER}

            await works.scanner.upload(state, b"", skip_settle=SkipSettle.ALL)
            await works.rest()
            assert await works.states() == {NAME: "done", b"other.mkv": "done"}

    asyncio.run(main())

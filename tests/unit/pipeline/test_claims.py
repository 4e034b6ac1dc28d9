"""What a downloader says of files decides when they go; what it cannot say waits."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from cgwire.codes import Code
from cloudgather.core.downloader import ItemFile, Phase
from cloudgather.core.task import Send
from cloudgather.pipeline.claims import Claims
from cloudgather.pipeline.pending import SkipSettle
from cloudgather.ports.source import Look
from fakes.downloader import FakeDownloader, an_item, complete
from pipework import Works, a_task, working

NAME = b"1.mkv"


@asynccontextmanager
async def asking(folder: Path, qb: FakeDownloader, **task: Any) -> AsyncIterator[Works]:
    """A daemon that has asked this downloader once."""
    async with working(folder, tasks=[a_task(**{"settle": timedelta(seconds=1), **task})]) as works:
        works.world.downloaders[qb.spec.name] = qb
        await works.claims.take({qb.spec.name: qb.spec})
        works.errands.start(works.claims.serve(qb.spec.name, works.intake))
        await works.rest()
        yield works


async def sighted(works: Works, *paths: bytes, size: int = 100) -> None:
    for path in paths:
        works.world.source.write(path, b"x" * size)
        works.intake.sight("films", path)
    await works.advance(1.0)


def waits(works: Works, path: bytes = NAME) -> set[str]:
    """The conditions that are not met."""
    pending = works.intake.pending.get("films", path)
    return {each.code for each in pending.conditions if each.code.startswith("wait.")} if pending else set()


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


def test_while_it_cannot_be_asked_what_it_may_know_waits_and_it_is_asked_ever_more_rarely(tmp_path: Path) -> None:
    async def main() -> None:
        qb = FakeDownloader(folders=(b"/downloads",))
        qb.down = True
        async with asking(tmp_path, qb) as works:
            await sighted(works, NAME)
            await works.advance(timedelta(minutes=10))
            assert waits(works) == {Code.WAIT_DOWNLOADER_SILENT}
            assert 10 <= qb.polls <= 20

            qb.down = False
            qb.put(complete(an_item()))
            await works.advance(65.0)
            assert (await works.states()) == {NAME: "done"}

    asyncio.run(main())


def test_one_that_has_never_answered_may_claim_what_lies_anywhere_or_in_its_folders(tmp_path: Path) -> None:
    async def main(waiting: set[str], **spec: Any) -> None:
        qb = FakeDownloader(**spec)
        qb.down = True
        async with asking(tmp_path / str(len(waiting)), qb) as works:
            await sighted(works, NAME)
            await works.advance(timedelta(minutes=10))
            assert qb.polls > 1
            assert waits(works) == waiting

    for number in (0, 1):
        (tmp_path / str(number)).mkdir()
    asyncio.run(main({Code.WAIT_DOWNLOADER_SILENT}))
    asyncio.run(main(set(), folders=(b"/elsewhere",)))


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


def test_what_it_has_not_told_of_yet_is_not_guessed_to_be_complete(tmp_path: Path) -> None:
    async def main() -> None:
        qb = FakeDownloader()
        async with asking(tmp_path, qb) as works:
            await sighted(works, NAME)  # settle is one second, and all of it is over
            await works.advance(1.0)
            assert qb.polls == 1  # at rest it is asked every three seconds
            assert waits(works) == {Code.WAIT_ASKING}

            qb.put(an_item())
            await works.advance(timedelta(minutes=5))
            assert waits(works) == {Code.WAIT_DOWNLOADER}

    asyncio.run(main())


def test_an_answer_that_was_asked_for_before_the_file_came_says_nothing_of_it(tmp_path: Path) -> None:
    async def main() -> None:
        qb = FakeDownloader()
        async with asking(tmp_path, qb) as works:
            second = qb.slow = asyncio.Event()
            await works.advance(3.0)
            assert qb.polls == 2  # and its answer is under way
            qb.put(an_item())
            await sighted(works, NAME)
            await works.advance(3.0)
            third = qb.slow = asyncio.Event()
            second.set()
            await works.advance(3.0)
            assert qb.polls == 3
            assert waits(works) == {Code.WAIT_ASKING}
            third.set()
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


def test_whoever_is_woken_is_asked_at_once(tmp_path: Path) -> None:
    async def main() -> None:
        qb = FakeDownloader()
        qb.down = True
        async with asking(tmp_path, qb) as works:
            await works.advance(timedelta(minutes=5))
            polls = qb.polls
            works.claims.following["qb"].poll_soon()
            await works.rest()
            assert qb.polls == polls + 1

    asyncio.run(main())


def test_one_that_was_told_something_is_asked_soon_but_never_twice_in_a_moment(tmp_path: Path) -> None:
    async def main() -> None:
        qb = FakeDownloader()
        async with asking(tmp_path, qb) as works:
            await works.advance(30.0)  # at rest
            following, polls = works.claims.following["qb"], qb.polls
            following.again = works.clock.monotonic() + 3.0

            following.heard = works.clock.monotonic()
            following.poll_soon()
            await works.rest()
            assert qb.polls == polls
            await works.advance(0.5)
            assert qb.polls == polls + 1

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


# ---- what it tells by itself ---------------------------------------------------------------------------------------


def test_what_it_tells_by_itself_is_asked_for_before_the_next_poll_is_due(tmp_path: Path) -> None:
    async def main() -> None:
        qb = FakeDownloader()
        qb.tells = True
        qb.put(an_item(phase=Phase.COMPLETE, done=100))
        async with asking(tmp_path, qb) as works:
            await works.advance(timedelta(minutes=1))
            polls = qb.polls
            while qb.polls == polls:
                await works.advance(0.5)
            polls = qb.polls
            await works.advance(2.0)  # at rest it is asked every three seconds
            assert qb.polls == polls and qb.stirred is not None

            qb.stirred()
            await works.rest()

            assert qb.polls == polls + 1

    asyncio.run(main())


def test_however_often_it_tells_something_it_is_asked_no_more_than_twice_a_second(tmp_path: Path) -> None:
    async def main() -> None:
        qb = FakeDownloader()
        qb.tells = True
        async with asking(tmp_path, qb) as works:
            polls = qb.polls
            for _ in range(100):
                assert qb.stirred is not None
                qb.stirred()
                await works.advance(0.1)

            assert 10 <= qb.polls - polls <= 21

    asyncio.run(main())


def test_who_ends_the_conversation_is_listened_to_again_and_polled_meanwhile(tmp_path: Path) -> None:
    async def main() -> None:
        qb = FakeDownloader()
        qb.tells = True
        async with asking(tmp_path, qb) as works:
            await works.advance(60.0)
            assert (qb.listens, qb.stirred is not None) == (1, True)

            qb.down = True
            qb.hang_up()
            await works.advance(25.0)
            assert (qb.listens, qb.stirred) == (3, None)

            qb.down = False
            polls = qb.polls
            await works.advance(12.0)
            assert (qb.listens, qb.stirred is not None) == (4, True)
            assert qb.polls > polls  # what was told while nobody listened

    asyncio.run(main())


def test_a_disk_that_does_not_answer_keeps_up_no_poll(tmp_path: Path) -> None:
    async def main() -> None:
        qb = FakeDownloader()
        qb.put(an_item())
        async with asking(tmp_path, qb) as works:
            await sighted(works, NAME)
            await works.advance(10.0)
            qb.items.clear()
            await works.advance(10.0)
            source, looks = works.world.source, len(works.world.source.looks)
            source.gate = asyncio.Event()

            await works.advance(timedelta(seconds=120))
            polls = qb.polls
            await works.advance(timedelta(seconds=30))

            assert len(source.looks) > looks  # it was looked at, and does not answer
            assert qb.polls >= polls + 9
            assert waits(works) == {Code.WAIT_DOWNLOADER_GONE}

            qb.put(an_item())  # listed again while the look is under way
            await works.advance(5.0)
            source.remove(NAME)
            source.gate.set()
            await works.advance(5.0)
            assert [place.item for place in works.claims.following["qb"].unfinished()] == ["1"]

    asyncio.run(main())


def test_what_another_downloader_has_in_a_folder_or_may_have_while_it_cannot_be_asked_is_needed(tmp_path: Path) -> None:
    async def main() -> None:
        qb = FakeDownloader()
        qb.put(complete(an_item("1", final=b"/d/ours", current=b"/d/ours")))
        qb.put(an_item("2", final=b"/d", current=b"/d", top=b"beside"))
        async with asking(tmp_path, qb) as works:

            def needed(folder: bytes, but: str = "aria2") -> str | None:
                reason = works.claims.needed_by_others(folder, but=but)
                return reason.code if reason is not None else None

            assert [needed(b"/d/ours"), needed(b"/d/beside")] == [Code.HELD_DOWNLOAD_BESIDE] * 2
            assert [needed(b"/d/none"), needed(b"/d/our"), needed(b"/d/ours", but="qb")] == [None] * 3

            qb.down = True
            await works.advance(30.0)
            assert needed(b"/d/ours") == Code.HELD_DOWNLOAD_BESIDE
            assert needed(b"/d/none") == Code.WAIT_DOWNLOADER_SILENT  # it puts things into the folder above
            assert (needed(b"/elsewhere"), needed(b"/d/ours", but="qb")) == (None, None)

    asyncio.run(main())


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

"""When a downloader is asked, and what waits for its answer."""

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any

from cgwire.codes import Code
from claimwork import NAME, asking, sighted, waits
from cloudgather.core.downloader import Phase
from fakes.downloader import FakeDownloader, an_item, complete


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


def test_what_nobody_claims_waits_as_well_while_an_answer_is_late(tmp_path: Path) -> None:
    async def main() -> None:
        qb = FakeDownloader()
        async with asking(tmp_path, qb, settle=timedelta(minutes=1)) as works:
            await sighted(works, NAME)
            await works.advance(50.0)  # it has been asked after the last change
            answer = qb.slow = asyncio.Event()
            await works.advance(60.0)
            assert waits(works) == {Code.WAIT_DOWNLOADER_SILENT}

            qb.slow = None
            answer.set()
            await works.advance(30.0)
            assert await works.states() == {NAME: "done"}

    asyncio.run(main())


def test_what_it_says_nothing_about_though_it_lists_it_is_no_guess(tmp_path: Path) -> None:
    async def main() -> None:
        qb = FakeDownloader()
        qb.put(an_item())
        qb.refuses_files = refused = 1_000_000
        async with asking(tmp_path, qb) as works:
            await sighted(works, NAME)
            for _ in range(30):
                await works.advance(10.0)
                assert await works.states() == {}
            assert qb.refuses_files < refused
            assert Code.WAIT_DOWNLOADER_SILENT in waits(works)

            qb.refuses_files = 0
            qb.put(complete(an_item()))
            await works.advance(90.0)
            assert await works.states() == {NAME: "done"}

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


def test_all_have_been_asked_since_the_oldest_answer_of_those_that_answer(tmp_path: Path) -> None:
    async def main() -> None:
        qb, aria2 = FakeDownloader(), FakeDownloader("aria2")
        async with asking(tmp_path, qb) as works:
            works.world.downloaders["aria2"] = aria2
            await works.claims.take({each.spec.name: each.spec for each in (qb, aria2)})
            works.errands.start(works.claims.serve("aria2", works.intake))
            await works.advance(10.0)
            heard = {name: each.heard for name, each in works.claims.following.items()}

            answer = aria2.slow = asyncio.Event()
            await works.advance(10.0)
            assert works.claims.asked_since() == works.claims.following["aria2"].heard
            assert works.claims.following["qb"].heard != heard["qb"]

            aria2.slow, aria2.down = None, True
            answer.set()
            await works.advance(10.0)
            assert works.claims.following["aria2"].silent is not None
            assert works.claims.asked_since() == works.claims.following["qb"].heard

    asyncio.run(main())


def test_where_it_has_unfinished_files_is_written_down_once_and_again_where_that_failed(tmp_path: Path) -> None:
    async def main() -> None:
        qb = FakeDownloader()
        async with asking(tmp_path, qb) as works:
            await works.advance(4.0)
            before, polls = works.store.calls["set_flag"], qb.polls
            works.store.refuse("set_flag")
            qb.put(an_item())

            await works.advance(30.0)

            flags = await works.store.asked(lambda store: store.flags())
            assert works.store.refused["set_flag"] == 1 and qb.polls > polls + 9
            assert works.store.calls["set_flag"] == before + 2
            assert '"1.mkv"' in flags["downloader:qb"]

    asyncio.run(main())

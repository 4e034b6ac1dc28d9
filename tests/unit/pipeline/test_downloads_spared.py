"""What a download must never touch: what others have given the downloader, what others need, what was never sent."""

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cgwire.codes import Code
from cloudgather.core.download import Event, State
from cloudgather.core.downloader import ItemFile, Phase
from cloudgather.core.task import Filter
from downloadwork import code, staged, theirs
from fakes.downloader import an_item, complete

# ---- what is not ours ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("phase", [Phase.FAILED, Phase.MISSING])
def test_an_adopted_torrent_that_has_failed_is_left_as_it_is(tmp_path: Path, phase: Phase) -> None:
    async def main() -> None:
        async with staged(tmp_path) as stage:
            stage.client.put(theirs(phase=phase))
            download = await stage.step(await stage.add(), times=4)

            assert (download.state, download.foreign, code(download)) == (State.FAILED, True, Code.DOWNLOAD_FAILED)
            assert stage.client.told == []

    asyncio.run(main())


@pytest.mark.parametrize("began", [False, True], ids=["queued", "downloading"])
def test_an_adopted_torrent_that_was_taken_away_is_not_handed_over(tmp_path: Path, began: bool) -> None:
    async def main() -> None:
        async with staged(tmp_path) as stage:
            stage.client.put(theirs(phase=Phase.DOWNLOADING))
            download = await stage.step(await stage.add(), times=2 if began else 1)
            assert download.foreign
            assert download.state is (State.DOWNLOADING if began else State.QUEUED)

            stage.client.items.clear()
            for _ in range(59):
                download = await stage.step(download)
                await stage.works.advance(1.0)
            assert download.state is not State.FAILED  # its downloader may have been started anew

            download = await stage.step(download, times=4)
            await stage.works.advance(2.0)
            download = await stage.step(download)

            assert (download.state, code(download)) == (State.FAILED, Code.DOWNLOAD_FOREIGN_GONE)
            assert stage.client.told == []

    asyncio.run(main())


def test_one_that_is_larger_than_allowed_is_neither_adopted_nor_paused(tmp_path: Path) -> None:
    async def main() -> None:
        async with staged(tmp_path) as stage:
            stage.client.put(theirs(phase=Phase.DOWNLOADING, size=1000))
            download = await stage.step(await stage.add(max_size=999))
            assert (download.state, code(download)) == (State.FAILED, Code.DOWNLOAD_TOO_LARGE)
            assert not download.foreign

            stage.client.put(theirs(phase=Phase.METADATA, size=0))  # its size comes later
            download = await stage.step(await stage.add(max_size=999))
            assert download.foreign
            stage.client.put(theirs(phase=Phase.DOWNLOADING, size=1000))
            download = await stage.step(download)
            assert (download.state, code(download)) == (State.FAILED, Code.DOWNLOAD_TOO_LARGE)
            assert stage.client.told == []

    asyncio.run(main())


@pytest.mark.parametrize("leaving", [False, True])
def test_what_the_downloader_has_for_another_download_is_not_adopted(tmp_path: Path, leaving: bool) -> None:
    async def main() -> None:
        async with staged(tmp_path) as stage:
            keeper = await stage.add()
            stage.client.put(theirs(phase=Phase.DOWNLOADING, final=keeper.folder, current=keeper.folder))
            event = Event.REMOVE if leaving else Event.FAIL
            await stage.store.move_download(keeper.id, State.QUEUED, event, now=stage.works.clock.now())

            download = await stage.step(await stage.add())

            assert not download.foreign
            if leaving:
                hold = stage.book.hold_of(download.id)
                assert (download.state, hold and hold.code) == (State.QUEUED, Code.HELD_DOWNLOAD_LEAVING)
                stage.client.items.clear()
                await stage.step(download)
                assert stage.client.told == [("add", download.folder)]
            else:
                assert (download.state, code(download)) == (State.FAILED, Code.ERROR_DOWNLOAD_THERE)

    asyncio.run(main())


# ---- what was chosen -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("wanted", [(3,), (1, 3)])
def test_numbers_that_no_file_has_never_come_to_all_files(tmp_path: Path, wanted: tuple[int, ...]) -> None:
    async def main() -> None:
        async with staged(tmp_path) as stage:
            download = await stage.add(wanted=wanted)
            files = [ItemFile(index=n, path=b"%d" % n, size=50, done=0, wanted=True) for n in range(2)]
            ours = an_item(phase=Phase.QUEUED, paused=True, final=download.folder, current=download.folder)
            stage.client.put(ours, files)

            download = await stage.step(download)

            assert (download.state, code(download)) == (State.FAILED, Code.DOWNLOAD_NO_SUCH_FILES)
            assert stage.client.told == []

    asyncio.run(main())


# ---- what is removed -------------------------------------------------------------------------------------------------


def test_data_that_another_download_has_adopted_stays_until_that_is_done(tmp_path: Path) -> None:
    async def main() -> None:
        async with staged(tmp_path) as stage:
            owner, adopter = await stage.add(), await stage.add()
            item = complete(theirs(), final=owner.folder, current=owner.folder)
            stage.client.put(item)
            changes = {"foreign": True, "folder": owner.folder, "own_folder": adopter.folder}
            adopter = await stage.book.note(adopter, changes)
            owner = await stage.book.move(owner, Event.REMOVE, None, {"cleared": False})

            for _ in range(3):
                assert not await stage.leaving.clear(owner, stage.known(), await stage.store.open_downloads())
            hold = stage.book.hold_of(owner.id)
            assert hold is not None and hold.code == Code.HELD_DOWNLOAD_SHARED
            assert (stage.client.told, stage.removed) == ([], [])

            await stage.book.move(adopter, Event.REMOVE, None, {"cleared": True})
            cleared = False
            for _ in range(3):
                owner = await stage.now(owner)
                cleared = await stage.leaving.clear(owner, stage.known(), await stage.store.open_downloads())
            assert cleared
            assert (stage.client.told, stage.removed) == ([("remove", "theirs")], [owner.folder])

    asyncio.run(main())


def test_data_that_a_task_has_yet_to_send_stays_though_its_download_is_removed(tmp_path: Path) -> None:
    async def main() -> None:
        async with staged(tmp_path) as stage:
            download = await stage.uploading([(b"film.mkv", 100)])
            films = stage.works.board.tasks["films"]  # a task around it leaves it to the download
            stage.works.board.tasks["inside"] = replace(films, task=replace(films.task, source=download.folder))
            download = await stage.book.move(download, Event.REMOVE, None, {"cleared": False})

            assert not await stage.leaving.clear(download, stage.known(), [])
            assert not await stage.leaving.clear(download, stage.known(), [])

            hold = stage.book.hold_of(download.id)
            assert hold is not None and hold.code == Code.HELD_DOWNLOAD_TASK
            assert stage.removed == []

    asyncio.run(main())


def test_a_task_around_it_holds_no_removal_up(tmp_path: Path) -> None:
    async def main() -> None:
        async with staged(tmp_path) as stage:
            download = await stage.uploading([(b"film.mkv", 100)])
            assert download.folder.startswith(stage.works.board.tasks["films"].task.source)
            download = await stage.book.move(download, Event.REMOVE, None, {"cleared": False})

            cleared = [await stage.leaving.clear(await stage.now(download), stage.known(), []) for _ in range(2)]

            assert (cleared, stage.removed) == ([False, True], [download.folder])

    asyncio.run(main())


def test_a_download_of_which_the_filter_wants_nothing_fails_and_stays(tmp_path: Path) -> None:
    async def main() -> None:
        async with staged(tmp_path) as stage:
            download = await stage.uploading([(b"film.mkv", 100)])
            stage.board(download, Filter(min_size=1000))

            await stage.leaving.follow(download)

            download = await stage.now(download)
            assert (download.state, code(download)) == (State.FAILED, Code.DOWNLOAD_NOTHING)
            assert (stage.client.told, stage.removed) == ([], [])

    asyncio.run(main())


def test_a_filter_that_wants_less_later_lets_nothing_go_that_was_not_sent(tmp_path: Path) -> None:
    async def main() -> None:
        async with staged(tmp_path) as stage:
            download = await stage.uploading([(b"film.mkv", 100), (b"note.txt", 100)])
            stage.board(download, Filter(extensions=frozenset({b"mkv"})))
            await stage.leaving.follow(download)
            download = await stage.now(download)
            assert (download.state, download.left_out) == (State.UPLOADING, frozenset({b"note.txt"}))

            stage.board(download, Filter(extensions=frozenset({b"iso"})))
            await stage.leaving.follow(download)
            download = await stage.now(download)
            assert (download.state, code(download)) == (State.FAILED, Code.DOWNLOAD_UNSENT)

            download = await stage.book.move(download, Event.RESEND, None, {})
            download = await stage.book.move(download, Event.UPLOAD, None, {})
            # As a daemon would have recorded it that held the filter of today for the one that counts.
            download = await stage.book.move(download, Event.UPLOADED, None, {"seeded": True})
            await stage.leaving.seed(download, stage.known(), [])
            download = await stage.now(download)
            assert (download.state, code(download)) == (State.DONE, Code.DOWNLOAD_STAYS_UNPROVEN)
            assert (stage.client.told, stage.removed) == ([], [])

    asyncio.run(main())


# ---- which files of what the downloader had before ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "state", "reason"),
    [
        ({}, State.DOWNLOADED, None),
        ({"wanted": (1, 2)}, State.DOWNLOADED, None),
        ({"wanted": (2,)}, State.DOWNLOADED, None),
        ({"wanted": (2, 3)}, State.FAILED, Code.DOWNLOAD_FOREIGN_CHOICE),
        ({"wanted": (4,)}, State.FAILED, Code.DOWNLOAD_NO_SUCH_FILES),
        ({"choose": True}, State.FAILED, Code.DOWNLOAD_FOREIGN_CHOICE),
    ],
)
@pytest.mark.parametrize("known", [True, False], ids=["files", "metadata"])
def test_of_an_adopted_torrent_come_the_files_that_were_asked_for_or_it_says_why_not(
    tmp_path: Path, asked: dict[str, Any], state: State, reason: Code | None, known: bool
) -> None:
    async def main() -> None:
        async with staged(tmp_path) as stage:
            names = [b"a", b"b", b"c"]
            files = [
                ItemFile(index=number, path=name, size=100, done=100, wanted=name != b"c")
                for number, name in enumerate(names)
            ]
            if not known:
                stage.client.put(theirs(phase=Phase.METADATA, size=0), [])
                download = await stage.step(await stage.add(**asked))
                stage.client.put(complete(theirs(size=200)), files)
                download = await stage.step(download, times=2)
            else:
                stage.client.put(complete(theirs(size=200)), files)
                download = await stage.step(await stage.add(**asked), times=2)

            assert (download.state, code(download)) == (state, reason)
            assert stage.client.told == []
            if state is State.DOWNLOADED:
                numbers = asked.get("wanted", (1, 2))
                assert [path for path, _ in download.files] == [names[number - 1] for number in numbers]

    asyncio.run(main())

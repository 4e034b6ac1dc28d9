"""How downloads whose files are complete are brought on: the upload, the seeding, and what may go then."""

import asyncio
import errno
from datetime import timedelta
from pathlib import Path

import pytest

from cgwire.codes import Code
from cgwire.reasons import because
from cloudgather.core.download import Rules, State
from cloudgather.core.downloader import Phase
from cloudgather.core.task import Filter
from cloudgather.pipeline.leaving import task_of
from downloadwork import code, staged
from leavingwork import held, looked, of, uploaded


def test_a_confirmation_that_comes_between_two_looks_is_no_failure(tmp_path: Path) -> None:
    async def main() -> None:
        async with staged(tmp_path) as stage:
            download = await stage.uploading([(b"film.mkv", 100)])
            stage.board(download, Filter())
            await stage.leaving.follow(download)  # a scan; nothing is under way
            download = await stage.now(download)
            read = []

            async def meanwhile(step: str) -> None:
                read.append(step)
                if step == "ledger.end" and read.count(step) == 1:
                    await stage.stored(download)

            stage.works.store.met = meanwhile
            await stage.leaving.follow(download)
            assert "transfers.begin" in read
            assert (await stage.now(download)).state is State.UPLOADING

            await stage.leaving.follow(download)
            assert (await stage.now(download)).state is State.SEEDING

    asyncio.run(main())


@pytest.mark.parametrize("what", ["source", "store"])
def test_what_cannot_be_scanned_now_is_held_and_scanned_later(tmp_path: Path, what: str) -> None:
    async def main() -> None:
        async with staged(tmp_path) as stage:
            download = await stage.uploading([(b"film.mkv", 100)])
            stage.board(download, Filter())
            source = stage.works.world.source_at(download.folder)
            source.write(b"film.mkv", b"f" * 100, age=3600)

            async def follow(times: int) -> None:
                for _ in range(times):
                    if (current := await stage.now(download)).state is State.UPLOADING:
                        await stage.leaving.follow(current)
                    await stage.works.advance(1.0)

            if what == "source":
                source.unavailable = because(Code.SOURCE_GONE, source=download.folder)
                await follow(300)
                assert await stage.store.runs(task=download.task_name, limit=100) == []
                assert held(stage, download) == Code.SOURCE_GONE
                source.unavailable = None
            else:
                stage.works.store.refuse("unknown", times=1000)
                await follow(300)
                assert 2 <= len(await stage.store.runs(task=download.task_name, limit=100)) <= 21
                assert held(stage, download) == Code.HELD_STATE_FULL
                stage.works.store.accept()
            assert (await stage.now(download)).state is State.UPLOADING

            await follow(60)
            assert await stage.works.states() == {b"film.mkv": "done"}

    asyncio.run(main())


@pytest.mark.parametrize("phase", [each for each in Phase if each is not Phase.COMPLETE])
def test_what_is_neither_seeded_for_long_enough_nor_stopped_stays(tmp_path: Path, phase: Phase) -> None:
    async def main() -> None:
        async with staged(tmp_path) as stage:
            stage.rules = Rules(keep_after=timedelta(0))
            download = await uploaded(stage)
            stage.client.put(of(download, phase=phase))

            download = await looked(stage, download, times=20)

            assert (download.state, download.seeded, download.clearing) == (State.SEEDING, False, False)
            expected = Code.HELD_DOWNLOAD_SEEDING if phase is Phase.SEEDING else Code.HELD_DOWNLOAD_BUSY
            assert held(stage, download) == expected
            assert (stage.client.told, stage.removed) == ([], [])

            stage.client.put(of(download, phase=Phase.COMPLETE))
            assert code(await looked(stage, download)) == Code.DOWNLOAD_CLEARED
            assert (stage.client.told, stage.removed) == ([("remove", "ours")], [download.folder])

    asyncio.run(main())


def test_it_is_kept_from_when_its_seeding_is_over_and_whatever_it_does_then(tmp_path: Path) -> None:
    async def main() -> None:
        async with staged(tmp_path) as stage:
            stage.rules = Rules(keep_after=timedelta(minutes=10), seed_ratio=1.0)
            download = await uploaded(stage)
            stage.client.put(of(download, phase=Phase.SEEDING))
            download = await looked(stage, download, times=2, every=3600.0)
            assert (download.due, held(stage, download)) == (None, Code.HELD_DOWNLOAD_SEEDING)

            stage.client.put(of(download, phase=Phase.SEEDING, ratio=1.0))
            download = await looked(stage, download, times=1, every=0.0)
            assert download.due == stage.works.clock.now() + timedelta(minutes=10)
            stage.client.put(of(download, phase=Phase.CHECKING))
            download = await looked(stage, download, times=19, every=30.0)
            assert (download.state, held(stage, download)) == (State.SEEDING, Code.HELD_DOWNLOAD_KEPT)

            assert code(await looked(stage, download, every=30.0)) == Code.DOWNLOAD_CLEARED

    asyncio.run(main())


def test_what_a_downloader_does_not_list_for_a_moment_is_not_taken_away(tmp_path: Path) -> None:
    async def main() -> None:
        async with staged(tmp_path) as stage:
            stage.rules = Rules(keep_after=timedelta(0))
            download = await uploaded(stage)

            for _ in range(3):
                stage.client.items.clear()
                download = await looked(stage, download, times=3, every=15.0)
                assert held(stage, download) == Code.HELD_DOWNLOAD_BUSY
                stage.client.put(of(download))
                download = await looked(stage, download, times=1)
            assert not download.seeded
            stage.client.items.clear()
            assert not (await looked(stage, download, times=2, every=3600.0)).seeded  # two polls are not enough

            assert code(await looked(stage, download, times=5)) == Code.DOWNLOAD_CLEARED
            assert (stage.client.told, stage.removed) == ([], [download.folder])

    asyncio.run(main())


@pytest.mark.parametrize("disk_is_there", [True, False])
def test_a_folder_that_somebody_has_removed_ends_it_and_a_disk_that_is_away_is_waited_for(
    tmp_path: Path, disk_is_there: bool, caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> None:
        async with staged(tmp_path) as stage:
            stage.rules = Rules(keep_after=timedelta(0), wait_for_seeding=False)
            download = await uploaded(stage)
            stage.client.put(of(download, phase=Phase.MISSING))
            gone = because(Code.SOURCE_GONE, source=download.folder)
            source, above = [stage.works.world.source_at(each) for each in (download.folder, b"/downloads")]
            source.unavailable = gone
            above.unavailable = None if disk_is_there else gone
            async with stage.followed():
                await stage.works.advance(60.0)

                download = await stage.now(download)
                assert stage.client.told == [] and "a bug of ours" not in caplog.text
                if disk_is_there:
                    assert (download.state, code(download)) == (State.DONE, Code.DOWNLOAD_STAYS_CHANGED)
                else:
                    assert (download.state, held(stage, download)) == (State.SEEDING, Code.SOURCE_GONE)
                    source.unavailable = above.unavailable = None
                    await stage.works.advance(60.0)
                    assert code(await stage.now(download)) == Code.DOWNLOAD_CLEARED

    asyncio.run(main())


def test_what_comes_back_into_the_downloader_while_it_goes_must_be_missing_twice_again(tmp_path: Path) -> None:
    async def main() -> None:
        async with staged(tmp_path) as stage:
            download = await uploaded(stage)
            download = await stage.book.note(download, {"clearing": True})
            download = await looked(stage, download, times=1)
            assert stage.removed == []

            stage.client.put(of(download))  # its session was loaded
            download = await looked(stage, download, times=2)
            assert (stage.client.told, stage.removed) == ([("remove", "ours")], [])

            download = await looked(stage, download, times=1)
            assert stage.removed == [download.folder]

    asyncio.run(main())


@pytest.mark.parametrize("listed", [True, False])
@pytest.mark.parametrize(
    ("path", "why"), [(b"ours.srt", Code.DOWNLOAD_STAYS_BESIDE), (b"ours.mkv", Code.DOWNLOAD_STAYS_CHANGED)]
)
def test_what_comes_into_its_folder_while_its_removal_waits_is_not_removed_with_it(
    tmp_path: Path, path: bytes, why: Code, listed: bool
) -> None:
    async def main() -> None:
        async with staged(tmp_path) as stage:
            stage.rules = Rules(keep_after=timedelta(0), wait_for_seeding=False)
            download = await stage.book.note(await uploaded(stage), {"clearing": True, "seeded": True})
            if listed:
                stage.client.put(of(download))
            stage.needed_elsewhere = because(Code.HELD_DOWNLOAD_BESIDE, downloader="other", name="film")
            download = await looked(stage, download)
            assert held(stage, download) == Code.HELD_DOWNLOAD_BESIDE
            stage.works.world.source_at(download.folder).write(path, b"another")
            stage.needed_elsewhere = None

            download = await looked(stage, download)

            assert (download.state, code(download), download.clearing) == (State.DONE, why, False)
            assert (stage.client.told, stage.removed) == ([], [])

    asyncio.run(main())


@pytest.mark.parametrize("folder_goes", [True, False])
def test_what_has_gone_already_holds_the_rest_of_its_removal_up_no_more(tmp_path: Path, folder_goes: bool) -> None:
    async def main() -> None:
        async with staged(tmp_path) as stage:
            download = await stage.book.note(await uploaded(stage), {"clearing": True, "seeded": True})
            source = stage.works.world.source_at(download.folder)
            source.remove(b"ours.mkv")
            if folder_goes:
                source.gone()

            download = await looked(stage, download)

            assert (code(download), stage.removed) == (Code.DOWNLOAD_CLEARED, [download.folder])

    asyncio.run(main())


def test_what_cannot_be_removed_is_held_and_tried_again_at_leisure(tmp_path: Path) -> None:
    async def main() -> None:
        async with staged(tmp_path) as stage:
            download = await stage.book.note(await uploaded(stage), {"clearing": True})
            stage.removal_fails = PermissionError(errno.EACCES, "Permission denied", b"/downloads/theirs")
            async with stage.followed():
                await stage.works.advance(300.0)
                assert 2 <= stage.removals_refused <= 21
                hold = stage.book.hold_of(download.id)
                assert hold is not None and hold.code == Code.HELD_DOWNLOAD_REMOVAL
                assert (hold.facts["path"], hold.facts["message"]) == (b"/downloads/theirs", "Permission denied")

                stage.removal_fails = None
                await stage.works.advance(60.0)
                assert code(await stage.now(download)) == Code.DOWNLOAD_CLEARED

    asyncio.run(main())


def test_what_was_left_out_stays_so_and_is_not_waited_for_when_its_task_has_left_the_configuration(
    tmp_path: Path,
) -> None:
    async def main() -> None:
        async with staged(tmp_path) as stage:
            stage.rules = Rules(keep_after=timedelta(0), wait_for_seeding=False)
            files = ((b"ours.mkv", 100), (b"ours.nfo", 100))
            download = await stage.book.note(
                await uploaded(stage), {"files": files, "left_out": frozenset({files[1][0]})}
            )
            source = stage.works.world.source_at(download.folder)
            source.write(b"ours.nfo", b"n" * 100, age=3600)
            state = stage.works.board.tasks[download.task_name]
            state.task = task_of(download, None)

            download = await looked(stage, download)

            assert (code(download), stage.removed) == (Code.DOWNLOAD_CLEARED, [download.folder])

    asyncio.run(main())

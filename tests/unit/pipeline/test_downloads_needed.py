"""What others need of a download, chose later or have put beside it stays when the download is over."""

import asyncio
import os
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from cgwire.codes import Code
from cgwire.reasons import because
from cloudgather.core.download import Event, Rules, State
from cloudgather.core.downloader import ItemFile, Kind, Phase
from cloudgather.pipeline.matching import mark
from downloadwork import code, staged
from leavingwork import held, looked, of, uploaded


@pytest.mark.parametrize("phase", [Phase.SEEDING, Phase.DOWNLOADING])
def test_what_somebody_has_chosen_later_in_the_downloader_is_never_removed(tmp_path: Path, phase: Phase) -> None:
    async def main() -> None:
        async with staged(tmp_path) as stage:
            stage.rules = Rules(keep_after=timedelta(0), wait_for_seeding=False)
            download = await uploaded(stage)
            files = [
                ItemFile(index=number, path=path, size=100, done=done, wanted=wanted)
                for number, (path, done, wanted) in enumerate(
                    [(b"ours.mkv", 100, True), (b"extra.mkv", 50, True), (b"none.txt", 0, False)]
                )
            ]
            stage.client.put(of(download, phase=phase, size=200, done=150), files)

            download = await looked(stage, download)

            assert (download.state, code(download)) == (State.DONE, Code.DOWNLOAD_STAYS_MORE)
            assert download.reason is not None and download.reason.facts["path"] == b"extra.mkv"
            assert (stage.client.told, stage.removed) == ([], [])

    asyncio.run(main())


@pytest.mark.parametrize("kind", [Kind.ARIA2, Kind.QBITTORRENT])
def test_only_aria2_forgets_a_choice_by_itself(tmp_path: Path, kind: Kind) -> None:
    async def main() -> None:
        async with staged(tmp_path) as stage:
            stage.client.spec = replace(stage.client.spec, kind=kind)
            stage.rules = Rules(keep_after=timedelta(0), wait_for_seeding=False)
            download = await stage.book.note(await uploaded(stage), {"wanted": (1,)})
            files = [
                ItemFile(index=number, path=path, size=100, done=done, wanted=True)
                for number, (path, done) in enumerate([(b"ours.mkv", 100), (b"extra.mkv", 50)])
            ]
            stage.client.put(of(download, phase=Phase.DOWNLOADING, paused=True, size=200, done=150), files)

            download = await looked(stage, download)

            cleared = kind is Kind.ARIA2
            assert code(download) == (Code.DOWNLOAD_CLEARED if cleared else Code.DOWNLOAD_STAYS_MORE)
            assert stage.removed == ([download.folder] if cleared else [])

    asyncio.run(main())


@pytest.mark.parametrize("listed", [True, False])
@pytest.mark.parametrize(
    ("path", "goes"),
    [
        (b"ours.srt", False),
        (b"unpacked/ours.iso", False),
        (b"Thumbs.db", True),
        (b"ours.mkv.aria2", True),
        (b".%s.parts" % (b"a" * 40), True),
        (b"ours/.pad/1", True),
    ],
    ids=["subtitles", "unpacked", "junk", "control file", "pieces", "pad file"],
)
def test_what_somebody_has_put_into_its_folder_is_not_removed_with_it(
    tmp_path: Path, path: bytes, goes: bool, listed: bool
) -> None:
    async def main() -> None:
        async with staged(tmp_path) as stage:
            stage.rules = Rules(keep_after=timedelta(0), wait_for_seeding=False)
            download = await uploaded(stage)
            stage.works.world.source_at(download.folder).write(path, b"x", age=3600)
            if listed:
                stage.client.put(of(download, phase=Phase.COMPLETE))

            download = await looked(stage, download)

            assert download.state is State.DONE
            assert code(download) == (Code.DOWNLOAD_CLEARED if goes else Code.DOWNLOAD_STAYS_BESIDE)
            assert stage.removed == ([download.folder] if goes else [])
            assert [what for what, _ in stage.client.told] == (["remove"] if goes and listed else [])

    asyncio.run(main())


@pytest.mark.parametrize(("wanted", "listed"), [((1,), True), ((1,), False), (None, True)])
def test_pieces_of_files_that_were_not_chosen_go_with_it(
    tmp_path: Path, wanted: tuple[int, ...] | None, listed: bool
) -> None:
    async def main() -> None:
        async with staged(tmp_path) as stage:
            stage.rules = Rules(keep_after=timedelta(0), wait_for_seeding=False)
            download = await stage.book.note(await uploaded(stage), {"wanted": wanted})
            stage.works.world.source_at(download.folder).write(b"other.mkv", b"piece", age=3600)
            if listed:
                names = [(b"ours.mkv", True), (b"other.mkv", False)]
                files = [ItemFile(index=n, path=p, size=100, done=9, wanted=w) for n, (p, w) in enumerate(names)]
                stage.client.put(of(download, phase=Phase.COMPLETE), files)

            download = await looked(stage, download)

            assert (code(download), stage.removed) == (Code.DOWNLOAD_CLEARED, [download.folder])

    asyncio.run(main())


@pytest.mark.parametrize("where", ["here", "below", "all of it", "elsewhere"])
@pytest.mark.parametrize("by_order", [False, True], ids=["seeded", "removed"])
def test_what_something_else_in_a_downloader_needs_stays_until_that_is_gone(
    tmp_path: Path, where: str, by_order: bool
) -> None:
    async def main() -> None:
        async with staged(tmp_path) as stage:
            stage.rules = Rules(keep_after=timedelta(0), wait_for_seeding=False)
            download = await uploaded(stage)
            if by_order:
                download = await stage.book.move(download, Event.REMOVE, None, {"cleared": False})
            stage.client.put(of(download))
            above, name = os.path.split(download.folder)
            places = {"here": (download.folder, b"ours.mkv"), "below": (download.folder + b"/film", None)}
            if place := {**places, "all of it": (above, name)}.get(where):
                cross = {"id": "a cross-seed", "tags": frozenset(), "infohashes": frozenset({"b" * 40})}
                stage.client.put(of(download, final=place[0], current=place[0], top=place[1], **cross))
            else:
                stage.needed_elsewhere = because(Code.HELD_DOWNLOAD_BESIDE, downloader="other", name="film")

            async def look() -> None:
                for _ in range(5):
                    current, known = await stage.now(download), stage.known()
                    if by_order:
                        await stage.leaving.clear(current, known, [])
                    elif current.state is State.SEEDING:
                        await stage.leaving.seed(current, known, [])

            await look()
            assert held(stage, download) == Code.HELD_DOWNLOAD_BESIDE
            assert (stage.client.told, stage.removed) == ([], [])

            stage.needed_elsewhere = None
            stage.client.items.pop("a cross-seed", None)
            await look()
            assert (stage.client.told, stage.removed[:1]) == ([("remove", "ours")], [download.folder])

    asyncio.run(main())


@pytest.mark.parametrize("known_by", ["its hash", "our mark"])
def test_what_its_downloader_has_in_a_folder_that_is_not_found_here_stays(tmp_path: Path, known_by: str) -> None:
    async def main() -> None:
        async with staged(tmp_path) as stage:
            stage.rules = Rules(keep_after=timedelta(0), wait_for_seeding=False)
            download = await uploaded(stage)
            about = {"id": mark(download), "infohashes": frozenset()} if known_by == "our mark" else {}
            moved = of(download, final=b"/data/film", current=b"/data/film", **about)  # its container sees it there now
            stage.client.put(moved)

            download = await looked(stage, download)

            assert (download.state, held(stage, download)) == (State.SEEDING, Code.HELD_DOWNLOAD_FILES)
            assert (stage.client.told, stage.removed) == ([], [])
            stage.client.put(of(download, **about))  # the path_map was corrected
            assert code(await looked(stage, download)) == Code.DOWNLOAD_CLEARED
            assert (stage.client.told, stage.removed) == ([("remove", moved.id)], [download.folder])

    asyncio.run(main())


def test_the_files_of_one_that_others_need_are_looked_at_once_in_a_while(tmp_path: Path) -> None:
    async def main() -> None:
        async with staged(tmp_path) as stage:
            stage.rules = Rules(keep_after=timedelta(0), wait_for_seeding=False)
            download = await uploaded(stage)
            stage.client.put(of(download))
            stage.needed_elsewhere = because(Code.HELD_DOWNLOAD_BESIDE, downloader="other", name="film")
            source = stage.works.world.source_at(download.folder)
            async with stage.followed():
                await stage.works.advance(300.0)
                assert 2 <= len(source.scans) <= 21
                assert 2 <= len(source.looks) <= 21
                assert held(stage, download) == Code.HELD_DOWNLOAD_BESIDE

                source.write(b"ours.mkv", b"another")
                stage.needed_elsewhere = None
                await stage.works.advance(2.0)
                assert code(await stage.now(download)) == Code.DOWNLOAD_STAYS_CHANGED

    asyncio.run(main())


def test_a_cross_seed_that_comes_while_its_data_is_about_to_go_holds_it(tmp_path: Path) -> None:
    async def main() -> None:
        async with staged(tmp_path) as stage:
            stage.rules = Rules(keep_after=timedelta(0), wait_for_seeding=False)
            download = await uploaded(stage)
            stage.client.put(of(download))
            download = await stage.book.note(download, {"clearing": True})
            stage.client.put(of(download, id="a cross-seed", tags=frozenset(), infohashes=frozenset({"b" * 40})))

            await looked(stage, download)

            assert held(stage, download) == Code.HELD_DOWNLOAD_BESIDE
            assert (stage.client.told, stage.removed) == ([], [])

    asyncio.run(main())

"""Which files of a download whose downloader calls it complete are recorded, and which are not believed."""

import asyncio
from pathlib import Path

import pytest

from cgwire.codes import Code
from cloudgather.core.download import Download, State
from cloudgather.core.downloader import Item, ItemFile, Phase
from cloudgather.pipeline.matching import mark
from downloadwork import staged
from fakes.downloader import an_item


def a_file(path: bytes, index: int = 0, *, size: int = 100) -> ItemFile:
    return ItemFile(index=index, path=path, size=size, done=size, wanted=True)


def seeding(download: Download) -> Item:
    return an_item(mark(download), final=download.folder, current=download.folder, phase=Phase.SEEDING, done=100)


def test_its_files_are_recorded_as_they_lie_in_its_folder(tmp_path: Path) -> None:
    async def main() -> None:
        async with staged(tmp_path) as stage:
            download = await stage.add()
            stage.client.put(seeding(download), [a_file(b"Film/film.mkv"), a_file(b"Film/film.srt", 1)])

            download = await stage.step(download, times=2)

            assert download.state is State.DOWNLOADED
            assert download.files == ((b"Film/film.mkv", 100), (b"Film/film.srt", 100))

    asyncio.run(main())


@pytest.mark.parametrize(
    ("path", "size"),
    [(b"../film.mkv", 100), (b"Film/../../film.mkv", 100), (b"/etc/passwd", 100), (b"film.mkv", 101)],
    ids=["above", "above in the middle", "absolute", "another size"],
)
def test_what_is_not_in_its_folder_with_its_size_is_never_taken_for_its_files(
    tmp_path: Path, path: bytes, size: int
) -> None:
    async def main() -> None:
        async with staged(tmp_path) as stage:
            download = await stage.add()
            stage.client.put(seeding(download), [a_file(b"whole.mkv"), a_file(path, 1, size=size)])

            download = await stage.step(download, times=5)

            hold = stage.book.hold_of(download.id)
            assert hold is not None and hold.code == Code.HELD_DOWNLOAD_FILES
            assert (download.state, download.files) == (State.QUEUED, ())

    asyncio.run(main())

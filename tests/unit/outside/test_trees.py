"""Removing folders with what is in them."""

import asyncio
import os
import threading
from pathlib import Path

import pytest

from cloudgather.outside.trees import Trees
from waiting import eventually


def test_a_folder_goes_with_what_is_in_it_and_links_are_not_followed(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "film.mkv").touch()
    folder = tmp_path / "folder"
    (folder / "deep" / "er").mkdir(parents=True)
    (folder / "deep" / "file").touch()
    (folder / "link").symlink_to(outside)

    asyncio.run(Trees().remove(os.fsencode(folder)))
    asyncio.run(Trees().remove(os.fsencode(folder)))  # not there any more: nothing to do

    assert sorted(path.name for path in tmp_path.rglob("*")) == ["film.mkv", "outside"]


def test_a_link_in_place_of_the_folder_is_not_followed(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (tmp_path / "link").symlink_to(outside)

    with pytest.raises(NotADirectoryError):
        asyncio.run(Trees().remove(os.fsencode(tmp_path / "link")))

    assert outside.is_dir()


def test_one_that_takes_too_long_goes_on_and_whoever_asks_again_waits_for_it() -> None:
    gate, begun = threading.Event(), []

    def hang(folder: bytes) -> None:
        begun.append(folder)
        gate.wait(60)

    async def main() -> None:
        trees = Trees(remove=hang, within=0.2)

        for _ in range(2):
            with pytest.raises(TimeoutError):
                await trees.remove(b"/folder")
        await eventually(lambda: begun == [b"/folder"], what="that the thread has begun")

        gate.set()
        await eventually(lambda: threads() <= before, within=60, what="that the thread has ended")
        assert begun == [b"/folder"]

    def threads() -> int:
        return sum(each.name == "remove" for each in threading.enumerate())

    before = threads()
    asyncio.run(main())

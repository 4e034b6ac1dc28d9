"""Disks and folders that are gone: nobody is asked for each file."""

import asyncio
from pathlib import Path

from pipework import working


def test_a_lost_source_disk_is_asked_for_once_a_minute_not_once_a_file(tmp_path: Path) -> None:
    async def main() -> None:
        async with working(tmp_path, serving=False) as works:
            paths = [b"%d.mkv" % number for number in range(50)]
            await works.queue(*paths)
            files, works.world.source.files = works.world.source.files, {}
            works.world.source.lost_disk = 99
            works.serve()
            await works.advance(300)

            assert set((await works.states()).values()) == {"queued"}
            assert works.store.calls["move:defer"] <= 10
            assert works.target.count("sweep") == 0

            works.world.source.files, works.world.source.lost_disk = files, None
            await works.advance(120)
            assert set((await works.states()).values()) == {"done"}

    asyncio.run(main())


def test_a_lost_folder_at_the_target_is_asked_for_once_not_once_a_file(tmp_path: Path) -> None:
    async def main() -> None:
        async with working(tmp_path) as works:
            await works.queue(b"first.mkv")
            works.target.folders.discard(b"films")
            works.target.steps.clear()
            await works.queue(*[b"%d.mkv" % number for number in range(50)])
            await works.advance(600)

            assert works.target.count("copy.begin") <= 4
            works.target.folders.add(b"films")
            await works.advance(600)
            assert set((await works.states()).values()) == {"done"}

    asyncio.run(main())

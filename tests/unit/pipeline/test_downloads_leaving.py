"""How downloads whose files are complete are brought on: the upload, the seeding, and what may go then."""

import asyncio
from pathlib import Path

from cloudgather.core.download import State
from cloudgather.core.task import Filter
from downloadwork import staged


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

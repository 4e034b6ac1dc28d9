"""What a downloader has again of a download that had ended is removed again, and nothing else."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from cloudgather.core.download import Download, Event, State
from cloudgather.core.downloader import Phase
from cloudgather.pipeline.matching import mark
from downloadwork import HASH, Stage, staged
from fakes.downloader import an_item


async def ended(stage: Stage, event: Event = Event.FINISH, **changes: Any) -> Download:
    """A download that is over; unless `changes` say otherwise, its data was removed."""
    download = await stage.uploading([(b"film.mkv", 100)])
    if event is Event.FINISH:
        download = await stage.book.move(download, Event.UPLOADED, None, {})
    return await stage.book.move(download, event, None, {"clearing": True, "cleared": True, **changes})


def put(stage: Stage, download: Download, id: str = "again", **changes: Any) -> None:
    """The downloader has it, with our mark unless `changes` say otherwise."""
    place = {"final": download.folder, "current": download.folder, "tags": frozenset({mark(download)})}
    stage.client.put(an_item(id, **{"phase": Phase.DOWNLOADING, **place, **changes}))


@pytest.mark.parametrize("event", [Event.FINISH, Event.REMOVE])
def test_what_the_downloader_has_again_is_removed_again(tmp_path: Path, event: Event) -> None:
    async def main() -> None:
        async with staged(tmp_path) as stage:
            download = await ended(stage, event)
            async with stage.followed():
                await stage.works.advance(1.0)
                assert stage.client.told == []
                put(stage, download)

                await stage.works.advance(60.0)

                assert stage.client.told == [("remove", "again")]
                assert stage.removed == [download.folder]
                found = await stage.now(download)
                assert (found.state, found.cleared) == (download.state, True)

    asyncio.run(main())


@pytest.mark.parametrize(
    "changes",
    [{"clearing": False}, {"clearing": False, "foreign": True}, {"foreign": True}],
    ids=["stays", "foreign", "foreign, removed"],
)
def test_what_was_left_on_purpose_stays(tmp_path: Path, changes: dict[str, Any]) -> None:
    async def main() -> None:
        async with staged(tmp_path) as stage:
            download = await ended(stage, **changes)
            put(stage, download)
            async with stage.followed():
                await stage.works.advance(60.0)

                assert (stage.client.told, stage.removed) == ([], [])

    asyncio.run(main())


def test_folders_of_others_and_what_another_download_has_taken_over_stay(tmp_path: Path) -> None:
    async def main() -> None:
        async with staged(tmp_path) as stage:
            taken, gone = await ended(stage), await ended(stage)
            adopter = await stage.add()
            changes = {"foreign": True, "folder": taken.folder, "own_folder": adopter.folder}
            await stage.book.note(adopter, changes)
            put(stage, taken)
            put(stage, gone, "another daemon's", final=gone.folder.replace(b"/cg-", b"/cg-0"))
            put(stage, gone, "elsewhere", final=b"/downloads")
            put(stage, gone, "by hand", tags=frozenset(), infohashes=frozenset({HASH}))
            async with stage.followed():
                await stage.works.advance(60.0)

                assert (stage.client.told, stage.removed) == ([], [])

    asyncio.run(main())


@pytest.mark.parametrize("by_hand", [False, True])
def test_what_was_kept_on_request_is_taken_from_the_downloader_only_and_may_be_put_back_by_hand(
    tmp_path: Path, by_hand: bool
) -> None:
    async def main() -> None:
        async with staged(tmp_path) as stage:
            download = await ended(stage, Event.REMOVE, keep_files=True)
            unmarked: dict[str, Any] = {"tags": frozenset(), "infohashes": frozenset({HASH})}
            put(stage, download, **(unmarked if by_hand else {}))
            async with stage.followed():
                await stage.works.advance(60.0)

                assert (stage.client.told, stage.removed) == ([] if by_hand else [("remove", "again")], [])
                found = await stage.now(download)
                assert (found.state, found.cleared) == (State.REMOVED, True)

    asyncio.run(main())

"""A download on its way out: stored at the target, and looked at until its data may go."""

from typing import Any

from cloudgather.core.download import Download, Event, State
from cloudgather.core.downloader import Item
from cloudgather.core.task import Filter
from cloudgather.pipeline.matching import mark
from downloadwork import HASH, Stage
from fakes.downloader import an_item, complete


def of(download: Download, **changes: Any) -> Item:
    """What the downloader has for it, complete and with our mark."""
    place = {"final": download.folder, "current": download.folder, "tags": frozenset({mark(download)})}
    return complete(an_item("ours"), **{**place, "infohashes": frozenset({HASH}), "seeding": 60.0, **changes})


async def uploaded(stage: Stage) -> Download:
    """One that is stored at the target; its source lies where no task sends from."""
    download = await stage.uploading([(b"ours.mkv", 100)])
    stage.board(download, Filter())
    stage.works.board.tasks.pop("films")
    await stage.stored(download)
    return await stage.book.move(download, Event.UPLOADED, None, {})


async def looked(stage: Stage, download: Download, *, times: int = 5, every: float = 15.0) -> Download:
    """As many looks, with a poll before each."""
    for _ in range(times):
        current = await stage.now(download)
        if current.state is not State.SEEDING:
            break
        await stage.leaving.seed(current, stage.known(), await stage.store.open_downloads())
        await stage.works.advance(every)
    return await stage.now(download)


def held(stage: Stage, download: Download) -> str | None:
    hold = stage.book.hold_of(download.id)
    return hold.code if hold is not None else None

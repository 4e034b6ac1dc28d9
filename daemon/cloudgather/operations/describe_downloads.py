"""Makes the maps that go over the wire of downloads and downloaders; their shapes are in cgwire's docstrings."""

from typing import Final

from cgwire.reasons import Reason
from cloudgather.core.download import Download, State
from cloudgather.core.downloader import Phase
from cloudgather.core.secrecy import shown_link
from cloudgather.operations import describe
from cloudgather.operations.world import WireMap, World
from cloudgather.pipeline.following import Following

_IN_TROUBLE: Final = frozenset({State.STALLED, State.FAILED})


def download(world: World, it: Download) -> WireMap:
    """The map of download.list."""
    asked = it.asked
    item = world.downloads.shown(it)
    complete = bool(it.files)
    return {
        "id": it.id,
        "name": it.name,
        "state": str(it.state),
        "paused": it.paused,
        "uri": shown_link(asked.uri) if asked.uri is not None else None,
        "downloader": asked.downloader,
        "task": asked.task,
        "target": asked.target,
        "destination": asked.base,
        "user": asked.user,
        "size": it.size,
        "done": it.size if complete else item.done if item is not None else None,
        "speed": item.speed if item is not None and not complete else None,
        "reason": _reason(it, it.reason),
        "held": _reason(it, world.downloads.hold_of(it)),
        "created": it.created.timestamp(),
        "updated": it.updated.timestamp(),
    }


def _reason(it: Download, why: Reason | None) -> WireMap | None:
    """With the number that an advice names, unless the reason is about another download."""
    return {"download": it.id, **why.to_wire()} if why is not None else None


async def open_downloads(world: World, uid: int | None) -> list[Download]:
    """Of this user, or of all, those that are not over and done with: first what somebody should look at."""
    found = [each for each in await world.downloads.all(uid=uid) if not each.cleared or each.state is State.FAILED]
    return sorted(found, key=lambda each: (each.state not in _IN_TROUBLE, each.id))


def downloader(world: World, following: Following) -> WireMap:
    """The map of downloader.list."""
    items, heard = following.items.values(), following.heard
    return {
        "name": following.spec.name,
        "kind": str(following.spec.kind),
        "url": following.spec.url,
        "state": "ok" if following.silent is None else "silent",
        "silent": describe.reason(following.silent),
        "items": len(items),
        "unfinished": sum(not item.complete for item in items),
        "stalled": sum(item.phase is Phase.STALLED for item in items),
        "speed": sum(item.speed for item in items),
        "heard": None if heard is None else world.clock.monotonic() - heard,
    }

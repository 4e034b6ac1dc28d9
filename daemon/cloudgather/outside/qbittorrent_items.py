"""What qBittorrent tells of torrents and files, read into values, and a seeding goal as it takes it."""

import math
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

from cloudgather.core.downloader import Item, ItemFile, Phase, SeedingGoal, folder_named
from cloudgather.core.mounts import is_below

PHASES: Final[Mapping[str, Phase]] = {
    "allocating": Phase.QUEUED,
    "queuedDL": Phase.QUEUED,
    "pausedDL": Phase.QUEUED,
    "stoppedDL": Phase.QUEUED,
    "metaDL": Phase.METADATA,
    "forcedMetaDL": Phase.METADATA,
    "checkingResumeData": Phase.CHECKING,
    "checkingDL": Phase.CHECKING,
    "checkingUP": Phase.CHECKING,
    "downloading": Phase.DOWNLOADING,
    "forcedDL": Phase.DOWNLOADING,
    "stalledDL": Phase.STALLED,
    "moving": Phase.MOVING,
    "uploading": Phase.SEEDING,
    "forcedUP": Phase.SEEDING,
    "stalledUP": Phase.SEEDING,
    "queuedUP": Phase.SEEDING,  # it waits for a place among those that upload
    "pausedUP": Phase.COMPLETE,
    "stoppedUP": Phase.COMPLETE,
    "error": Phase.FAILED,
    "missingFiles": Phase.MISSING,
}
_STOPPED: Final = frozenset({"pausedDL", "stoppedDL", "pausedUP", "stoppedUP"})


def item_of(id: str, torrent: Mapping[str, Any], phase: Phase) -> Item:
    """The item that all that was told of a torrent makes; raises KeyError, TypeError, ValueError, AttributeError."""
    final = folder_named(torrent["save_path"])
    temporary = folder_named(torrent.get("download_path") or "")
    content = folder_named(torrent.get("content_path") or "")
    current, top = _places(content, final, temporary)
    return Item(
        id=id,
        name=str(torrent["name"]),
        phase=phase,
        final=final,
        current=current,
        others=(temporary,) if temporary else (),
        top=top,
        size=int(torrent["size"]),
        done=int(torrent["size"]) - int(torrent["amount_left"]),
        paused=torrent["state"] in _STOPPED,
        speed=int(torrent["dlspeed"]),
        infohashes=frozenset(torrent[key] for key in ("infohash_v1", "infohash_v2") if torrent.get(key))
        or frozenset({id}),
        tags=frozenset(tag.strip() for tag in str(torrent.get("tags") or "").split(",") if tag.strip()),
        ratio=float(torrent.get("ratio") or 0.0),
        seeding=float(torrent.get("seeding_time") or 0.0),
    )


def file_of(number: int, each: Mapping[str, Any]) -> ItemFile:
    """The file that is the so-manieth of its list, from 0; raises as item_of does."""
    size, progress = int(each["size"]), float(each["progress"])
    return ItemFile(
        index=int(each.get("index", number)),
        path=str(each["name"]).encode(errors="surrogateescape"),
        size=size,
        done=size if progress >= 1 else int(size * progress),
        wanted=int(each["priority"]) != 0,
    )


def seeding(goal: SeedingGoal | None) -> dict[str, str]:
    """The fields of a new torrent's form."""
    action = {"shareLimitAction": "Stop"}  # not known to 5.0 and earlier
    if goal is None:
        return action
    minutes = math.ceil(goal.time / timedelta(minutes=1))
    return {**action, "ratioLimit": str(goal.ratio), "seedingTimeLimit": str(minutes)}


def _places(content: bytes, final: bytes, temporary: bytes) -> tuple[bytes, bytes | None]:
    """The folder that the content lies in now, and its name in there; None: the content is that folder."""
    above = [folder for folder in (final, temporary) if folder and content and is_below(content, folder)]
    if not content or content in above:
        return content or temporary or final, None
    if not content.startswith(b"/"):  # 4.5, before it has looked at what is there
        return temporary or final, content.split(b"/")[0]
    if not above:
        folder, _, name = content.rpartition(b"/")
        return folder or b"/", name
    folder = max(above, key=len)
    return folder, content[len(folder) :].strip(b"/").split(b"/")[0]

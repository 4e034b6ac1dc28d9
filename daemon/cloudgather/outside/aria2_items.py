"""What aria2 tells of downloads and files, read into values, and options that it takes in a form of its own."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, Final

from cloudgather.core.downloader import DownloadOrder, Item, ItemFile, Phase, SeedingGoal, folder_named
from cloudgather.core.mounts import is_below
from cloudgather.core.secrecy import without_sign_in
from cloudgather.core.torrent import is_pad

KEYS: Final = (
    "gid", "status", "totalLength", "completedLength", "uploadLength", "downloadSpeed", "dir", "infoHash", "seeder",
    "verifiedLength", "verifyIntegrityPending", "followedBy", "following", "errorCode", "errorMessage", "bittorrent",
)  # fmt: skip
_NO_RANGES: Final = "8"  # the errorCode of a server that cannot begin in the middle of a file
_IDLE: Final = {"waiting": Phase.QUEUED, "paused": Phase.QUEUED, "complete": Phase.COMPLETE}


def item_of(id: str, status: Mapping[str, Any], files: Sequence[ItemFile]) -> Item:
    """The item that a status of these KEYS makes; raises KeyError, TypeError, ValueError, AttributeError."""
    folder, torrent = folder_named(str(status["dir"])), "infoHash" in status
    wanted = [file for file in files if file.wanted]
    size = sum(file.size for file in wanted) if wanted else int(status["totalLength"])
    done = sum(file.done for file in wanted) if wanted else int(status["completedLength"])
    phase = _phase(status)
    if phase in (Phase.SEEDING, Phase.COMPLETE):
        done = size  # pieces that two files share are counted for neither
    sent, length = int(status["uploadLength"]), int(status["completedLength"])
    tops = {file.path.split(b"/")[0] for file in files if file.path}
    return Item(
        id=id,
        name=_name(status, files),
        phase=phase,
        final=folder,
        current=folder,
        top=tops.pop() if len(tops) == 1 else None,
        size=size,
        done=done,
        paused=status["status"] == "paused",
        speed=int(status["downloadSpeed"]),
        infohashes=frozenset({str(status["infoHash"]).lower()}) if torrent else frozenset(),
        tags=frozenset({id}),
        ratio=sent / length if length else 0.0,
        follows=status.get("following"),
        followed_by=(status.get("followedBy") or [None])[0],
        message=without_sign_in(_message(status)) if status["status"] == "error" else "",
        resumable=status.get("errorCode") != _NO_RANGES,
    )


def seeding(goal: SeedingGoal | None) -> dict[str, str]:
    """Its own would end at the ratio 1; 0 as ratio would be no end at all."""
    if goal is None:
        return {}
    if goal.is_reached:
        return {"seed-time": "0"}
    return {"seed-ratio": str(goal.ratio), "seed-time": str(goal.time / timedelta(minutes=1))}


def trackers(order: DownloadOrder) -> dict[str, str]:
    """Those of the options and the further ones: there is one option for both."""
    given = order.options.get("bt-tracker")
    return {"bt-tracker": ",".join([*([given] if given else []), *order.trackers])} if order.trackers else {}


def like(status: Mapping[str, Any]) -> object:
    """What must be the same for an item's files to be the same."""
    return tuple(status.get(key) for key in ("status", "seeder", "dir", "totalLength", "completedLength"))


def rests(status: Mapping[str, Any]) -> bool:
    """Whether its files are as they are until it is like something else: before its first byte it names them anew."""
    return status["status"] != "active" or int(status["completedLength"]) > 0


def _phase(status: Mapping[str, Any]) -> Phase:
    if "verifiedLength" in status or status.get("verifyIntegrityPending") == "true":
        return Phase.CHECKING
    if status.get("seeder") == "true" and status["status"] == "active":
        return Phase.SEEDING
    if status["status"] in ("active", "paused") and "infoHash" in status and "info" not in status.get("bittorrent", {}):
        return Phase.METADATA
    if status["status"] != "active":
        return _IDLE.get(status["status"], Phase.FAILED)
    return Phase.DOWNLOADING if int(status["downloadSpeed"]) else Phase.STALLED


def _message(status: Mapping[str, Any]) -> str:
    if status.get("errorCode") == _NO_RANGES:  # its own words would be "No URI available."
        return "the server cannot go on in the middle of the file, so that another try begins it anew"
    return str(status.get("errorMessage") or "")


def _name(status: Mapping[str, Any], files: Sequence[ItemFile]) -> str:
    named = status.get("bittorrent", {}).get("info", {}).get("name")
    return str(named) if named else files[0].path.decode(errors="replace") if files else ""


def files_of(listed: Sequence[Mapping[str, Any]], folder: bytes) -> tuple[ItemFile, ...]:
    """The files of an item in this folder, without pad files; raises as item_of does.

    aria2 knows nothing of BEP 47: it writes pad files, and counts them among the others.
    """
    found = tuple(_file_of(each, folder) for each in listed)
    return tuple(file for file in found if not is_pad(file.path, file.size))


def _file_of(each: Mapping[str, Any], folder: bytes) -> ItemFile:
    path = str(each["path"]).encode(errors="surrogateescape")
    inside = path[len(folder.rstrip(b"/")) + 1 :] if is_below(path, folder) else path
    size = int(each["length"])
    return ItemFile(
        index=int(each["index"]),
        path=inside,
        size=size,
        done=int(each["completedLength"]),
        wanted=each["selected"] == "true",
    )

"""Which of a downloader's items and files are meant by a download, and what is known of it by them."""

import os
from collections.abc import Sequence
from typing import Any, Final

from cgwire.codes import Code
from cgwire.reasons import Reason, because
from cloudgather.core.download import Download
from cloudgather.core.downloader import Item, ItemFile, Kind, Phase
from cloudgather.core.naming import download_of_folder
from cloudgather.pipeline.downloading import Known

WRONG: Final = frozenset({Phase.FAILED, Phase.MISSING})


def mark(download: Download) -> str:
    """What tells it from others in the downloader: 16 hexadecimal digits, another one for each time."""
    made = None if download.foreign else download_of_folder(os.path.basename(download.folder))
    daemon = "0" * 8 if made is None else made[0]
    return f"{daemon}{download.id & 0xFFFFFF:06x}{download.tries & 0xFF:02x}"


def find(download: Download, known: Known) -> Item | None:
    """The downloader's item for it: by its folder, which no other has; of a reused one by its hash.

    A magnet link's item hands over to another one as soon as its files are known.
    """
    if download.foreign:
        return same_torrent(download, known)
    theirs = known.client.spec.theirs(download.folder)
    found = [item for item in known.items.in_folder(theirs) if item.followed_by is None]
    return min(found, key=lambda item: (not is_ours(download, item), item.phase in WRONG, item.id), default=None)


def is_marked(download: Download, item: Item) -> bool:
    """Whether we have given it to the downloader for this download, at whichever try, or it was made by that."""
    start = mark(download)[:-2]
    return any(each.startswith(start) for each in (*item.tags, item.follows or ""))


def is_ours(download: Download, item: Item) -> bool:
    """Whether it is what was asked for: it has our mark, which aria2 forgets with its restart, or is this torrent."""
    same = download.infohash is not None and any(hash[:40] == download.infohash for hash in item.infohashes)
    return same or is_marked(download, item)


def same_torrent(download: Download, known: Known) -> Item | None:
    """The downloader's item for its torrent, whoever gave it that."""
    if download.infohash is None:
        return None
    found = [item for item in known.items.of_torrent(download.infohash) if item.followed_by is None]
    return min(found, key=lambda item: item.phase in WRONG, default=None)


def has(download: Download, item: Item, known: Known) -> bool:
    """Whether the downloader was given the item for it."""
    if download.foreign or download.asked.downloader != known.client.spec.name:
        return False
    return known.client.spec.theirs(download.folder) in item.folders


def stops_for_choice(download: Download) -> bool:
    """Whether the downloader is to wait once the files are known."""
    return not download.foreign and (download.asked.choose or download.wanted is not None)


def chosen(files: Sequence[ItemFile], wanted: Sequence[int]) -> frozenset[int] | None:
    """The downloader's indexes of the files with these numbers, which begin with 1; None: not all of them are there."""
    ordered = sorted(files, key=lambda file: file.index)
    if not wanted or min(wanted) < 1 or max(wanted) > len(ordered):
        return None
    return frozenset(ordered[number - 1].index for number in wanted)


def not_chosen_there(download: Download, files: Sequence[ItemFile]) -> Reason | None:
    """Why one that the downloader had before does not come as it was asked for: its choice there is not ours to change.

    `files`: all of its files; none where they are not known yet.
    """
    downloader = download.asked.downloader
    if download.wanted is None:
        return because(Code.DOWNLOAD_FOREIGN_CHOICE, downloader=downloader) if download.asked.choose else None
    if not files:
        return None
    if (picked := chosen(files, download.wanted)) is None:
        return because(Code.DOWNLOAD_NO_SUCH_FILES, largest=max(download.wanted), files=len(files))
    lacking = [file for file in files if file.index in picked and not file.wanted]
    if not lacking:
        return None
    return because(Code.DOWNLOAD_FOREIGN_CHOICE, downloader=downloader, files=len(lacking))


def facts(download: Download, item: Item, known: Known) -> dict[str, Any]:
    """What the downloader knows better by now."""
    changes: dict[str, Any] = {}
    name = os.fsencode(item.name)
    if name and name != download.name and item.phase is not Phase.METADATA:
        changes["name"] = name
    if item.size > 0 and item.size != download.size and item.phase is not Phase.METADATA:
        changes["size"] = item.size
    if download.infohash is None and item.infohashes and known.client.spec.kind is not Kind.TRANSMISSION:
        changes["infohash"] = min(item.infohashes, key=len)[:40]
    return changes

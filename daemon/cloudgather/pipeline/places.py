"""Where the items of one downloader lie here: by folder, and by the name of what they have in it."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate

from cloudgather.core.downloader import DownloaderSpec, Item
from cloudgather.core.mounts import is_below


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Place:
    """Where unfinished files lie here. Without a `top`: anywhere in the folder."""

    folder: bytes
    top: bytes = b""
    item: str = ""


class Places:
    """Ids of items by folder and top; a top that is None: not known, so it may be anything in the folder."""

    def __init__(self, spec: DownloaderSpec) -> None:
        self._spec = spec
        self._ids: dict[bytes, defaultdict[bytes | None, set[str]]] = {}  # folder here -> top -> ids

    def put(self, id: str, item: Item) -> None:
        """It lies where it says."""
        for folder, top in self.of(item):
            self._ids.setdefault(folder, defaultdict(set))[top].add(id)

    def drop(self, id: str, item: Item) -> None:
        """It lies there no more; `item` says the same as when it was put."""
        for folder, top in self.of(item):
            tops = self._ids[folder]
            tops[top].discard(id)
            if not tops[top]:
                del tops[top]
            if not tops:
                del self._ids[folder]

    def of(self, item: Item) -> Iterator[tuple[bytes, bytes | None]]:
        """Folders of ours with the name that it has in them."""
        if item.followed_by is None:
            for folder in item.folders:
                yield self._spec.ours(folder), item.top

    def has(self, folder: bytes, top: bytes) -> bool:
        """Whether an item has this name in this very folder."""
        return top in self._ids.get(folder, ())

    def cover(self, path: bytes) -> bool:
        """Whether an item has its files in a folder that `path` lies in."""
        return any(is_below(path, folder) for folder in self._ids)

    def candidates(self, path: bytes) -> list[tuple[str, bytes]]:
        """Items that `path` may belong to, and what it would be called in them."""
        found = []
        parts = path.strip(b"/").split(b"/")
        above = accumulate(parts[:-1], lambda folder, part: folder + b"/" + part)
        for depth, folder in enumerate([b"/", *(b"/" + each for each in above)]):
            rest = b"/".join(parts[depth:])
            if (tops := self._ids.get(folder)) is not None:
                for top in (parts[depth], None):
                    found += [(id, rest) for id in tops.get(top, ())]
        return found

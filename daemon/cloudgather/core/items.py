"""What a downloader lists: its items, found by id, by folder and by torrent without looking through all of them."""

import os
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import TypeVar

from cloudgather.core.downloader import Item

Key = TypeVar("Key")


class Items(Mapping[str, Item]):
    """By id."""

    def __init__(self, items: Iterable[Item] = ()) -> None:
        self._items: dict[str, Item] = {}
        self._in: defaultdict[bytes, dict[str, None]] = defaultdict(dict)  # folder -> ids, in the order they came
        self._below: defaultdict[bytes, dict[str, None]] = defaultdict(dict)  # the same, by each folder above, too
        self._of: defaultdict[str, dict[str, None]] = defaultdict(dict)  # infohash, cut to 40 digits -> ids
        for item in items:
            self.put(item)

    def __getitem__(self, id: str) -> Item:
        return self._items[id]

    def __iter__(self) -> Iterator[str]:
        return iter(self._items)

    def __len__(self) -> int:
        return len(self._items)

    def put(self, item: Item) -> None:
        """It is like this now."""
        self.drop(item.id)
        self._items[item.id] = item
        for folder in item.folders:
            self._in[folder][item.id] = None
        for folder in _reached(item):
            self._below[folder][item.id] = None
        for infohash in item.infohashes:
            self._of[infohash[:40]][item.id] = None

    def drop(self, id: str) -> Item | None:
        """It is not listed any more; what it was like, if it was."""
        if (item := self._items.pop(id, None)) is None:
            return None
        for folder in item.folders:
            _without(self._in, folder, id)
        for folder in _reached(item):
            _without(self._below, folder, id)
        for infohash in item.infohashes:
            _without(self._of, infohash[:40], id)
        return item

    def in_folder(self, folder: bytes) -> list[Item]:
        """Those whose files may lie in this folder, as the downloader names it."""
        return [self._items[id] for id in self._in.get(folder, ())]

    def below(self, folder: bytes) -> list[Item]:
        """Those that may have something in this folder, as the downloader names it, or in one that lies in it."""
        return [self._items[id] for id in self._below.get(folder, ())]

    def of_torrent(self, infohash: str) -> list[Item]:
        """Those of the torrent with this hash, of 40 digits."""
        return [self._items[id] for id in self._of.get(infohash, ())]


def _reached(item: Item) -> set[bytes]:
    """Each folder that its only file or its folder lies in, that itself, and those above."""
    found: set[bytes] = set()
    for folder in item.folders:
        at = os.path.join(folder, item.top or b"").rstrip(b"/")
        while at and at not in found:
            found.add(at)
            at = os.path.dirname(at)
    return found


def _without(ids: defaultdict[Key, dict[str, None]], key: Key, id: str) -> None:
    ids[key].pop(id, None)
    if not ids[key]:
        del ids[key]

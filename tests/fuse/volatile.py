"""What a disk with a volatile cache holds: what its programs see, and what would be left of it after a power cut.

Data, mtime and mode of a file are safe once the file has been synced, its name once its folder has; neither makes the
other safe. That is all that POSIX promises. A `journal` promises more, as ext4 does: changes of names persist in their
order, and whatever is synced takes with it all that happened to names before.
"""

import errno
import os
import random
import stat
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, NoReturn

BLOCK: Final = 4096
SECTOR: Final = 512


@dataclass(slots=True, eq=False)
class Node:
    """A file or folder: as it is seen, and (`safe_…`, `unsafe`) as it would be found after a cut."""

    mode: int
    mtime_ns: int
    data: bytearray = field(default_factory=bytearray)
    names: "dict[str, Node]" = field(default_factory=dict)
    safe_mode: int = 0
    safe_mtime_ns: int = 0
    safe_data: bytearray = field(default_factory=bytearray)
    safe_names: "dict[str, Node]" = field(default_factory=dict)
    unsafe: list[tuple[int, bytes | None]] = field(default_factory=list)  # (offset, data), or (length, None)
    landed: list[tuple[int, bytes]] = field(default_factory=list)  # of a torn write, which was the last

    @property
    def is_folder(self) -> bool:
        """Whether it has names, and no data."""
        return stat.S_ISDIR(self.mode)


# What one call does to names, all or nothing: (folder, name, what it stands for from then on).
Naming = list[tuple[Node, str, Node | None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Loss:
    """What becomes of all that is not safe: lost, unless `some` of it, drawn from `seed`, has come through."""

    seed: int = 0
    some: bool = False


class Tree:
    """One file system. Paths are as FUSE has them: "/" and what is below it. Raises OSError as a kernel would."""

    def __init__(self, *, journal: bool) -> None:
        self.root = Node(mode=stat.S_IFDIR | 0o755, mtime_ns=time.time_ns())
        self._journal = journal
        self._unsafe: list[Naming] = []

    # ---- looking

    def at(self, path: str) -> Node:
        """What the path stands for."""
        node = self.root
        for part in path.split("/"):
            if part:
                node = node.names.get(part) or _none(path)
        return node

    def _parent(self, path: str) -> tuple[Node, str]:
        folder, _, name = path.rpartition("/")
        return self.at(folder), name

    # ---- names

    def make(self, path: str, mode: int) -> Node:
        """A new file or folder, by mode."""
        node = Node(mode=mode, mtime_ns=time.time_ns(), safe_mode=mode)
        node.safe_mtime_ns = node.mtime_ns
        self._name([(*self._parent(path), node)])
        return node

    def rename(self, old: str, new: str) -> None:
        """Over what stands there."""
        node = self.at(old)
        self._name([(*self._parent(old), None), (*self._parent(new), node)])

    def remove(self, path: str) -> None:
        """Unlink, or rmdir."""
        if self.at(path).names:
            raise OSError(errno.ENOTEMPTY, os.strerror(errno.ENOTEMPTY), path)
        self._name([(*self._parent(path), None)])

    def _name(self, naming: Naming) -> None:
        _apply(naming, safe=False)
        self._unsafe.append(naming)

    # ---- data and attributes

    def write(self, node: Node, data: bytes, offset: int) -> None:
        """Grows the file as need be."""
        _put(node.data, offset, data)
        node.unsafe.append((offset, data))
        node.mtime_ns = time.time_ns()

    def truncate(self, node: Node, length: int) -> None:
        """To that length, shorter or longer."""
        _cut_off(node.data, length)
        node.unsafe.append((length, None))
        node.mtime_ns = time.time_ns()

    def land(self, node: Node, data: bytes, offset: int, luck: random.Random) -> None:
        """A write that is torn: some of its blocks, not all, are on the disk, in whatever order they were sent."""
        pieces = list(_pieces(offset, data, BLOCK if len(data) > BLOCK else SECTOR))
        node.landed = luck.sample(pieces, luck.randrange(len(pieces)))

    def half_sync(self, node: Node, luck: random.Random) -> None:
        """An fsync that is torn: some of what it was to make safe is."""
        node.landed = [(where, data) for where, data in _came_through(node.unsafe, luck) if data is not None]
        node.unsafe.clear()

    # ---- what makes safe

    def sync(self, node: Node) -> None:
        """fsync of a file or folder."""
        if self._journal:
            self._make_safe(self._unsafe)
        if node.is_folder:
            self._make_safe([naming for naming in self._unsafe if any(where is node for where, _, _ in naming)])
        else:
            for change in node.unsafe:
                _replay(node.safe_data, change)
            node.unsafe.clear()
        node.safe_mode, node.safe_mtime_ns = node.mode, node.mtime_ns

    def _make_safe(self, namings: list[Naming]) -> None:
        for naming in namings:
            _apply(naming, safe=True)
        done = {id(naming) for naming in namings}
        self._unsafe = [naming for naming in self._unsafe if id(naming) not in done]

    # ---- what is left

    def lose(self, loss: Loss) -> None:
        """The power is cut: from now on it is what came through, and all of that is safe."""
        luck = random.Random(loss.seed)
        kept: list[Naming] = []
        if loss.some and self._journal:
            kept = self._unsafe[: luck.randint(0, len(self._unsafe))]
        elif loss.some:
            kept = [naming for naming in self._unsafe if luck.random() < 0.5]
        for naming in kept:
            _apply(naming, safe=True)
        self._unsafe = []
        self._settle(self.root, luck if loss.some else None)

    def _settle(self, node: Node, luck: random.Random | None) -> None:
        if luck is not None:
            for change in _came_through(node.unsafe, luck):
                _replay(node.safe_data, change)
            if luck.random() < 0.5:
                node.safe_mode, node.safe_mtime_ns = node.mode, node.mtime_ns
        for where, data in node.landed:
            _put(node.safe_data, where, data)
        node.unsafe.clear()
        node.data[:] = node.safe_data
        node.mode, node.mtime_ns = node.safe_mode, node.safe_mtime_ns
        node.names = dict(node.safe_names)
        for _, below in sorted(node.names.items()):
            self._settle(below, luck)

    # ---- as a folder of another file system

    def save(self, folder: str, *, safe: bool = False) -> None:
        """Write all that is seen, or only what is `safe`, into a folder that is made for it."""
        _save(self.root, folder, safe=safe)

    def load(self, folder: str) -> None:
        """Take over what `save` has written; it is safe."""
        _load(self.root, folder)


def _none(path: str) -> NoReturn:
    raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)


def _apply(naming: Naming, *, safe: bool) -> None:
    for folder, name, node in naming:
        names = folder.safe_names if safe else folder.names
        if node is None:
            names.pop(name, None)
        else:
            names[name] = node
        if not safe:
            folder.mtime_ns = time.time_ns()


def _put(data: bytearray, offset: int, piece: bytes) -> None:
    if len(data) < offset:
        data.extend(bytes(offset - len(data)))
    data[offset : offset + len(piece)] = piece


def _cut_off(data: bytearray, length: int) -> None:
    del data[length:]
    data.extend(bytes(length - len(data)))


def _pieces(offset: int, data: bytes, size: int) -> Iterator[tuple[int, bytes]]:
    """The parts of a write by blocks of the file."""
    at = offset
    while at < offset + len(data):
        end = min((at // size + 1) * size, offset + len(data))
        yield at, data[at - offset : end - offset]
        at = end


def _came_through(unsafe: list[tuple[int, bytes | None]], luck: random.Random) -> Iterator[tuple[int, bytes | None]]:
    for where, data in unsafe:
        changes = [(where, data)] if data is None else _pieces(where, data, BLOCK)
        yield from [change for change in changes if luck.random() < 0.5]


def _replay(data: bytearray, change: tuple[int, bytes | None]) -> None:
    where, piece = change
    if piece is None:
        _cut_off(data, where)
    else:
        _put(data, where, piece)


def _save(node: Node, path: str, *, safe: bool) -> None:
    if node.is_folder:
        os.mkdir(path)
        for name, below in (node.safe_names if safe else node.names).items():
            _save(below, f"{path}/{name}", safe=safe)
    else:
        with open(path, "wb") as file:
            data = node.safe_data if safe else node.data
            for at, block in _pieces(0, bytes(data), 1 << 20):
                if block.count(0) < len(block):  # a disk's image is mostly holes
                    file.seek(at)
                    file.write(block)
            file.truncate(len(data))
    mtime_ns = node.safe_mtime_ns if safe else node.mtime_ns
    os.chmod(path, stat.S_IMODE(node.safe_mode if safe else node.mode))
    os.utime(path, ns=(mtime_ns, mtime_ns))


def _load(node: Node, path: str) -> None:
    status = os.lstat(path)
    node.mode = node.safe_mode = status.st_mode
    node.mtime_ns = node.safe_mtime_ns = status.st_mtime_ns
    if node.is_folder:
        for name in os.listdir(path):
            below = Node(mode=0, mtime_ns=0)
            _load(below, f"{path}/{name}")
            node.names[name] = node.safe_names[name] = below
    else:
        with open(path, "rb") as file:
            node.data[:] = file.read()
        node.safe_data[:] = node.data

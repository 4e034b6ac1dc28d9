"""Trees of files and folders to measure with."""

import os
import time
from dataclasses import dataclass

from running import SETTLE


def make_files(root: str, count: int, size: int, *, per_folder: int = 500) -> None:
    """`count` files of `size` random bytes in folders of `per_folder`."""
    content = os.urandom(size)
    for number in range(count):
        folder = os.path.join(root, f"{number // per_folder:04}")
        if number % per_folder == 0:
            os.makedirs(folder, exist_ok=True)
        with open(os.path.join(folder, f"file {number:06}.bin"), "wb") as file:
            file.write(content)


def make_large_file(path: str, size: int) -> None:
    """One file of random bytes, which repeat every 16 MiB."""
    piece = os.urandom(min(size, 16 << 20))
    with open(path, "wb") as file:
        for _ in range(size // len(piece)):
            file.write(piece)


def make_folders(root: str, count: int) -> None:
    """`count` empty folders below `root`, a hundred in each, as deep as that needs."""
    level = [root]
    made = 0
    while made < count:
        below = []
        for parent in level:
            for number in range(min(100, count - made)):
                below.append(os.path.join(parent, f"folder {number:02}"))
                os.mkdir(below[-1])
                made += 1
        level = below


@dataclass(frozen=True, slots=True)
class Size:
    """Of a tree: its files, those whose names begin with a dot left out, and their bytes."""

    count: int
    bytes: int

    def __str__(self) -> str:
        return f"{self.count} files of {self.bytes} bytes"


def size_of(root: str) -> Size:
    """By walking it."""
    sizes = [
        os.stat(os.path.join(folder, name)).st_size
        for folder, _, names in os.walk(root)
        for name in names
        if not name.startswith(".")
    ]
    return Size(len(sizes), sum(sizes))


def let_settle() -> None:
    """Wait until what was made before this call counts as quiet."""
    time.sleep(SETTLE + 0.1)

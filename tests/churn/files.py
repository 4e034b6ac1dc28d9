"""A source whose files come, change, are renamed and go, and what its target must hold in the end."""

import os
import random
import shutil
import time
from typing import Final

import xxhash

_SIZES: Final = (0, 1, 300, 4096, 4096, 20_000, 60_000)
_LARGE: Final = 2 << 20
_PER_FOLDER: Final = 40
_TIDY_AFTER: Final = 20.0  # seconds: what was on its way to a folder has arrived or failed by then


class Files:
    """The source of one task, `away` a folder on the same disk, `backing` where the target keeps what is sent.

    Names are made once and never again; so what is sent late, of a file that is gone, is told from what is wrong.
    """

    def __init__(self, source: bytes, away: bytes, backing: bytes, *, luck: random.Random, most: int) -> None:
        self.source = source
        self.backing = backing
        self._away = away
        self._luck = luck
        self._most = most
        self._serial = 0
        self._there: dict[bytes, dict[bytes, bytes]] = {}  # folder -> name -> digest
        self._moved_out: dict[bytes, dict[bytes, bytes]] = {}
        self._ever: dict[bytes, set[bytes]] = {}  # path -> digests of all that stood there
        self._gone: list[tuple[float, bytes]] = []  # folders that never come back, and since when
        os.makedirs(source)
        os.makedirs(away)

    # ---- what happens

    def make(self, most: int) -> None:
        """Some new files."""
        for _ in range(self._luck.randint(1, most)):
            folder = self._newest()
            large = self._luck.random() < 0.003
            self._write(folder, b"%d.bin" % self._next(), _LARGE if large else self._luck.choice(_SIZES))

    def change(self) -> None:
        """A file has another content."""
        if found := self._any_file():
            self._write(*found, self._luck.choice(_SIZES))

    def rename(self) -> None:
        """A file has another name."""
        if found := self._any_file():
            folder, name = found
            new = b"renamed %d.bin" % self._next()
            os.rename(self._path(folder, name), self._path(folder, new))
            self._know(folder, new, self._there[folder].pop(name))

    def delete(self) -> None:
        """A file is gone."""
        if found := self._any_file():
            folder, name = found
            os.unlink(self._path(folder, name))
            del self._there[folder][name]

    def rename_folder(self) -> None:
        """A folder has another name."""
        if (folder := self._any_folder()) is not None:
            new = b"renamed %d" % self._next()
            os.rename(self._path(folder), self._path(new))
            self._arrive(new, self._leave(folder))
            self._gone.append((time.monotonic(), folder))

    def move_out(self) -> None:
        """A folder is taken out of the source, to come back some time."""
        if (folder := self._any_folder()) is not None and len(self._moved_out) < 3:
            os.rename(self._path(folder), os.path.join(self._away, folder))
            self._moved_out[folder] = self._leave(folder)

    def move_in(self) -> None:
        """A folder that was taken out is back, or a new one is moved in with all that is in it."""
        if self._moved_out and self._luck.random() < 0.7:
            folder = self._luck.choice(list(self._moved_out))
            files = self._moved_out.pop(folder)
        else:
            folder, files = b"moved %d" % self._next(), {}
            for _ in range(self._luck.randint(1, 10)):
                name = b"sub %d/%d.bin" % (self._luck.randint(1, 3), self._next())
                files[name] = self._fill(os.path.join(self._away, folder, name), self._luck.choice(_SIZES))
        os.rename(os.path.join(self._away, folder), self._path(folder))
        self._arrive(folder, files)

    def thin_out(self) -> None:
        """The oldest folders go while there are too many files; what was sent of folders that went goes as well."""
        while self.count > self._most and len(self._there) > 1:
            folder = next(iter(self._there))
            shutil.rmtree(self._path(folder))
            self._leave(folder)
            self._gone.append((time.monotonic(), folder))
        while self._gone and self._gone[0][0] < time.monotonic() - _TIDY_AFTER:
            shutil.rmtree(os.path.join(self.backing, self._gone.pop(0)[1]), ignore_errors=True)

    # ---- what must be so in the end

    def missing(self) -> list[bytes]:
        """Paths of the source that the target does not hold, byte for byte."""
        wanted = {
            os.path.join(folder, name): digest
            for folder, files in self._there.items()
            for name, digest in files.items()
        }
        return [path for path, digest in wanted.items() if _digest(os.path.join(self.backing, path)) != digest]

    def strange(self) -> list[bytes]:
        """Paths at the target that are neither a file that was ever in the source, nor one of its contents."""
        found = []
        for folder, _, names in os.walk(self.backing):
            for name in names:
                path = os.path.relpath(os.path.join(folder, name), self.backing)
                if _digest(os.path.join(folder, name)) not in self._ever.get(path, ()):
                    found.append(path)
        return found

    @property
    def count(self) -> int:
        """Files that are there."""
        return sum(map(len, self._there.values()))

    def some_path(self) -> bytes:
        """Absolute; of a file that is there, or of the source."""
        return self._path(*found) if (found := self._any_file()) else self.source

    # ---- below

    def _newest(self) -> bytes:
        newest = next(reversed(self._there), None)
        if newest is None or len(self._there[newest]) >= _PER_FOLDER:
            newest = b"%d" % self._next()
            os.makedirs(self._path(newest))
            self._there[newest] = {}
        return newest

    def _write(self, folder: bytes, name: bytes, size: int) -> None:
        self._know(folder, name, self._fill(self._path(folder, name), size))

    def _fill(self, path: bytes, size: int) -> bytes:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        content = self._luck.randbytes(size)
        with open(path, "wb") as file:
            file.write(content)
        return xxhash.xxh3_128_digest(content)

    def _know(self, folder: bytes, name: bytes, digest: bytes) -> None:
        self._there[folder][name] = digest
        self._ever.setdefault(os.path.join(folder, name), set()).add(digest)

    def _leave(self, folder: bytes) -> dict[bytes, bytes]:
        return self._there.pop(folder)

    def _arrive(self, folder: bytes, files: dict[bytes, bytes]) -> None:
        self._there[folder] = {}
        for name, digest in files.items():
            self._know(folder, name, digest)

    def _any_folder(self) -> bytes | None:
        """But the newest, which is being filled."""
        folders = list(self._there)[:-1]
        return self._luck.choice(folders) if folders else None

    def _any_file(self) -> tuple[bytes, bytes] | None:
        folder = self._luck.choice(list(self._there)) if self._there else b""
        names = list(self._there.get(folder, ()))
        return (folder, self._luck.choice(names)) if names else None

    def _path(self, *parts: bytes) -> bytes:
        return os.path.join(self.source, *parts)

    def _next(self) -> int:
        self._serial += 1
        return self._serial


def _digest(path: bytes) -> bytes | None:
    try:
        with open(path, "rb") as file:
            return xxhash.xxh3_128_digest(file.read())
    except FileNotFoundError:
        return None

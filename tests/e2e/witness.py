"""Witness: sees every change under a target's final names, and says of each file whether it arrived whole, and once."""

import os
import threading
from collections import Counter, defaultdict
from collections.abc import Iterable
from enum import Enum
from pathlib import Path
from types import TracebackType
from typing import Final

from e2e.notices import CREATED, DELETED, MODIFIED, MOVED_AWAY, MOVED_HERE, Notices

_ALL: Final = CREATED | MODIFIED | MOVED_HERE | MOVED_AWAY | DELETED


class Seen(Enum):
    """What there is to be seen of the daemon's progress."""

    MADE = "made"  # a temporary
    GREW = "grew"  # a temporary
    RENAMED = "renamed"  # a temporary, to its final name
    COMMITTED = "committed"  # something was written to the database's log


class Witness:
    """Looks at these folders, which must be there, at the file system that stores them rather than through a mount.

    A file may come under its name by a rename only, must then be a version that `expect` announced, whole, and newer
    than the one before; and nothing else may ever happen to a final name. What is against that is in `wrong`. Folders
    that are made later are not looked into.
    """

    def __init__(self, folders: Iterable[bytes], *, state_dir: Path) -> None:
        self.wrong: list[str] = []
        self._state_dir = os.fsencode(state_dir)
        self._versions: dict[bytes, list[bytes]] = {}
        self._arrived: defaultdict[bytes, list[int]] = defaultdict(list)
        self._seen: Counter[tuple[Seen, bytes]] = Counter()
        self._changed = threading.Condition()
        self._ended = False
        self._notices = Notices()
        for folder in folders:
            self._notices.watch(folder, _ALL)
        self._notices.watch(self._state_dir, MODIFIED)
        self._thread = threading.Thread(target=self._run, name="witness")

    def __enter__(self) -> "Witness":
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._ended = True
        self._thread.join()
        self._notices.close()

    # ---- what is to come

    def expect(self, path: bytes, content: bytes) -> None:
        """This version of the file may come to stand under this absolute path."""
        with self._changed:
            self._versions.setdefault(path, []).append(content)

    def latest(self) -> dict[bytes, bytes]:
        """What should stand there in the end: path -> content."""
        with self._changed:
            return {path: versions[-1] for path, versions in self._versions.items()}

    # ---- what has come

    def arrivals(self, path: bytes) -> int:
        """How often a file has come under this name."""
        with self._changed:
            return len(self._arrived[path])

    def missing(self) -> set[bytes]:
        """The paths whose newest version has not arrived."""
        with self._changed:
            return {
                path for path, versions in self._versions.items() if self._arrived[path][-1:] != [len(versions) - 1]
            }

    def arrived(self) -> list[bytes]:
        """The paths whose newest version has, in the order of announcement."""
        missing = self.missing()
        with self._changed:
            return [path for path in self._versions if path not in missing]

    def wait(self, what: Seen, times: int, *, below: bytes, within: float) -> bool:
        """Until it has happened so many times from now on in folders below that one; whether it did."""
        with self._changed:
            enough = self._times(what, below) + times
            return self._changed.wait_for(lambda: self._times(what, below) >= enough, timeout=within)

    def _times(self, what: Seen, below: bytes) -> int:
        return sum(count for (seen, folder), count in self._seen.items() if seen is what and folder.startswith(below))

    # ---- how

    def _run(self) -> None:
        try:
            while not self._ended:
                for notice in self._notices.wait(0.1):
                    self._notice(notice.kind, notice.folder, notice.name)
        except BaseException as error:
            self.wrong.append(f"the witness was blind: {error!r}")
            raise

    def _notice(self, kind: int, folder: bytes, name: bytes) -> None:
        if folder == self._state_dir:
            if name.endswith(b"-wal"):
                self._count(Seen.COMMITTED, folder)
        elif name.startswith(b".cg-"):
            if kind in (CREATED, MODIFIED):
                self._count(Seen.MADE if kind == CREATED else Seen.GREW, folder)
        elif kind == MOVED_HERE:
            self._arrive(folder + b"/" + name)
            self._count(Seen.RENAMED, folder)
        else:
            self.wrong.append(f"{folder + b'/' + name!r} was changed otherwise than by a rename ({kind:#x})")

    def _arrive(self, path: bytes) -> None:
        with open(path, "rb") as file:
            content = file.read()
        with self._changed:
            versions, arrived = self._versions.get(path, []), self._arrived[path]
            newer = [number for number, version in enumerate(versions) if version == content]
            if not newer:
                self.wrong.append(f"{path!r} came with {len(content)} bytes that no version of it has")
            elif arrived and newer[-1] <= arrived[-1]:
                self.wrong.append(f"{path!r} came again as version {newer[-1]}, after {arrived}")
            else:
                arrived.append(newer[-1])

    def _count(self, what: Seen, folder: bytes) -> None:
        with self._changed:
            self._seen[what, folder] += 1
            self._changed.notify_all()

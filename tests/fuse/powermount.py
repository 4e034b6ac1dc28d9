"""PowerMount: mounts the file system whose power can be cut, and brings back what is left of it."""

import os
import shutil
from pathlib import Path
from typing import Any

from fuse.served import ServedMount


class PowerMount(ServedMount):
    """A disk with a volatile cache, in the memory of a process; `backing` is what it was at its last start.

    Without a `journal` names persist only by fsync of their folder, as POSIX has it.
    """

    def __init__(self, folder: Path, *, journal: bool = False, name: str = "disk") -> None:
        super().__init__(folder, name=name, program=("fuse.volatiledisk", *(["--journal"] if journal else [])))
        self.journal = journal
        self._folder = folder

    def cut(self, *, loss: dict[str, Any], **where: Any) -> None:
        """The power is to be cut at the `number`-th call from now (fuse.volatiledisk.Cut)."""
        self.tell("cut", loss=loss, **where)

    def hold(self, op: str, path: str) -> None:
        """Calls like this wait until `let_go`."""
        self.tell("hold", op=op, path=path)

    def let_go(self) -> None:
        """What is held goes on."""
        self.tell("hold", op=None, path="")

    @property
    def is_cut(self) -> bool:
        """Whether the cut has come."""
        return bool(self.tell("state")["is_cut"])

    def wait(self, patience: float) -> bool:
        """Until the cut, or until a call is held, for so many seconds at most; whether one is held."""
        return bool(self.tell("state", patience=patience)["hanging"])

    def calls(self) -> list[tuple[str, str]]:
        """(operation, path) of all that has changed it since it was mounted."""
        return [(op, path) for op, path in self.tell("calls")["calls"]]

    def save(self, folder: Path, *, safe: bool) -> None:
        """Make `folder` of what is there now; of what a cut would leave at the least, where it is to be `safe`."""
        self.tell("save", folder=str(folder), safe=safe)

    def come_back(self) -> None:
        """Start anew with what is there; after a cut that is what came through. Its users must have gone."""
        left = self._folder / "left"
        self.save(left, safe=False)
        self._begin(left)

    def begin_with(self, image: Path) -> None:
        """Start anew with a copy of that folder. Its users must have gone."""
        copy = self._folder / "copy"
        shutil.copytree(image, copy)
        self._begin(copy)

    def _begin(self, content: Path) -> None:
        self.detach()
        self.kill()
        shutil.rmtree(self.backing)
        os.rename(content, self.backing)
        self.start()

"""Ext4Power: a real file system on a disk whose power can be cut, for what no FUSE file system is asked: syncfs."""

import os
import shutil
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import pytest

from fuse.mounting import detach_all, mounts_at
from fuse.powermount import PowerMount
from waiting import eventually_sync


def why_no_ext4() -> str | None:
    """What is missing for Ext4Power."""
    if os.geteuid() != 0:
        return "only root can mount ext4"
    if shutil.which("mkfs.ext4") is None or shutil.which("losetup") is None:
        return "mkfs.ext4 or losetup is not installed"
    return None if os.path.exists("/dev/loop-control") else "there are no loop devices"


needs_ext4 = pytest.mark.skipif(why_no_ext4() is not None, reason=str(why_no_ext4()))

_SIZE: Final = 32 << 20


class Ext4Power:
    """As PowerMount, with ext4 mounted at `root`; its disk is a file of a PowerMount, by way of a loop device.

    An image to begin with is a folder with that disk, as `save` has made it, or one of files to put on a new disk.
    """

    journal: Final = True

    def __init__(self, folder: Path) -> None:
        self.root = os.fsencode(folder / "ext4")
        self._new = folder / "new-ext4"
        self._power = PowerMount(folder)
        self._device = ""
        self.cut, self.wait, self.calls, self.save = (
            self._power.cut,
            self._power.wait,
            self._power.calls,
            self._power.save,
        )

    def __enter__(self) -> Self:
        os.makedirs(self.root)
        self._new.mkdir()
        with open(self._new / "disk", "wb") as disk:
            disk.truncate(_SIZE)
        _run("mkfs.ext4", "-q", "-b", "4096", "-J", "size=4", str(self._new / "disk"))
        self._power.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        detach_all(self.root)
        self._release()
        self._power.__exit__(kind, error, traceback)

    @property
    def is_cut(self) -> bool:
        """Whether the cut has come."""
        return self._power.is_cut

    def begin_with(self, image: Path) -> None:
        """Start anew with that image. Its users must have gone."""
        self._unmount()
        if (image / "disk").exists():
            self._power.begin_with(image)
            self._mount()
        else:
            self._power.begin_with(self._new)
            self._mount()
            shutil.copytree(image, os.fsdecode(self.root), dirs_exist_ok=True)
            _run("sync", "--file-system", os.fsdecode(self.root))

    def come_back(self) -> None:
        """Start anew with what is there (the journal is replayed). Its users must have gone."""
        self._unmount()
        self._power.come_back()
        self._mount()

    def _mount(self) -> None:
        self._device = _run("losetup", "--find", "--show", f"{os.fsdecode(self._power.root)}/disk").strip()
        _run("mount", "-t", "ext4", self._device, os.fsdecode(self.root))

    def _unmount(self) -> None:
        """A killed agent may take a moment to let go of it."""
        if mounts_at(self.root):
            command = ("umount", os.fsdecode(self.root))
            eventually_sync(lambda: not subprocess.run(command, capture_output=True, check=False).returncode)
        self._release()

    def _release(self) -> None:
        if self._device:
            _run("losetup", "--detach", self._device)
            self._device = ""


def _run(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0 and "ermission denied" in done.stderr:
        pytest.skip(f"{command[0]} is not allowed here: {done.stderr}")
    assert done.returncode == 0, f"{command}: {done.stderr}"
    return done.stdout

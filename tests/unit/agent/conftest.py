"""Fixtures of the agent's tests: file systems to mount over, and what this machine lets a test do."""

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from cloudgather.agent.places import closing
from cloudgather.core.mounts import Mount
from cloudgather.mounted import mount_under
from unit.agent.orders import Pair
from unit.agent.overmounts import Mounts


@pytest.fixture
def pair(tmp_path: Path) -> Pair:
    """A source and a target, empty."""
    return Pair(tmp_path)


@pytest.fixture
def mounts() -> Iterator[Mounts]:
    """To mount with."""
    if os.geteuid() != 0:
        pytest.skip("only root mounts")
    made = Mounts()
    yield made
    made.clean()


@pytest.fixture
def trusted(tmp_path: Path) -> None:
    """The test's folder is on a file system whose leases can be believed."""
    mount = _mount_of(tmp_path)
    if mount is None or not mount.tells_writers:
        pytest.skip("leases on this file system say nothing")


@pytest.fixture
def shown(tmp_path: Path) -> None:
    """The test's folder is on a file system whose listings tell of every name."""
    mount = _mount_of(tmp_path)
    if mount is None or not mount.shows_names:
        pytest.skip("this file system may know names that it does not list")


def _mount_of(folder: Path) -> Mount | None:
    with closing(os.open(folder, os.O_RDONLY)) as fd:
        return mount_under(fd)[0]


@pytest.fixture
def as_nobody() -> Callable[[], AbstractContextManager[None]]:
    """Makes this process, for a while, a user that owns nothing."""
    if os.geteuid() != 0:
        pytest.skip("only root becomes another user")
    return _being_nobody


@contextmanager
def _being_nobody() -> Iterator[None]:
    try:
        os.setegid(65534)
    except PermissionError:
        pytest.skip("this root does not become another user")
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)

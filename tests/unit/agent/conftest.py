"""Fixtures of the agent's tests: file systems to mount over, and what this machine lets a test do."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cloudgather.agent.places import closing, mount_under
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
    with closing(os.open(tmp_path, os.O_RDONLY)) as fd:
        mount, _ = mount_under(fd)
    if mount is None or not mount.tells_writers:
        pytest.skip("leases on this file system say nothing")


@pytest.fixture
def as_nobody() -> Iterator[Callable[[], None]]:
    """Call it to go on as a user that owns nothing; undone when the test ends."""
    if os.geteuid() != 0:
        pytest.skip("only root becomes another user")

    def become() -> None:
        os.setegid(65534)
        os.seteuid(65534)

    yield become
    os.seteuid(0)
    os.setegid(0)

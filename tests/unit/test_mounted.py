"""Which mount an open file is on, with real mounts."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from cloudgather.mounted import mount_id, mount_of_id, mount_under, mounts, told_by_fdinfo
from unit.agent.overmounts import Mounts


@pytest.fixture
def over() -> Iterator[Mounts]:
    """To mount with."""
    if os.geteuid() != 0:
        pytest.skip("only root mounts")
    made = Mounts()
    yield made
    made.clean()


def test_the_kernel_tells_the_same_id_by_either_way(tmp_path: Path) -> None:
    for place in (tmp_path, Path("/"), Path("/proc"), Path("/dev/null")):
        fd = os.open(place, os.O_PATH)
        try:
            assert mount_id(fd) == told_by_fdinfo(fd)
        finally:
            os.close(fd)


def test_what_is_no_open_file_is_an_error() -> None:
    with pytest.raises(OSError, match="No such file"):
        mount_id(1 << 20)


def test_a_mount_is_the_last_of_its_place_until_it_is_covered_or_detached(tmp_path: Path, over: Mounts) -> None:
    over.tmpfs(tmp_path, source=b"one")
    fd = os.open(tmp_path, os.O_PATH)
    try:
        number = mount_id(fd)
        found, last = mount_under(fd)
        assert found is not None and (found.source, last) == (b"one", True)

        over.tmpfs(tmp_path, source=b"two")
        found, last = mount_of_id(number)
        assert found is not None and (found.source, last) == (b"one", False)

        over.detach(tmp_path)
        assert mount_of_id(number) == (found, True)

        over.detach(tmp_path)
        assert mount_of_id(number) == (None, False)
        assert os.fsencode(tmp_path) not in {mount.mount_point for mount in mounts()}
    finally:
        os.close(fd)

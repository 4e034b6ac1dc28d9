"""A folder that is looked at again and again has one source: what hangs there costs its threads once."""

from typing import cast

from cloudgather.agent.fleet import Fleet
from cloudgather.agent.source import AgentSource, LocalSource, Sources
from cloudgather.core.mounts import Mount, parse_mountinfo

LOCAL = b"21 1 8:1 / / rw - ext4 /dev/sda1 rw\n"
REMOTE = LOCAL + b"40 21 0:50 / /cloud rw - fuse.rclone cloud rw\n"


def test_a_folder_has_the_same_source_until_its_disk_is_another_kind() -> None:
    mounts: list[Mount] = list(parse_mountinfo(LOCAL))
    sources = Sources(mounts=lambda: mounts, fleet=cast(Fleet, None))

    first = sources.at(b"/cloud/films")
    assert isinstance(first, LocalSource)
    assert sources.at(b"/cloud/films") is first
    assert sources.at(b"/cloud") is not first

    mounts[:] = parse_mountinfo(REMOTE)
    assert isinstance(sources.at(b"/cloud/films"), AgentSource)
    assert isinstance(sources.at(b"/local"), LocalSource)


def test_of_many_folders_those_that_were_asked_for_last_are_kept() -> None:
    sources = Sources(mounts=lambda: list(parse_mountinfo(LOCAL)), fleet=cast(Fleet, None))
    first, second = sources.at(b"/first"), sources.at(b"/second")

    for number in range(255):
        sources.at(b"/%d" % number)
        assert sources.at(b"/first") is first

    assert sources.at(b"/second") is not second

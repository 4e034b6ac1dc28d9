"""The file of trackers: what it lists, and that it is read again when it has changed."""

import asyncio
import contextlib
import logging
import os
from pathlib import Path

import pytest

from cloudgather.core.trackers import MOST_BYTES, is_tracker, listed
from cloudgather.outside.trackerfile import TrackerFile
from fakes.clock import FakeClock


def test_blank_lines_and_comments_are_passed_over_and_what_is_no_address_is_counted() -> None:
    content = b"# list\n\nudp://a:1337/announce\r\n  http://b/announce  \nudp://a:1337/announce\nnonsense\n\xff://c\n"

    assert listed(content) == (("udp://a:1337/announce", "http://b/announce"), 2)


@pytest.mark.parametrize(
    "given", ["", "udp", "udp://", "://a", "udp://a b", "udp://a,udp://b", "udp://a\n", "u://" + "a" * 1000]
)
def test_what_is_no_address_of_a_tracker(given: str) -> None:
    assert not is_tracker(given)


def test_it_is_read_again_when_it_has_changed_and_what_it_held_counts_while_it_cannot_be_read(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> None:
        clock = FakeClock()
        trackers = TrackerFile(clock=clock)
        path = tmp_path / "trackers"
        path.write_text("udp://a:1\n")
        file = os.fsencode(path)
        assert list(await trackers.trackers(file)) == ["udp://a:1"]

        path.write_text("udp://a:1\nudp://b:1\n")
        assert list(await trackers.trackers(file)) == ["udp://a:1"]  # it was looked at a moment ago
        await clock.advance(31)
        assert list(await trackers.trackers(file)) == ["udp://a:1", "udp://b:1"]
        await clock.advance(31)
        assert list(await trackers.trackers(file)) == ["udp://a:1", "udp://b:1"]  # as it was

        path.unlink()
        for _ in range(3):
            await clock.advance(31)
            assert list(await trackers.trackers(file)) == ["udp://a:1", "udp://b:1"]
        path.write_bytes(b"#" * (MOST_BYTES + 1))
        await clock.advance(31)
        assert list(await trackers.trackers(file)) == ["udp://a:1", "udp://b:1"]

        os.mkfifo(tmp_path / "fifo")
        assert list(await trackers.trackers(os.fsencode(tmp_path / "fifo"))) == []

    with caplog.at_level(logging.WARNING):
        asyncio.run(main())

    said = [each.getMessage() for each in caplog.records]
    assert [line.rpartition(": ")[2] for line in said] == ["No such file or directory", "File too large"]


def is_open(path: Path) -> bool:
    """Whether this process has a descriptor of it."""
    for descriptor in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # that of the listing itself, among others
            if os.readlink(descriptor) == str(path):
                return True
    return False


def test_what_cannot_be_read_leaves_nothing_open(tmp_path: Path) -> None:
    async def main() -> None:
        assert list(await TrackerFile(clock=FakeClock()).trackers(os.fsencode(tmp_path))) == []

    asyncio.run(main())

    assert not is_open(tmp_path)

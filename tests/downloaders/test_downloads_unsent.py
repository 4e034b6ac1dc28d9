"""What cannot be uploaded stays here, says why, and is sent when the target takes it again."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from disks import small_disk
from downloaders.aria2 import Aria2c
from downloaders.requesting import Requested
from downloaders.seeder import noise
from downloaders.website import Website

pytestmark = [
    pytest.mark.full,
    pytest.mark.timeout(300),
    pytest.mark.skipif(not Aria2c.is_there(), reason="aria2c is not installed"),
]
FILM = noise(100_000, "film")


@pytest.fixture
def target(tmp_path: Path) -> Iterator[Path]:
    """A disk of its own, which can be made read-only."""
    with small_disk(tmp_path / "target", size="20m") as disk:
        yield disk


def test_a_read_only_target_holds_the_upload_until_it_is_writable_again(tmp_path: Path, target: Path) -> None:
    with (
        Website({"film.mkv": FILM}) as site,
        Aria2c(tmp_path / "aria2") as aria2,
        Requested(tmp_path, aria2) as running,
    ):
        subprocess.run(["mount", "-o", "remount,ro", str(target)], check=True)
        id = running.download(f"{site.address}/film.mkv")
        running.until_it(id, lambda download: (download["held"] or {}).get("cause", {}).get("code") == "fail.read-only")

        assert running.shown(id)["download"]["state"] == "uploading"
        assert "read-only" in running.cgctl("download", "list").stdout.lower()
        assert [path for path in running.left() if path.endswith("/film.mkv")]

        subprocess.run(["mount", "-o", "remount,rw", str(target)], check=True)
        running.until_state(id, "done")

        assert running.arrived() == {b"film.mkv": FILM}
        assert running.left() == []
        assert aria2.listed() == []

"""What aria2 has left of a file of the web when it was killed, and what it takes up again."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from downloaders.aria2 import Aria2c
from downloaders.requesting import Requested
from downloaders.seeder import noise
from downloaders.website import Website
from waiting import eventually_sync

pytestmark = [
    pytest.mark.full,
    pytest.mark.timeout(300),
    pytest.mark.skipif(not Aria2c.is_there(), reason="aria2c is not installed"),
]
FILM = noise(1_000_000, "film")


@pytest.fixture
def aria2(tmp_path: Path) -> Iterator[Aria2c]:
    with Aria2c(tmp_path / "aria2") as found:
        yield found


def test_space_that_was_only_reserved_when_it_was_killed_is_not_uploaded(tmp_path: Path, aria2: Aria2c) -> None:
    with Website({"film.mkv": FILM}) as site, Requested(tmp_path, aria2) as running:
        site.stop_at(0)
        id = running.download(f"{site.address}/film.mkv")
        session = aria2.folder / "session"
        eventually_sync(lambda: site.address in session.read_text(), within=60, what="that it is in the session")
        aria2.kill()
        # It writes its control file only when all the space is reserved.
        folder = Path(running.shown(id)["folder"].decode())
        folder.mkdir(exist_ok=True)
        (folder / "film.mkv").write_bytes(bytes(len(FILM)))

        before = len(site.asked)
        aria2.again()
        eventually_sync(lambda: len(site.asked) > before, within=60, what="that it asks again")
        site.go_on()
        running.until_state(id, "done")

        assert running.arrived() == {b"film.mkv": FILM}
        assert running.left() == []


def test_what_it_takes_up_again_after_it_was_removed_is_removed_again(tmp_path: Path, aria2: Aria2c) -> None:
    with Website({"film.mkv": FILM}) as site, Requested(tmp_path, aria2) as running:
        site.stop_at(0)
        id = running.download(f"{site.address}/film.mkv")
        session = aria2.folder / "session"
        eventually_sync(lambda: site.address in session.read_text(), within=60, what="that it is in the session")
        before = session.read_text()
        site.go_on()
        running.until_state(id, "done")
        assert running.left() == []

        aria2.kill()
        session.write_text(before)  # what it had saved last when it was killed
        asked = len(site.asked)
        aria2.again()
        eventually_sync(lambda: len(site.asked) > asked, within=60, what="that it downloads it again")

        eventually_sync(
            lambda: running.left() == [] and aria2.listed() == [], within=90, what="that it is removed again"
        )
        assert running.arrived() == {b"film.mkv": FILM}
        assert [each["state"] for each in running.transfers()] == ["done"]


def test_what_a_server_cannot_go_on_with_in_the_middle_is_begun_anew_by_a_retry(tmp_path: Path, aria2: Aria2c) -> None:
    film = noise(3_000_000, "long film")
    with Website({"film.mkv": film}, ranges=False) as site, Requested(tmp_path, aria2) as running:
        site.stop_at(2_500_000)
        id = running.download(f"{site.address}/film.mkv")
        eventually_sync(
            lambda: any(int(each["completedLength"]) for each in aria2.listed()), within=60, what="that some has come"
        )
        aria2.stop()  # it writes down how far it has come
        site.go_on()
        aria2.again()
        running.until_state(id, "failed")
        assert "cannot go on in the middle" in running.cgctl("download", "show", str(id)).stdout

        running.cgctl("download", "retry", str(id))
        running.until_state(id, "done")

        assert running.arrived() == {b"film.mkv": film}
        assert running.left() == []

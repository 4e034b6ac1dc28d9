"""Downloads on request with the real programs, from `cgctl download add` to the target and the removal here."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cgwire import download as wire
from downloaders.aria2 import Aria2c
from downloaders.program import Program
from downloaders.requesting import Requested, expected, web_server
from downloaders.roots import NEWER
from downloaders.seeder import Seeder, made, noise, padded
from waiting import eventually_sync

pytestmark = pytest.mark.timeout(300)  # each step may take its time on a busy machine
needs_aria2 = pytest.mark.skipif(not Aria2c.is_there(), reason="aria2c is not installed")
# Each with both; in the quick suite each with one. Newer ones of qBittorrent have the stages of a download with them.
on_qbittorrent = pytest.mark.parametrize(
    "program", ["qbittorrent", pytest.param("aria2", marks=pytest.mark.full)], indirect=True
)
on_aria2 = pytest.mark.parametrize(
    "program", ["aria2", pytest.param("qbittorrent", marks=pytest.mark.full), *NEWER], indirect=True
)
on_both = pytest.mark.parametrize("program", ["aria2", "qbittorrent"], indirect=True)
on_all = pytest.mark.parametrize("program", ["aria2", "qbittorrent", *NEWER], indirect=True)
SERIES = made(
    "剧集", {f"第{number}集.mkv": noise(200_000, number) for number in (1, 2)} | {"info/read me.txt": noise(3_000, 3)}
)


@pytest.fixture
def seeder(tmp_path: Path) -> Iterator[Seeder]:
    given = tmp_path / "given"
    given.mkdir()
    with Seeder(given) as found:
        yield found


@pytest.fixture
def program(
    request: pytest.FixtureRequest, program_of: Callable[[str, Path], Program], tmp_path: Path
) -> Iterator[Program]:
    with program_of(request.param, tmp_path / request.param) as found:
        yield found


@pytest.fixture
def aria2(tmp_path: Path) -> Iterator[Program]:
    with Aria2c(tmp_path / "aria2") as found:
        yield found


@needs_aria2
def test_a_file_of_the_web_comes_to_the_target_and_goes_here(tmp_path: Path, aria2: Program) -> None:
    web = tmp_path / "web"
    web.mkdir()
    film = noise(1_000_000, "film")
    (web / "电影.mkv").write_bytes(film)

    with web_server(web) as address, Requested(tmp_path, aria2) as running:
        said = running.cgctl("download", "add", "-f", "--task", "film", f"{address}/%E7%94%B5%E5%BD%B1.mkv").stdout

        assert "电影.mkv" in said
        assert running.past(1)[-4:] == ["downloaded", "uploading", "seeding", "done"]
        assert running.arrived() == {"电影.mkv".encode(): film}
        assert running.left() == []
        assert aria2.ask("tellStopped", 0, 10) == []  # type: ignore[attr-defined]


@pytest.mark.full
@needs_aria2
def test_passwords_come_to_the_server_and_are_shown_nowhere(tmp_path: Path, aria2: Program) -> None:
    web = tmp_path / "web"
    web.mkdir()
    (web / "film.mkv").write_bytes(noise(1000, "film"))
    shown = []

    with web_server(web) as address, Requested(tmp_path, aria2) as running:
        signed_in = address.replace("http://", "http://me:hidden-in-address@")
        for name, *options in (("film.mkv", "http-passwd=hidden-option"), ("none.mkv", "ftp-passwd=hidden-option")):
            id = running.download(f"{signed_in}/{name}", "--option", options[0])
            running.until_state(id, "done" if name == "film.mkv" else "failed")
            shown.append(running.cgctl("download", "show", str(id)).stdout)
            shown.append(running.cgctl("download", "show", str(id), "--json").stdout)
        shown.append(running.cgctl("download", "list", "--json").stdout)
        shown.append(running.cgctl("logs").stdout)

    assert "http://***@" in "".join(shown)
    assert "hidden" not in "".join(shown)
    assert "hidden" not in running.said()


@on_qbittorrent
def test_a_torrent_comes_to_the_target_and_goes_here_once_it_was_seeded(
    tmp_path: Path, program: Program, seeder: Seeder
) -> None:
    file = tmp_path / "series.torrent"
    file.write_bytes(SERIES.content)
    seeder.give(SERIES)

    with Requested(tmp_path, program) as running:
        id = running.download(str(file))
        running.until_state(id, "done", seeder=seeder, torrent=SERIES)

        assert running.arrived() == expected(SERIES)
        assert running.left() == []
        assert running.past(id)[-4:] == ["downloaded", "uploading", "seeding", "done"]


@pytest.mark.full
@on_all
def test_it_is_uploaded_while_it_is_seeded_and_stays_until_its_goal(
    tmp_path: Path, program: Program, seeder: Seeder
) -> None:
    file = tmp_path / "series.torrent"
    file.write_bytes(SERIES.content)
    seeder.give(SERIES)
    rules = 'min_free = "1MiB"\nkeep_after = "0s"\nseed_ratio = 100.0\nseed_time = "30d"\n'

    with Requested(tmp_path, program, rules=rules) as running:
        id = running.download(str(file))
        running.until_state(id, "seeding", seeder=seeder, torrent=SERIES)
        assert running.arrived() == expected(SERIES)
        eventually_sync(
            lambda: (running.shown(id)["download"]["held"] or {}).get("code") == "held.download-seeding",
            within=30,
            what="that it is held by its seeding",
        )
        assert len(running.left()) >= 4

        running.config.write_text(running.config.read_text().replace('seed_time = "30d"', 'seed_time = "0s"'))
        running.cgctl("config", "reload")
        running.until_state(id, "done")

        assert running.left() == []


@on_aria2
def test_of_a_magnet_link_files_are_chosen_before_the_first_byte(
    tmp_path: Path, program: Program, seeder: Seeder
) -> None:
    seeder.give(SERIES)

    with Requested(tmp_path, program) as running:
        id = running.download("--select", f"magnet:?xt=urn:btih:{SERIES.infohash}&dn=x")
        running.until_state(id, "choosing", seeder=seeder, torrent=SERIES)
        listed = running.ask(wire.Files(id=id))["files"]
        assert [(number, path) for number, path, *_ in listed] == list(enumerate(expected(SERIES), 1))
        assert sum(done for _, _, _, done, _ in listed) == 0

        running.cgctl("download", "select", str(id), "1,3")
        running.until_state(id, "done", seeder=seeder, torrent=SERIES)

        assert running.arrived() == expected(SERIES, (1, 3))
        assert running.left() == []
        assert "metadata" in running.past(id)


@pytest.mark.full
@on_both
def test_of_a_torrent_file_only_the_files_that_were_named_come(
    tmp_path: Path, program: Program, seeder: Seeder
) -> None:
    file = tmp_path / "series.torrent"
    file.write_bytes(SERIES.content)
    seeder.give(SERIES)

    with Requested(tmp_path, program) as running:
        id = running.download("--files", "2", str(file))
        running.until_state(id, "done", seeder=seeder, torrent=SERIES)

        assert running.arrived() == expected(SERIES, (2,))
        assert running.left() == []


@pytest.mark.full
@on_both
@pytest.mark.parametrize("numbers", [(2,), ()], ids=["second", "all"])
def test_pad_files_are_neither_counted_nor_uploaded(
    tmp_path: Path, program: Program, seeder: Seeder, numbers: tuple[int, ...]
) -> None:
    episodes = {f"e{number}.mkv": noise(50_000 + number, ("pad", number)) for number in (1, 2, 3)}
    torrent = made("padded", padded(episodes))
    file = tmp_path / "padded.torrent"
    file.write_bytes(torrent.content)
    seeder.give(torrent)

    with Requested(tmp_path, program) as running:
        words = ("--files", ",".join(map(str, numbers))) if numbers else ()
        id = running.download(*words, str(file))
        running.until_state(id, "done", seeder=seeder, torrent=torrent)

        wanted = numbers or (1, 2, 3)
        assert running.arrived() == {b"padded/e%d.mkv" % n: episodes[f"e{n}.mkv"] for n in wanted}
        assert running.left() == []


@pytest.mark.full
@on_all
def test_one_that_is_paused_rests_until_it_is_resumed_and_one_that_is_removed_leaves_nothing(
    tmp_path: Path, program: Program, seeder: Seeder
) -> None:
    file = tmp_path / "series.torrent"
    file.write_bytes(SERIES.content)
    seeder.give(SERIES, share=0.5)

    with Requested(tmp_path, program) as running:
        id = running.download("--paused", str(file))
        assert running.shown(id)["download"]["paused"]
        assert running.left() == []
        running.cgctl("download", "resume", str(id))
        running.until_it(id, lambda download: (download["done"] or 0) > 0, seeder=seeder, torrent=SERIES)
        running.cgctl("download", "pause", str(id))
        assert running.shown(id)["download"]["paused"]
        assert running.left()

        running.cgctl("download", "remove", str(id))
        eventually_sync(lambda: running.left() == [], within=60, what="an empty folder")

        eventually_sync(lambda: running.downloads() == [], within=60, what="that nothing is left to be done for it")
        assert running.arrived() == {}


@pytest.mark.full
@needs_aria2
def test_where_the_upload_fails_for_good_nothing_goes_and_a_retry_sends_it(tmp_path: Path, aria2: Program) -> None:
    web = tmp_path / "web"
    web.mkdir()
    film = noise(100_000, "film")
    (web / "film.mkv").write_bytes(film)

    with web_server(web) as address, Requested(tmp_path, aria2) as running:
        os.makedirs(running.base + b"/film.mkv")  # a folder where the file should go: no retry mends that
        id = running.download(f"{address}/film.mkv")
        running.until_state(id, "failed")
        reason = running.shown(id)["download"]["reason"]
        assert (reason["code"], reason["cause"]["code"]) == ("download.unsent", "fail.occupied")
        assert [path for path in running.left() if path.endswith("/film.mkv")]

        os.rmdir(running.base + b"/film.mkv")
        running.cgctl("download", "retry", str(id))
        running.until_state(id, "done")

        assert running.arrived() == {b"film.mkv": film}
        assert running.left() == []


@pytest.mark.full
@needs_aria2
def test_what_the_target_cannot_prove_to_have_stored_stays_here_until_it_is_removed_by_order(
    tmp_path: Path, aria2: Program
) -> None:
    web = tmp_path / "web"
    web.mkdir()
    film = noise(100_000, "film")
    (web / "film.mkv").write_bytes(film)

    with web_server(web) as address, Requested(tmp_path, aria2, confirm="seen") as running:
        id = running.download(f"{address}/film.mkv")
        running.until_state(id, "done")
        assert running.shown(id)["download"]["reason"]["code"] == "download.stays-unproven"
        assert running.arrived() == {b"film.mkv": film}
        assert [path for path in running.left() if path.endswith("/film.mkv")]

        running.cgctl("download", "remove", str(id))
        eventually_sync(lambda: running.left() == [], within=60, what="an empty folder")

        eventually_sync(lambda: running.downloads() == [], within=60, what="that nothing is left to be done for it")
        assert running.arrived() == {b"film.mkv": film}

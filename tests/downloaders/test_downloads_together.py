"""What can happen to a download and be ordered of it: one daemon with an aria2 and a qBittorrent for all tests."""

import json
import os
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from downloaders.aria2 import Aria2c
from downloaders.ftpserver import FtpServer
from downloaders.program import Program
from downloaders.qbittorrent import QBittorrentNox
from downloaders.requesting import RULES, Requested, expected
from downloaders.seeder import Seeder, Torrent, made, noise
from downloaders.website import Website
from waiting import eventually_sync

pytestmark = [
    pytest.mark.full,
    pytest.mark.timeout(300),
    pytest.mark.xdist_group("downloads-together"),
    pytest.mark.skipif(
        not Aria2c.is_there() or not QBittorrentNox.is_there(), reason="needs aria2c and qbittorrent-nox"
    ),
]
on_both = pytest.mark.parametrize("name", ["aria2", "qb"])
WEB = {name: noise(60_000, name) for name in ("late.mkv", "held.mkv", "gone.mkv", "a.mkv", "b.mkv", "c.mkv", "d.mkv")}
FTP = {"old.mkv": noise(70_000, "old")}


@dataclass(frozen=True, kw_only=True)
class Stage:
    """The daemon and what it works with; no two tests have a file in common."""

    running: Requested
    site: Website
    ftp: FtpServer
    programs: Mapping[str, Program]
    aria2: Aria2c
    qb: QBittorrentNox
    seeder: Seeder
    folder: Path

    def add(self, name: str, torrent: Torrent, *words: str, share: float | None = 1.0) -> int:
        """Ask this downloader for a torrent, of which the seeder has a share (None: there is no seeder)."""
        if share is not None:
            self.seeder.give(torrent, share=share)
        file = self.folder / f"{torrent.infohash}.torrent"
        file.write_bytes(torrent.content)
        return self.running.download("--downloader", name, *words, str(file))

    def folder_of(self, id: int) -> Path:
        return Path(os.fsdecode(self.running.shown(id)["folder"]))

    def held(self, id: int) -> str | None:
        """The code of what it waits for."""
        held = self.running.shown(id)["download"]["held"]
        return None if held is None else held["code"]

    def has(self, name: str, torrent: Torrent) -> bool:
        """Whether the downloader lists it."""
        if name == "qb":
            return bool(json.loads(self.qb.ask(f"torrents/info?hashes={torrent.infohash}")))
        return any(each.get("infoHash") == torrent.infohash for each in self.aria2.listed())

    def until_has(self, name: str, torrent: Torrent) -> None:
        eventually_sync(lambda: self.has(name, torrent), within=60, what=f"that {name} has it")

    def configure(self, old: str, new: str) -> None:
        text = self.running.config.read_text()
        assert old in text
        self.running.config.write_text(text.replace(old, new))
        self.running.cgctl("config", "reload")

    def remove(self, id: int) -> None:
        """And wait until it is gone."""
        self.running.cgctl("download", "remove", str(id))
        self.until_unlisted(id)

    def until_unlisted(self, id: int) -> None:
        def listed() -> bool:
            return id in [each["id"] for each in self.running.downloads()]

        eventually_sync(lambda: not listed(), within=60, what="that it is listed no more")


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory, seeder: Seeder) -> Iterator[Stage]:
    folder = tmp_path_factory.mktemp("together")
    with (
        Website(WEB) as site,
        FtpServer(FTP) as ftp,
        Aria2c(folder / "aria2") as aria2,
        QBittorrentNox(folder / "qb") as qb,
        Requested(
            folder,
            aria2,
            name="aria2",
            rules=RULES + 'extra_trackers = ["udp://127.0.0.1:9/announce"]\nstalled_after = "2s"\n',
            more=qb.table("qb", f'dir = "{qb.downloads}"'),
        ) as running,
    ):
        yield Stage(
            running=running,
            site=site,
            ftp=ftp,
            programs={"aria2": aria2, "qb": qb},
            aria2=aria2,
            qb=qb,
            seeder=seeder,
            folder=folder,
        )


# ---- where it comes from ---------------------------------------------------------------------------------------------


def test_a_torrent_comes_by_its_address(stage: Stage) -> None:
    torrent = made("by address", {"a.mkv": noise(50_000, "by address"), "b.mkv": noise(50_000, 2)})
    stage.seeder.give(torrent)
    stage.site.files["any.torrent"] = torrent.content

    id = stage.running.download(f"{stage.site.address}/any.torrent")
    stage.running.until_state(id, "done", seeder=stage.seeder, torrent=torrent)

    assert expected(torrent).items() <= stage.running.arrived().items()
    assert b"any.torrent" not in stage.running.arrived()
    assert not stage.folder_of(id).exists()


def test_a_file_comes_by_ftp_with_aria2_and_from_no_qbittorrent(stage: Stage) -> None:
    address = f"{stage.ftp.address}/old.mkv"
    words = ("download", "add", "--task", "film", "--downloader", "qb", address)
    refused = stage.running.cgctl(*words, check=False)
    assert (refused.returncode != 0, "aria2" in refused.stderr) == (True, True), refused.stderr

    id = stage.running.download(address)
    stage.running.until_state(id, "done")

    assert stage.running.arrived()[b"old.mkv"] == FTP["old.mkv"]


# ---- what may be ordered ---------------------------------------------------------------------------------------------


def test_what_was_not_found_is_tried_again_by_order(stage: Stage) -> None:
    stage.site.missing.add("late.mkv")
    id = stage.running.download(f"{stage.site.address}/late.mkv")
    stage.running.until_state(id, "failed")
    assert stage.running.shown(id)["download"]["reason"]["code"] == "download.failed"

    stage.site.missing.discard("late.mkv")
    stage.running.cgctl("download", "retry", str(id))
    stage.running.until_state(id, "done")

    assert stage.running.arrived()[b"late.mkv"] == WEB["late.mkv"]
    past = stage.running.past(id)
    assert past[past.index("failed") + 1] == "queued"


@on_both
def test_one_that_cannot_be_written_fails_and_is_tried_again_by_order(stage: Stage, name: str) -> None:
    torrent = made(f"blocked-{name}.mkv", {f"blocked-{name}.mkv": noise(50_000, ("blocked", name))})
    id = stage.add(name, torrent, "--paused")
    blocked = stage.folder_of(id) / f"blocked-{name}.mkv"
    blocked.mkdir(parents=True)
    stage.running.cgctl("download", "resume", str(id))
    stage.running.until_state(id, "failed", seeder=stage.seeder, torrent=torrent, program=stage.programs[name])

    blocked.rmdir()
    stage.running.cgctl("download", "retry", str(id))
    stage.running.until_state(id, "done", seeder=stage.seeder, torrent=torrent, program=stage.programs[name])

    assert expected(torrent).items() <= stage.running.arrived().items()
    assert not stage.folder_of(id).exists()


@on_both
def test_one_that_is_removed_may_leave_its_files(stage: Stage, name: str) -> None:
    torrent = made(f"kept-{name}", {"a.mkv": noise(200_000, ("kept", name)), "b.mkv": noise(50_000, 2)})
    id = stage.add(name, torrent, share=0.5)
    stage.running.until_it(
        id,
        lambda download: (download["done"] or 0) > 0,
        seeder=stage.seeder,
        torrent=torrent,
        program=stage.programs[name],
    )
    folder = stage.folder_of(id)

    stage.running.cgctl("download", "remove", "--keep-files", str(id))
    stage.until_unlisted(id)

    assert not stage.has(name, torrent)
    assert (folder / f"kept-{name}" / "a.mkv").stat().st_size > 0
    shutil.rmtree(folder)


def test_one_that_is_removed_is_listed_until_its_downloader_could_be_told(stage: Stage) -> None:
    torrent = made("gone", {"a.mkv": noise(50_000, "gone"), "b.mkv": noise(50_000, 2)})
    id = stage.add("aria2", torrent, share=None)
    stage.until_has("aria2", torrent)
    folder = stage.folder_of(id)
    stage.aria2.kill()
    try:
        stage.running.cgctl("download", "remove", str(id))
        eventually_sync(lambda: stage.held(id) == "downloader.unreachable", within=60, what="that it says why")
        listed = {each["id"]: each["state"] for each in stage.running.downloads()}
        assert listed[id] == "removed"
        stage.running.kill()
        stage.running.start()
        assert id in [each["id"] for each in stage.running.downloads()]
    finally:
        stage.aria2.again()

    stage.until_unlisted(id)

    assert not stage.has("aria2", torrent)
    assert not folder.exists()


# ---- what is there already -------------------------------------------------------------------------------------------


def test_a_torrent_that_was_asked_for_already_is_shown_or_refused(stage: Stage) -> None:
    torrent = made("twice", {"a.mkv": noise(50_000, "twice"), "b.mkv": noise(50_000, 2)})
    id = stage.add("aria2", torrent, "--paused", share=None)
    file = str(stage.folder / f"{torrent.infohash}.torrent")

    again = stage.running.cgctl("download", "add", "--task", "film", file)
    magnet = f"magnet:?xt=urn:btih:{torrent.infohash}"
    refused = stage.running.cgctl("download", "add", "--task", "film", "--if-exists", "refuse", magnet, check=False)

    assert f"download {id}: twice is there already" in again.stdout
    assert (refused.returncode != 0, "twice" in refused.stderr) == (True, True), refused.stderr
    assert len([each for each in stage.running.downloads() if each["name"] == b"twice"]) == 1
    stage.remove(id)


@on_both
def test_what_somebody_else_gave_the_downloader_is_followed_but_not_steered_and_stays(stage: Stage, name: str) -> None:
    torrent = made(f"theirs-{name}", {"a.mkv": noise(200_000, ("theirs", name)), "b.mkv": noise(50_000, 2)})
    program = stage.programs[name]
    program.add(torrent)
    program_has = program.downloads / f"theirs-{name}" / "a.mkv"

    refused = stage.add(name, torrent, "--if-exists", "refuse", share=None)
    stage.running.until_state(refused, "failed")
    assert stage.running.shown(refused)["download"]["reason"]["code"] == "error.download-there"

    id = stage.add(name, torrent)
    stage.running.until_it(id, lambda download: download["state"] != "queued")
    for order in (("pause", str(id)), ("select", str(id), "1")):
        done = stage.running.cgctl("download", *order, check=False)
        assert (done.returncode != 0, name in done.stderr) == (True, True), done.stderr
    stage.running.until_state(id, "done", seeder=stage.seeder, torrent=torrent, program=program)

    assert stage.running.shown(id)["download"]["reason"]["code"] == "download.stays-foreign"
    assert expected(torrent).items() <= stage.running.arrived().items()
    stage.remove(id)
    stage.remove(refused)
    assert stage.has(name, torrent)
    assert program_has.read_bytes() == torrent.files[f"theirs-{name}/a.mkv"]


# ---- what the configuration says -------------------------------------------------------------------------------------


def test_what_would_leave_too_little_on_the_disk_waits_and_says_so(stage: Stage) -> None:
    stage.configure('min_free = "1MiB"', 'min_free = "8000TiB"')
    torrent = made("large", {"a.mkv": noise(50_000, "large"), "b.mkv": noise(50_000, 2)})
    id = stage.add("aria2", torrent)
    eventually_sync(lambda: stage.held(id) == "held.download-space", within=60, what="that it says why it waits")
    held = stage.running.shown(id)["download"]["held"]
    assert (held["needed"], held["min_free"]) == (100_000, 8000 << 40)
    assert 0 < held["free"] < 8000 << 40
    assert not stage.has("aria2", torrent)

    stage.configure('min_free = "8000TiB"', 'min_free = "1MiB"')
    stage.running.until_state(id, "done", seeder=stage.seeder, torrent=torrent)


def test_further_trackers_reach_aria2_but_for_private_torrents(stage: Stage) -> None:
    further = "udp://127.0.0.1:9/announce"
    for private in (False, True):
        torrent = made(f"private {private}", {"a": noise(50_000, private), "b": b"b"}, private=private)
        id = stage.add("aria2", torrent, share=None)
        stage.until_has("aria2", torrent)
        (gid,) = [each["gid"] for each in stage.aria2.listed() if each.get("infoHash") == torrent.infohash]
        assert (further in stage.aria2.ask("getOption", gid).get("bt-tracker", "")) is not private
        stage.remove(id)


# ---- what outlives the daemon ----------------------------------------------------------------------------------------


def test_each_state_outlives_a_kill_and_goes_on_to_the_end(stage: Stage) -> None:
    running, ids = stage.running, {}
    torrents = {
        state: made(f"{state} killed", {"a.mkv": noise(200_000, state), "b.mkv": noise(50_000, (state, 2))})
        for state in ("queued", "metadata", "choosing", "stalled")
    }
    ids["queued"] = stage.add("aria2", torrents["queued"], "--paused")
    ids["choosing"] = stage.add("qb", torrents["choosing"], "--select")
    ids["stalled"] = stage.add("aria2", torrents["stalled"], share=0.5)
    stage.seeder.give(torrents["metadata"])
    ids["metadata"] = running.download(f"magnet:?xt=urn:btih:{torrents['metadata'].infohash}")
    stage.site.missing.add("c.mkv")
    ids["failed"] = running.download(f"{stage.site.address}/c.mkv")
    stage.configure('keep_after = "0s"', 'keep_after = "1h"')
    ids["seeding"] = running.download(f"{stage.site.address}/a.mkv")
    running.until_state(ids["seeding"], "seeding")
    running.cgctl("queue", "pause")
    ids["uploading"] = running.download(f"{stage.site.address}/b.mkv")
    for state, id in ids.items():
        # A magnet link whose files nobody tells is stalled, too, before long.
        reached = (state, "stalled") if state == "metadata" else (state,)
        torrent = torrents["stalled"] if state == "stalled" else None
        running.until_state(id, *reached, seeder=stage.seeder, torrent=torrent)

    running.kill()
    running.start()

    for state, id in ids.items():
        running.until_state(id, *((state, "stalled") if state == "metadata" else (state,)))
    assert stage.folder_of(ids["seeding"]).exists()
    stage.site.missing.discard("c.mkv")
    stage.configure('keep_after = "1h"', 'keep_after = "0s"')
    running.cgctl("queue", "resume")
    running.cgctl("download", "resume", str(ids["queued"]))
    running.cgctl("download", "select", str(ids["choosing"]), "1")
    running.cgctl("download", "retry", str(ids["failed"]))
    stage.seeder.give(torrents["stalled"])
    for state, id in ids.items():
        program = stage.qb if state == "choosing" else stage.aria2
        running.until_state(id, "done", seeder=stage.seeder, torrent=torrents.get(state), program=program)
    whole = {name.encode(): WEB[name] for name in ("a.mkv", "b.mkv", "c.mkv")}
    for state, torrent in torrents.items():
        whole |= expected(torrent, (1,) if state == "choosing" else ())
    arrived = running.arrived()
    assert {path: arrived.get(path) for path in whole} == whole
    assert not any(stage.folder_of(id).exists() for id in ids.values())

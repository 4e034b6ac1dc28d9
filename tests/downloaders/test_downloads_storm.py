"""Ten downloads of every kind, while the daemon, aria2 and qBittorrent are killed again and again at random moments."""

import json
import os
import random
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from cgwire import history as history_wire
from downloaders.aria2 import Aria2c
from downloaders.program import Program
from downloaders.qbittorrent import QBittorrentNox
from downloaders.requesting import Requested, expected
from downloaders.seeder import Seeder, Torrent, made, noise
from downloaders.website import Website
from e2e.running import files_below
from waiting import eventually_sync

SEED = int(os.environ.get("CLOUDGATHER_SEED", "0"))
KILLS = {"daemon": 7, "aria2": 7, "qbittorrent": 7}
SLOWLY = {"aria2": "max-download-limit=200K", "qbittorrent": "dlLimit=200K"}
WAITS = frozenset({"metadata", "downloading", "stalled"})


@dataclass(frozen=True, kw_only=True)
class Wish:
    """One download: a torrent (by its file or by a magnet link), or a file of the web."""

    downloader: str
    words: str
    files: Mapping[bytes, bytes]
    torrent: Torrent | None = None


def wishes(folder: Path, site: Website) -> list[Wish]:
    """Four torrent files, three magnet links, three files of the web; by both downloaders, but the last."""
    found = []
    for number in range(7):
        torrent = made(f"series {number}", {f"{part}.mkv": noise(150_000, (number, part)) for part in "ab"})
        file = folder / f"{number}.torrent"
        file.write_bytes(torrent.content)
        words = str(file) if number < 4 else f"magnet:?xt=urn:btih:{torrent.infohash}"
        found.append(
            Wish(downloader=("aria2", "qbittorrent")[number % 2], words=words, files=expected(torrent), torrent=torrent)
        )
    for name, content in site.files.items():
        found.append(
            Wish(downloader="aria2", words=f"{site.address}/{name}", files={name.encode(): content}, torrent=None)
        )
    return found


@pytest.mark.stress  # its seeder is turned away so often at times that it hardly comes any more
@pytest.mark.timeout(600)
def test_whatever_is_killed_when_ten_downloads_end_once_each_and_leave_nothing(tmp_path: Path) -> None:
    if not Aria2c.is_there() or not QBittorrentNox.is_there():
        pytest.skip("needs aria2c and qbittorrent-nox; script/bootstrap --test installs them")
    luck = random.Random(f"storm {SEED}")
    (tmp_path / "given").mkdir()
    web = {f"film-{number}.mkv": noise(400_000, ("film", number)) for number in range(3)}

    with (
        Website(web) as site,
        Seeder(tmp_path / "given") as seeder,
        Aria2c(tmp_path / "aria2", saves_every=luck.choice((1, 5, 20))) as aria2,
        QBittorrentNox(tmp_path / "qbittorrent") as qbittorrent,
        Requested(
            tmp_path, aria2, name="aria2", more=qbittorrent.table("qbittorrent", f'dir = "{qbittorrent.downloads}"')
        ) as running,
    ):
        programs: Mapping[str, Program] = {"aria2": aria2, "qbittorrent": qbittorrent}
        waiting = wishes(tmp_path, site)
        luck.shuffle(waiting)
        asked: dict[int, Wish] = {}

        def states() -> list[str]:
            found = []
            for id, wish in asked.items():
                download = running.shown(id)["download"]
                assert download["state"] not in ("failed", "removed"), running.shown(id)
                found.append(download["state"])
                if wish.torrent is not None and download["state"] in WAITS:
                    seeder.connect(wish.torrent, programs[wish.downloader].peers)
            return found

        killed: Counter[str] = Counter()
        victims = [name for name, times in KILLS.items() for _ in range(times)]
        luck.shuffle(victims)
        for number, victim in enumerate(victims):
            if waiting and number % 2 == 0:
                wish = waiting.pop()
                if wish.torrent is not None:
                    seeder.give(wish.torrent)
                id = running.download("--downloader", wish.downloader, "--option", SLOWLY[wish.downloader], wish.words)
                asked[id] = wish
            moment = time.monotonic() + luck.uniform(0, 2)
            while time.monotonic() < moment:  # the moment of the kill is the input
                states()
            if victim == "daemon":
                running.kill()
                running.start()
            else:
                programs[victim].kill()
                programs[victim].again()
            killed[victim] += 1
        assert len(asked) == 10
        assert all(killed[name] >= 5 for name in ("daemon", "aria2", "qbittorrent"))
        assert killed.total() >= 20

        try:
            eventually_sync(lambda: set(states()) == {"done"}, within=150, what="that all have ended")
        except AssertionError as error:
            for id in asked:
                error.add_note(repr(running.shown(id)))
            error.add_note(repr(listed(aria2, qbittorrent)))
            error.add_note(repr([seeder.said(each.torrent) for each in asked.values() if each.torrent is not None]))
            raise

        whole = {path: content for wish in asked.values() for path, content in wish.files.items()}
        assert running.arrived() == whole
        assert len(files_below(running.root)) == len(whole)  # no temporary either
        eventually_sync(lambda: listed(aria2, qbittorrent) == [], within=60, what="that nothing is listed any more")
        assert running.left() == []
        assert sorted(qbittorrent.downloads.rglob("*")) == []
        assert all(running.past(id).count("done") == 1 for id in asked)
        assert [each["state"] for each in running.transfers()] == ["done"] * len(whole)
        written = [m for m in running.ask(history_wire.List(limit=1000))["moves"] if m["event"] == "write"]
        assert len(written) == len(whole)


def listed(aria2: Aria2c, qbittorrent: QBittorrentNox) -> list[object]:
    """What the downloaders have."""
    return [*aria2.listed(), *json.loads(qbittorrent.ask("torrents/info"))]

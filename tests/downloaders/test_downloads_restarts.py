"""Daemon and downloader are killed at random moments while several downloads are under way."""

import os
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from downloaders.aria2 import Aria2c
from downloaders.program import Program
from downloaders.requesting import Requested, expected
from downloaders.roots import NEWER
from downloaders.seeder import Seeder, made, noise
from waiting import eventually_sync

SEED = int(os.environ.get("CLOUDGATHER_SEED", "0"))
KILLS = 5
TORRENTS = [
    made(f"series {number}", {f"{part}.mkv": noise(150_000, (number, part)) for part in "ab"}) for number in range(4)
]


@pytest.mark.full
@pytest.mark.timeout(900)  # it may have to make the root of another release first
@pytest.mark.parametrize("kind", ["aria2", "qbittorrent", *NEWER])
def test_whoever_is_killed_when_each_download_ends_once_in_the_target(
    tmp_path: Path, program_of: Callable[[str, Path], Program], kind: str
) -> None:
    luck = random.Random(f"{SEED} {kind}")
    (tmp_path / "given").mkdir()

    with (
        Seeder(tmp_path / "given") as seeder,
        program_of(kind, tmp_path / kind) as program,
        Requested(tmp_path, program) as running,
    ):
        ids = []
        for number, torrent in enumerate(TORRENTS):
            seeder.give(torrent)
            file = tmp_path / f"{number}.torrent"
            file.write_bytes(torrent.content)
            ids.append(running.download(str(file)))

        def states() -> list[str]:
            found = [running.shown(id)["download"] for id in ids]
            for each, torrent in zip(found, TORRENTS, strict=True):
                if each["state"] in ("metadata", "downloading", "stalled"):
                    seeder.connect(torrent, program.peers)
            return [each["state"] for each in found]

        for _ in range(KILLS):
            before, moves = states(), luck.randrange(3)

            def moved(before: list[str] = before, moves: int = moves) -> bool:
                now = states()
                return set(now) == {"done"} or sum(a != b for a, b in zip(before, now, strict=True)) >= moves

            eventually_sync(moved, within=120, what=f"{moves} moves after {before}")
            if luck.random() < 0.5:
                running.kill()
                running.start()
            else:
                program.kill()
                program.again()

        eventually_sync(lambda: set(states()) == {"done"}, within=180, what="that all have ended")

        assert running.arrived() == {path: whole for each in TORRENTS for path, whole in expected(each).items()}
        assert running.left() == []
        assert all(running.past(id).count("done") == 1 for id in ids)
        assert [each["state"] for each in running.transfers()] == ["done"] * 8


@pytest.mark.full
@pytest.mark.timeout(300)
def test_what_aria2_forgets_while_it_seeds_is_seeded_on(
    tmp_path: Path, program_of: Callable[[str, Path], Program]
) -> None:
    torrent = TORRENTS[0]
    rules = 'min_free = "1MiB"\nseed_ratio = 100.0\nseed_time = "1h"\n'
    file = tmp_path / "series.torrent"
    file.write_bytes(torrent.content)

    with (
        Seeder(tmp_path / "given") as seeder,
        program_of("aria2", tmp_path / "aria2") as aria2,
        Requested(tmp_path, aria2, rules=rules) as running,
    ):
        assert isinstance(aria2, Aria2c)
        seeder.give(torrent)
        id = running.download("--files", "2", str(file))
        running.until_state(id, "seeding", seeder=seeder, torrent=torrent)
        (before,) = seeding(aria2)

        aria2.kill()
        aria2.again()
        eventually_sync(lambda: seeding(aria2), within=60, what="that it seeds again")

        (again,) = seeding(aria2)
        assert (again["gid"] != before["gid"], again["dir"]) == (True, before["dir"])
        assert [each["selected"] for each in again["files"]] == ["false", "true"]
        assert running.shown(id)["download"]["state"] == "seeding"
        assert running.arrived() == expected(torrent, [2])

        running.cgctl("download", "remove", str(id))
        eventually_sync(lambda: (running.left(), seeding(aria2)) == ([], []), within=60, what="that it is removed")


def seeding(aria2: Aria2c) -> list[dict[str, Any]]:
    """What aria2 seeds."""
    return [each for each in aria2.ask("tellActive") if each.get("seeder") == "true"]

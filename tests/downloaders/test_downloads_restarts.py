"""Daemon and downloader are killed at random moments while several downloads are under way."""

import os
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from downloaders.programs import Program
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
@pytest.mark.timeout(400)
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

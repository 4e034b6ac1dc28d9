"""`cgctl status` tells of downloads that stall and of downloaders that are silent, with what may be the cause."""

import os
from pathlib import Path

import pytest

from downloaders.aria2 import Aria2c
from downloaders.requesting import PATIENCE, RULES, Requested
from downloaders.seeder import PIECE, Seeder, made, noise
from waiting import eventually_sync


@pytest.mark.full
@pytest.mark.timeout(400)
def test_what_stalls_and_who_is_silent_is_in_the_status(tmp_path: Path, seeder: Seeder) -> None:
    if not Aria2c.is_there():
        pytest.skip("aria2c is not installed; script/bootstrap --test installs it")
    torrent = made("film.mkv", {"film.mkv": noise(10 * PIECE, "overview")})
    file = tmp_path / "film.torrent"
    file.write_bytes(torrent.content)
    seeder.give(torrent, share=0.6)

    with (
        Aria2c(tmp_path / "program") as program,
        Requested(tmp_path, program, rules=RULES + 'stalled_after = "2s"\n') as running,
    ):

        def shows(*words: str, lang: str = "") -> None:
            def found() -> bool:
                said = running.cgctl("status", lang=lang).stdout
                return all(word in said for word in words)

            eventually_sync(found, within=PATIENCE, what=" and ".join(words))

        id = running.download(os.fspath(file))
        running.until_state(id, "stalled", seeder=seeder, torrent=torrent)
        running.until_it(id, lambda each: each["done"] == 6 * PIECE, seeder=seeder, torrent=torrent)
        shows(
            "Downloads (1)",
            f"{id}  film.mkv",
            "  60 %",
            "stalled  nothing has come for",
            "perhaps nobody who has it is",
        )
        shows("下载任务 (1)", "没有收到数据", "可能没有人在线做种", lang="zh_CN.UTF-8")

        program.kill()
        shows("dl: it does not answer at", "cgctl downloader test dl")
        program.again()
        seeder.give(torrent)
        running.until_state(id, "done", seeder=seeder, torrent=torrent)
        shows("dl  aria2  0 unfinished")
        assert "Downloads (" not in running.cgctl("status").stdout

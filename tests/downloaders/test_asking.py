"""`cgctl downloader`: what is wrong between the daemon and a downloader is named, with what would help."""

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from downloaders.programs import Aria2c, Program, QBittorrentNox, free_ports
from e2e.running import Running
from waiting import eventually_sync


@pytest.fixture(scope="module")
def qbittorrent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[QBittorrentNox]:
    if not QBittorrentNox.is_there():
        pytest.skip("qbittorrent-nox is not installed; script/bootstrap --test installs it")
    with QBittorrentNox(tmp_path_factory.mktemp("qbittorrent")) as running:
        yield running


@pytest.fixture(scope="module")
def aria2(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    if not Aria2c.is_there():
        pytest.skip("aria2c is not installed; script/bootstrap --test installs it")
    with Aria2c(tmp_path_factory.mktemp("aria2")) as running:
        yield running


def daemon(folder: Path, *tables: str) -> Running:
    (folder / "target").mkdir()
    return Running(folder, root=folder / "target", kind="directory", target="\n".join(tables))


def findings(running: Running, name: str) -> dict[str, dict[str, Any]]:
    """What `test` has found, by code."""
    done = running.cgctl("downloader", "test", name, "--json", check=False)
    report = json.loads(done.stdout)
    assert done.returncode == (0 if report["ok"] else 1)
    return {reason["code"]: reason for _, reason in report["findings"]}


def test_every_wrong_thing_has_a_name(tmp_path: Path, qbittorrent: Program, aria2: Program) -> None:
    wrong = tmp_path / "wrong"
    wrong.write_text("wrong\n")
    (closed,) = free_ports(1)
    refused = qbittorrent.table("password").replace(str(qbittorrent.secret), str(wrong))
    nobody = f'[downloaders.port]\nkind = "transmission"\nurl = "http://127.0.0.1:{closed}"\n'
    secret = re.sub(r"secret_file = .*\n", "", aria2.table("secret"))

    with daemon(tmp_path, refused, nobody, secret) as running:
        assert set(findings(running, "password")) == {"downloader.password"}
        assert set(findings(running, "port")) == {"downloader.unreachable"}
        assert set(findings(running, "secret")) == {"downloader.password"}
        said = running.cgctl("downloader", "test", "password", check=False)
        assert "password_file" in said.stdout and said.returncode == 1
        eventually_sync(lambda: "cannot be asked" in running.said(), what="it is logged")
        states = json.loads(running.cgctl("downloader", "list", "--json").stdout)["downloaders"]
        assert {each["name"]: each["state"] for each in states} == dict.fromkeys(
            ("password", "port", "secret"), "silent"
        )
        assert running.cgctl("downloader", "test", "passwort", check=False).returncode == 5
    # The daemon's own polls and the two tests: one each, where five would have been a ban.
    assert json.loads(findings_of(tmp_path / "again", qbittorrent))["ok"]


def findings_of(folder: Path, program: Program) -> str:
    """The report on a downloader with which all is well."""
    folder.mkdir()
    with daemon(folder, program.table("dl")) as running:
        return running.cgctl("downloader", "test", "dl", "--json").stdout


def test_a_path_that_is_not_shared(tmp_path: Path, qbittorrent: QBittorrentNox) -> None:
    inside = tmp_path / "container" / "downloads"
    outside = tmp_path / "volume" / "downloads"
    outside.mkdir(parents=True)
    before = json.loads(qbittorrent.ask("app/preferences"))["save_path"]
    preferences = {"json": json.dumps({"save_path": str(inside)})}
    qbittorrent.ask("app/setPreferences", preferences)
    try:
        with daemon(tmp_path, qbittorrent.table("dl")) as running:
            task = running.tasks_dir / "film.toml"
            task.write_text(task.read_text().replace(os.fsdecode(running.source), str(outside)))
            running.cgctl("config", "reload")
            # qBittorrent has made the folder for itself, as it would within its container.
            if inside.exists():
                inside.rmdir()
            reason = findings(running, "dl")["downloader.no-folder"]
            assert os.fsencode(reason["suggestion"]) == bytes(outside)
            said = running.cgctl("downloader", "test", "dl", check=False)
            assert f'path_map = {{ "{inside}" = "{outside}" }}' in said.stdout
    finally:
        qbittorrent.ask("app/setPreferences", {"json": json.dumps({"save_path": before})})


def test_what_can_be_seen_of_one(tmp_path: Path, qbittorrent: QBittorrentNox) -> None:
    with daemon(tmp_path, qbittorrent.table("dl")) as running:
        running.cgctl("downloader", "show", "dl")
        eventually_sync(lambda: "answers" in running.cgctl("downloader", "list").stdout, what="it answers")
        assert "qBittorrent" in running.cgctl("downloader", "show", "dl").stdout
        running.cgctl("downloader", "detect")
        assert "downloaders" in running.cgctl("config", "show").stdout

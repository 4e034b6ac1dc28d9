"""`cgctl downloader`: what is wrong between the daemon and a downloader is named, with what would help."""

import json
import os
import re
import shutil
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from downloaders.aria2 import Aria2c
from downloaders.program import USER, Program, closed_port
from downloaders.qbittorrent import QBittorrentNox
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


# What is said to whoever asks what is wrong: in English, in Chinese.
REMEDIES: Final = {
    "downloader.password": (
        "correct username and password_file (qBittorrent, Transmission), api_key_file (qBittorrent) or secret_file",
        "请更正 username 和 password_file",
    ),
    "downloader.unreachable": ("is it running, and are address and port right?", "它在运行吗？地址和端口对吗？"),
    "downloader.host": ("add the name to the server domains", "把主机名加入服务器域名"),
    "downloader.banned": ("correct the password first", "请先更正密码，再等一小时或重启"),
}


def is_named(running: Running, name: str, code: str) -> None:
    """What is wrong is found, and said with its remedy in both languages; the exit code is that of a failure."""
    assert set(findings(running, name)) == {code}
    for lang, remedy in zip(("C.UTF-8", "zh_CN.UTF-8"), REMEDIES[code], strict=True):
        said = running.cgctl("downloader", "test", name, check=False, lang=lang)
        assert remedy in said.stdout
        assert (said.returncode, name in said.stderr) == (1, True)


def test_every_wrong_thing_has_a_name(tmp_path: Path, qbittorrent: Program, aria2: Program) -> None:
    nobody = '[downloaders.port]\nkind = "transmission"\nurl = "http://127.0.0.1:%d"\n'
    secret = re.sub(r"secret_file = .*\n", "", aria2.table("secret"))
    nameless = re.sub(r"(username|password_file) = .*\n", "", qbittorrent.table("nameless"))

    with closed_port() as closed, daemon(tmp_path, nobody % closed, secret, nameless) as running:
        is_named(running, "port", "downloader.unreachable")
        is_named(running, "secret", "downloader.password")
        is_named(running, "nameless", "downloader.password")
        eventually_sync(lambda: "cannot be asked" in running.said(), what="it is logged")
        states = json.loads(running.cgctl("downloader", "list", "--json").stdout)["downloaders"]
        assert {each["name"]: each["state"] for each in states} == dict.fromkeys(
            ("port", "secret", "nameless"), "silent"
        )
        assert running.cgctl("downloader", "test", "passwort", check=False).returncode == 5
    assert json.loads(findings_of(tmp_path / "again", qbittorrent))["ok"]


def failed_logins(program: QBittorrentNox) -> int:
    """How often it has refused a name and password, by its own log."""
    log = json.loads(program.ask("log/main?normal=true&info=true&warning=true&critical=true&last_known_id=-1"))
    return sum("login failure" in entry["message"] for entry in log)


def test_a_password_that_was_refused_is_not_shown_again(tmp_path: Path, qbittorrent: QBittorrentNox) -> None:
    before = failed_logins(qbittorrent)
    password = tmp_path / "password"
    password.write_text("wrong\n")
    table = qbittorrent.table("qb").replace(str(qbittorrent.secret), str(password))

    with daemon(tmp_path, table) as running:
        running.write("film.mkv", b"it may be the downloader's")
        running.until_code("film.mkv", "wait.downloader-silent")
        tries: list[float] = []  # when it is asked again: each try that came to nothing puts that off

        def tried() -> bool:
            settle = running.why("film.mkv")["settle"]
            until = float(settle["conditions"][0]["until"])
            if not tries or until > tries[-1] + 0.5:
                tries.append(until)
            return len(tries) >= 4

        eventually_sync(tried, within=60, what="several polls")
        assert failed_logins(qbittorrent) == before + 1
        is_named(running, "qb", "downloader.password")  # three times it is asked for on purpose
        assert failed_logins(qbittorrent) == before + 4

        os.replace(shutil.copy(qbittorrent.secret, tmp_path / "right"), password)  # an empty one would be shown as well
        assert set(findings(running, "qb")) >= {"downloader.answers"}
        running.until("film.mkv", "done", within=60)
        assert failed_logins(qbittorrent) == before + 4


def test_a_ban_and_a_name_that_it_does_not_know(tmp_path: Path) -> None:
    if not QBittorrentNox.is_there():
        pytest.skip("qbittorrent-nox is not installed; script/bootstrap --test installs it")
    webui = {"HostHeaderValidation": "true", "ServerDomains": "nas.example", "MaxAuthenticationFailCount": "2"}
    with QBittorrentNox(tmp_path / "program", webui=webui) as program:
        host = program.table("host").replace("127.0.0.1", "localhost")
        with daemon(tmp_path, host, program.table("banned")) as running:
            is_named(running, "host", "downloader.host")
            assert set(findings(running, "banned")) >= {"downloader.answers"}
            wrong = urllib.parse.urlencode({"username": USER, "password": "wrong"}).encode()
            for _ in range(2):  # with no session of one who was let in
                urllib.request.urlopen(f"{program.url}/api/v2/auth/login", wrong, timeout=30).close()
            is_named(running, "banned", "downloader.banned")


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
            for lang in ("C.UTF-8", "zh_CN.UTF-8"):
                said = running.cgctl("downloader", "test", "dl", check=False, lang=lang)
                assert f'path_map = {{ "{inside}" = "{outside}" }}' in said.stdout
                assert said.returncode == 1
    finally:
        qbittorrent.ask("app/setPreferences", {"json": json.dumps({"save_path": before})})


def test_what_can_be_seen_of_one(tmp_path: Path, qbittorrent: QBittorrentNox) -> None:
    with daemon(tmp_path, qbittorrent.table("dl")) as running:
        running.cgctl("downloader", "show", "dl")
        eventually_sync(lambda: "answers" in running.cgctl("downloader", "list").stdout, what="it answers")
        assert "qBittorrent" in running.cgctl("downloader", "show", "dl").stdout
        running.cgctl("downloader", "detect")
        assert "downloaders" in running.cgctl("config", "show").stdout

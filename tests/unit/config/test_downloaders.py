"""The tables of downloaders: what they say, and what is wrong with them."""

from pathlib import Path

import pytest

from cloudgather.config.problems import InvalidConfiguration
from cloudgather.config.settings import parse_settings
from cloudgather.core.downloader import DownloaderSpec, Kind

QB = '[downloaders.qb]\nkind = "qbittorrent"\nurl = "http://127.0.0.1:8080"\n'


def read(content: str, **environ: str) -> DownloaderSpec:
    """The only downloader of a main file /etc/cg/main.toml."""
    (spec,) = parse_settings(content, file="/etc/cg/main.toml", mounts=(), environ=environ).downloaders.values()
    return spec


def complaints(content: str) -> str:
    with pytest.raises(InvalidConfiguration) as caught:
        parse_settings(content, file="/f", mounts=())
    return "\n".join(problem.text for problem in caught.value.problems)


def test_all_that_can_be_said_of_one() -> None:
    more = (
        'username = "admin"\npassword_file = "/etc/cg/qb"\npath_map = { "/downloads" = "/vol1/downloads/" }\n'
        'folders = ["/vol1/downloads/"]\noptions = { upLimit = 5 }\n'
    )

    assert read(QB + more) == DownloaderSpec(
        name="qb",
        kind=Kind.QBITTORRENT,
        url="http://127.0.0.1:8080",
        username="admin",
        password_file=b"/etc/cg/qb",
        path_map=((b"/downloads", b"/vol1/downloads"),),
        folders=(b"/vol1/downloads",),
        options={"upLimit": 5},
    )


def test_a_name_alone_is_a_credential_or_a_file_beside_the_main_one(tmp_path: Path) -> None:
    content = QB + 'username = "admin"\npassword_file = "qb"'

    assert read(content, CREDENTIALS_DIRECTORY=str(tmp_path)).password_file == b"/etc/cg/qb"
    (tmp_path / "qb").touch()
    assert read(content, CREDENTIALS_DIRECTORY=str(tmp_path)).password_file == bytes(tmp_path / "qb")


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (QB.replace("qbittorrent", "deluge"), 'use "qbittorrent", "aria2", "transmission"'),
        (QB.replace("http:", "ftp:"), "is not an address"),
        (QB.replace("127", "admin:geheim@127"), "holds a user or a password"),
        (QB + 'password = "geheim"', "password: does not belong here"),
        (QB + 'password_file = "/p"', "username: is missing beside password_file"),
        (QB + 'secret_file = "/p"', 'secret_file: is not used with kind = "qbittorrent"'),
        (QB + 'api_key_file = "/p"\nusername = "a"', "api_key_file: stands instead of username"),
        (QB + 'path_map = { "downloads" = "/a" }', "path_map: \"downloads\" is not an absolute path"),
        (QB + 'path_map = "/a"', "path_map: text is not allowed here"),
        (QB + 'folders = "/a"', "folders: text is not allowed here"),
        (QB + "options = 5", "options: a number is not allowed here"),
        (QB.replace("qbittorrent", "transmission") + "options = { a = 1 }", "options: is for downloads on request"),
        (QB + QB.replace(".qb", ".QB"), 'differs from "qb" in case'),
        (QB + QB.replace(".qb", ".other"), 'url: is that of "qb", too'),
        (QB.replace("qb]", '".qb"]'), "the name begins with ."),
    ],
)  # fmt: skip
def test_what_is_wrong_with_one(content: str, complaint: str) -> None:
    assert complaint in complaints(content)


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        (b"/downloads/a", b"/vol1/downloads/a"),
        (b"/downloads", b"/vol1/downloads"),
        (b"/downloads/films/a", b"/vol2/a"),
        (b"/downloads2/a", b"/downloads2/a"),
    ],
)
def test_paths_there_and_here(theirs: bytes, ours: bytes) -> None:
    spec = read(QB + 'path_map = { "/downloads" = "/vol1/downloads", "/downloads/films" = "/vol2" }')

    assert spec.ours(theirs) == ours
    assert spec.theirs(ours) == theirs


@pytest.mark.parametrize(
    ("to", "complaint"),
    [
        ("c151:films", 'to: there is no target "c151" (did you mean c115?); known are c115'),
        ("c115:../films", 'to: "../films" goes up with ..'),
        ("c115", 'to: "c115" names no target'),
    ],
)
def test_results_go_to_a_target_that_is_configured(to: str, complaint: str) -> None:
    target = '[targets.c115]\nroot = "/CloudDrive/115"\n'

    parse_settings(f'{target}[downloads]\nto = "c115:films"\n', file="/f", mounts=())
    assert complaint in complaints(f'{target}[downloads]\nto = "{to}"\n')

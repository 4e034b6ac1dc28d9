"""`cgctl download`: what is wrong with an order is told before anything is handed over, and in the user's language."""

import json
from pathlib import Path
from typing import Any

import pytest

from fakes.canned import Denied
from fakes.replies import a_download

HUGE = "99999999999999999999999"


@pytest.fixture
def torrent(tmp_path: Path) -> str:
    file = tmp_path / "film.torrent"
    file.write_bytes(b"d4:infode")
    return str(file)


def refusing(code: str, **facts: Any) -> Any:
    def reply(params: Any) -> Any:
        raise Denied(code, **facts)

    return reply


def added(params: Any) -> Any:
    return {"download": a_download(name=params["uri"].encode()), "reused": False}


@pytest.mark.parametrize(
    "options",
    [
        ("--files", "0"), ("--files", "5-3"), ("--files", ""), ("--files", HUGE), ("--files", "1", "--select"),
        ("--task", "films", "--to", "c115:films"), ("--to", ""), ("--task", ""), ("--downloader", ""),
        ("--option", "x"), ("--options", "["), ("--options", "[" * 100_000),
    ],
)  # fmt: skip
def test_a_wrong_option_is_told_before_the_torrent_is_handed_over(
    cgctl: Any, torrent: str, options: tuple[str, ...]
) -> None:
    daemon = cgctl.daemon()

    said = cgctl("download", "add", *options, torrent)

    assert (said.code, said.out) == (2, "")
    assert said.err.count("\n") == 1
    assert daemon.asked == []


@pytest.mark.parametrize(
    ("given", "told", "translated"),
    [
        ("", "give a link, or the name of a torrent file", "请给出链接，或种子文件的名称"),
        ("www.example.org/film.mkv", "(a link begins with magnet:, ", "链接以 magnet:、"),
        ("c" * 40, f"magnet:?xt=urn:btih:{'c' * 40})", f"要写成链接：magnet:?xt=urn:btih:{'c' * 40}）"),
        ("none.torrent", "cannot read none.torrent: no such file\n", "无法读取 none.torrent：没有这个文件\n"),
        ("/", "cannot read /: it is a folder\n", "无法读取 /：这是文件夹\n"),
    ],
)
def test_what_is_neither_link_nor_file_is_told_with_what_was_meant(
    cgctl: Any, chinese: Any, given: str, told: str, translated: str
) -> None:
    cgctl.daemon()

    assert told in cgctl("download", "add", given).err
    assert translated in chinese("download", "add", given).err


def test_one_that_is_refused_is_named_and_keeps_up_no_other(cgctl: Any) -> None:
    def reply(params: Any) -> Any:
        if "bad" in params["uri"]:
            raise Denied("error.link", cause={"code": "link.no-host"})
        return added(params)

    cgctl.daemon(download_add=reply)

    said = cgctl("download", "add", "--json", "https://a.example", "https://bad.example", "https://c.example")

    assert said.code == 1
    assert "cgctl: https://bad.example: this cannot be downloaded: it names no host" in said.err
    names = [each["download"]["name"] for each in json.loads(said.out)["downloads"]]
    assert names == ["https://a.example", "https://c.example"]


@pytest.mark.parametrize(("state", "code"), [("done", 0), ("failed", 1)])
@pytest.mark.parametrize("command", ["add", "show"])
def test_followed_for_a_script_it_is_told_at_its_end(cgctl: Any, command: str, state: str, code: int) -> None:
    looks = iter([a_download(), a_download(state=state), a_download(state=state)])
    cgctl.daemon(download_add=added, download_show=lambda params: {"download": next(looks), "history": []})

    said = cgctl("download", command, "-f", "--json", "17" if command == "show" else "https://a.example")

    assert said.code == code
    read = json.loads(said.out)
    assert (read["downloads"][0] if command == "add" else read)["download"]["state"] == state


def test_several_are_followed_together(cgctl: Any) -> None:
    ids = iter((1, 2))
    states = {1: iter(("downloading", "seeding", "done")), 2: iter(("failed",))}

    def add(params: Any) -> Any:
        return {"download": a_download(id=next(ids), name=params["uri"]), "reused": False}

    def show(params: Any) -> Any:
        return {"download": a_download(id=params["id"], name=b"%d" % params["id"], state=next(states[params["id"]]))}

    cgctl.daemon(download_add=add, download_show=show)

    said = cgctl("download", "add", "-f", "https://a.example", "https://b.example")

    steps = [line.partition(" ")[2] for line in said.out.splitlines()[2:]]
    assert (said.code, steps) == (1, ["1 - downloading", "2 - failed", "1 - seeding", "1 - done"])


def test_a_removal_that_is_under_way_is_no_failure(cgctl: Any, chinese: Any) -> None:
    replies = iter((False, True, True))
    cgctl.daemon(download_remove=lambda params: {"under_way": next(replies)})

    said = [call("download", "remove", "17") for call in (cgctl, cgctl, chinese)]

    assert [each.code for each in said] == [0, 0, 0]
    assert said[0].out == "download 17 is removed\n"
    assert "under way" in said[1].out and "cgctl download show 17" in said[1].out
    assert "正在删除" in said[2].out


@pytest.mark.parametrize(
    "arguments",
    [
        ("download", "show", HUGE), ("download", "pause", HUGE), ("download", "select", HUGE, "1"),
        ("queue", "show", HUGE), ("queue", "retry", HUGE), ("queue", "list", "--offset", HUGE), ("run", "show", HUGE),
        ("history", "--transfer", HUGE), ("history", "--before", HUGE), ("logs", "--run", HUGE),
        ("task", "run", "films", "--limit", HUGE), ("download", "show", "--", "-1"),
        ("download", "add", "--options", f'{{"split": {HUGE}}}', "https://example.org"),
    ],
)  # fmt: skip
def test_a_number_that_nothing_has_is_a_line_and_no_traceback(cgctl: Any, arguments: tuple[str, ...]) -> None:
    cgctl.daemon()

    said = cgctl(*arguments)

    assert (said.code, said.out) == (2, "")
    assert said.err.count("\n") == 1


def test_the_advice_names_the_download(cgctl: Any) -> None:
    reason = {"code": "download.failed", "downloader": "aria2", "message": "404", "download": 17}
    shown = {"download": a_download(state="failed", reason=reason), "folder": b"/d", "history": []}
    cgctl.daemon(download_show=shown)

    assert "cgctl download retry 17" in cgctl("download", "show", "17").out


def test_a_list_of_downloads_says_which_downloader_is_silent(cgctl: Any, chinese: Any) -> None:
    silent = {"code": "downloader.unreachable", "downloader": "qb", "url": "http://a:1", "message": "no"}
    refused = {"code": "downloader.refused", "downloader": "qb", "message": "no"}
    downloads = [a_download(held=silent), a_download(id=18, reason=refused)]
    cgctl.daemon(download_list={"downloads": downloads}, download_pause=refusing(**silent))

    listed = cgctl("download", "list").out.splitlines()
    assert listed[1].endswith("qb: it does not answer at http://a:1: no")
    assert listed[2].endswith("  the downloader qb refuses that: no")
    assert "qb：它没有回答" in chinese("download", "list").out
    assert "cgctl: qb: it does not answer" in cgctl("download", "pause", "17").err


def test_a_web_page_in_place_of_a_torrent_is_told_with_the_remedy(cgctl: Any, chinese: Any, torrent: str) -> None:
    cgctl.daemon(
        blob_append={"blob": 1, "size": 9}, download_add=refusing("error.torrent", cause={"code": "torrent.web-page"})
    )

    told = "this torrent file cannot be used: it is a web page (log in to the site, and save the torrent file anew)"
    assert cgctl("download", "add", torrent).err == f"cgctl: {told}\n"
    assert chinese("download", "add", torrent).err.endswith("：这是一个网页（请登录网站后重新保存种子文件）\n")


@pytest.mark.parametrize(
    ("state", "advice"),
    [
        ("done", "  → to have it once more: cgctl download remove 17, then add it again\n"),
        ("failed", "  → cgctl download retry 17\n"),
        ("seeding", ""),
    ],
)
def test_what_was_had_before_is_told_with_how_to_have_it_once_more(cgctl: Any, state: str, advice: str) -> None:
    cgctl.daemon(download_add={"download": a_download(state=state), "reused": True})

    said = cgctl("download", "add", "https://a.example")

    assert said.out == f"download 17: film is there already ({state}, to c115:films)\n{advice}"


def test_a_link_may_have_been_copied_with_spaces_around_it(cgctl: Any) -> None:
    daemon = cgctl.daemon(download_add=added)

    assert cgctl("download", "add", " https://a.example\n").code == 0
    assert daemon.asked[0][1]["uri"] == "https://a.example"

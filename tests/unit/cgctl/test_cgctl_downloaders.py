"""What cgctl shows of downloaders, and advises where it finds none."""

from typing import Any

from fakes.replies import a_downloader

TRIED = [
    {"kind": "qbittorrent", "url": "http://127.0.0.1:8080"},
    {"kind": "qbittorrent", "url": "http://127.0.0.1:8081"},
    {"kind": "aria2", "url": "http://127.0.0.1:6800"},
]


def test_what_a_downloader_has_no_name_for_is_a_line_all_the_same(cgctl: Any) -> None:
    items = [["", "failed", 0.0, 0, b"/cg-1"], ["film", "downloading", 0.5, 1024, b"/cg-2"]]
    shown = a_downloader(config={"dir": b"/cg", "options": {}}, unfinished_items=items)
    cgctl.daemon(downloader_show=shown)

    said = cgctl("downloader", "show", "qb").out.splitlines()

    assert said[1:3] == ["  unnamed  0%, failed, /cg-1", "  film  50%, downloading, 1.00 KiB/s, /cg-2"]
    assert said[-1] == "  dir  /cg"


def test_where_none_was_found_it_says_where_it_looked_and_what_may_be_the_cause(cgctl: Any, chinese: Any) -> None:
    cgctl.daemon(downloader_detect={"found": [], "tried": TRIED})

    said = cgctl("downloader", "detect")
    by_that_name = chinese("downloader", "detect").out.splitlines()

    lines = said.out.splitlines()
    assert (said.code, lines[0]) == (0, "none found at the usual ports of the daemon's machine")
    assert lines[1:3] == [
        "  qBittorrent  http://127.0.0.1:8080  http://127.0.0.1:8081",
        "  aria2        http://127.0.0.1:6800",
    ]
    advice = "\n".join(lines[3:])
    assert all(word in advice for word in ("Web UI", "container", "[downloaders.NAME]", "cgctl downloader test"))
    assert by_that_name[1:3] == lines[1:3]
    assert not any(line in by_that_name for line in (lines[0], *lines[3:]))


def test_where_one_was_found_there_is_no_advice(cgctl: Any) -> None:
    found = {"kind": "aria2", "url": "http://127.0.0.1:6800", "configured": None, "lines": ["[downloaders.aria2]"]}
    cgctl.daemon(downloader_detect={"found": [found], "tried": TRIED})

    said = cgctl("downloader", "detect").out.splitlines()

    assert (len(said), said[1]) == (2, "    [downloaders.aria2]")

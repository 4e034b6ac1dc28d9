"""What `cgctl status` cuts on a terminal that is too narrow for it."""

from typing import Any

import pytest

from cgctl.commands.status import show
from cgctl.session import Session
from cgctl.table import width
from fakes.replies import a_download, a_status, a_transfer

TITLE = "流浪地球." * 12 + "2019.mkv"


class Terminal(Session):
    """One of 100 columns."""

    cells = 100


def shown(session: Session, capsys: pytest.CaptureFixture[str], **status: Any) -> list[str]:
    """The lines with the title."""
    show(session, a_status(**status), verbose=False)
    return [line for line in capsys.readouterr().out.splitlines() if "流浪" in line]


def moving() -> dict[str, Any]:
    return {
        "active": [a_transfer(state="copying", path=TITLE.encode(), held=[], done=2**30)],
        "downloads": [a_download(name=TITLE.encode())],
        "downloads_total": 1,
        "waiting": [],
        "failed": [],
        "settling": [],
    }


def test_long_titles_of_what_moves_leave_room_for_what_is_said_of_it(capsys: pytest.CaptureFixture[str]) -> None:
    lines = shown(Terminal({}), capsys, **moving())

    assert len(lines) == 2
    assert [width(line) in (99, 100) for line in lines] == [True, True], lines
    assert "…" in lines[0] and lines[0].endswith("2019.mkv")
    assert lines[1].endswith("1.00 GiB  1.00 MiB/s  downloading")


def test_of_a_title_something_is_left_however_much_is_said_of_it(capsys: pytest.CaptureFixture[str]) -> None:
    held = {"code": "held.download-folder", "downloader": "qb", "folder": b"/" + b"x" * 80}
    download = a_download(name=TITLE.encode(), held=held)

    (line,) = shown(Terminal({}), capsys, **{**moving(), "active": [], "downloads": [download]})

    assert "x" * 80 in line
    assert 24 <= width(line.split()[2]) <= 25


def test_where_nobody_looks_at_a_terminal_nothing_is_cut(capsys: pytest.CaptureFixture[str]) -> None:
    lines = shown(Session({}), capsys, **moving())

    assert [TITLE in line for line in lines] == [True, True]

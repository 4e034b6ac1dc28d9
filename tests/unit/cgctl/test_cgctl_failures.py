"""Exit codes, and the one line on stderr."""

import errno
import os
import socket
import stat
import subprocess
import sys
import threading
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from cgctl.connection import Connection
from fakes.canned import Denied


def refusing(code: str, **facts: Any) -> Any:
    def reply(params: Any) -> Any:
        raise Denied(code, **facts)

    return reply


def one_line(err: str) -> str:
    assert err.count("\n") == 1
    return err.strip()


def test_no_daemon_is_3_and_names_the_remedy(cgctl: Any, tmp_path: Path) -> None:
    said = cgctl("status")

    assert (said.code, said.out) == (3, "")
    assert str(tmp_path / "control.sock") in one_line(said.err)
    assert "systemctl status cloudgather" in said.err


def test_a_socket_that_nobody_listens_on_is_3(cgctl: Any, tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as left_behind:
        left_behind.bind(str(tmp_path / "control.sock"))

    said = cgctl("queue", "list")

    assert said.code == 3
    assert "nobody listens there" in one_line(said.err)


def test_the_socket_option_comes_before_the_environment(cgctl: Any, tmp_path: Path) -> None:
    cgctl.daemon(queue_pause={})

    assert cgctl("--socket", "/nowhere/at/all", "queue", "pause").code == 3
    assert cgctl("queue", "pause", "--socket", "/nowhere/at/all").code == 3
    assert cgctl("queue", "pause").code == 0
    assert cgctl("--socket", str(tmp_path / "control.sock"), "queue", "pause", CLOUDGATHER_SOCKET="/nope").code == 0


def test_a_refusal_is_4_and_names_the_group(cgctl: Any) -> None:
    cgctl.daemon(task_remove=refusing("error.denied", needed="admin", user="bob", group="cloudgather"))

    said = cgctl("task", "remove", "films", "--yes")

    assert said.code == 4
    assert "it needs the access level admin" in one_line(said.err)
    assert "usermod -aG cloudgather" in said.err


@pytest.mark.parametrize(
    ("arguments", "method", "code", "facts", "words"),
    [
        (
            ["task", "show", "flims"],
            "task_show",
            "error.no-such-task",
            {"task": "flims", "near": "films"},
            "there is films",
        ),
        (["target", "show", "x"], "target_show", "error.no-such-target", {"target": "x"}, "no target is named x"),
        (["queue", "show", "99"], "queue_show", "error.no-such-transfer", {"id": 99}, "there is no transfer 99"),
        (["run", "show", "7"], "run_show", "error.no-such-run", {"id": 7}, "there is no run 7"),
    ],
)
def test_what_does_not_exist_is_5(
    cgctl: Any, arguments: list[str], method: str, code: str, facts: dict[str, Any], words: str
) -> None:
    cgctl.daemon(**{method: refusing(code, **facts)})

    said = cgctl(*arguments)

    assert said.code == 5
    assert words in one_line(said.err)


def test_an_error_of_the_daemon_is_1(cgctl: Any) -> None:
    cgctl.daemon(queue_pause=refusing("error.store", cause={"code": "held.state-full", "file": b"/var/lib"}))

    said = cgctl("queue", "pause")

    assert said.code == 1
    assert one_line(said.err) == (
        "cgctl: the daemon's database cannot be used: "
        "the disk with the daemon's database is full: /var/lib (cgctl doctor)"
    )


def test_a_daemon_that_knows_less_is_told_apart(cgctl: Any) -> None:
    cgctl.daemon()

    said = cgctl("status")

    assert said.code == 1
    assert "restart the daemon" in one_line(said.err)


@pytest.mark.parametrize(
    "arguments",
    [["nonsense"], ["status", "--nonsense"], ["queue", "show", "seven"], ["queue", "retry", "a*", "b*"], ["why"]],
)
def test_wrong_usage_is_2(cgctl: Any, arguments: list[str]) -> None:
    cgctl.daemon()

    said = cgctl(*arguments)

    assert said.code == 2
    assert one_line(said.err).startswith("cgctl: ")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["stat"], "cgctl: 没有命令“stat”；是不是 status？（cgctl --help）"),
        (["why"], "cgctl: 缺少参数“路径”（cgctl why --help）"),
        (["queue", "show", "seven"], "cgctl: 参数“编号”的值不正确：“seven”不是整数（cgctl queue show --help）"),
        (["task", "next", "films", "-n", "0"], "cgctl: -n / --count 的值不正确：0 超出范围"),
        (["queue", "retry", "a*", "b*"], "cgctl: 请给出编号，或一个匹配模式"),
        (["history", "--task"], "cgctl: 选项 --task 需要一个值"),
        (["status", "more"], "cgctl: 多余的参数：more"),
    ],
)
def test_wrong_usage_is_told_in_chinese(cgctl: Any, arguments: list[str], told: str) -> None:
    said = cgctl("--lang", "zh-CN", *arguments)

    assert said.code == 2
    assert told in one_line(said.err)


def test_where_nobody_reads_on_it_ends_with_141_and_without_a_complaint() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = subprocess.run(
            [sys.executable, "-m", "cgctl", "--socket", "/nowhere/at/all", "version"],
            stdout=writing,
            stderr=subprocess.PIPE,
            check=False,
            timeout=60,
        )
    finally:
        os.close(writing)

    assert (done.returncode, done.stderr) == (141, b"")


@pytest.mark.parametrize("closed", ["2>&-", "<&- >&- 2>&-", ""])
def test_where_nobody_reads_what_it_notes_it_ends_as_it_would(closed: str) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = subprocess.run(
            ["sh", "-c", f'exec "$0" -m cgctl --socket /nowhere/at/all status {closed}', sys.executable],
            stdout=subprocess.PIPE,
            stderr=writing,
            check=False,
            timeout=60,
        )
    finally:
        os.close(writing)

    assert (done.returncode, done.stdout) == (3, b"")


def test_a_number_that_is_none_is_told_in_grammatical_english(cgctl: Any) -> None:
    told = "cgctl: invalid value for 'ID': 'seven' is not a number (cgctl queue show --help)"

    assert one_line(cgctl("queue", "show", "seven").err) == told


def test_a_folder_that_does_not_let_in_is_3(cgctl: Any, tmp_path: Path) -> None:
    inside = tmp_path / "closed"
    inside.write_text("not a folder")
    inside.chmod(stat.S_IRUSR)

    assert cgctl("--socket", str(inside / "control.sock"), "status").code == 3


def test_removing_is_not_done_unasked(cgctl: Any) -> None:
    daemon = cgctl.daemon(task_remove={"cancelled": 0}, target_accept={"identity": None})

    assert cgctl("task", "remove", "films").code == 2
    assert cgctl("target", "accept", "c115").code == 2
    assert daemon.asked == []


def test_a_name_that_is_not_text_is_answered_like_any_other(cgctl: Any) -> None:
    cgctl.daemon(task_pause=refusing("error.no-such-task", task="\\xff"))

    assert cgctl("task", "pause", "\udcff").code == 5


def test_a_daemon_that_many_connect_to_at_once_is_waited_for(tmp_path: Path) -> None:
    path = os.fsencode(tmp_path / "control.sock")
    with socket.socket(socket.AF_UNIX) as listening, ExitStack() as crowd:
        listening.bind(path)
        listening.listen(0)
        for _ in range(2):
            client = crowd.enter_context(socket.socket(socket.AF_UNIX))
            client.setblocking(False)
            refused = client.connect_ex(path)
        assert refused == errno.EAGAIN, "there is no room"
        connecting = threading.Thread(target=lambda: Connection(path).close())
        connecting.start()

        accepted = [listening.accept()[0] for _ in range(2)]

        connecting.join(20)
        assert not connecting.is_alive()
        for end in accepted:
            end.close()

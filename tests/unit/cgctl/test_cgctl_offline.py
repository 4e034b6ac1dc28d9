"""`config check` and `doctor`, with the daemon up and down."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fakes.replies import a_status

PROBLEM = {
    "file": "a.toml",
    "line": 3,
    "table": "filter",
    "key": "size",
    "code": "x",
    "text": "a.toml:3: [filter] size: no such key",
}


def a_program(folder: Path, answer: str) -> Path:
    """A package `cloudgather` that notes its arguments and prints `answer`."""
    package = folder / "program" / "cloudgather"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "__main__.py").write_text(
        f"import sys\nopen({str(folder / 'arguments')!r}, 'w').write('\\n'.join(sys.argv[1:]))\nprint({answer!r})\n"
    )
    return package.parent


def test_check_asks_the_program_and_names_each_line(
    cgctl: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(a_program(tmp_path, json.dumps({"problems": [PROBLEM]}))))
    monkeypatch.chdir(tmp_path)

    said = cgctl("config", "check", "my.toml")

    assert said.code == 1
    assert said.out == "✗ a.toml:3: [filter] size: no such key\n"
    wish = ["--config", str(tmp_path / "my.toml"), "--check", "--json"]
    assert (tmp_path / "arguments").read_text().split("\n") == wish


def test_a_mistake_is_told_in_the_users_language(cgctl: Any, chinese: Any, tmp_path: Path) -> None:
    file = tmp_path / "main.toml"
    file.write_text(f'[daemon]\ntasks_dir = "{tmp_path}"\n[targets.c115]\nrot = "/CloudDrive/115"\n', "utf-8")

    said, in_chinese = cgctl("config", "check", str(file)), chinese("config", "check", str(file))

    assert (said.code, in_chinese.code) == (1, 1)
    assert f"✗ {file}:4: [targets.c115] rot: is unknown (did you mean root?); known are attempts, " in said.out
    assert (
        f"✗ {file}:4: [targets.c115] rot: 没有这个设置项（是不是想写 root？）；可用的有：attempts、" in in_chinese.out
    )
    assert f'✗ {file}:3: [targets.c115] root: 缺少此项；例如：root = "/CloudDrive/115"\n' in in_chinese.out


def test_a_reason_that_only_the_daemon_knows_is_told_in_its_words(cgctl: Any, chinese: Any) -> None:
    problem = {**PROBLEM, "where": "a.toml:3: [filter] size", "reason": {"code": "flaw.of-tomorrow"}}
    cgctl.daemon(daemon_reload={"problems": [problem], "added": [], "removed": [], "changed": []})

    assert chinese("config", "reload").out == "✗ a.toml:3: [filter] size: no such key\n"


def test_check_without_a_file_takes_the_daemons(cgctl: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(a_program(tmp_path, '{"problems": []}')))
    cgctl.daemon(daemon_status=a_status())

    said = cgctl("config", "check")

    assert (said.code, said.out) == (0, "✓ /etc/cloudgather/cloudgather.toml is right\n")


def test_what_lies_in_the_current_folder_is_not_run(
    cgctl: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = a_program(tmp_path, '{"problems": []}')
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "cloudgather.py").write_text("raise SystemExit('not ours')")
    monkeypatch.setenv("PYTHONPATH", str(program))
    monkeypatch.chdir(elsewhere)

    assert cgctl("config", "check", "x").code == 0


def test_a_program_that_breaks_is_told_in_one_line(cgctl: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(a_program(tmp_path, "no json")))

    said = cgctl("config", "check", "x")

    assert said.code == 1
    assert said.err == "cgctl: cannot run cloudgatherd: no answer (exit code 0)\n"


def test_doctor_asks_the_daemon_that_is_up(cgctl: Any) -> None:
    checks = [
        {"name": "clock", "ok": "ok", "text": "fine"},
        {
            "name": "inotify",
            "subject": "电影",
            "ok": "warn",
            "code": "watch.limit",
            "limit": 8192,
            "directories": 9000,
            "text": "x",
        },
    ]
    cgctl.daemon(daemon_doctor={"checks": checks})

    said = cgctl("doctor")

    assert said.code == 0
    assert said.out.splitlines()[:2] == [
        "✓ clock: fine",
        "! inotify 电影: too many folders to watch (9000; the kernel allows 8192): looking periodically instead",
    ]
    assert "sysctl fs.inotify.max_user_watches" in said.out


def test_doctor_looks_from_outside_while_the_daemon_is_down(
    cgctl: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checks = [{"name": "database", "ok": "ok", "text": "whole"}]
    monkeypatch.setenv("PYTHONPATH", str(a_program(tmp_path, json.dumps({"checks": checks}))))

    said = cgctl("doctor", "--config", "/a.toml")

    assert said.code == 1
    assert "✗ daemon: cannot reach the daemon" in said.out
    assert "✓ database: whole" in said.out
    assert (tmp_path / "arguments").read_text().split("\n") == ["--config", "/a.toml", "--doctor", "--json"]


def test_a_reload_tells_what_changed_and_what_is_wrong(cgctl: Any) -> None:
    cgctl.daemon(daemon_reload={"problems": [], "added": ["电影"], "removed": [], "changed": ["a", "b"]})

    assert cgctl("config", "reload").out == "added: 电影\nchanged: a, b\n"


def test_a_reload_tells_what_changed_in_the_main_file_and_what_the_next_start_will_take_up(
    cgctl: Any, chinese: Callable[..., Any]
) -> None:
    main = ["daemon.log_level", "targets.c115"]
    cgctl.daemon(
        daemon_reload={
            "problems": [], "added": [], "removed": [], "changed": [], "main": main, "at_restart": main[:1]
        }
    )  # fmt: skip

    said = cgctl("config", "reload")

    assert said.out == "changed in the main file: daemon.log_level, targets.c115\n"
    assert said.err.splitlines() == [
        "! in effect from the next start on: daemon.log_level",
        "  → systemctl restart cloudgather",
    ]
    assert "下次启动后生效：daemon.log_level" in chinese("config", "reload").err


def test_a_reload_of_the_same_says_that_nothing_has_changed(cgctl: Any) -> None:
    cgctl.daemon(daemon_reload={"problems": [], "added": [], "removed": [], "changed": []})

    assert cgctl("config", "reload").out == "reloaded; nothing has changed\n"


def test_a_reload_with_errors_fails(cgctl: Any) -> None:
    cgctl.daemon(daemon_reload={"problems": [PROBLEM], "added": [], "removed": [], "changed": []})

    said = cgctl("config", "reload")

    assert said.code == 1
    assert "a.toml:3: [filter] size" in said.out
    assert "what was in effect stays" in said.err


def test_the_configuration_in_effect_is_shown(cgctl: Any) -> None:
    reply = {
        "file": b"/etc/c.toml",
        "daemon": {"log_level": "info", "timezone": None},
        "targets": {"c115": {"root": b"/CloudDrive/115", "parallel": 1}},
        "tasks": {"电影": {"watch": True, "rules": ["missing"], "filter": {"min_size": 0}}},
    }
    cgctl.daemon(daemon_config=reply)

    said = cgctl("config", "show")

    for words in ("[targets.c115]", "root      /CloudDrive/115", "watch  true", "rules  [missing]", "[filter]"):
        assert words in said.out


def test_versions_are_told_with_and_without_a_daemon(cgctl: Any) -> None:
    assert "cloudgatherd: does not answer" in cgctl("version").out

    cgctl.daemon(daemon_ping={"version": "9.9", "pid": 1})

    assert "cloudgatherd 9.9 (pid 1)" in cgctl("version").out

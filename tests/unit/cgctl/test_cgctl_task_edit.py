"""`cgctl task edit`: checked before it is taken, and never lost."""

import re
import sys
from pathlib import Path
from typing import Any

import pytest

from cgctl.amending import Unsettable, amended
from fakes.terminal import Terminal

TEXT = 'source = "/d"  # where they arrive\nwatch = true\n'
PROBLEM = {"text": "films.toml:2: watch: not true or false"}


def an_editor(folder: Path, *texts: str) -> str:
    """An editor that leaves the next of `texts` each time it is started."""
    program = folder / "editor.py"
    program.write_text(
        "import sys, pathlib\n"
        f"texts = {list(texts)!r}\n"
        f"count = pathlib.Path({str(folder / 'edits')!r})\n"
        "number = int(count.read_text()) if count.exists() else 0\n"
        "count.write_text(str(number + 1))\n"
        "pathlib.Path(sys.argv[1]).write_text(texts[number])\n"
    )
    return f"{sys.executable} {program}"


def a_daemon(cgctl: Any, *, bad: tuple[str, ...] = (), text: str = TEXT) -> Any:
    def write(params: Any) -> Any:
        return {"problems": [PROBLEM] if params["text"] in bad else [], "name": params["name"]}

    return cgctl.daemon(task_text={"text": text, "file": b"/etc/films.toml"}, task_write=write)


def kept_file(words: str) -> Path:
    _, _, place = words.partition("your text is kept in ")
    return Path(place.split()[0])


def test_a_right_text_is_checked_and_then_written(cgctl: Any, tmp_path: Path) -> None:
    daemon = a_daemon(cgctl)

    said = cgctl("task", "edit", "films", EDITOR=an_editor(tmp_path, "watch = false\n"))

    assert (said.code, said.out) == (0, "task films is changed\n")
    assert daemon.asked_for("task.write") == [
        {"name": "films", "text": "watch = false\n", "check_only": True},
        {"name": "films", "text": "watch = false\n"},
    ]


def test_an_unchanged_text_is_not_written(cgctl: Any, tmp_path: Path) -> None:
    daemon = a_daemon(cgctl)

    said = cgctl("task", "edit", "films", VISUAL=an_editor(tmp_path, TEXT), EDITOR="false")

    assert (said.code, said.out) == (0, "nothing was changed\n")
    assert daemon.asked_for("task.write") == []


def test_a_wrong_text_is_kept_where_nobody_can_be_asked(cgctl: Any, tmp_path: Path) -> None:
    a_daemon(cgctl, bad=("wrong",))

    said = cgctl("task", "edit", "films", EDITOR=an_editor(tmp_path, "wrong"))

    assert said.code == 1
    assert "films.toml:2: watch" in said.err
    kept = kept_file(said.err)
    assert kept.read_text() == "wrong"
    kept.unlink()


def test_a_daemon_that_goes_away_loses_no_text(cgctl: Any, tmp_path: Path) -> None:
    daemon = cgctl.daemon(task_text={"text": TEXT, "file": b"x"})
    editor = an_editor(tmp_path, "new")

    said = cgctl("task", "edit", "films", EDITOR=editor)

    assert said.code == 1  # it does not know task.write
    kept = kept_file(said.err)
    assert kept.read_text() == "new"
    kept.unlink()
    assert daemon.asked_for("task.write") == [{"name": "films", "text": "new", "check_only": True}]


def test_an_editor_that_fails_loses_no_text(cgctl: Any, tmp_path: Path) -> None:
    a_daemon(cgctl)

    assert cgctl("task", "edit", "films", EDITOR="false").code == 1
    assert "cannot start the editor" in cgctl("task", "edit", "films", EDITOR=str(tmp_path / "none")).err


def test_a_change_by_somebody_else_is_not_overwritten(cgctl: Any, tmp_path: Path) -> None:
    texts = iter([TEXT, "theirs"])
    daemon = cgctl.daemon(
        task_text=lambda params: {"text": next(texts), "file": b"x"}, task_write={"problems": [], "name": "films"}
    )

    said = cgctl("task", "edit", "films", EDITOR=an_editor(tmp_path, "mine"))

    assert said.code == 1
    assert "somebody else" in said.err
    assert [params.get("check_only") for params in daemon.asked_for("task.write")] == [True]
    kept_file(said.err).unlink()


def test_at_a_terminal_it_can_be_edited_again(cgctl: Any, tmp_path: Path) -> None:
    daemon = a_daemon(cgctl, bad=("wrong",))
    terminal = Terminal(tmp_path, "task", "edit", "films", EDITOR=an_editor(tmp_path, "wrong", "right"), VISUAL="")

    terminal.answer("(e)dit again", "e")

    assert terminal.end() == 0
    assert daemon.asked_for("task.write")[-1] == {"name": "films", "text": "right"}


@pytest.mark.parametrize(("answer", "remains"), [("k", True), ("d", False)])
def test_at_a_terminal_it_can_be_kept_or_discarded(cgctl: Any, tmp_path: Path, answer: str, remains: bool) -> None:
    a_daemon(cgctl, bad=("wrong",))
    terminal = Terminal(
        tmp_path, "task", "edit", "films", EDITOR=an_editor(tmp_path, "wrong"), VISUAL="", TMPDIR=str(tmp_path)
    )

    terminal.answer("(e)dit again", answer)

    assert terminal.end() == 1
    assert ("your text is kept in" in terminal.screen) is remains
    assert bool(list(tmp_path.glob("cgctl-films-*.toml"))) is remains


def test_keys_are_set_without_an_editor(cgctl: Any) -> None:
    daemon = a_daemon(cgctl)

    said = cgctl("task", "edit", "films", "--set", "watch=false", "--set", "filter.min_size=50MiB")

    assert said.code == 0
    assert daemon.asked_for("task.write") == [
        {
            "name": "films",
            "text": 'source = "/d"  # where they arrive\nwatch = false\n\n[filter]\nmin_size = "50MiB"\n',
        }
    ]


@pytest.mark.parametrize(
    ("changes", "unset", "result"),
    [
        (["a=1"], [], "a = 1\n"),
        (["a=[1, 2]"], [], "a = [1, 2]\n"),
        (["a=5m"], [], 'a = "5m"\n'),
        (['a="x"'], [], 'a = "x"\n'),
        (["a=1", "a=2"], ["a"], ""),
    ],
)
def test_values_are_toml_or_else_text(changes: list[str], unset: list[str], result: str) -> None:
    assert amended("", changes, unset) == result


@pytest.mark.parametrize(
    ("changes", "unset", "said"),
    [
        (["a"], [], "a: KEY=VALUE is wanted"),
        (["=1"], [], "=1: KEY=VALUE is wanted"),
        ([], ["a"], "a: there is no such key"),
        (["a=1", "a.b=2"], [], "a.b: a is not a table"),
    ],
)
def test_what_cannot_be_set_is_said(changes: list[str], unset: list[str], said: str) -> None:
    with pytest.raises(Unsettable, match=re.escape(said)):
        amended("", changes, unset)

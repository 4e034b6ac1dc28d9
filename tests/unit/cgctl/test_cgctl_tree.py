"""Every command has help with an example, and the shell completes them."""

import ast
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click
import pytest

import cgctl.commands
from cgctl.__main__ import COMMANDS, cli
from cgctl.lazy import Entry
from cgctl.original.phrases_zh_cn import PHRASES as OF_IMPORT
from cgctl.phrases_downloads_zh_cn import PHRASES as OF_DOWNLOADS
from cgctl.phrases_zh_cn import PHRASES as COMMON
from cgctl.setup.phrases_zh_cn import PHRASES as OF_SETUP
from cgwire.version import VERSION
from fakes.canned import canned
from fakes.replies import a_target, a_task

PHRASES = {**COMMON, **OF_DOWNLOADS, **OF_IMPORT, **OF_SETUP}


def commands(entries: Mapping[str, Entry] = COMMANDS, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for name, entry in entries.items():
        if entry.entries is None:
            yield (*path, name)
        else:
            yield from commands(entry.entries, (*path, name))


@pytest.mark.parametrize("path", list(commands()), ids=" ".join)
def test_every_command_has_help_with_an_example_of_itself(path: tuple[str, ...], request: Any) -> None:
    client = request.getfixturevalue("cgctl")

    said = client(*path, "--help")

    assert said.code == 0
    assert "Examples:" in said.out
    assert f"  cgctl {' '.join(path)}" in said.out.partition("Examples:")[2]


@pytest.mark.parametrize("group", [(), ("task",), ("queue",), ("target",), ("run",), ("config",)])
def test_groups_list_their_commands_without_importing_them(group: tuple[str, ...]) -> None:
    code = (
        "import sys; from cgctl.__main__ import run\n"
        f"assert run({[*group, '--help']!r}, {{}}) == 0\n"
        "sys.exit(any(name.startswith('cgctl.commands') for name in sys.modules))"
    )

    assert subprocess.run([sys.executable, "-c", code], stdout=subprocess.DEVNULL, check=False).returncode == 0


def test_every_module_of_commands_is_reached_by_the_tree() -> None:
    def places(entries: Mapping[str, Entry]) -> Iterator[str]:
        for entry in entries.values():
            yield from places(entry.entries) if entry.entries is not None else [str(entry.place).partition(":")[0]]

    modules = {path.stem for path in Path(cgctl.commands.__file__).parent.glob("*.py")} - {"__init__"}

    assert {place.rpartition(".")[2] for place in places(COMMANDS)} == modules


def test_no_option_is_without_help() -> None:
    silent = []
    root = cli()
    for path in commands():
        command: click.Command | None = root
        for name in path:
            assert isinstance(command, click.Group)
            command = command.get_command(click.Context(command), name)
        assert command is not None
        silent += [(path, each.name) for each in command.params if isinstance(each, click.Option) and not each.help]

    assert silent == []


def complete(words: str, folder: Path) -> list[str]:
    return [name for name, _ in described(words, folder)]


def described(words: str, folder: Path, **locale: str) -> list[tuple[str, str]]:
    """What fish is told: names, and what stands beside them."""
    environ = {
        **os.environ,
        "_CGCTL_COMPLETE": "fish_complete",
        "COMP_WORDS": words,
        "COMP_CWORD": words.rpartition(" ")[2],
        "CLOUDGATHER_SOCKET": str(folder / "control.sock"),
        **locale,
    }
    # A key press is answered within two seconds or not at all; a busy machine may take longer.
    patient = "from cgctl import completing; completing.PATIENCE = 60.0; from cgctl.__main__ import main; main()"
    done = subprocess.run([sys.executable, "-c", patient], env=environ, capture_output=True, text=True, check=True)
    items = (item.partition(",")[2].partition("\t") for item in done.stdout.splitlines() if item)
    return [(name, about) for name, _, about in items]


def test_the_shell_completes_commands(tmp_path: Path) -> None:
    assert complete("cgctl ta", tmp_path) == ["task", "target"]
    assert complete("cgctl task re", tmp_path) == ["resume", "remove"]


def test_completions_are_described_in_the_users_language(tmp_path: Path) -> None:
    chinese = {"LC_ALL": "zh_CN.UTF-8", "PYTHONUTF8": "1"}

    assert described("cgctl ver", tmp_path, LC_ALL="C.UTF-8") == [
        ("version", "Show the versions of cgctl and the daemon.")
    ]
    assert described("cgctl ver", tmp_path, **chinese) == [("version", "显示 cgctl 和守护进程的版本")]
    assert described("cgctl task remove --y", tmp_path, **chinese) == [("--yes", "不询问")]


def test_the_shell_completes_names_that_the_daemon_knows(tmp_path: Path) -> None:
    replies = {"task.list": {"tasks": [a_task(), a_task(name="电视剧")]}, "target.list": {"targets": [a_target()]}}

    with canned(tmp_path, replies):
        assert complete("cgctl task run 电", tmp_path) == ["电影", "电视剧"]
        assert complete("cgctl queue list --target c", tmp_path) == ["c115"]


def test_without_a_daemon_nothing_is_completed_and_nothing_is_said(tmp_path: Path) -> None:
    assert complete("cgctl task run 电", tmp_path) == []


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts_call_us_back(shell: str, request: Any) -> None:
    client = request.getfixturevalue("cgctl")

    said = client("completion", shell)

    assert said.code == 0
    assert f"_CGCTL_COMPLETE={shell}_complete" in said.out


def test_the_completion_script_is_valid_bash(request: Any) -> None:
    client = request.getfixturevalue("cgctl")

    script = client("completion", "bash").out

    assert subprocess.run(["bash", "-n"], input=script.encode(), check=False).returncode == 0


def test_the_version_is_the_projects() -> None:
    project = (Path(__file__).parents[3] / "pyproject.toml").read_text()

    assert f'\nversion = "{VERSION}"\n' in project


def said_in(file: Path) -> Iterator[str]:
    """Literals that a module says: to say() and later(), as counts and as headings."""
    for node in ast.walk(ast.parse(file.read_text())):
        if not isinstance(node, ast.Call):
            continue
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        wanted = {"say": node.args[:1], "later": node.args[:1], "count": node.args[1:3], "print_table": node.args[:1]}
        for argument in wanted.get(name, []):
            for each in ast.walk(argument):
                if isinstance(each, ast.Constant) and isinstance(each.value, str) and "\n" not in each.value:
                    yield each.value


def test_every_phrase_is_translated_and_no_translation_is_left_over() -> None:
    folder = Path(cgctl.commands.__file__).parents[1]

    said = {text for file in folder.rglob("*.py") for text in said_in(file)} - {""}

    assert said == set(PHRASES)
    assert not set(COMMON) & {*OF_DOWNLOADS, *OF_SETUP}


@pytest.mark.parametrize("text", list(PHRASES))
def test_translations_name_the_same_values(text: str) -> None:
    class Named(dict[str, str]):
        def __missing__(self, key: str) -> str:
            self[key] = ""
            return ""

    english, chinese = Named(), Named()
    text.format_map(english)
    PHRASES[text].format_map(chinese)

    assert english.keys() == chinese.keys()

"""Help is in the user's language: nothing of it is left in English, and nothing is wider than a terminal."""

import inspect
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import click
import pytest

from cgctl.__main__ import COMMANDS, cli
from cgctl.lazy import Entry
from cgctl.table import width
from cgwire.text.help_options_zh_cn import METAVARS, OPTIONS
from cgwire.text.help_zh_cn import COMMANDS as IN_CHINESE
from cgwire.text.help_zh_cn import HEADINGS
from cloudgather.__main__ import command as cloudgatherd

CELLS = 80
INSTALLED = "import sys; sys.argv[0] = 'cloudgatherd'; from cloudgather.__main__ import main; main()"
UNTRANSLATED = {"CRON", "JSON", "HH", "MM"}  # a name, a format


def paths(entries: Mapping[str, Entry] = COMMANDS, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    yield path
    for name, entry in entries.items():
        if entry.entries is None:
            yield (*path, name)
        else:
            yield from paths(entry.entries, (*path, name))


def found(*path: str) -> click.Context:
    """A context as click itself makes it, whose help is click's own."""
    context = click.Context(cli(), info_name="cgctl", **cli().context_settings)
    for name in path:
        assert isinstance(context.command, click.Group)
        command = context.command.get_command(context, name)
        assert command is not None
        context = click.Context(command, info_name=name, parent=context, **command.context_settings)
    return context


def all_contexts() -> Iterator[click.Context]:
    yield from (found(*path) for path in paths())
    yield click.Context(cloudgatherd, info_name="cloudgatherd", **cloudgatherd.context_settings)


def paragraphs(command: click.Command) -> Iterator[str]:
    """What a command says of itself; of examples only what stands beside them."""
    for paragraph in re.split(r"\n\s*\n", inspect.cleandoc(command.help or "")):
        if paragraph.startswith("\b\nExamples:"):
            for line in paragraph.splitlines()[2:]:
                yield from line.strip().split("  ", 1)[1:]
        else:
            yield paragraph.removeprefix("\b")


def options(context: click.Context) -> Iterator[str]:
    for each in context.command.get_params(context):
        if isinstance(each, click.Option) and not each.hidden:
            yield each.help or ""


def joined(texts: Iterator[str]) -> set[str]:
    return {" ".join(text.split()) for text in texts}


def test_every_command_and_option_has_chinese_help_and_none_is_left_over() -> None:
    commands, of_options = set[str](), set[str]()
    for context in all_contexts():
        commands |= joined(paragraphs(context.command))
        of_options |= joined(options(context))
        if isinstance(context.command, click.Group):
            below = (COMMANDS if context.parent is None else COMMANDS[str(context.info_name)].entries) or {}
            commands |= joined(entry.help for entry in below.values())

    assert commands == set(IN_CHINESE)
    assert of_options == set(OPTIONS)


def test_what_stands_for_values_is_chinese_and_none_is_left_over() -> None:
    shown = set[str]()
    for context in all_contexts():
        names = " ".join(context.command.collect_usage_pieces(context))
        for each in context.command.get_params(context):
            record = each.get_help_record(context) if isinstance(each, click.Option) else None
            names += " " + (record[0] if record else "")
        shown |= set(re.findall(r"(?<![\w-])(?:[A-Z]+ RANGE|[A-Z]+\.torrent|[A-Z]+)(?![\w-])", names))

    assert shown - UNTRANSLATED == set(METAVARS)


@pytest.mark.parametrize("path", list(paths()), ids=" ".join)
def test_help_in_chinese_is_chinese_and_fits_a_terminal(
    path: tuple[str, ...], chinese: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(CELLS))

    said = chinese(*path, "--help")

    assert said.code == 0
    assert said.out.startswith(f"用法：{' '.join(('cgctl', *path))} [选项]")
    lines = [line for line in said.out.splitlines() if not line.startswith("    ") or "示例" in line]
    assert [line for line in lines if width(line) > CELLS] == []
    for word in ("Usage", "Options", "Commands", "Examples", "default"):
        assert word not in said.out
    assert re.findall(r"^  [A-Z].*", said.out, re.MULTILINE) == []


@pytest.mark.parametrize("path", list(paths()), ids=" ".join)
def test_help_in_english_is_what_click_makes_of_it(path: tuple[str, ...], cgctl: Any) -> None:
    context = found(*path)

    said = cgctl(*path, "--help")

    assert said.code == 0
    assert said.out == context.command.get_help(context) + "\n"


def test_help_in_both_languages(cgctl: Any, chinese: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(CELLS))

    english, translated = cgctl("task", "next", "--help").out, chinese("task", "next", "--help").out

    assert english == (
        "Usage: cgctl task next [OPTIONS] NAME\n\n"
        "  Show when a task runs next.\n\n"
        "  Examples:\n    cgctl task next films\n    cgctl task next films -n 10\n\n"
        "Options:\n"
        "  -n, --count INTEGER RANGE  How many times.  [default: 5; 1<=x<=1000]\n"
        "  --json                     Print JSON, for scripts.\n"
        "  -h, --help                 Show this message and exit.\n"
    )
    assert translated == (
        "用法：cgctl task next [选项] 名称\n\n"
        "  显示任务下次什么时候执行\n\n"
        "  示例：\n    cgctl task next films\n    cgctl task next films -n 10\n\n"
        "选项：\n"
        "  -n, --count 整数  显示今后多少次  [默认：5；1<=x<=1000]\n"
        "  --json            输出 JSON，供脚本使用\n"
        "  -h, --help        显示此帮助后退出\n"
    )


def test_what_examples_show_stays_aligned(chinese: Callable[..., Any]) -> None:
    examples = chinese("--help").out.partition("示例：\n")[2].partition("\n\n")[0].splitlines()

    assert len(examples) == 4
    assert {re.search("[\u4e00-\u9fff]", line).start() for line in examples} == {37}  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "arguments",
    [
        ["--lang", "zh-CN", "--help"],
        ["--help", "--lang", "zh-CN"],
        ["--help", "--lang=zh-CN"],
        ["--lang", "en", "task", "--help", "--lang", "zh-CN"],
        ["--lang", "zh-CN", "task", "list", "--help"],
        ["task", "list", "--lang", "zh-CN", "--help"],
        ["task", "list", "-h", "--lang", "zh-CN"],
    ],
)
def test_the_language_of_help_can_be_chosen_anywhere(cgctl: Any, arguments: list[str]) -> None:
    said = cgctl(*arguments)

    assert said.code == 0
    assert said.out.startswith("用法：cgctl")


def test_the_language_that_is_asked_for_counts_more_than_the_locale(chinese: Callable[..., Any]) -> None:
    assert chinese("status", "--help", "--lang", "en").out.startswith("Usage: cgctl status")
    assert chinese("upload", "--socket", "/nowhere", "--", "--lang", "en").err.startswith("cgctl: 无法连接")


@pytest.mark.parametrize("group", [(), ("task",)])
def test_a_group_without_a_command_shows_its_help_in_chinese(
    group: tuple[str, ...], chinese: Callable[..., Any]
) -> None:
    said = chinese(*group)

    assert said.code == 2
    assert said.err.startswith(f"用法：{' '.join(('cgctl', *group))} [选项] 命令 [参数]...")


def test_headings_are_those_that_click_writes() -> None:
    assert set(HEADINGS) == {"Usage", "Options", "Commands", "Examples"}


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--help"], "用法：cloudgatherd [选项]\n\n  把每个下载完成的文件"),
        (["--jsno"], "cloudgatherd: 没有选项 --jsno；是不是 --json？（cloudgatherd --help）\n"),
        (["--config"], "cloudgatherd: 选项 --config 需要一个值（cloudgatherd --help）\n"),
    ],
)
def test_the_daemons_program_speaks_chinese_as_well(arguments: list[str], told: str) -> None:
    assert said_by_the_daemon(*arguments, language="zh_CN.UTF-8").startswith(told)


def test_the_daemons_program_speaks_english_as_click_does() -> None:
    settings = {**cloudgatherd.context_settings, "terminal_width": CELLS - 2}
    context = click.Context(cloudgatherd, info_name="cloudgatherd", **settings)

    assert said_by_the_daemon("--help", language="C.UTF-8") == context.get_help() + "\n"
    assert "Error: No such option" in said_by_the_daemon("--jsno", language="C.UTF-8")


def said_by_the_daemon(*arguments: str, language: str) -> str:
    environ = {"LC_ALL": language, "COLUMNS": str(CELLS), "PYTHONUTF8": "1"}
    done = subprocess.run(
        [sys.executable, "-c", INSTALLED, *arguments],
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == (0 if "--help" in arguments else 2)
    return done.stdout

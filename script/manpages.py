"""Write the man pages cgctl(1), cloudgatherd(8) and cloudgather.toml(5) into a folder: from the commands' own help, and
from the samples in etc/, which a test holds against what the daemon reads."""

import argparse
import inspect
import re
from collections.abc import Iterator
from pathlib import Path

import click

from cgctl.__main__ import cli
from cgwire.version import VERSION
from cloudgather.__main__ import command as cloudgatherd

ETC = Path(__file__).parents[1] / "etc"
_KEY = re.compile(r"#? ?([a-z_]+) = ")
_TABLE = re.compile(r"#?\[[a-zA-Z.0-9]+\]$")
_ENGLISH = re.compile(r"# ?([^\u3000-\uffef]*[.:,a-z)\"]$|[^\u3000-\uffef]*[.:])")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    pages = {
        "cgctl.1": of_command("cgctl", 1, cli(), "control CloudGather"),
        "cloudgatherd.8": of_command("cloudgatherd", 8, cloudgatherd, "send finished downloads to a cloud drive"),
        "cloudgather.toml.5": of_samples(),
    }
    folder.mkdir(parents=True, exist_ok=True)
    for name, page in pages.items():
        (folder / name).write_text(page, encoding="utf-8")


def of_command(name: str, section: int, command: click.Command, purpose: str) -> str:
    """The page of a command, with all that are below it."""
    lines = [*_head(name, section, purpose), ".SH SYNOPSIS"]
    context = click.Context(command, info_name=name, **command.context_settings)
    lines += [f".B {_escaped(name)}", _escaped(" ".join(command.collect_usage_pieces(context)))]
    lines += [".SH DESCRIPTION", *_help(command), *_options(command, context)]
    if isinstance(command, click.Group):
        lines.append(".SH COMMANDS")
        for below, sub in _all_below(command, context):
            usage = f"{below.command_path} {' '.join(sub.collect_usage_pieces(below))}".rstrip()
            lines += [f'.SS "{_escaped(usage)}"', *_help(sub), *_options(sub, below, title=False)]
    others = {"cgctl": "cgctl(1)", "cloudgatherd": "cloudgatherd(8)"}
    also = [other for key, other in others.items() if key != name]
    return _page([*lines, ".SH FILES", *_FILES, ".SH SEE ALSO", ", ".join([*also, "cloudgather.toml(5)"])])


_FILES = (
    ".I /etc/cloudgather/cloudgather.toml",
    ".br",
    ".I /etc/cloudgather/tasks.d/*.toml",
    ".br",
    ".I /run/cloudgather/control.sock",
    ".br",
    ".I /var/lib/cloudgather",
)


def _all_below(group: click.Group, context: click.Context) -> Iterator[tuple[click.Context, click.Command]]:
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        below = click.Context(command, info_name=name, parent=context)
        if isinstance(command, click.Group):
            yield from _all_below(command, below)
        else:
            yield below, command


def _help(command: click.Command) -> list[str]:
    lines: list[str] = []
    for paragraph in inspect.cleandoc(command.help or "").split("\n\n"):
        lines.append(".PP")
        if paragraph.startswith("\b"):
            lines += [".nf", *map(_escaped, paragraph.splitlines()[1:]), ".fi"]
        else:
            lines += map(_escaped, paragraph.splitlines())
    return lines


def _options(command: click.Command, context: click.Context, *, title: bool = True) -> list[str]:
    records = [found for each in command.get_params(context) if (found := each.get_help_record(context))]
    lines = [".SH OPTIONS"] if title else []
    for option, text in records:
        if text and (title or "--help" not in option):
            lines += [".TP", f".B {_quoted(option)}", _escaped(" ".join(text.split()))]
    return lines


def of_samples() -> str:
    """The page of the configuration, with every key and its default."""
    lines = [*_head("cloudgather.toml", 5, "configuration of CloudGather"), ".SH DESCRIPTION"]
    lines += [
        _escaped("The main file is /etc/cloudgather/cloudgather.toml; each task has a file of its own beside it.")
    ]
    for title, sample in (
        ("MAIN FILE", ETC / "cloudgather.toml"),
        ("TASK FILES", ETC / "tasks.d" / "example.toml.sample"),
    ):
        lines.append(f".SH {title}")
        for paragraph in sample.read_text(encoding="utf-8").split("\n\n"):
            lines += _of_paragraph(paragraph.splitlines())
    return _page([*lines, ".SH SEE ALSO", "cgctl(1), cloudgatherd(8)"])


def _of_paragraph(paragraph: list[str]) -> Iterator[str]:
    code = [line for line in paragraph if _KEY.match(line) or _TABLE.match(line) or not line.startswith("#")]
    text = [found[1] for line in paragraph if line not in code and (found := _ENGLISH.match(line))]
    for table in filter(_TABLE.match, code):
        yield f'.SS "{_escaped(table.lstrip("#"))}"'
    keys = [line for line in code if _KEY.match(line)]
    if not keys:
        yield ".PP"
    for number, key in enumerate(keys):
        yield ".TP" if number == 0 else ".TQ"
        yield f".B {_quoted(key.lstrip('# '))}"
    for line in text:
        if line.startswith(" "):
            yield ".br"
        yield _escaped(line.strip())


def _head(name: str, section: int, purpose: str) -> list[str]:
    title = f'.TH "{name.upper()}" "{section}" "" "CloudGather {VERSION}" "CloudGather"'
    return [title, ".SH NAME", rf"{_escaped(name)} \- {purpose}"]


def _escaped(text: str) -> str:
    text = text.replace("\\", "\\e").replace("-", "\\-")
    return f"\\&{text}" if text.startswith((".", "'")) else text


def _quoted(text: str) -> str:
    return _escaped(text).replace('"', "\\(dq")


def _page(lines: list[str]) -> str:
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()

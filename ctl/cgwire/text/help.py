"""Help in Chinese: click's pages with our phrases in them, wrapped by the width of characters."""

import re
from collections.abc import Iterable, Iterator
from typing import Final

import click

from cgwire.text.help_options_zh_cn import METAVARS, OPTIONS
from cgwire.text.help_zh_cn import COMMANDS, HEADINGS
from cgwire.text.values import width

# What a line may end behind: what stands in brackets or quotes, a word of ASCII, or one other character; each with the
# punctuation that does not leave it.
_PIECE: Final = re.compile(r'[（《“]*(?:\[[^\]]*\]|"[^"]*"|[!-~]+|[^ ])[，。、；：？！）》”…]* *')
_COMMENTED: Final = re.compile(r"( *\S.*?  +)(\S.*)")  # an example, and what it shows
_METAVAR: Final = re.compile(rf"(?<![\w-])(?:{'|'.join(sorted(METAVARS, key=len, reverse=True))})(?![\w-])")
_COLUMN: Final = 30  # cells that names of options take at most, as click has it


def told(text: str) -> str:
    """A phrase of the help in Chinese; what is not translated stays English."""
    text = " ".join(text.split())
    return COMMANDS.get(text) or OPTIONS.get(text) or HEADINGS.get(text, text)


def metavars(text: str) -> str:
    """What stands for a value, like PATH, in Chinese."""
    return _METAVAR.sub(lambda found: METAVARS[found[0]], text)


def wrapped(text: str, cells: int, *, first: str = "", further: str = "") -> Iterator[str]:
    """Lines of at most `cells`, where no single piece is longer; they begin with `first`, then `further`."""
    line, empty = first, True
    for piece in _PIECE.findall(text):
        if not empty and width(line) + width(piece.rstrip()) > cells:
            yield line.rstrip()
            line = further
        line, empty = line + piece, False
    yield line.rstrip()


class ChineseHelp(click.HelpFormatter):
    """Takes English, as click's own formatter does, and writes Chinese."""

    def write_usage(self, prog: str, args: str = "", prefix: str | None = None) -> None:
        """`用法：cgctl why [选项] 路径`."""
        start = f"{'':>{self.current_indent}}{told('Usage')}：{prog} "
        self._write(wrapped(metavars(args), self.width, first=start, further=" " * width(start)))

    def write_heading(self, heading: str) -> None:
        """A heading."""
        self._write([f"{'':>{self.current_indent}}{told(heading)}："])

    def write_text(self, text: str) -> None:
        """Paragraphs; examples keep their lines, and so does what has lines in Chinese."""
        indent = " " * self.current_indent
        for number, paragraph in enumerate(re.split(r"\n\s*\n", text)):
            if number:
                self.write("\n")
            lines = paragraph.removeprefix("\b\n").splitlines()
            if lines[0] == "Examples:":
                self._write(indent + line for line in (f"{told('Examples')}：", *map(_example, lines[1:])))
                continue
            for line in told(paragraph.removeprefix("\b")).splitlines():
                self._write(wrapped(line.lstrip(), self.width, first=indent + _margin(line), further=indent))

    def write_dl(self, rows: Iterable[tuple[str, str]], col_max: int = _COLUMN, col_spacing: int = 2) -> None:
        """Options or commands, and beside each what it is for."""
        shown = [(metavars(name), _described(text)) for name, text in rows]
        column = min(max(width(name) for name, _ in shown), col_max) + col_spacing
        indent = " " * self.current_indent
        for name, text in shown:
            start, further = indent + name, indent + " " * column
            if text and width(name) + col_spacing <= column:
                start += " " * (column - width(name))
            elif text:
                self._write([start])
                start = further
            self._write(wrapped(text, self.width, first=start, further=further))

    def _write(self, lines: Iterable[str]) -> None:
        for line in lines:
            self.write(line + "\n")


def _margin(line: str) -> str:
    return line[: len(line) - len(line.lstrip())]


def _example(line: str) -> str:
    commented = _COMMENTED.fullmatch(line)
    return commented[1] + told(commented[2]) if commented is not None else line


def _described(text: str) -> str:
    """What an option is for, with the default and the range that click adds in brackets."""
    about, bracket, facts = text.partition("  [")
    if not bracket:
        return told(about)
    return f"{told(about)}  [{facts.replace('default: ', '默认：').replace('; ', '；')}"

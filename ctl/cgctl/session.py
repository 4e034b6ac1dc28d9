"""What a command needs around it: the daemon, the user's language, and the terminal."""

import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import click

from cgctl.connection import PATIENCE, Connection, Refusal, Unreachable, Unsendable
from cgctl.language import phrase
from cgctl.table import fit, least, table, width
from cgctl.trouble import Exit, Trouble
from cgwire.request import Request
from cgwire.text import ZH_CN, chosen, hint, knows, sentence, word
from cgwire.text.values import clock, escaped, span

DEFAULT_SOCKET: Final = "/run/cloudgather/control.sock"

_MARKS: Final = {
    "ok": ("✓", "+", "green"),
    "bad": ("✗", "x", "red"),
    "warn": ("!", "!", "yellow"),
    "wait": ("…", "~", "yellow"),
    "off": ("-", "-", "bright_black"),
    "now": ("▶", ">", "cyan"),
}
_SAY_WHICH: Final = ("downloader.refused", "downloader.request", "downloader.read-only")  # in their sentences


class Session:
    """One call of cgctl."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self.environ = environ
        self.socket = environ.get("CLOUDGATHER_SOCKET") or DEFAULT_SOCKET
        self.language = chosen(environ)
        self._connection: Connection | None = None

    # The daemon.

    @property
    def address(self) -> bytes:
        """The socket's path."""
        return os.fsencode(self.socket)

    def connect(self) -> Connection:
        """A new connection, the caller's to close."""
        try:
            return Connection(self.address)
        except Unreachable as error:
            raise self.unreachable(error) from error

    def call(self, request: Request, *, patience: float | None = PATIENCE) -> Any:
        """Ask the daemon on the session's connection; what goes wrong becomes Trouble with its sentence and hint."""
        if self._connection is None:
            self._connection = self.connect()
        return self.ask(self._connection, request, patience=patience)

    def ask(self, connection: Connection, request: Request, *, patience: float | None = PATIENCE) -> Any:
        """The same on another connection."""
        try:
            return connection.call(request, patience=patience)
        except Refusal as error:
            raise self.refused(error.reason) from error
        except Unreachable as error:
            raise self.unreachable(error) from error
        except Unsendable as error:
            raise Trouble(Exit.USAGE, self.say("a number is too large, or a value is nested too deep")) from error

    def close(self) -> None:
        """Close the session's connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def refused(self, reason: Mapping[str, Any]) -> Trouble:
        """An error answer as Trouble."""
        code = str(reason.get("code"))
        exit_code = Exit.ABSENT if code.startswith("error.no-such") or code == "error.outside" else Exit.FAILED
        if code == "error.denied":
            exit_code = Exit.REFUSED
        return Trouble(exit_code, self.named(reason), hint(reason, self.language), about=code)

    def unreachable(self, error: Unreachable) -> Trouble:
        """A daemon that does not answer as Trouble."""
        path = escaped(error.path)
        cause = {
            FileNotFoundError: self.say("there is no such socket"),
            ConnectionRefusedError: self.say("nobody listens there"),
            PermissionError: self.say("permission denied"),
            TimeoutError: self.say("no answer"),
        }.get(type(error.cause) if error.cause else OSError, str(error))
        text = self.say("cannot reach the daemon at {path}: {cause}", path=path, cause=cause)
        if isinstance(error.cause, (FileNotFoundError, ConnectionRefusedError)):
            return Trouble(
                Exit.UNREACHABLE,
                text,
                self.say("is cloudgatherd running? systemctl status cloudgather; or give --socket"),
            )
        if isinstance(error.cause, PermissionError):
            return Trouble(
                Exit.UNREACHABLE, text, self.say("the folder of the socket does not let you in: ask root for access")
            )
        return Trouble(Exit.UNREACHABLE, text, "systemctl status cloudgather")

    # The language.

    def say(self, text: str, **values: object) -> str:
        """A phrase of the client in the user's language."""
        return phrase(text, self.language, **values)

    def count(self, number: int, one: str, many: str) -> str:
        """`many` with {n}, or `one` for a single thing."""
        return self.say(one if number == 1 else many, n=number)

    def joined(self, parts: Iterable[str]) -> str:
        """What there is of `parts`, by commas."""
        return ("，" if self.language == ZH_CN else ", ").join(part for part in parts if part)

    def sentence(self, reason: Mapping[str, Any] | None) -> str:
        """What a reason map says."""
        return sentence(reason, self.language) if reason else ""

    def named(self, reason: Mapping[str, Any] | None) -> str:
        """The same where nothing around it says which downloader is meant: `qb: it does not answer`."""
        said, name = self.sentence(reason), (reason or {}).get("downloader")
        code = str((reason or {}).get("code"))
        if not name or not code.startswith("downloader.") or code in _SAY_WHICH:
            return said
        return f"{escaped(name)}{'：' if self.language == ZH_CN else ': '}{said}"

    def knows(self, code: object) -> bool:
        """Whether there is a sentence for `code`."""
        return knows(str(code), self.language)

    def hint(self, reason: Mapping[str, Any] | None) -> str | None:
        """What would help."""
        return hint(reason, self.language) if reason else None

    def word(self, value: Any) -> str:
        """A state, a strength, a step."""
        return word(value, self.language)

    def clock(self, instant: float | None, *, now: float) -> str:
        """An instant in local time; `-` for none."""
        return "-" if instant is None else clock(instant, now=now, language=self.language)

    def span(self, seconds: float) -> str:
        """A span."""
        return span(seconds, self.language)

    # The terminal.

    @property
    def interactive(self) -> bool:
        """Whether there is somebody to ask."""
        return sys.stdin.isatty() and sys.stderr.isatty()

    @property
    def draws(self) -> bool:
        """Whether output may be redrawn."""
        return sys.stdout.isatty() and self.environ.get("TERM") != "dumb"

    @property
    def unicode(self) -> bool:
        """Whether marks and bars outside of ASCII can be shown."""
        return (sys.stdout.encoding or "").lower().startswith("utf")

    @property
    def cells(self) -> int | None:
        """The terminal's width; None where output is not a terminal and nothing must be cut."""
        if not sys.stdout.isatty():
            return None
        try:
            return os.get_terminal_size(sys.stdout.fileno()).columns or 80
        except OSError:
            return 80

    def mark(self, kind: str) -> str:
        """✓ and its like, in ASCII where the locale wants it."""
        unicode, ascii_mark, color = _MARKS[kind]
        mark = unicode if self.unicode else ascii_mark
        return click.style(mark, fg=color) if self._colored else mark

    @property
    def _colored(self) -> bool:
        return sys.stdout.isatty() and not self.environ.get("NO_COLOR")

    @property
    def arrow(self) -> str:
        """What stands before advice."""
        return "→" if self.unicode else "->"

    @property
    def _dots(self) -> str:
        return "…" if self.unicode else "..."

    def fitted(self, name: str, *, beside: str) -> str:
        """`name` cut so that it fits the terminal beside the rest of its line, which is never cut."""
        if self.cells is None:
            return name
        return fit(name, max(least(self.cells), self.cells - width(beside)), dots=self._dots)

    def bold(self, text: str) -> str:
        """A heading."""
        return click.style(text, bold=True) if self._colored else text

    def print(self, text: str = "") -> None:
        """A line on stdout; where nobody reads on (head, less), that ends the command."""
        try:
            click.echo(text)
        except BrokenPipeError as error:
            raise Trouble(Exit.CUT_OFF) from error  # click would exit with 1

    def note(self, text: str) -> None:
        """A line on stderr: what is not the answer itself, and is nothing to fail for where nobody reads it."""
        try:
            click.echo(text, err=True)
        except BrokenPipeError:  # the interpreter must not fail at its exit of what it cannot write either
            os.dup2(os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC), sys.stderr.fileno())

    def print_table(
        self,
        headings: Sequence[str],
        rows: Iterable[Sequence[str]],
        *,
        right: Iterable[int] = (),
        flexible: int = -1,
        indent: int = 0,
    ) -> None:
        """A table with translated headings."""
        shown = [self.say(heading) if heading else "" for heading in headings]
        for line in table(
            shown, rows, right=right, flexible=flexible, cells=self.cells, indent=indent, dots=self._dots
        ):
            self.print(line)

    def print_json(self, value: Any) -> None:
        """One JSON document; what is not text travels as cgctl.as_json says."""
        from cgctl.as_json import dump

        self.print(dump(value))

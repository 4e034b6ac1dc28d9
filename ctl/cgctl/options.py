"""What all commands have: options, types of arguments, and help in the user's language."""

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

import click

from cgctl.session import Session
from cgwire.text import LANGUAGES, ZH_CN

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem


def _set_socket(ctx: click.Context, param: click.Parameter, value: str | None) -> None:
    if value is not None:
        session_of(ctx).socket = value


def session_of(ctx: click.Context) -> Session:
    """The session of this call."""
    session: Session = ctx.find_root().obj
    return session


def global_options(*, hidden: bool) -> list[click.Parameter]:
    """--socket and --lang, taken before and after the command's name; language.wanted() reads the latter."""
    return [
        click.Option(
            ["--socket"],
            metavar="PATH",
            help="The daemon's control socket (default: $CLOUDGATHER_SOCKET, then /run/cloudgather/control.sock).",
            expose_value=False,
            callback=_set_socket,
            hidden=hidden,
        ),
        click.Option(
            ["--lang"],
            type=click.Choice(LANGUAGES),
            help="Language of the messages (default: by the locale).",
            expose_value=False,
            is_eager=True,
            hidden=hidden,
        ),
    ]


class Context(click.Context):
    """Of a command whose help is in the user's language; nothing is loaded for it before help is shown."""

    def make_formatter(self) -> click.HelpFormatter:
        """click's for English."""
        if session_of(self).language != ZH_CN:
            return super().make_formatter()
        from cgwire.text.help import ChineseHelp

        return ChineseHelp(width=self.terminal_width, max_width=self.max_content_width)


def in_language(ctx: click.Context, found: "list[CompletionItem[Any]]") -> "list[CompletionItem[Any]]":
    """What the shell may complete, described in the user's language."""
    if session_of(ctx).language == ZH_CN:
        from cgwire.text.help import told

        for item in found:
            item.help = told(item.help or "")
    return found


class Command(click.Command):
    """A command with the global options; help texts keep their lines."""

    context_class = Context

    def __init__(self, *args: Any, **attributes: Any) -> None:
        super().__init__(*args, **attributes)
        self.params.extend(global_options(hidden=True))
        self.context_settings.setdefault("help_option_names", ["-h", "--help"])

    def shell_complete(self, ctx: click.Context, incomplete: str) -> "list[CompletionItem[Any]]":
        """Names of options that begin so."""
        return in_language(ctx, super().shell_complete(ctx, incomplete))


def command(name: str | None = None, **attributes: Any) -> Callable[[Callable[..., Any]], Command]:
    """Like click.command, with the session as the first argument."""

    def decorate(function: Callable[..., Any]) -> Command:
        def invoke(*args: Any, **values: Any) -> Any:
            return function(session_of(click.get_current_context()), *args, **values)

        invoke.__doc__ = function.__doc__
        invoke.__name__ = function.__name__
        if hasattr(function, "__click_params__"):
            invoke.__click_params__ = function.__click_params__  # type: ignore[attr-defined]  # click's own convention
        return click.command(name, cls=Command, **attributes)(invoke)

    return decorate


NUMBER: Final = click.IntRange(0, 2**63 - 1)  # an id, or a count: what the wire can carry

as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON, for scripts.")


def absolute(path: str) -> bytes:
    """A path of the command line as absolute bytes, against the folder that the user believes to be in.

    Symbolic links are not resolved: a task knows its source by the name that was configured.
    """
    given = os.fsencode(path)
    return os.path.normpath(given if given.startswith(b"/") else os.path.join(_here(), given))


def _here() -> bytes:
    believed = os.environb.get(b"PWD", b"")
    if believed.startswith(b"/"):
        try:
            if os.path.samestat(os.stat(believed), os.stat(b".")):
                return believed
        except OSError:
            pass
    return os.getcwdb()

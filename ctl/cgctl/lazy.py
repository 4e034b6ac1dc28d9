"""Commands that are imported when they are called: names and help of all of them are known without that."""

from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

import click

from cgctl.options import Context, global_options, in_language

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem


class Entry:
    """One command: where it is defined (module:attribute), or for a group its own entries, and its one-line help."""

    __slots__ = ("entries", "help", "place")

    def __init__(self, help: str, place: str | None = None, entries: "Mapping[str, Entry] | None" = None) -> None:
        self.help = help
        self.place = place
        self.entries = entries


class LazyGroup(click.Group):
    """A group over a static table of entries."""

    context_class = Context

    def __init__(self, name: str, entries: Mapping[str, Entry], **attributes: Any) -> None:
        super().__init__(name, **attributes)
        self._entries: Final = entries

    def list_commands(self, ctx: click.Context) -> list[str]:
        """In the order of the table, which is the order in which they are learnt."""
        return list(self._entries)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import it."""
        entry = self._entries.get(cmd_name)
        if entry is None:
            return None
        if entry.entries is not None:
            options = global_options(hidden=True)
            return LazyGroup(cmd_name, entry.entries, help=entry.help, params=options, no_args_is_help=True)
        module, _, attribute = str(entry.place).partition(":")
        command = getattr(import_module(module), attribute)
        assert isinstance(command, click.Command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does; a name that is wrong is answered with the one that was probably meant."""
        if args and args[0][:1] != "-" and args[0] not in self._entries and not ctx.resilient_parsing:
            from difflib import get_close_matches

            near = get_close_matches(args[0], list(self._entries), n=1, cutoff=0.5)
            ctx.fail(f"No such command '{args[0]}'." + (f" Did you mean '{near[0]}'?" if near else ""))
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The table; nothing is imported for it."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry.help) for name, entry in self._entries.items()])

    def shell_complete(self, ctx: click.Context, incomplete: str) -> "list[CompletionItem[Any]]":
        """Names that begin so, without importing any."""
        from click.shell_completion import CompletionItem

        found = [CompletionItem(name, help=e.help) for name, e in self._entries.items() if name.startswith(incomplete)]
        return in_language(ctx, found + click.Command.shell_complete(self, ctx, incomplete))

"""cgctl: the command line in, an exit code out."""

import os
import sys
from collections.abc import Mapping, Sequence
from typing import Final

import click

from cgctl.language import wanted
from cgctl.lazy import Entry, LazyGroup
from cgctl.options import global_options
from cgctl.session import Session
from cgctl.trouble import Exit, Trouble
from cgwire.version import VERSION

HELP: Final = """Look at and steer CloudGather, which sends finished downloads to a cloud drive.

\b
Examples:
  cgctl status                     what is going on
  cgctl why /downloads/film.mkv    why this file is where it is
  cgctl task add                   make a task; asks for what it needs
  cgctl doctor                     look for what commonly goes wrong

\b
Exit codes:
  0 ok    1 it failed    2 wrong usage    3 the daemon cannot be reached
  4 not allowed    5 no such thing (task, download, path ...)    130 interrupted
  141 nobody reads on (a closed pipe)
"""

_TASK: Final = {
    "add": Entry("Make a task; asks for what is not given.", "cgctl.commands.task_add:add"),
    "list": Entry("List the tasks.", "cgctl.commands.task:list_"),
    "show": Entry("Show one task in full.", "cgctl.commands.task:show"),
    "edit": Entry("Edit a task's file, checked before it is taken.", "cgctl.commands.task_edit:edit"),
    "pause": Entry("Hold a task back.", "cgctl.commands.task:pause"),
    "resume": Entry("Let a paused task go on.", "cgctl.commands.task:resume"),
    "remove": Entry("Remove a task; nothing is deleted but its file.", "cgctl.commands.task:remove"),
    "run": Entry("Scan a task's source now.", "cgctl.commands.task_run:run"),
    "verify": Entry("Compare records, source and target for real.", "cgctl.commands.task_run:verify"),
    "next": Entry("Show when a task runs next.", "cgctl.commands.task:next_"),
}
_QUEUE: Final = {
    "list": Entry("List transfers.", "cgctl.commands.queue:list_"),
    "show": Entry("Show one transfer and its history.", "cgctl.commands.queue:show"),
    "retry": Entry("Try failed or waiting transfers now.", "cgctl.commands.queue:retry"),
    "cancel": Entry("Cancel transfers.", "cgctl.commands.queue:cancel"),
    "first": Entry("Let transfers go before all others.", "cgctl.commands.queue:first"),
    "clear": Entry("Take ended transfers out of the list.", "cgctl.commands.queue:clear"),
    "pause": Entry("Start no transfer until resumed.", "cgctl.commands.queue:pause"),
    "resume": Entry("Let a paused queue go on.", "cgctl.commands.queue:resume"),
}
_TARGET: Final = {
    "list": Entry("List the targets.", "cgctl.commands.target:list_"),
    "show": Entry("Show one target in full.", "cgctl.commands.target:show"),
    "test": Entry("Write, read and remove a probe file there.", "cgctl.commands.target:test"),
    "accept": Entry("Take what is mounted there now as the right one.", "cgctl.commands.target:accept"),
    "pause": Entry("Send nothing there until resumed.", "cgctl.commands.target:pause"),
    "resume": Entry("Let a paused target go on.", "cgctl.commands.target:resume"),
    "limit": Entry("Have another bandwidth for a while.", "cgctl.commands.target:limit"),
}
_DOWNLOADER: Final = {
    "list": Entry("List the downloaders.", "cgctl.commands.downloader:list_"),
    "show": Entry("Show one downloader in full.", "cgctl.commands.downloader:show"),
    "test": Entry("Ask it anew, and look for its folders.", "cgctl.commands.downloader:test"),
    "detect": Entry("Look for some at the usual ports.", "cgctl.commands.downloader:detect"),
}
_RUN: Final = {
    "list": Entry("List the last runs.", "cgctl.commands.run:list_"),
    "show": Entry("Show one run and its transfers.", "cgctl.commands.run:show"),
}
_DOWNLOAD: Final = {
    "add": Entry("Download links and torrents, and upload the result.", "cgctl.commands.download_add:add"),
    "list": Entry("List downloads.", "cgctl.commands.download:list_"),
    "show": Entry("Show one download and its history.", "cgctl.commands.download:show"),
    "files": Entry("List a download's files.", "cgctl.commands.download:files"),
    "select": Entry("Choose which files are downloaded.", "cgctl.commands.download:select"),
    "pause": Entry("Let a download rest.", "cgctl.commands.download:pause"),
    "resume": Entry("Let a paused download go on.", "cgctl.commands.download:resume"),
    "retry": Entry("Try a failed download again.", "cgctl.commands.download:retry"),
    "remove": Entry("End a download and remove what is here of it.", "cgctl.commands.download:remove"),
}
_CONFIG: Final = {
    "check": Entry("Check the configuration; the daemon need not run.", "cgctl.commands.config:check"),
    "show": Entry("Show the configuration in effect.", "cgctl.commands.config:show"),
    "reload": Entry("Make the daemon read its configuration again.", "cgctl.commands.config:reload"),
}
_IMPORT: Final = {
    "cloudgather": Entry(
        "Make the tasks of the original CloudGather.", "cgctl.commands.import_cloudgather:import_cloudgather"
    ),
}
COMMANDS: Final = {
    "setup": Entry("Set up the service: who runs it, where files go.", "cgctl.commands.setup:setup"),
    "status": Entry("Show what is going on, in a screenful.", "cgctl.commands.status:status"),
    "why": Entry("Explain why a file is where it is.", "cgctl.commands.why:why"),
    "upload": Entry("Upload files or folders now.", "cgctl.commands.upload:upload"),
    "task": Entry("Make, change and run tasks.", entries=_TASK),
    "queue": Entry("Look at and steer the queue.", entries=_QUEUE),
    "target": Entry("Look at and test the places files go to.", entries=_TARGET),
    "download": Entry("Have something downloaded and uploaded.", entries=_DOWNLOAD),
    "downloader": Entry("Look at and test the downloaders that are asked.", entries=_DOWNLOADER),
    "run": Entry("Look at past runs.", entries=_RUN),
    "history": Entry("Show what has happened.", "cgctl.commands.history:history"),
    "logs": Entry("Show the log of the daemon, a task or a run.", "cgctl.commands.logs:logs"),
    "config": Entry("Check, show and reload the configuration.", entries=_CONFIG),
    "doctor": Entry("Look for what commonly goes wrong.", "cgctl.commands.doctor:doctor"),
    "import": Entry("Take over the tasks of another program.", entries=_IMPORT),
    "watch": Entry("Show the status again and again.", "cgctl.commands.watch:watch"),
    "completion": Entry("Print a completion script for a shell.", "cgctl.commands.completion:completion"),
    "version": Entry("Show the versions of cgctl and the daemon.", "cgctl.commands.version:version"),
}


def cli() -> LazyGroup:
    """The whole command tree."""
    return LazyGroup(
        "cgctl",
        COMMANDS,
        help=HELP,
        params=[*global_options(hidden=False), _version_option()],
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
        no_args_is_help=True,
    )


def _version_option() -> click.Option:
    def tell(ctx: click.Context, param: click.Parameter, value: bool) -> None:
        if value:
            click.echo(f"cgctl {VERSION}")
            ctx.exit()

    return click.Option(
        ["--version"],
        is_flag=True,
        is_eager=True,
        expose_value=False,
        callback=tell,
        help="Show cgctl's version and exit (`cgctl version` asks the daemon, too).",
    )


def main() -> None:
    """Run cgctl on sys.argv and exit."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:  # closed by whoever runs it: what is asked for is done all the same
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115  # until it ends
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]  # an encoding may lack the character
    sys.exit(run(sys.argv[1:], os.environ))


def run(arguments: Sequence[str], environ: Mapping[str, str]) -> int:
    """Run cgctl; what goes wrong is told in one line on stderr. Returns the exit code."""
    session = Session(environ)
    session.language = wanted(arguments) or session.language
    try:
        result = cli().main(list(arguments), prog_name="cgctl", standalone_mode=False, obj=session)
        return int(result) if isinstance(result, int) else Exit.OK
    except Trouble as trouble:
        if trouble.text:
            session.note(trouble.told(session.language))
        if trouble.code == Exit.CUT_OFF:  # the interpreter must not complain at its exit of what it cannot write either
            os.dup2(os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC), sys.stdout.fileno())
        return trouble.code
    except click.UsageError as error:
        from cgctl.usage import told

        session.note(told(error, session))
        return Exit.USAGE
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (KeyboardInterrupt, click.Abort):
        session.note("")
        return Exit.INTERRUPTED
    finally:
        session.close()


if __name__ == "__main__":
    main()

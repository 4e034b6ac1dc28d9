"""cgctl logs: the log of the daemon, a task or a run, and on from there."""

import click

from cgctl.completing import task_option
from cgctl.connection import Refusal, Unreachable
from cgctl.following import subscribe
from cgctl.options import NUMBER, as_json, command
from cgctl.session import Session
from cgwire.daemon import Logs
from cgwire.text.values import escaped


@command()
@task_option
@click.option("--run", type=NUMBER, metavar="ID", help="Only of this run.")
@click.option("-n", "--lines", type=click.IntRange(0, 10000), default=100, show_default=True, help="How many lines.")
@click.option("-f", "--follow", is_flag=True, help="Go on with what is logged from now on, until Ctrl-C.")
@as_json
def logs(session: Session, task: str | None, run: int | None, lines: int, follow: bool, as_json: bool) -> None:
    """Show the log of the daemon, of a task or of a run.

    \b
    Examples:
      cgctl logs
      cgctl logs -f --task films
      cgctl logs --run 12 -n 1000
    """
    request = Logs(task=task, run=run, lines=lines)
    if not follow:
        reply = session.call(request)
        if as_json:
            session.print_json(reply)
        else:
            _print(session, reply["lines"], False)
        return
    with subscribe(session, task=task, kinds=("log",)) as connection:
        _print(session, session.call(request)["lines"], as_json)
        try:
            for notice in connection.events():
                if notice is not None and (run is None or notice[1].get("run") == run):
                    _print(session, [notice[1].get("line", "")], as_json)
        except Refusal as error:
            raise session.refused(error.reason) from error
        except Unreachable as error:
            raise session.unreachable(error) from error


def _print(session: Session, lines: list[str], as_json: bool) -> None:
    """With `as_json` a document for each line, as a stream has no end."""
    for each in lines:
        if as_json:
            from cgctl.as_json import line

            session.print(line({"line": each}))
        else:
            session.print(escaped(each))

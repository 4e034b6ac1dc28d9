"""cgctl history: what has happened to transfers."""

import time

import click

from cgctl.completing import task_option
from cgctl.moves import print_moves
from cgctl.options import NUMBER, absolute, as_json, command
from cgctl.session import Session
from cgwire.history import List


@command()
@click.argument("path", required=False)
@task_option
@click.option("--transfer", type=NUMBER, metavar="ID", help="Only of this transfer.")
@click.option("-n", "--limit", type=click.IntRange(1, 10000), default=50, show_default=True, help="How many.")
@click.option("-v", "--verbose", is_flag=True, help="The steps on the way, too, and not only how each ended.")
@click.option("--before", type=NUMBER, metavar="ID", help="Only what is older than this entry, for the next page.")
@as_json
def history(
    session: Session,
    path: str | None,
    task: str | None,
    transfer: int | None,
    limit: int,
    verbose: bool,
    before: int | None,
    as_json: bool,
) -> None:
    """Show what has happened, newest first: of all files, or of one.

    \b
    Examples:
      cgctl history
      cgctl history --task films -n 200
      cgctl history /downloads/film.mkv
    """
    place = absolute(path) if path is not None else None
    reply = session.call(
        List(task=task, path=place, transfer=transfer, limit=limit, before=before, outcomes=not verbose)
    )
    if as_json:
        session.print_json(reply)
    elif not reply["moves"]:
        session.print(session.say("nothing has happened yet"))
    else:
        print_moves(session, reply["moves"], now=time.time(), named=True)

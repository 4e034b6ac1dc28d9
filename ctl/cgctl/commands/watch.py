"""cgctl watch: the status, drawn again and again."""

import time

import click

from cgctl.commands.status import show
from cgctl.options import command
from cgctl.session import Session
from cgwire.daemon import Status


@command()
@click.option(
    "-i", "--interval", type=click.FloatRange(0.2), default=2.0, show_default=True, help="Seconds between two."
)
@click.option("-v", "--verbose", is_flag=True, help="Paths, limits and longer lists.")
@click.option("-n", "--count", type=click.IntRange(1), help="End after so many.")
def watch(session: Session, interval: float, verbose: bool, count: int | None) -> None:
    """Show the status again and again, until Ctrl-C.

    \b
    Examples:
      cgctl watch
      cgctl watch -i 10
    """
    drawn = 0
    while True:
        reply = session.call(Status())
        if session.draws:
            click.echo("\x1b[H\x1b[2J", nl=False)
        show(session, reply, verbose=verbose)
        drawn += 1
        if drawn == count:
            return
        time.sleep(interval)

"""cgctl queue: transfers listed, shown, and steered."""

import os
import time
from collections.abc import Callable
from typing import Any, Final

import click

from cgctl.completing import target_names, task_option
from cgctl.language import later
from cgctl.moves import print_moves
from cgctl.options import NUMBER, as_json, command
from cgctl.session import Session
from cgctl.transfers import place, print_reasons, progress, standing, state_mark, state_word
from cgctl.trouble import Exit, Trouble
from cgwire.queue import Cancel, Clear, First, List, Order, Pause, Resume, Retry, Show
from cgwire.text.values import place as at
from cgwire.text.values import size

STATES: Final = ("queued", "copying", "publishing", "written", "done", "failed", "cancelled", "vanished")


def _choice(function: Callable[..., Any]) -> Callable[..., Any]:
    for decorate in (
        click.argument("which", nargs=-1, metavar="[ID...|GLOB]"),
        task_option,
        click.option("--target", metavar="NAME", help="Only of this target.", shell_complete=target_names),
        click.option(
            "--state", "states", multiple=True, type=click.Choice(STATES), help="Only in this state; repeatable."
        ),
    ):
        function = decorate(function)
    return function


def _chosen(which: tuple[str, ...], task: str | None, target: str | None, states: tuple[str, ...]) -> dict[str, Any]:
    """Numbers are ids; anything else is one glob on the path."""
    ids = tuple(int(item) for item in which if item.isascii() and item.isdigit())
    globs = [item for item in which if not (item.isascii() and item.isdigit())]
    if len(globs) > 1 or (globs and ids):
        raise click.UsageError(later("give ids, or one pattern (quoted, so that the shell leaves it alone)"))
    glob = os.fsencode(globs[0]) if globs else None
    return {"ids": ids, "task": task, "target": target, "states": states, "glob": glob}


@command("list")
@_choice
@click.option("--run", type=NUMBER, metavar="ID", help="Only of this run.")
@click.option("-n", "--limit", type=click.IntRange(1, 10000), default=100, show_default=True, help="How many.")
@click.option("--offset", type=NUMBER, default=0, help="Leave out so many at first.")
@as_json
def list_(
    session: Session,
    which: tuple[str, ...],
    task: str | None,
    target: str | None,
    states: tuple[str, ...],
    run: int | None,
    limit: int,
    offset: int,
    as_json: bool,
) -> None:
    """List transfers: what moves, what waits in the order in which it goes, and what has ended, newest first.

    \b
    Examples:
      cgctl queue list
      cgctl queue list --state failed
      cgctl queue list --task films '*.mkv'
    """
    reply = session.call(List(**_chosen(which, task, target, states), run=run, limit=limit, offset=offset))
    if as_json:
        session.print_json(reply)
        return
    if not reply["transfers"]:
        session.print(session.say("no transfers"))
        return
    rows = []
    for item in reply["transfers"]:
        moving = item["state"] == "copying" and item.get("done") is not None and not item.get("held")
        rows.append(
            [
                str(item["id"]),
                f"{state_mark(session, item['state'])} {state_word(session, item['state'], item['reason'])}",
                size(item["size"]),
                place(item),
                progress(session, item, cells=10) if moving else standing(session, item),
            ]
        )
    session.print_table(("ID", "STATE", "SIZE", "FILE", "WHY"), rows, right=(0, 2), flexible=3)
    if reply["total"] > offset + len(rows):
        session.note(session.say("{shown} of {total} shown; see --limit", shown=len(rows), total=reply["total"]))


@command()
@click.argument("id", type=NUMBER)
@as_json
def show(session: Session, id: int, as_json: bool) -> None:
    """Show one transfer and its history.

    \b
    Examples:
      cgctl queue show 17
    """
    reply = session.call(Show(id=id))
    if as_json:
        session.print_json(reply)
        return
    transfer, now = reply["transfer"], time.time()
    session.print(f"{state_mark(session, transfer['state'])} {session.bold(place(transfer))}")
    rows = [
        [session.say("transfer"), str(transfer["id"])],
        [session.say("state"), state_word(session, transfer["state"], transfer["reason"])],
        [session.say("size"), size(transfer["size"])],
        [session.say("to"), at(transfer["target"], transfer["destination"])],
        [session.say("rule"), session.sentence(transfer.get("plan_reason"))],
        [session.say("failed attempts"), f"{transfer['attempts']} / {transfer.get('limit') or '?'}"],
        [session.say("priority"), str(transfer["priority"])],
        [session.say("due"), session.clock(transfer.get("due"), now=now)],
        [session.say("created"), session.clock(transfer["created"], now=now)],
    ]
    session.print_table((), rows, indent=2)
    if transfer["state"] in ("copying", "publishing"):
        session.print("  " + progress(session, transfer))
    if transfer.get("reason") and transfer["reason"] != transfer.get("plan_reason"):
        print_reasons(session, (transfer["reason"],), mark="bad" if transfer["state"] == "failed" else "off", indent=2)
    print_reasons(session, transfer.get("held") or (), mark="wait", indent=2)
    if reply.get("history"):
        session.print()
        print_moves(session, reply["history"], now=now)


def _order(kind: type[Order], name: str, text: str, done: str, examples: str) -> Any:
    """The command for an order about chosen transfers; they are alike but for their words."""

    def order(
        session: Session,
        which: tuple[str, ...],
        task: str | None,
        target: str | None,
        states: tuple[str, ...],
        everything: bool,
        as_json: bool,
    ) -> int:
        reply = session.call(kind(**_chosen(which, task, target, states), all=everything))
        if as_json:
            session.print_json(reply)
        else:
            session.print(session.say(done, n=reply["count"]))
            if reply.get("ending"):
                session.note(session.say("still stopping: {n}", n=reply["ending"]))
        if reply["count"] == 0 and not reply.get("ending") and (which or task or target):
            raise Trouble(Exit.FAILED, "" if as_json else session.say("no transfer was concerned"), "cgctl queue list")
        return Exit.OK

    order.__doc__ = f"{text}\n\n\b\nExamples:\n" + "".join(
        f"  cgctl queue {name} {example}\n" for example in examples.split("|")
    )
    whole = click.option("--all", "everything", is_flag=True, help="All that the order can concern.")
    return command(name)(_choice(whole(as_json(order))))


retry = _order(
    Retry,
    "retry",
    "Try failed and cancelled transfers again, and waiting ones at once.",
    later("queued again: {n}"),
    "17|--state failed|--task films --all",
)
cancel = _order(
    Cancel,
    "cancel",
    "Cancel transfers. They stay so until the file changes or `queue retry`.",
    later("cancelled: {n}"),
    "17|--task films '*sample*'",
)
first = _order(
    First, "first", "Let transfers go before all others of their target.", later("goes first: {n}"), "17|'*.srt'"
)
clear = _order(
    Clear,
    "clear",
    "Take ended transfers out of the list; what was uploaded stays on record.",
    later("cleared: {n}"),
    "--all|--state cancelled",
)


@command()
def pause(session: Session) -> None:
    """Start no transfer until `queue resume`; running ones are interrupted and go back into the queue.

    \b
    Examples:
      cgctl queue pause
    """
    session.call(Pause())
    session.print(session.say("the queue is paused"))


@command()
def resume(session: Session) -> None:
    """Let a paused queue go on.

    \b
    Examples:
      cgctl queue resume
    """
    session.call(Resume())
    session.print(session.say("the queue goes on"))

"""cgctl task list, show, pause, resume, remove, next."""

import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import click

from cgctl.commands.status import when
from cgctl.completing import task_argument
from cgctl.options import as_json, command
from cgctl.session import Session
from cgctl.settings import print_settings
from cgctl.transfers import amount, outcome, print_reasons
from cgctl.trouble import Exit, Trouble
from cgwire.task import List, Next, Pause, Remove, Resume, Show
from cgwire.text.values import escaped, place


@command("list")
@as_json
def list_(session: Session, as_json: bool) -> None:
    """List the tasks.

    \b
    Examples:
      cgctl task list
      cgctl task list --json
    """
    reply = session.call(List())
    if as_json:
        session.print_json(reply)
        return
    now = time.time()
    if not reply["tasks"]:
        session.print(session.say("none; `cgctl task add` makes one"))
        return
    rows = []
    for task in reply["tasks"]:
        mark = session.mark("off" if task["paused"] else "warn" if task["held"] else "ok")
        rows.append(
            [
                f"{mark} {escaped(task['name'])}",
                escaped(task["source"]),
                place(task["target"], task["destination"]),
                when(session, task, now),
                amount(session, task["counts"].get("queued")),
                outcome(session, task["last_run"]),
            ]
        )
    session.print_table(("NAME", "SOURCE", "TO", "WHEN", "QUEUED", "LAST RUN"), rows, flexible=1)


@command()
@task_argument
@as_json
def show(session: Session, name: str, as_json: bool) -> None:
    """Show one task in full: its settings, state and last runs.

    \b
    Examples:
      cgctl task show films
    """
    task = session.call(Show(name=name))
    if as_json:
        session.print_json(task)
        return
    now = time.time()
    session.print(session.bold(escaped(task["name"])))
    session.print(f"  {escaped(task['source'])} {session.arrow} {place(task['target'], task['destination'])}")
    session.print(f"  {when(session, task, now)}")
    if task.get("file"):
        session.print("  " + session.say("file: {file}", file=escaped(task["file"])))
    print_reasons(session, task["held"], mark="warn", indent=2)
    if (task.get("watch") or {}).get("reason"):
        print_reasons(session, (task["watch"]["reason"],), mark="warn", indent=2)
    session.print()
    session.print(session.bold(session.say("Transfers")))
    rows = [[session.word(state), amount(session, pair)] for state, pair in task["counts"].items() if pair[0]]
    if task.get("settling"):
        rows.append([session.say("settling"), str(task["settling"])])
    session.print_table((), rows or [[session.say("none")]], indent=2)
    if task.get("config"):
        session.print()
        session.print(session.bold(session.say("Settings")))
        print_settings(session, task["config"])
    if task.get("runs"):
        session.print()
        session.print(session.bold(session.say("Last runs")))
        session.print_table(
            (),
            [
                [
                    str(run["id"]),
                    session.clock(run["started"], now=now),
                    session.word(run["trigger"]),
                    outcome(session, run),
                ]
                for run in task["runs"]
            ],
            right=(0,),
            indent=2,
        )


@command()
@task_argument
def pause(session: Session, name: str) -> None:
    """Hold a task back: no run starts, none of its files is sent, until `task resume`.

    A file that is being copied is interrupted and goes back into the queue.

    \b
    Examples:
      cgctl task pause films
    """
    session.call(Pause(name=name))
    session.print(session.say("task {name} is paused", name=escaped(name)))


@command()
@task_argument
def resume(session: Session, name: str) -> None:
    """Let a paused task go on.

    \b
    Examples:
      cgctl task resume films
    """
    session.call(Resume(name=name))
    session.print(session.say("task {name} goes on", name=escaped(name)))


@command()
@task_argument
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
def remove(session: Session, name: str, yes: bool) -> None:
    """Remove a task: what it has queued is cancelled and its file removed.

    No file of yours is touched, here or at the target.

    \b
    Examples:
      cgctl task remove films
      cgctl task remove films --yes
    """
    if not yes:
        if not session.interactive:
            raise Trouble(Exit.USAGE, session.say("not confirmed"), session.say("give --yes"))
        question = session.say("Remove the task {name}? Your files stay, here and at the target", name=escaped(name))
        click.confirm(question, abort=True, err=True)
    reply = session.call(Remove(name=name))
    session.print(
        session.say("task {name} is removed; transfers cancelled: {n}", name=escaped(name), n=reply.get("cancelled", 0))
    )


@command("next")
@task_argument
@click.option("-n", "--count", type=click.IntRange(1, 1000), default=5, show_default=True, help="How many times.")
@as_json
def next_(session: Session, name: str, count: int, as_json: bool) -> None:
    """Show when a task runs next.

    \b
    Examples:
      cgctl task next films
      cgctl task next films -n 10
    """
    reply: Mapping[str, Any] = session.call(Next(name=name, count=count))
    if as_json:
        session.print_json(reply)
        return
    if not reply["instants"]:
        session.print(session.say("no schedule: it runs when something happens, or by hand"))
        return
    session.print(f"{reply['expression']}  ({reply['timezone']})")
    now, zone = time.time(), _zone(reply["timezone"])
    for instant in reply["instants"]:
        day = datetime.fromtimestamp(instant, UTC).astimezone(zone).strftime("%Y-%m-%d %H:%M:%S %Z")
        session.print(f"  {day}  ({session.say('in {span}', span=session.span(instant - now))})")


def _zone(name: str) -> ZoneInfo | None:
    """The zone that the schedule is in; None, ours, where only the daemon knows it."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None

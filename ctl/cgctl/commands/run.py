"""cgctl run list and show: past runs of tasks."""

import time

import click

from cgctl.completing import task_option
from cgctl.options import NUMBER, as_json, command
from cgctl.session import Session
from cgctl.transfers import outcome, place, print_reasons, standing, state_mark, state_word
from cgwire import queue
from cgwire.run import List, Show
from cgwire.text.values import escaped, size


@command("list")
@task_option
@click.option("-n", "--limit", type=click.IntRange(1, 10000), default=20, show_default=True, help="How many.")
@as_json
def list_(session: Session, task: str | None, limit: int, as_json: bool) -> None:
    """List the last runs, newest first.

    \b
    Examples:
      cgctl run list
      cgctl run list --task films
    """
    reply = session.call(List(task=task, limit=limit))
    if as_json:
        session.print_json(reply)
        return
    now = time.time()
    rows = [
        [
            str(run["id"]),
            escaped(run["task"]),
            session.clock(run["started"], now=now),
            session.word(run["trigger"]),
            str(run["seen"]),
            outcome(session, run),
        ]
        for run in reply["runs"]
    ]
    if rows:
        session.print_table(("ID", "TASK", "STARTED", "TRIGGER", "SEEN", "RESULT"), rows, right=(0, 4))
    else:
        session.print(session.say("no task ran yet"))


@command()
@click.argument("id", type=NUMBER)
@as_json
def show(session: Session, id: int, as_json: bool) -> None:
    """Show one run and its transfers.

    \b
    Examples:
      cgctl run show 12
    """
    run = session.call(Show(id=id))
    transfers = session.call(queue.List(run=id, limit=1000))
    if as_json:
        session.print_json({"run": run, **transfers})
        return
    now = time.time()
    session.print(session.bold(session.say("Run {id} of {task}", id=id, task=escaped(run["task"]))))
    rows = [
        [session.say("trigger"), session.word(run["trigger"])],
        [session.say("started"), session.clock(run["started"], now=now)],
        [session.say("scanned"), session.clock(run["scanned"], now=now)],
        [session.say("ended"), session.clock(run["ended"], now=now)],
        [session.say("files seen"), str(run["seen"])],
        [session.say("to upload"), str(run["planned"])],
        [session.say("passed over"), str(run["skipped"])],
        [session.say("uploaded"), f"{run['uploaded']} ({size(run['bytes'])})"],
        [session.say("failed"), str(run["failed"])],
        [session.say("result"), outcome(session, run)],
    ]
    session.print_table((), rows, indent=2)
    if run.get("problem"):
        print_reasons(session, (run["problem"],), mark="bad", indent=2)
    if transfers["transfers"]:
        session.print()
        rows = []
        for item in transfers["transfers"]:
            state = state_word(session, item["state"], item["reason"])
            state = f"{state_mark(session, item['state'])} {state}"
            rows.append([str(item["id"]), state, size(item["size"]), place(item), standing(session, item)])
        session.print_table(("ID", "STATE", "SIZE", "FILE", "WHY"), rows, right=(0, 2), flexible=3)

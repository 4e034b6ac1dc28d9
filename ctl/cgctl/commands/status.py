"""cgctl status: what is going on, in a screenful."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import click

from cgctl.language import later
from cgctl.options import as_json, command
from cgctl.session import Session
from cgctl.transfers import amount, bandwidth, daily, outcome, place, print_reasons, print_transfers, progress, standing
from cgctl.trouble import Exit, Trouble
from cgwire.daemon import Health, Status
from cgwire.text.values import escaped, rate, size
from cgwire.text.values import place as at

SHORT: Final = 5  # entries of a section without -v; the daemon sends ten


@command()
@click.option("-v", "--verbose", is_flag=True, help="Paths, limits and longer lists.")
@as_json
def status(session: Session, verbose: bool, as_json: bool) -> None:
    """Show what is going on, in a screenful.

    \b
    Daemon, targets, tasks with their next run and last result, what moves,
    what waits and why, and what failed. Exits with 3 if the daemon is down.
    Whoever is in no group of the daemon's sees numbers only.

    \b
    Examples:
      cgctl status
      cgctl status -v
      cgctl status --json
    """
    try:
        reply = session.call(Status())
    except Trouble as trouble:
        if trouble.code != Exit.REFUSED:
            raise
        health = session.call(Health())
        if as_json:
            session.print_json(health)
            return
        _show_health(session, health)
        session.note(f"{session.arrow} {trouble.hint}")
        return
    if as_json:
        session.print_json(reply)
    else:
        show(session, reply, verbose=verbose)


def _show_health(session: Session, health: Mapping[str, Any]) -> None:
    """What everybody may know."""
    troubled = health["held"] or health["problems"] or health["failed"]
    running = session.say("running for {span}", span=session.span(health["now"] - health["started"]))
    version = f"cloudgatherd {health['version']}"
    session.print(f"{session.mark('warn' if troubled else 'ok')} " + session.joined((version, running)))
    texts = {
        "moving": later("{n} moving"),
        "queued": later("{n} queued"),
        "settling": later("{n} settling"),
        "failed": later("{n} failed"),
        "done": later("{n} uploaded"),
    }
    session.print("  " + session.joined(session.say(text, n=health[key]) for key, text in texts.items()))
    for code in health["held"]:
        session.print(f"  {session.mark('warn')} {session.sentence({'code': code, 'target': '…', 'root': '…'})}")
    if health["problems"]:
        session.print(f"  {session.mark('warn')} " + session.say("problems: {n}", n=health["problems"]))


def show(session: Session, reply: Mapping[str, Any], *, verbose: bool) -> None:
    """The whole screen."""
    now = float(reply["daemon"]["now"])
    _daemon(session, reply, now, verbose)
    _targets(session, reply["targets"], verbose)
    _tasks(session, reply["tasks"], reply["targets"], now, verbose)
    _active(session, reply["active"])
    most = 10 if verbose else SHORT
    print_transfers(session, later("Waiting"), reply["waiting"][:most], reply["waiting_total"])
    _settling(session, reply["settling"][:most], reply["settling_total"])
    print_transfers(session, later("Failed"), reply["failed"][:most], reply["failed_total"])
    if reply.get("downloaders") or reply.get("downloads"):
        from cgctl.downloads import print_overview  # most have none, and want to see the rest soon

        print_overview(session, reply, most=most)
    _closing(session, reply)


def _heading(session: Session, text: str) -> None:
    session.print()
    session.print(session.bold(text))


def _daemon(session: Session, reply: Mapping[str, Any], now: float, verbose: bool) -> None:
    daemon = reply["daemon"]
    problems = daemon.get("problems", ())
    of_files = [problem for problem in problems if "text" in problem]  # a log that cannot be written is in none
    troubles = [*daemon.get("held", ()), *(problem for problem in problems if "text" not in problem)]
    mark = session.mark("warn" if troubles or of_files else "ok")
    running = session.say(
        "running for {span} (pid {pid})", span=session.span(now - daemon["started"]), pid=daemon["pid"]
    )
    session.print(f"{mark} " + session.joined((f"cloudgatherd {daemon['version']}", running)))
    print_reasons(session, troubles, mark="warn", indent=2)
    if of_files:
        from cgctl.settings import problem_lines

        for line in problem_lines(session, of_files):
            session.print(f"  {line}")
    if verbose:
        rows = [
            [session.say("configuration"), escaped(daemon.get("config") or "-")],
            [session.say("state"), escaped(daemon.get("state_dir") or "-")],
            [session.say("socket"), escaped(daemon.get("socket") or "-")],
            [session.say("time zone"), daemon.get("timezone") or "-"],
        ]
        session.print_table((), rows, indent=2)


def _targets(session: Session, targets: Sequence[Mapping[str, Any]], verbose: bool) -> None:
    _heading(session, session.say("Targets"))
    if not targets:
        session.print("  " + session.say("none"))
    rows = []
    for target in targets:
        ok = target["state"] != "held" and not target["paused"]
        rows.append(
            [
                f"{session.mark('ok' if ok else 'warn')} {escaped(target['name'])}",
                _doing(session, target),
                session.say("queue {amount}", amount=amount(session, target.get("queued"))),
                escaped(target["root"]),
            ]
        )
        if verbose:
            traits = (session.word(target["kind"]), session.word(target["profile"]), f"{target['parallel']} x")
            rows[-1].append(session.joined(traits))
    session.print_table((), rows, indent=2, flexible=3)
    for target in targets:
        unconfirmed = target.get("unconfirmed")
        print_reasons(session, [*target["held"], *([unconfirmed] if unconfirmed else ())], mark="warn", indent=2)


def _doing(session: Session, target: Mapping[str, Any]) -> str:
    """What moves there, under which limits: `1 moving, 2.00 MiB/s, limit 2.00 MiB/s until 23:00`."""
    parts = []
    if target.get("active"):
        parts.append(session.say("{n} moving", n=target["active"]))
    elif target["paused"]:
        parts.append(session.say("paused"))
    else:
        parts.append(session.word("held" if target["state"] == "held" else "idle"))
    if target.get("rate"):
        parts.append(rate(target["rate"]))
    if target.get("bandwidth"):
        parts.append(session.say("limit {bandwidth}", bandwidth=bandwidth(session, target)))
    elif target.get("bandwidth_until"):
        parts.append(bandwidth(session, target))
    if target.get("daily_limit") is not None:
        parts.append(session.say("{amount} a day", amount=daily(target)))
    if target.get("confirm") == "seen":
        parts.append(session.say("confirmation: {strength}", strength=session.word("seen")))
    return session.joined(parts)


def _tasks(
    session: Session,
    tasks: Sequence[Mapping[str, Any]],
    targets: Sequence[Mapping[str, Any]],
    now: float,
    verbose: bool,
) -> None:
    _heading(session, session.say("Tasks"))
    if not tasks:
        session.print("  " + session.say("none; `cgctl task add` makes one"))
    rows = []
    for task in tasks:
        mark = "off" if task["paused"] else "warn" if task.get("held") else "ok"
        rows.append(
            [
                f"{session.mark(mark)} {escaped(task['name'])}",
                when(session, task, now),
                _work(session, task),
                _last(session, task),
            ]
        )
        if verbose:
            rows[-1].append(f"{escaped(task['source'])} {session.arrow} {at(task['target'], task['destination'])}")
    session.print_table((), rows, indent=2, flexible=-1 if verbose else 0)
    # What holds a target or a source holds many tasks: it is said once, and a target's is above.
    said = {session.sentence(reason) for target in targets for reason in target["held"]}
    for task in tasks:
        watch = (task.get("watch") or {}).get("reason")
        for reason in [*(task.get("held") or ()), *([watch] if watch else ())]:
            sentences = {session.sentence(each) for each in (reason, reason.get("cause")) if isinstance(each, Mapping)}
            if not sentences & said:
                print_reasons(session, (reason,), mark="warn", indent=2)
            said |= sentences


def when(session: Session, task: Mapping[str, Any], now: float) -> str:
    """What makes the task look: `watching, next 03:00`."""
    if task["paused"]:
        return session.say("paused")
    parts = []
    watch = task.get("watch")
    if watch:
        modes = {
            "inotify": session.say("watching"),
            "polling": session.say("polling"),
            "off": session.say("not watching now"),
        }
        parts.append(modes.get(watch["mode"], ""))
    if task.get("next") is not None:
        parts.append(session.say("next {clock}", clock=session.clock(task["next"], now=now)))
    return session.joined(parts) or session.say("by hand only")


def _last(session: Session, task: Mapping[str, Any]) -> str:
    if task.get("last_run") is not None:
        return session.say("last: {outcome}", outcome=outcome(session, task["last_run"]))
    done = [task["counts"].get(state, (0, 0)) for state in ("written", "done")] if task.get("counts") else []
    if number := sum(n for n, _ in done):  # files that came one by one
        return session.say("{n} uploaded", n=number) + f" ({size(sum(b for _, b in done))})"
    return session.say("never ran")


def _work(session: Session, task: Mapping[str, Any]) -> str:
    counts = task.get("counts") or {}
    parts = []
    texts = {"queued": later("{n} queued"), "copying": later("{n} moving"), "failed": later("{n} failed")}
    for state, text in texts.items():
        number = counts.get(state, (0, 0))[0]
        if number:
            parts.append(session.say(text, n=number))
    if task.get("settling"):
        parts.append(session.say("{n} settling", n=task["settling"]))
    return session.joined(parts) or "-"


def _active(session: Session, active: Sequence[Mapping[str, Any]]) -> None:
    if not active:
        return
    _heading(session, session.say("Moving"))
    for transfer in active[:SHORT]:
        before = f"  {session.mark('now')} {transfer['id']}  "
        session.print(before + session.fitted(place(transfer), beside=before))
        session.print(f"    {standing(session, transfer) if transfer.get('held') else progress(session, transfer)}")
    if len(active) > SHORT:
        session.print("  " + session.say("and {n} more: cgctl queue list", n=len(active) - SHORT))


def _settling(session: Session, files: Sequence[Mapping[str, Any]], total: int) -> None:
    if not total:
        return
    _heading(session, session.say("Not ready yet") + f" ({total})")
    rows = [
        [place(file), _size(file["size"]), session.joined(session.sentence(reason) for reason in file["reasons"])]
        for file in files
    ]
    session.print_table((), rows, right=(1,), flexible=0, indent=2)
    if total > len(files):
        session.print("  " + session.say("and {n} more", n=total - len(files)))


def _size(count: int | None) -> str:
    """Nothing for a file that has not been looked at yet."""
    return "" if count is None else size(count)


def _closing(session: Session, reply: Mapping[str, Any]) -> None:
    totals = reply.get("totals") or {}
    done = [totals.get(state, (0, 0)) for state in ("written", "done")]
    session.print()
    session.print(
        session.say(
            "Uploaded so far: {amount}", amount=amount(session, [sum(n for n, _ in done), sum(b for _, b in done)])
        )
    )
    if reply["failed_total"]:
        session.print(session.say("`cgctl why PATH` explains a file; `cgctl queue retry --state failed` tries again"))

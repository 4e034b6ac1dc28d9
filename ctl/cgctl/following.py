"""Waiting for runs to end: progress on a terminal, plain lines elsewhere."""

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import click

from cgctl.connection import Connection, Refusal, Unreachable
from cgctl.session import Session
from cgctl.table import fit
from cgctl.transfers import outcome, place, progress, standing, state_mark
from cgctl.trouble import Exit
from cgwire.events import Subscribe
from cgwire.path import Why
from cgwire.queue import List
from cgwire.run import Show
from cgwire.text.values import escaped

TICK: Final = 1.0  # seconds without an event after which the runs are looked at
HELD_EVERY: Final = 30.0  # seconds between two lines about what holds, where output is not a terminal
LINGER: Final = 5.0  # seconds at most until events have told of what a look has shown to be over

_ON_THE_WAY: Final = ("waiting", "queued", "held", "copying", "publishing")
_ENDED: Final = ("written", "done", "failed", "cancelled", "vanished")


def subscribe(
    session: Session, *, task: str | None, kinds: tuple[str, ...] = ("transfer", "progress", "run")
) -> Connection:
    """A connection on which events come; subscribed before the work is ordered, so that none is missed."""
    connection = session.connect()
    try:
        session.ask(connection, Subscribe(kinds=kinds, task=task))
    except BaseException:
        connection.close()
        raise
    return connection


def wait(session: Session, connection: Connection, runs: Sequence[int], *, as_json: bool = False) -> int:
    """Until every run has ended; then a line each, or all as JSON. FAILED if any transfer or run of them failed."""
    shown = _Shown(session, silent=as_json)
    ended: dict[int, Mapping[str, Any]] = {}
    told: set[int] = set()  # their end came as an event, behind those about their files
    looked = 0.0
    over: float | None = None  # since when all have ended
    events = connection.events(tick=TICK)
    while not told.issuperset(runs):
        if over is None and time.monotonic() - looked >= TICK:
            looked = time.monotonic()
            for run in runs:
                record = session.call(Show(id=run))
                if record["ended"] is not None:
                    ended[run] = record
                elif run not in ended:
                    shown.standing(run, record)
        if over is None and ended.keys() >= set(runs):
            over = time.monotonic()
        event = _next(session, events)
        if event is not None and event.get("kind") == "run" and event.get("id") in runs:
            if event.get("ended") is not None:
                ended[event["id"]] = event
                told.add(event["id"])
        elif event is not None:
            shown.event(event)
        if over is not None and (event is None or time.monotonic() - over >= LINGER):
            break
    shown.clear()
    failed = False
    for run in sorted(ended):
        record = ended[run]
        failed = failed or bool(record.get("failed")) or record.get("problem") is not None
        if as_json:
            continue
        session.print(
            session.say("run {id} of {task}: {outcome}", id=run, task=record["task"], outcome=outcome(session, record))
        )
    if as_json:
        session.print_json({"runs": [ended[run] for run in sorted(ended)]})
    return Exit.FAILED if failed else Exit.OK


def wait_for(session: Session, connection: Connection, paths: Sequence[bytes], *, silent: bool = False) -> int:
    """Until none of these files is on its way any more, whichever run brings it over; FAILED if one failed.

    A folder counts as done: its files belong to the run that was ordered for it.
    """
    shown = _Shown(session, silent=silent)
    code: int = Exit.OK
    events = connection.events(tick=TICK)
    for path in paths:
        told = ""
        while (reply := session.call(Why(path=path)))["verdict"] in _ON_THE_WAY:
            why = _first_cause(reply)
            if why is not None and why["code"] != told:
                told = why["code"]
                session.note(f"{session.mark('wait')} {escaped(path)}: {session.sentence(why)}")
            event = _next(session, events)
            if event is not None:
                shown.event(event)
        if reply["verdict"] in ("failed", "cancelled"):
            session.note(
                f"{session.mark('bad')} {escaped(path)}: {session.sentence((reply.get('reasons') or [None])[0])}"
            )
            code = Exit.FAILED
    return code


def _first_cause(reply: Mapping[str, Any]) -> Mapping[str, Any] | None:
    conditions = (reply.get("settle") or {}).get("conditions") or ()
    held = (reply.get("transfer") or {}).get("held") or ()
    causes = [*(each for each in conditions if each["code"].startswith("wait.")), *held]
    return causes[0] if causes else None


def _next(session: Session, events: Iterator[tuple[str, Mapping[str, Any]] | None]) -> Mapping[str, Any] | None:
    """The next event, or None after a tick without one."""
    try:
        event = next(events, None)
    except Refusal as error:
        raise session.refused(error.reason) from error
    except Unreachable as error:
        raise session.unreachable(error) from error
    return None if event is None else event[1]


class _Shown:
    """What is on the screen while waiting."""

    def __init__(self, session: Session, *, silent: bool) -> None:
        self._session = session
        self._silent = silent
        self._lines = 0
        self._held_at = 0.0
        self._told: str | None = None

    def standing(self, run: int, record: Mapping[str, Any]) -> None:
        """The run as it stands now."""
        if self._silent:
            return
        session = self._session
        live = session.call(List(run=run, states=("queued", "copying", "publishing"), limit=50))
        moving = [item for item in live["transfers"] if item["state"] != "queued"]
        queued = [item for item in live["transfers"] if item["state"] == "queued"]
        summary = outcome(session, record)
        if queued and not moving and (why := standing(session, queued[0])):
            summary += f"; {why}"
        if session.draws:
            lines = []
            for item in moving[:8]:
                lines += [f"{session.mark('now')} {place(item)}", f"  {progress(session, item)}"]
            self._draw([*lines, f"{session.mark('wait')} {summary}"])
        elif summary != self._told or time.monotonic() - self._held_at > HELD_EVERY:
            if queued and not moving:
                session.note(summary)
            self._told, self._held_at = summary, time.monotonic()

    def event(self, event: Mapping[str, Any]) -> None:
        """A line for each transfer that ended, and on a terminal the bar of one that moves."""
        session = self._session
        if self._silent:
            return
        if event.get("kind") == "transfer" and event.get("state") in _ENDED and event.get("event") != "confirm":
            self.clear()
            reason = event.get("reason")
            why = f": {session.sentence(reason)}" if reason and event["state"] != "written" else ""
            word = session.say("uploaded") if event["state"] == "written" else session.word(event["state"])
            session.print(f"{state_mark(session, event['state'])} {place(event)} - {word}{why}")

    def clear(self) -> None:
        """Take back what may be redrawn."""
        if self._lines:
            click.echo(f"\x1b[{self._lines}F\x1b[J", nl=False)
            self._lines = 0

    def _draw(self, lines: Sequence[str]) -> None:
        self.clear()
        cells = self._session.cells
        for line in lines:
            plain = click.unstyle(line)  # a line that wraps would not be taken back whole
            click.echo(fit(plain, cells - 1) if cells else plain)
        self._lines = len(lines)

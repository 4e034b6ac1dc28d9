"""cgctl import cloudgather: the tasks of the original CloudGather, made here."""

import os
from collections.abc import Mapping, Sequence
from typing import Any, Final

import click

from cgctl.language import later
from cgctl.options import absolute, as_json, command
from cgctl.original.fields import Note, folded
from cgctl.original.reading import Carried, Moved, Unusable, moved
from cgctl.original.targets import Place, lines, places
from cgctl.session import Session
from cgctl.settings import problem_lines
from cgctl.trouble import Exit, Trouble
from cgwire.target import List as Targets
from cgwire.target import Mounts
from cgwire.task import Compose, List, Remove, Resume, Write
from cgwire.text.values import escaped

_MOST_BYTES: Final = 16 << 20


@command("cloudgather")
@click.argument("file", type=click.Path())
@click.option(
    "--map", "maps", multiple=True, metavar="OLD=NEW", help="A folder that has another path here; repeatable."
)
@click.option("--leave-out", multiple=True, metavar="NAME", help="Not the task of this name; repeatable.")
@click.option("--dry-run", is_flag=True, help="Show what would be made, and end.")
@as_json
def import_cloudgather(
    session: Session, file: str, maps: tuple[str, ...], leave_out: tuple[str, ...], dry_run: bool, as_json: bool
) -> None:
    """Make the tasks of the original CloudGather's tasks.json.

    Says of each task what could not be carried over, and why. Either all of
    them are made or none is; those that are there already stay as they are.
    None runs before all of them are made.

    \b
    Examples:
      cgctl import cloudgather /config/tasks.json --dry-run
      cgctl import cloudgather tasks.json --map /downloads=/vol1/downloads
    """
    found = _read(session, file, maps, leave_out)
    there = {folded(task["name"]) for task in session.call(List())["tasks"]}
    fresh = [task for task in found.tasks if folded(task.name) not in there]
    known = [task.name for task in found.tasks if folded(task.name) in there]
    texts = _composed(session, fresh)
    targets = session.call(Targets())["targets"]
    homes = places(fresh, session.call(Mounts())["mounts"], targets)
    wanted = [block for home in homes if (block := lines(home, [each["name"] for each in targets]))]
    if not dry_run:
        _make(session, fresh, texts)
    if as_json:
        session.print_json(_plain(session, found, known, texts, wanted, made=not dry_run))
        return
    _print(session, found, known, fresh, texts if dry_run else {})
    _print_targets(session, homes, wanted)
    session.print()
    if dry_run:
        session.print(session.say("nothing was written; without --dry-run they are made"))
    elif fresh:
        count = session.count(len(fresh), "1 task is made", "{n} tasks are made")
        session.print(session.say("{tasks}; cgctl status shows what they do", tasks=count))
    else:
        session.print(session.say("there was nothing to make"))


def _read(session: Session, file: str, maps: Sequence[str], leave_out: Sequence[str]) -> Moved:
    folders = []
    for each in maps:
        old, equals, new = each.partition("=")
        if not equals or not old.startswith("/") or not new.startswith("/"):
            raise click.UsageError(later("--map: OLD=NEW is wanted, two paths that begin with /"))
        folders.append((os.path.normpath(old), os.path.normpath(new)))
    path = absolute(file)
    try:
        with open(path, "rb") as opened:
            content = opened.read(_MOST_BYTES + 1)
    except OSError as error:
        text = session.say("cannot read {file}: {cause}", file=escaped(path), cause=error.strerror or error)
        raise Trouble(Exit.FAILED, text) from error
    try:
        if len(content) > _MOST_BYTES:
            raise Unusable([Note(later("it is larger than any such file"))])
        return moved(content, maps=folders, leave_out=leave_out)
    except Unusable as unusable:
        for note in unusable.notes:
            session.note(f"{session.mark('bad')} {_said(session, note)}")
        text = session.say("{file} cannot be taken over; nothing was written", file=escaped(path))
        raise Trouble(Exit.FAILED, text, session.say("correct it, or leave a task out with --leave-out NAME")) from None


def _composed(session: Session, tasks: Sequence[Carried]) -> dict[str, str]:
    """The text of each task's file; Trouble that names all that is wrong with any."""
    texts, wrong = {}, False
    for task in tasks:
        answer = session.call(Compose(name=task.name, values=task.values))
        texts[task.name] = answer["text"]
        for line in problem_lines(session, answer["problems"]):
            session.note(line)
            wrong = True
    if wrong:
        raise Trouble(
            Exit.FAILED,
            session.say("the tasks would have errors; nothing was written"),
            session.say("correct it, or leave a task out with --leave-out NAME"),
        )
    return texts


def _make(session: Session, tasks: Sequence[Carried], texts: Mapping[str, str]) -> None:
    """All of them, or none. They are made paused, so that none has begun when a later one is refused."""
    made: list[str] = []
    try:
        for task in tasks:
            written = session.call(Write(name=task.name, text=texts[task.name], new=True, paused=True))
            if written["problems"]:
                for line in problem_lines(session, written["problems"]):
                    session.note(line)
                raise Trouble(Exit.FAILED, session.say("the tasks would have errors; nothing was written"))
            made.append(task.name)
    except BaseException:
        with session.connect() as connection:  # what was asked on the other one may not have been answered
            for name in reversed(made):
                session.ask(connection, Remove(name=name))
        raise
    for task in tasks:
        if not task.paused:
            session.call(Resume(name=task.name))


def _print(
    session: Session, found: Moved, known: Sequence[str], fresh: Sequence[Carried], texts: Mapping[str, str]
) -> None:
    rows = [
        [
            escaped(task.name),
            escaped(task.values["source"]),
            escaped(task.values["target"]),
            escaped(_when(session, task)),
            ", ".join(task.values["rules"]),
        ]
        for task in fresh
    ]
    if rows:
        session.print_table(("TASK", "SOURCE", "TO", "WHEN", "RULES"), rows, flexible=1)
    for name, text in texts.items():
        session.print()
        session.print(session.bold(f"{escaped(name)}.toml"))
        for line in text.splitlines():
            session.print("  " + escaped(line))
    for task in fresh:
        if task.notes:
            session.print()
            session.print(session.bold(escaped(task.name)))
        for note in task.notes:
            session.print(f"  {session.mark('warn')} {_said(session, note)}")
    if found.left or known:
        session.print()
        session.print(session.bold(session.say("Not made")))
    for name in known:
        session.print(f"  {session.mark('off')} {escaped(name)}: {session.say('there is a task of this name already')}")
    for name, note in found.left:
        session.print(f"  {session.mark('warn')} {escaped(name)}: {_said(session, note)}")
    if found.notes and fresh:
        session.print()
        session.print(session.bold(session.say("Of all of them")))
        for note in found.notes:
            session.print("  " + _said(session, note))


def _print_targets(session: Session, homes: Sequence[Place], wanted: Sequence[Sequence[str]]) -> None:
    away = [home for home in homes if not home.is_remote and "kind" not in home.settings and home.name is None]
    for home in away:
        session.print()
        text = session.say(
            "No cloud drive is mounted at {folder} now; files wait until one is", folder=escaped(home.root)
        )
        session.print(f"{session.mark('warn')} {text}")
    if wanted:
        session.print()
        session.print(session.bold(session.say("For cloudgather.toml, and then: cgctl config reload")))
    for block in wanted:
        session.print()
        for line in block:
            session.print("  " + escaped(line))


def _when(session: Session, task: Carried) -> str:
    if task.paused:
        return session.say("paused")
    schedule = task.values.get("schedule")
    return str(schedule) if schedule else session.say("every {span}", span=task.values["every"])


def _plain(
    session: Session,
    found: Moved,
    known: Sequence[str],
    texts: Mapping[str, str],
    wanted: Sequence[Sequence[str]],
    *,
    made: bool,
) -> dict[str, Any]:
    return {
        "made": made,
        "tasks": [
            {
                "name": task.name,
                "text": texts[task.name],
                "paused": task.paused,
                "notes": [_said(session, note) for note in task.notes],
            }
            for task in found.tasks
            if task.name in texts
        ],
        "known": list(known),
        "left": [{"name": name, "why": _said(session, note)} for name, note in found.left],
        "notes": [_said(session, note) for note in found.notes],
        "targets": "\n\n".join("\n".join(block) for block in wanted),
    }


def _said(session: Session, note: Note) -> str:
    values = {
        key: escaped(session.say(str(value))) if key in _PHRASES else escaped(value)
        for key, value in note.values.items()
    }
    return session.say(note.text, **values)


_PHRASES: Final = frozenset({"why", "wanted"})  # values that are phrases themselves

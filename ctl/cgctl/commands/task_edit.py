"""cgctl task edit: a task's file in an editor; what was typed is never lost."""

import os
import shlex
import subprocess
import tempfile
from collections.abc import Sequence
from typing import Any

import click

from cgctl.completing import task_argument
from cgctl.options import command
from cgctl.session import Session
from cgctl.settings import problem_lines
from cgctl.trouble import Exit, Trouble
from cgwire.task import Text, Write
from cgwire.text.values import escaped


@command()
@task_argument
@click.option(
    "--set", "changes", multiple=True, metavar="KEY=VALUE", help="Change a key without an editor; repeatable."
)
@click.option("--unset", multiple=True, metavar="KEY", help="Take a key out, so that its default holds; repeatable.")
def edit(session: Session, name: str, changes: tuple[str, ...], unset: tuple[str, ...]) -> int:
    """Edit a task's file in $VISUAL or $EDITOR; it is checked before it is taken.

    With errors in it, you may edit again, keep the text aside, or discard it.

    \b
    Examples:
      cgctl task edit films
      cgctl task edit films --set settle=5m --set filter.min_size=100MiB
      cgctl task edit films --unset schedule
    """
    text: str = session.call(Text(name=name))["text"]
    if changes or unset:
        from cgctl.amending import Unsettable, amended

        try:
            changed = amended(text, changes, unset)
        except Unsettable as error:
            cause = session.say(error.phrase, **error.values)
            raise Trouble(Exit.USAGE, session.say("cannot set it: {cause}", cause=cause)) from error
        problems = session.call(Write(name=name, text=changed))["problems"]
        if problems:
            _tell(session, problems)
            raise Trouble(Exit.FAILED, session.say("nothing was changed"))
        session.print(session.say("task {name} is changed", name=escaped(name)))
        return Exit.OK
    kept = _Kept(name, text)
    try:
        _edited(session, name, text, kept)
    except _Discarded:
        kept.remove()
        raise
    except BaseException:
        kept.tell(session)
        raise
    kept.remove()
    return Exit.OK


class _Kept:
    """The temporary file with the text; removed only when the text is taken or given up on purpose."""

    def __init__(self, name: str, text: str) -> None:
        handle, self.path = tempfile.mkstemp(prefix=f"cgctl-{name[:40].replace('/', '_')}-", suffix=".toml")
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        self._first = text

    def read(self) -> str:
        """What the editor left."""
        with open(self.path, encoding="utf-8") as file:
            return file.read()

    def remove(self) -> None:
        """Remove it."""
        if os.path.exists(self.path):
            os.unlink(self.path)

    def tell(self, session: Session) -> None:
        """Say where the text is; an untouched one is not worth keeping."""
        try:
            untouched = self.read() == self._first
        except (OSError, UnicodeDecodeError):
            untouched = False
        if untouched:
            self.remove()
        elif os.path.exists(self.path):
            session.note(session.say("your text is kept in {file}", file=escaped(self.path)))


def _edited(session: Session, name: str, before: str, kept: _Kept) -> None:
    while True:
        _run_editor(session, kept.path)
        try:
            text = kept.read()
        except UnicodeDecodeError as error:
            raise Trouble(Exit.FAILED, session.say("the file is not UTF-8")) from error
        if text == before:
            session.print(session.say("nothing was changed"))
            return
        problems = session.call(Write(name=name, text=text, check_only=True))["problems"]
        if not problems:
            if session.call(Text(name=name))["text"] != before:
                raise Trouble(Exit.FAILED, session.say("somebody else changed the task meanwhile; nothing was written"))
            problems = session.call(Write(name=name, text=text))["problems"]
        if not problems:
            session.print(session.say("task {name} is changed", name=escaped(name)))
            return
        _tell(session, problems)
        if not session.interactive or not _again(session):
            raise Trouble(Exit.FAILED, session.say("the text has errors; nothing was written"))


def _again(session: Session) -> bool:
    """Whether to edit again; the alternatives end the command."""
    answer = click.prompt(
        session.say("(e)dit again, (k)eep the text aside, (d)iscard it"),
        type=click.Choice(["e", "k", "d"]),
        default="e",
        show_choices=False,
        err=True,
    )
    if answer == "d":
        raise _Discarded(Exit.FAILED, session.say("discarded; nothing was written"))
    return bool(answer == "e")


class _Discarded(Trouble):
    """The user wants the text gone."""


def _tell(session: Session, problems: Sequence[Any]) -> None:
    for line in problem_lines(session, problems):
        session.note(line)


def _run_editor(session: Session, path: str) -> None:
    editor = session.environ.get("VISUAL") or session.environ.get("EDITOR") or "vi"
    try:
        code = subprocess.run([*shlex.split(editor), path], check=False).returncode
    except (OSError, ValueError) as error:
        raise Trouble(
            Exit.FAILED, session.say("cannot start the editor {editor}", editor=editor), session.say("set EDITOR")
        ) from error
    if code != 0:
        raise Trouble(Exit.FAILED, session.say("the editor ended with {code}; nothing was written", code=code))

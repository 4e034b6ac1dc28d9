"""A wrong command line, told in one line of the user's language."""

import re
from typing import Final

import click

from cgctl.session import Session
from cgwire.text import ZH_CN
from cgwire.text.values import escaped

_NO_NUMBER: Final = re.compile(r"is not a valid (?:integer|float) range\b")  # what click says of any with bounds


def told(error: click.UsageError, session: Session) -> str:
    """The line; for a group without a command, its help."""
    if type(error).__name__ == "NoArgsIsHelpError":
        return error.format_message()
    command = error.ctx.command_path if error.ctx is not None else "cgctl"
    text = _text(error.format_message(), session)
    opening, closing = ("（", "）") if session.language == ZH_CN else (" (", ")")
    return f"cgctl: {escaped(text)}{opening}{command} --help{closing}"


def _text(message: str, session: Session) -> str:
    own = session.say(message)
    if own != message or session.language != ZH_CN:
        return _NO_NUMBER.sub("is not a number", own[:1].lower() + own[1:].removesuffix("."))
    from cgwire.text import usage

    return usage.told(message)

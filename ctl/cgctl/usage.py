"""A wrong command line, told in one line of the user's language; click itself says it in English."""

import re
from typing import Final

import click

from cgctl.session import Session
from cgwire.text import ZH_CN
from cgwire.text.values import escaped

# What click says, and the same in Chinese; texts of its releases differ in a colon or quotes.
_CHINESE: Final = (
    (r"No such command '(.+?)'\.?", "没有命令“{}”"),
    (r"No such option:? '?(-[^' ]*?)'?\.?", "没有选项 {}"),
    (r"Missing command\.?", "缺少命令"),
    (r"Missing argument '(.+)'\.?", "缺少参数 {}"),
    (r"Missing option '(.+)'\.?", "缺少选项 {}"),
    (r"Option '(.+)' requires an argument\.?", "选项 {} 需要一个值"),
    (r"Option '(.+)' does not take a value\.?", "选项 {} 不带值"),
    (r"Got unexpected extra arguments? \((.+)\)\.?", "多余的参数：{}"),
    (r"'(.*)' is not a valid integer( range)?\.?", "“{}”不是整数"),
    (r"'(.*)' is not a valid float( range)?\.?", "“{}”不是数字"),
    (r"'(.*)' is not one of (.+?)\.?", "“{}”不在可选值之列：{}"),
    (r"(.+) is not in the range (.+?)\.?", "{} 超出范围 {}"),
)
_NO_NUMBER: Final = re.compile(r"is not a valid (?:integer|float) range\b")  # what click says of any with bounds
_VALUE: Final = re.compile(r"Invalid value for '?(.+?)'?: (.+)", re.DOTALL)
_NEAR: Final = re.compile(r" \(?Did you mean (?:one of: )?(.+?)\??\)?$")


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
    near = _NEAR.search(message)
    if near is not None:
        meant = near[1].replace("'", "")
        return f"{_chinese(message[: near.start()])}；是不是 {meant}？"
    return _chinese(message)


def _chinese(message: str) -> str:
    if (value := _VALUE.fullmatch(message)) is not None:
        option = value[1].replace("'", "")  # '-n' / '--count'
        return f"{option} 的值不正确：{_chinese(value[2])}"
    for pattern, chinese in _CHINESE:
        if (found := re.fullmatch(pattern, message)) is not None:
            return chinese.format(*found.groups())
    return message

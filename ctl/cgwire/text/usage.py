"""What click says of a wrong command line, in Chinese."""

import re
from typing import Final

from cgwire.text.help import metavars

# Texts of click's releases differ in a colon or quotes.
_CHINESE: Final = (
    (r"No such command '(.+?)'\.?", "没有命令“{}”"),
    (r"No such option:? '?(-[^' ]*?)'?\.?", "没有选项 {}"),
    (r"Missing command\.?", "缺少命令"),
    (r"Missing option '(.+?)'\.(?: Choose from:\s+.*)?", "缺少选项 {}"),
    (r"Option '(.+)' requires an argument\.?", "选项 {} 需要一个值"),
    (r"Option '(.+)' does not take a value\.?", "选项 {} 不带值"),
    (r"Got unexpected extra arguments? \((.+)\)\.?", "多余的参数：{}"),
    (r"'(.*)' is not a valid integer( range)?\.?", "“{}”不是整数"),
    (r"'(.*)' is not a valid float( range)?\.?", "“{}”不是数字"),
    (r"(.+) is not in the range (.+?)\.?", "{} 超出范围 {}"),
)
_MISSING: Final = re.compile(r"Missing argument '(.+?)'\.(?: Choose from:\s+.*)?", re.DOTALL)
_CHOICE: Final = re.compile(r"'(.*)' is not one of (.+?)\.?", re.DOTALL)
_VALUE: Final = re.compile(r"Invalid value for '?(.+?)'?: (.+)", re.DOTALL)
_NEAR: Final = re.compile(r" \(?Did you mean (?:one of: )?(.+?)\??\)?$")


def told(message: str) -> str:
    """The message in Chinese; one that is not known stays English."""
    near = _NEAR.search(message)
    if near is not None:
        return f"{_told(message[: near.start()])}；是不是 {_listed(near[1])}？"
    return _told(message)


def _listed(names: str) -> str:
    return names.replace("'", "").replace(", ", "、")


def _told(message: str) -> str:
    if (missing := _MISSING.fullmatch(message)) is not None:
        return f"缺少参数“{metavars(missing[1])}”"
    if (value := _VALUE.fullmatch(message)) is not None:
        name = value[1].replace("'", "")  # '-n' / '--count', or an argument's
        shown = f"{name} " if name.startswith("-") else f"参数“{metavars(name)}”"
        return f"{shown}的值不正确：{_told(value[2])}"
    if (choice := _CHOICE.fullmatch(message)) is not None:
        return f"“{choice[1]}”不在可选值之列：{_listed(choice[2])}"
    for pattern, chinese in _CHINESE:
        if (found := re.fullmatch(pattern, message, re.DOTALL)) is not None:
            return chinese.format(*found.groups())
    return message

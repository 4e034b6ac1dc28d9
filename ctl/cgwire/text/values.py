"""How values are shown to people: names, sizes, rates, spans and instants, and templates filled with them."""

import errno
import os
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final
from unicodedata import category, east_asian_width

# A template is text with {fact:form}, or a tuple of a text and further parts. A part is left out when a fact of it is
# absent; a part that is itself a tuple goes as a whole when its first text does.
Part = str | tuple[str, ...]
Template = str | tuple[Part, ...]

_UNITS: Final = ("KiB", "MiB", "GiB", "TiB", "PiB", "EiB")
_PLAIN: Final = "%+,-./:=@_"  # what means nothing to a shell
_JOINERS: Final = "\u200c\u200d"  # not printable, but parts of emoji and of some scripts


def escaped(value: object) -> str:
    """A name as one line that cannot disturb a terminal: what is not UTF-8 or not printable as backslash escapes."""
    text = value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else str(value)
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() or char in _JOINERS else _escape(char) for char in text)


def width(text: str) -> int:
    """Terminal cells: a Chinese character takes two, an accent none."""
    if text.isascii():
        return len(text)
    return sum(_cells(char) for char in text)


def _cells(char: str) -> int:
    if char.isascii():
        return 1
    if category(char) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if east_asian_width(char) in "WF" else 1


def _escape(char: str) -> str:
    point = ord(char)
    if 0xDC80 <= point <= 0xDCFF:  # a byte that os.fsdecode could not decode
        return f"\\x{point - 0xDC00:02x}"
    return {"\n": "\\n", "\t": "\\t", "\r": "\\r"}.get(char) or (
        f"\\x{point:02x}" if point < 0x100 else f"\\u{point:04x}" if point < 0x10000 else f"\\U{point:08x}"
    )


def place(target: object, destination: object) -> str:
    """Where something lies: `c115:films/a.mkv`; a plain path where the target is named by its own path."""
    name, below = escaped(target), escaped(destination)
    if not name.startswith("/"):
        return f"{name}:{below}"
    return f"{name.rstrip('/')}/{below}" if below else name


def argument(name: object) -> str:
    """A name as an argument of a shell's command, in quotes where it needs them."""
    text = escaped(name)
    if text and all(char.isalnum() or char in _PLAIN for char in text):
        return text
    return "'" + text.replace("'", "'\\''") + "'"


def size(count: float) -> str:
    """Bytes with a binary unit and three digits at least: `0 B`, `812 B`, `1.40 GiB`, `12.3 MiB`, `700 GiB`."""
    if abs(count) < 1024:
        return f"{int(count)} B"
    amount, power = count / 1024, 0
    while (large := abs(amount)) >= 999.5 and power < len(_UNITS) - 1:
        amount, power = amount / 1024, power + 1
    form = "%.2f %s" if large < 9.995 else "%.1f %s" if large < 99.95 else "%.0f %s"
    return form % (amount, _UNITS[power])


def rate(count: float) -> str:
    """Bytes a second."""
    return f"{size(count)}/s"


def span(seconds: float, language: str = "en") -> str:
    """A span with its two largest units; below ten seconds with one decimal where it is not whole."""
    day, hour, minute, second = ("天", "小时", "分钟", "秒") if language == "zh-CN" else ("d", "h", "min", "s")
    seconds = max(0.0, float(seconds))
    if seconds < 9.95:
        return f"{seconds:.1f}".removesuffix(".0") + f" {second}"
    whole = round(seconds)
    for length, below, large, small in ((86400, 3600, day, hour), (3600, 60, hour, minute), (60, 1, minute, second)):
        if whole >= length:
            # Rounded to the smaller unit first, so that 59 min 59.9 s does not become `0 h 60 min`.
            count, rest = divmod(whole // below, length // below)
            return f"{count} {large.removesuffix('钟')} {rest} {small}" if rest else f"{count} {large}"
    return f"{whole} {second}"


def clock(instant: Any, *, now: float, language: str = "en") -> str:
    """An instant (epoch seconds) in local time; the date only where it is another day."""
    if isinstance(instant, bool) or not isinstance(instant, (int, float)):
        return escaped(instant)
    try:
        local, today = time.localtime(instant), time.localtime(now)
        tomorrow = time.localtime(now + 86400)
    except (OverflowError, ValueError, OSError):
        return escaped(instant)
    if local[:3] == today[:3]:
        return time.strftime("%H:%M:%S" if abs(instant - now) < 3600 else "%H:%M", local)
    if local[:3] == tomorrow[:3]:
        return time.strftime("明天 %H:%M" if language == "zh-CN" else "%H:%M tomorrow", local)
    return time.strftime("%Y-%m-%d %H:%M", local)


class Facts(Mapping[str, "_Fact"]):
    """The facts of one reason, each formatted by the form that its template names."""

    def __init__(
        self,
        facts: Mapping[str, Any],
        *,
        language: str,
        word: Callable[[Any], str],
        reason: Callable[[Any], str],
        clock: Callable[[Any], str],
    ) -> None:
        if facts.get("target") is not None and facts.get("destination") is not None:
            facts = {**facts, "place": place(facts["target"], facts["destination"])}
        self._facts = facts
        self.language = language
        self.word = word
        self.reason = reason
        self.clock = clock

    def __getitem__(self, key: str) -> "_Fact":
        if not self.has(key):
            raise KeyError(key)
        return _Fact(self._facts[key], self)

    def has(self, key: str) -> bool:
        """Whether there is something to show for `key`."""
        value = self._facts.get(key)
        return value is not None and value not in ("", b"", [], {})

    def given(self) -> dict[str, "_Fact"]:
        """All that are there, empty ones too."""
        return {key: _Fact(value, self) for key, value in self._facts.items() if value is not None}

    def __iter__(self) -> Iterator[str]:
        return iter(self._facts)

    def __len__(self) -> int:
        return len(self._facts)


class _Fact:
    __slots__ = ("_facts", "_value")

    def __init__(self, value: Any, facts: Facts) -> None:
        self._value = value
        self._facts = facts

    def __format__(self, form: str) -> str:
        value = self._value
        try:
            return self._shown(value, form)
        except (TypeError, ValueError):  # another type than the code promises: shown, never a crash
            return escaped(value)

    def _shown(self, value: Any, form: str) -> str:
        facts = self._facts
        match form:
            case "size":
                return size(value)
            case "rate":
                return rate(value)
            case "span":
                return span(value, facts.language)
            case "clock":
                return facts.clock(value)
            case "percent":
                return f"{float(value) * 100:.0f}%"
            case "word":
                return facts.word(value)
            case "arg":
                return argument(value)
            case "reason":
                return facts.reason(value)
            case "mode":
                return f"{int(value) & 0o7777:04o}"
            case "errno":
                return errno.errorcode.get(int(value), str(value))
            case "list":
                return (", " if facts.language == "en" else "、").join(facts.word(item) for item in value)
            case "names":
                return (", " if facts.language == "en" else "、").join(escaped(item) for item in value)
            case "quoted":
                return (", " if facts.language == "en" else "、").join(f'"{escaped(item)}"' for item in value)
            case "writers":
                return (", " if facts.language == "en" else "、").join(_writer(item) for item in value)
        if form.startswith("n|"):
            _, one, many = form.split("|")
            return f"{value} {one if value == 1 else many}"
        return escaped(value)


def _writer(item: Any) -> str:
    pid, name = (*item, "")[:2] if isinstance(item, (list, tuple)) else (item, "")
    return f"pid {escaped(pid)} ({escaped(name)})" if name else f"pid {escaped(pid)}"


class _Known(dict[str, Any]):
    """The facts there are, and `?` for the others."""

    def __missing__(self, key: str) -> str:
        return _Blank("?")


class _Blank(str):
    def __format__(self, form: str) -> str:
        return str(self)


def compose(template: Template, facts: Facts) -> str:
    """Fill a template; its first text is always there, with `?` for what is not known."""
    first, *others = (template,) if isinstance(template, str) else template
    return str(first).format_map(_Known(facts.given())) + "".join(_filled(part, facts) for part in others)


def _filled(part: Part, facts: Facts) -> str:
    if isinstance(part, str):
        try:
            return part.format_map(facts)
        except KeyError:
            return ""
    first = _filled(part[0], facts)
    return first + "".join(_filled(text, facts) for text in part[1:]) if first else ""


def fs_bytes(text: str) -> bytes:
    """The bytes of a command-line argument, whatever the locale."""
    return os.fsencode(text)

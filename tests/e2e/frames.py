"""Frames that broken and hostile clients send, drawn from a seed: calls of every request with any values, and bytes."""

import random
import types
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, fields
from typing import Any, Final, Union, get_args, get_origin, get_type_hints

import msgpack

from cgwire import daemon, events, path, task
from cgwire.request import Request
from cloudgather.control.handlers import HANDLERS

# These read configuration, walk trees or write files: asked seldom, so that there is time for many frames.
_SLOW: Final = frozenset(
    {
        daemon.Doctor.METHOD,
        daemon.Reload.METHOD,
        path.Upload.METHOD,
        task.Run.METHOD,
        task.Survey.METHOD,
        task.Verify.METHOD,
        task.Write.METHOD,
        task.Remove.METHOD,
        "target.test",
    }
)
_SLOW_SHARE: Final = 0.01
_STREAMS: Final = events.Subscribe.METHOD  # events go on after the last answer; has its own tests

_TEXTS: Final = (
    "", "film", "电影", "cloud", "cloud:films", "c115", "none", "a/b", "..", "../../etc", "-x", ".x", "x" * 300, "\0",
    "a\nb", "\u202e", "\U0001f3ac", "e\u0301", "queued", "done", "failed", "unlimited", "16KiB/s", "1e9", "2h",
    "9" * 40,
    "%s%n", "{0}", "'; DROP TABLE transfer; --", "/", "/etc/shadow", "0 3 * * *",
)  # fmt: skip
_BYTES: Final = (b"", b"/", b"*", b"[", b"**/*a", b"a" * 5000, b"\xff\xfe", b"\0", b"..", b"/proc/self/mem", b"[z-a]")
_NUMBERS: Final = (0, 1, 2, 100, -1, 2**31, 2**32, 2**63 - 1, 2**63, 2**64 - 1, -(2**63))
# What breaks parsers of msgpack.
_BAD: Final = (
    b"\xc1", b"\x90", b"\x80", b"\x07", b"\xc0", b"\xdd\xff\xff\xff\xff", b"\xdf\xff\xff\xff\xff",
    b"\xdb\xff\xff\xff\xff", b"\xc6\xff\xff\xff\xff", b"\xc9\xff\xff\xff\xff\x01", b"\xd7\xff" + b"\xff" * 8,
    b"\x91" * 3000, b"\x81\xa1a" * 2000, b"\x94\x00\x01\xa1x\x91" + b"\xdf\x00\x00\xff\xff" * 100,
    b"\x94\x00\x01\xa1x\x91\x81\x90\x01", b"\x94\x00\x01\xa2\xff\xfe\x91\x80", b"GET / HTTP/1.1\r\n\r\n",
)  # fmt: skip

Draw = Callable[[], Any]


class Frames:
    """Draws frames; `texts` and `paths` are what the daemon knows, so that some calls reach something."""

    def __init__(self, luck: random.Random, *, texts: Sequence[str] = (), paths: Sequence[bytes] = ()) -> None:
        self._luck = luck
        self._texts = (*_TEXTS, *texts)
        self._paths = (*_BYTES, *paths)
        requests = [request for request in HANDLERS if request.METHOD != _STREAMS]
        self._quick = [request for request in requests if request.METHOD not in _SLOW]
        self._slow = [request for request in requests if request.METHOD in _SLOW]
        self._hints = {request: get_type_hints(request) for request in requests}

    def call(self, id: int) -> bytes:
        """A whole call, of a request that there is in nine cases of ten."""
        if self._luck.random() < 0.1:
            return self._packed([0, id, self._text()[:64], [self._map(2)] if self._luck.random() < 0.8 else []])
        request = self._luck.choice(self._slow if self._luck.random() < _SLOW_SHARE else self._quick)
        return self._packed([0, id, request.METHOD, [self._parameters(request)]])

    def garbage(self) -> bytes:
        """What is not a call any more in most cases."""
        match self._luck.randrange(5):
            case 0:
                return self._luck.choice(_BAD)
            case 1:
                return self._luck.randbytes(self._luck.choice([1, 2, 7, 40, 900]))
            case 2:
                return self._packed([0, 1, self._text(), [{self._luck.choice([1, b"a", None, True]): self._value(2)}]])
            case 3:
                return self._mutated(self.call(1))
            case _:
                return self._mutated(self._packed([self._value(1), self._value(1), self._text(), self._value(2)]))

    def _parameters(self, request: type[Request]) -> dict[str, Any]:
        chosen: dict[str, Any] = {}
        for field in fields(request):  # type: ignore[arg-type]  # every request is a dataclass
            if field.default is MISSING or self._luck.random() < 0.6:
                right = self._luck.random() < 0.85
                chosen[field.name] = self._of(self._hints[request][field.name]) if right else self._value(2)
        if self._luck.random() < 0.05:
            chosen[self._text()] = self._value(1)
        return chosen

    def _of(self, hint: Any) -> Any:
        """A value of the type that a field has."""
        origin, arguments = get_origin(hint), get_args(hint)
        if origin in (types.UnionType, Union):
            return self._of(self._luck.choice(arguments))
        if origin is tuple:
            return [self._of(arguments[0]) for _ in range(self._luck.choice([0, 1, 1, 2, 50]))]
        if origin is Mapping:
            return self._map(3)
        simple: dict[Any, Draw] = {
            str: self._text,
            bytes: self._bytes,
            bool: lambda: self._luck.random() < 0.5,
            int: self._number,
            float: self._luck.random,
            type(None): lambda: None,
        }
        return simple[hint]()

    def _value(self, depth: int) -> Any:
        drawn = self._luck.randrange(9 if depth else 7)
        match drawn:
            case 0:
                return None
            case 1:
                return self._luck.random() < 0.5
            case 2:
                return self._number()
            case 3:
                return self._luck.choice([0.5, -0.0, 1e308, float("inf"), float("nan")])
            case 4:
                return self._text()
            case 5:
                return self._bytes()
            case 6:
                return msgpack.ExtType(
                    self._luck.randrange(128), self._luck.randbytes(self._luck.choice([0, 1, 8, 99]))
                )
            case 7:
                return [self._value(depth - 1) for _ in range(self._luck.choice([0, 1, 2, 30]))]
            case _:
                return self._map(depth)

    def _map(self, depth: int) -> dict[Any, Any]:
        return {self._text(): self._value(depth - 1) for _ in range(self._luck.choice([0, 1, 2, 5]))}

    def _number(self) -> int:
        return self._luck.choice(_NUMBERS) if self._luck.random() < 0.7 else self._luck.randrange(1000)

    def _text(self) -> str:
        return self._luck.choice(self._texts)

    def _bytes(self) -> bytes:
        return self._luck.choice(self._paths) if self._luck.random() < 0.8 else self._luck.randbytes(5)

    def _mutated(self, frame: bytes) -> bytes:
        broken = bytearray(frame)
        for _ in range(self._luck.choice([1, 1, 2, 8])):
            at = self._luck.randrange(len(broken) + 1)
            match self._luck.randrange(4):
                case 0:
                    del broken[at : at + self._luck.choice([1, 4, 100])]
                case 1:
                    broken[at:at] = self._luck.choice(_BAD)
                case 2:
                    broken[at : at + 1] = self._luck.randbytes(1)
                case _:
                    broken[at:at] = broken[: self._luck.randrange(len(broken) + 1)]
        return bytes(broken[:60_000])

    def _packed(self, message: Any) -> bytes:
        packed: bytes = msgpack.packb(message, use_bin_type=True)
        return packed

"""A hostile client in a process of its own: `python -m e2e.attacker SOCKET SEED COUNT`, told more on stdin.

Sends COUNT frames over short connections and prints what became of them as JSON.
"""

import json
import random
import socket
import sys
from collections import Counter
from typing import Any

import msgpack

from e2e.frames import Frames

_CALLS = 16  # of one connection: the server runs that many at once
_GARBAGE = 0.3  # of all frames
_PATIENCE = 60.0  # seconds without an answer: the daemon has stopped serving


class Unanswered(Exception):
    """A whole call got no answer."""


def received(client: socket.socket) -> list[Any]:
    """All messages until the daemon closes."""
    unpacker = msgpack.Unpacker(max_buffer_size=64 * 1024 * 1024)
    try:
        while data := client.recv(65536):
            unpacker.feed(data)
    except ConnectionResetError:  # it had not read all of what was sent
        pass
    return list(unpacker)


def exchanged(path: str, data: bytes) -> list[Any]:
    """What is answered to these bytes, when no more are to come."""
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(_PATIENCE)
        client.connect(path)
        try:
            client.sendall(data)
            client.shutdown(socket.SHUT_WR)
        except (BrokenPipeError, ConnectionResetError):  # closed already, for what came first
            pass
        return received(client)


def attack(path: str, luck: random.Random, frames: Frames, count: int) -> Counter[str]:
    """`count` frames; how often each outcome was met. Raises Unanswered."""
    outcomes: Counter[str] = Counter()
    sent = 0
    while sent < count:
        if luck.random() < _GARBAGE * _CALLS / (1 - _GARBAGE + _GARBAGE * _CALLS):
            answers = exchanged(path, frames.garbage())
            sent += 1
            outcomes["garbage"] += 1
        else:
            answers = exchanged(path, b"".join(frames.call(id) for id in range(_CALLS)))
            sent += _CALLS
            answered = {message[1] for message in answers if message[0] == 1}
            if not any(message[0] == 2 for message in answers) and answered != set(range(_CALLS)):
                raise Unanswered(f"only {sorted(answered)} of {_CALLS} calls were answered")
        for message in answers:
            match message:
                case [1, _, None, _]:
                    outcomes["done"] += 1
                case [1, _, error, None]:
                    outcomes[error["code"]] += 1
                case [2, "closed", [error]]:
                    outcomes["closed"] += 1
    return outcomes


if __name__ == "__main__":
    known = json.load(sys.stdin)
    chance = random.Random(int(sys.argv[2]))
    drawn = Frames(chance, texts=known["texts"], paths=[text.encode() for text in known["paths"]])
    json.dump(attack(sys.argv[1], chance, drawn, int(sys.argv[3])), sys.stdout)

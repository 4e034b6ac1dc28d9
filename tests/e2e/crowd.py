"""A crowd of clients that misbehave slowly, in a process of its own: `python -m e2e.crowd SOCKET USERS CONNECTIONS`.

CONNECTIONS are made as USERS users in turn (root may), each with one of the ways of `WAYS`; then a line with how many
were made is printed, and once the daemon has closed those that it waits for in vain a second one, as JSON: what it had
said to each.
"""

import contextlib
import json
import os
import socket
import sys
import time
from collections import Counter
from typing import Final

import msgpack

FIRST_USER: Final = 64_100  # users of nobody
_PING: Final = b"\x94\x00\x01\xabdaemon.ping\x91\x80"

# What a connection sends at once; those that trickle go on with a byte a second.
WAYS: Final = {
    "silent": b"",
    "bytes of 4 GiB": b"\x94\x00\x01\xa1x\x91\x81\xa1a\xc6\xff\xff\xff\xff" + b"x" * 60_000,
    "maps of maps": b"\x94\x00\x01\xa1x\x91" + b"\x81\xa1a" * 20_000,
    "maps of 2**32": b"\x94\x00\x01\xa1x\x91" + b"\xdf\xff\xff\xff\xff\xa1a" * 8_000,
    "trickles": _PING[:4],
    "never reads": _PING * 2_000,
}


def crowd(path: str, users: int, count: int) -> list[tuple[str, socket.socket]]:
    """Connections that are open, as far as this end knows."""
    made = []
    for number in range(count):
        # The kernel tells the daemon of the effective ids at connect().
        os.setegid(FIRST_USER + number % users)
        os.seteuid(FIRST_USER + number % users)
        way, data = list(WAYS.items())[number // users % len(WAYS)]
        client = socket.socket(socket.AF_UNIX)
        client.connect(path)
        client.setblocking(False)
        with contextlib.suppress(OSError):  # turned away already
            client.send(data)
        made.append((way, client))
        os.seteuid(0)
        os.setegid(0)
    return made


def trickle(clients: list[socket.socket]) -> None:
    """One byte each, a second apart, until the daemon has closed all of them."""
    begin, sent = time.monotonic(), 4
    while clients:
        assert sent < 60, f"{len(clients)} are open still"
        time.sleep(max(0.0, begin + sent - 3 - time.monotonic()))
        clients = [client for client in clients if _takes(client, _PING[sent % len(_PING) :][:1])]
        sent += 1


def _takes(client: socket.socket, data: bytes) -> bool:
    try:
        client.send(data)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return True


def said(client: socket.socket) -> str:
    """Why the daemon has closed it; "open" if it has not."""
    unpacker = msgpack.Unpacker()
    try:
        while data := client.recv(65536):
            unpacker.feed(data)
    except BlockingIOError:
        return "open"
    except ConnectionResetError:
        pass
    reasons = [message[2][0]["message"] for message in unpacker if message[0] == 2]
    return reasons[-1] if reasons else "closed"


if __name__ == "__main__":
    connections = crowd(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
    sys.stdout.write(f"{len(connections)}\n")
    sys.stdout.flush()
    trickle([client for way, client in connections if way in ("trickles", "bytes of 4 GiB")])
    outcomes = Counter((way, said(client)) for way, client in connections)
    json.dump([[way, why, number] for (way, why), number in outcomes.items()], sys.stdout)

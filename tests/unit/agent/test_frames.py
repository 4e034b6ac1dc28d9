"""Frames survive any cutting of the stream, and garbage is refused."""

import pytest

from cloudgather.agent.protocol import MOST, BadFrame, Frames, encode

MESSAGES = [(1, "look", {"paths": (b"a\xff\n", b"")}), (2, "ok", None), (3, "error", {"message": "bad \udcff name"})]


@pytest.mark.parametrize("piece", [1, 3, 7, 1000])
def test_messages_come_out_whole_however_the_stream_is_cut(piece: int) -> None:
    stream = b"".join(encode(message) for message in MESSAGES)
    frames = Frames()

    heard = [m for start in range(0, len(stream), piece) for m in frames.feed(stream[start : start + piece])]

    assert heard == MESSAGES


@pytest.mark.parametrize(
    "garbage",
    [
        (MOST + 1).to_bytes(4, "big"),
        b"\0\0\0\1\xc1",
        b"\0\0\0\2\x01\x02",
        b"\0\0\0\1\x05",
        encode([1, 2]),
        b"\0\0\0\5\xdd\xff\xff\xff\xff",
        b"\0\0\0\x08" + bytes.fromhex("9301a26f6b818001"),  # a map that is the key of a map
    ],
)
def test_garbage_is_refused(garbage: bytes) -> None:
    with pytest.raises(BadFrame):
        list(Frames().feed(garbage))


def test_a_message_that_is_too_long_is_not_sent() -> None:
    with pytest.raises(BadFrame):
        encode([1, "ok", bytes(MOST)])

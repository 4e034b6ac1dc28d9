"""Frames are cut out of any stream, at any place, and nothing that comes can do more than be refused."""

import tracemalloc
from typing import Any

import msgpack
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cgwire import queue, task
from cgwire.codec import Answer, Call, Frames, Malformed, encode_answer, encode_call, encode_error, encode_notice

LIMIT = 4096

values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False) | st.text() | st.binary(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
maps = st.dictionaries(st.text(max_size=8), values, max_size=4)
ids = st.integers(0, 2**32 - 1)
messages = st.one_of(
    st.builds(lambda id, method, params: Call(id=id, method=method, params=params), ids, st.text(), maps),
    st.builds(lambda method, params: Call(id=None, method=method, params=params), st.text(), maps),
    st.builds(lambda id, result: Answer(id=id, error=None, result=result), ids, values),
    st.builds(lambda id, error: Answer(id=id, error=error, result=None), ids, maps),
)


def packed(message: Call | Answer) -> bytes:
    match message:
        case Call(id=None):
            frame: list[Any] = [2, message.method, [message.params]]
        case Call():
            frame = [0, message.id, message.method, [message.params]]
        case Answer():
            frame = [1, message.id, message.error, message.result]
    return bytes(msgpack.packb(frame))


def taken(frames: Frames) -> list[Call | Answer]:
    found = []
    while (message := frames.take()) is not None:
        found.append(message)
    return found


@given(sent=st.lists(messages, max_size=5), cuts=st.lists(st.integers(1, 60), min_size=1))
def test_messages_come_out_as_they_went_in_however_the_stream_is_cut(
    sent: list[Call | Answer], cuts: list[int]
) -> None:
    stream = b"".join(map(packed, sent))
    frames, found, at, turn = Frames(10**6), list[Call | Answer](), 0, 0

    while at < len(stream):
        frames.push(stream[at : at + cuts[turn % len(cuts)]])
        at, turn = at + cuts[turn % len(cuts)], turn + 1
        found += taken(frames)

    assert found == sent
    assert frames.pending == 0


@given(stream=st.binary(max_size=200), cut=st.integers(0, 200))
@example(stream=b"\xdd\xff\xff\xff\xff", cut=0)
@example(stream=b"\x91" * 2000, cut=1500)
@example(stream=b"\x94\x00\x01\xa1x\x91\x81\x90\x01", cut=3)
@example(stream=b"\x94\x00\x01\xa1x\x91\x81\xa1t\xd7\xff" + b"\xff" * 8, cut=0)
@example(stream=b"\xc1", cut=0)
def test_garbage_is_refused_or_waited_for_the_same_in_one_piece_or_two(stream: bytes, cut: int) -> None:
    def outcome(pieces: list[bytes]) -> list[object]:
        frames, found = Frames(LIMIT), list[object]()
        for piece in pieces:
            frames.push(piece)
            try:
                found += taken(frames)
            except Malformed:
                return [*found, Malformed]
        return [*found, frames.pending]

    assert repr(outcome([stream])) == repr(outcome([stream[:cut], stream[cut:]]))


@given(sent=messages, at=st.integers(0, 500), byte=st.integers(0, 255))
def test_a_message_with_a_wrong_byte_is_a_message_or_malformed(sent: Call | Answer, at: int, byte: int) -> None:
    stream = bytearray(packed(sent))
    stream[at % len(stream)] = byte
    frames = Frames(LIMIT)
    frames.push(bytes(stream))

    try:
        found = taken(frames)
    except Malformed:
        return

    assert all(isinstance(message, Call | Answer) for message in found)


@pytest.mark.parametrize("behind", [b"", b"\x94" * 100], ids=["alone", "more behind"])
def test_the_limit_is_each_messages_own(behind: bytes) -> None:
    whole = packed(Call(id=1, method="m" * (LIMIT - 8), params={}))
    assert len(whole) == LIMIT
    frames = Frames(LIMIT)

    frames.push(whole * 10 + behind)

    assert len(taken(frames)) == 10
    assert frames.pending == len(behind)


@pytest.mark.parametrize(
    "stream",
    [
        packed(Call(id=1, method="m" * (LIMIT - 7), params={})),
        b"\xdd\xff\xff\xff\xff" + b"\x00" * LIMIT,
        b"\xc6\xff\xff\xff\xff" + b"\x00" * LIMIT,
        b"\xdb\x00\x10\x00\x00" + b"\x00" * LIMIT,
    ],
    ids=["one byte more", "array", "bytes", "text"],
)
def test_more_than_the_limit_is_refused_before_it_is_whole(stream: bytes) -> None:
    frames = Frames(LIMIT)
    frames.push(stream[:LIMIT])

    with pytest.raises(Malformed, match="more than 4096 bytes"):
        frames.take()


def test_claims_of_huge_arrays_cost_no_memory() -> None:
    tracemalloc.start()
    try:
        for _ in range(100):
            frames = Frames(65536)
            frames.push(b"\xdc\xff\xff" * 1000)
            assert frames.take() is None
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert peak < 10**6


def test_a_request_travels_without_what_is_default() -> None:
    frames = Frames(LIMIT)
    frames.push(encode_call(1, task.Run(name="电影", dry_run=True)))
    frames.push(encode_call(2, queue.Retry(ids=(3, 4), glob=b"\xff*")))

    assert taken(frames) == [
        Call(id=1, method="task.run", params={"name": "电影", "dry_run": True}),
        Call(id=2, method="queue.retry", params={"ids": [3, 4], "glob": b"\xff*"}),
    ]


def test_the_other_frames_travel() -> None:
    frames = Frames(LIMIT)
    frames.push(encode_answer(1, {"a": [1.5, None]}))
    frames.push(encode_error(2, {"code": "error.denied"}))
    frames.push(encode_notice("event", {"kind": "run"}))

    assert taken(frames) == [
        Answer(id=1, error=None, result={"a": [1.5, None]}),
        Answer(id=2, error={"code": "error.denied"}, result=None),
        Call(id=None, method="event", params={"kind": "run"}),
    ]

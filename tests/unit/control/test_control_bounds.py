"""What a client that is broken, slow or hostile can do to the control server: lose its own connection."""

import asyncio
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgpack
import pytest

from cgwire.codec import ADMIN_REQUEST_LIMIT
from cloudgather.control.bounds import Bounds
from cloudgather.core.caller import Caller
from fakes.control import Client, FakeOperations, Served, blocking, connected, serving, until

MIB = 1024 * 1024


async def lives(client: Client) -> bool:
    return (await client.ask("daemon.ping")).error is None


MALFORMED = {
    "never used by msgpack": b"\xc1",
    "text": b"GET / HTTP/1.1\r\n\r\n",
    "an integer": b"\x07",
    "an empty array": b"\x90",
    "a map": b"\x80",
    "type 3": msgpack.packb([3, 1, "daemon.ping", [{}]]),
    "type true": msgpack.packb([True, 1, "daemon.ping", [{}]]),
    "no msgid": msgpack.packb([0, None, "daemon.ping", [{}]]),
    "negative msgid": msgpack.packb([0, -1, "daemon.ping", [{}]]),
    "msgid of 33 bits": msgpack.packb([0, 2**32, "daemon.ping", [{}]]),
    "msgid true": msgpack.packb([0, True, "daemon.ping", [{}]]),
    "method as bytes": msgpack.packb([0, 1, b"daemon.ping", [{}]]),
    "parameters without an array": msgpack.packb([0, 1, "daemon.ping", {}]),
    "two parameters": msgpack.packb([0, 1, "daemon.ping", [{}, {}]]),
    "a parameter that is no map": msgpack.packb([0, 1, "daemon.ping", ["films"]]),
    "a key that is no text": msgpack.packb([0, 1, "daemon.ping", [{b"name": 1}]]),
    "a key that is an integer": msgpack.packb([0, 1, "daemon.ping", [{1: 1}]]),
    "text that is not UTF-8": b"\x94\x00\x01\xa2\xff\xfe\x91\x80",
    "an answer": msgpack.packb([1, 1, None, {}]),
    "nested deeper than msgpack goes": b"\x91" * 5000,
    "an unhashable key": b"\x94\x00\x01\xa1x\x91\x81\x90\x01",
    "a timestamp that cannot be": b"\x94\x00\x01\xa1x\x91\x81\xa1t\xd7\xff" + b"\xff" * 8,
}


@pytest.mark.parametrize("garbage", MALFORMED.values(), ids=MALFORMED)
def test_garbage_closes_its_own_connection_only(tmp_path: Path, garbage: bytes) -> None:
    async def scenario() -> None:
        async with serving(tmp_path) as served, connected(served) as good, connected(served) as bad:
            bad.send(garbage)

            assert await bad.closed_because()

            assert await lives(good)
            assert served.server.account.bytes == 0

    asyncio.run(scenario())


BOMBS = {
    "array of 2**32": b"\x94\x00\x01\xa1x\x91\x81\xa1a" + b"\xdd\xff\xff\xff\xff" * 900,
    "map of 2**32": b"\x94\x00\x01\xa1x\x91\x81\xa1a" + b"\xdf\xff\xff\xff\xff",
    "bytes of 4 GiB": b"\x94\x00\x01\xa1x\x91\x81\xa1a" + b"\xc6\xff\xff\xff\xff" + b"x" * 1000,
}


@pytest.mark.parametrize("bomb", BOMBS.values(), ids=BOMBS)
def test_what_claims_to_be_huge_costs_nothing_and_runs_out_of_time(tmp_path: Path, bomb: bytes) -> None:
    async def scenario() -> None:
        async with serving(tmp_path, bounds=Bounds(incomplete=1.5)) as served, connected(served) as client:
            client.send(bomb)
            await until(lambda: served.server.account.bytes == len(bomb))

            assert await client.closed_because() == "a request that is not whole after 1.5 s"

    asyncio.run(scenario())


def test_a_call_of_exactly_the_limit_goes_and_one_more_byte_does_not(tmp_path: Path) -> None:
    def sized(total: int) -> bytes:
        overhead = len(msgpack.packb([0, 1, "task.write", [{"name": "n", "text": "x" * 70000}]])) - 70000
        return bytes(msgpack.packb([0, 1, "task.write", [{"name": "n", "text": "x" * (total - overhead)}]]))

    async def scenario() -> None:
        async with serving(tmp_path) as served, connected(served) as client:
            client.send(sized(ADMIN_REQUEST_LIMIT) + sized(ADMIN_REQUEST_LIMIT))
            for _ in range(2):
                assert await client.receive()
            assert len(served.operations.asked) == 2

            client.send(sized(ADMIN_REQUEST_LIMIT + 1))

            assert await client.closed_because() == f"a message of more than {ADMIN_REQUEST_LIMIT} bytes"

    asyncio.run(scenario())


def test_a_call_that_comes_byte_by_byte_is_taken_and_one_that_stops_is_not(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with serving(tmp_path) as served, connected(served) as client:
            for byte in b"\x94\x00\x01\xabdaemon.ping\x91\x80":
                client.send(bytes([byte]))
                await asyncio.sleep(0)
            assert await client.receive()

        async with serving(tmp_path, bounds=Bounds(incomplete=0.2)) as served, connected(served) as client:
            client.send(b"\x94\x00\x01\xabdaemon.pi")

            assert await client.closed_because() == "a request that is not whole after 0.2 s"

    asyncio.run(scenario())


def test_what_is_incomplete_behind_a_call_has_its_own_time_and_an_idle_connection_lives(tmp_path: Path) -> None:
    async def scenario() -> None:
        bounds = Bounds(incomplete=1.0)
        async with serving(tmp_path, bounds=bounds) as served, connected(served) as idle, connected(served) as slow:
            assert await lives(slow)  # its user's name, which a thread looks up, is known from now on
            slow.send(msgpack.packb([0, 1, "daemon.ping", []]) + b"\x94")
            answer = await slow.receive()

            assert answer is not None and answer.id == 1
            assert await slow.closed_because()
            assert await lives(idle)

    asyncio.run(scenario())


def test_a_thousand_connections_of_one_user_leave_it_sixty_four(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with serving(tmp_path) as served:
            clients = [blocking(served.path) for _ in range(64)]
            await until(lambda: served.server.account.connections == 64)
            for _ in range(15):
                more = []
                for _ in range(64):  # a backlog's worth at a time: connect() waits for a place in it
                    more.append(blocking(served.path))
                for client in more:
                    await _turned_away(client)

            assert served.server.account.connections == 64
            clients.pop().close()
            await until(lambda: served.server.account.connections == 63)
            async with connected(served) as welcome:
                assert await lives(welcome)
            for client in clients:
                client.close()

    async def _turned_away(client: socket.socket) -> None:
        client.setblocking(False)
        data = await asyncio.get_running_loop().sock_recv(client, 4096)
        assert msgpack.unpackb(data) == [
            2,
            "closed",
            [{"code": "error.closed", "message": "more than 64 connections of one user"}],
        ]
        client.close()

    asyncio.run(scenario())


def test_buffers_of_all_connections_together_are_bounded(tmp_path: Path) -> None:
    async def scenario() -> None:
        half = b"\xc6\x00\x0f\x00\x00" + b"x" * 60_000
        bounds = Bounds(received=100_000)
        async with serving(tmp_path, bounds=bounds) as served, connected(served) as first, connected(served) as second:
            first.send(half)
            await until(lambda: served.server.account.bytes == len(half))

            second.send(half)

            assert await second.closed_because() == "more than 100000 bytes of requests in all"
            await until(lambda: served.server.account.bytes == len(half))
            async with connected(served) as third:
                assert await lives(third)

    asyncio.run(scenario())


def test_a_client_that_never_reads_its_answers_is_cut_off(tmp_path: Path) -> None:
    async def scenario() -> None:
        operations = FakeOperations(queue_list={"transfers": [b"x" * MIB]})
        async with serving(tmp_path, operations, bounds=Bounds(unread=0.3)) as served, connected(served) as good:
            deaf = blocking(served.path)
            deaf.sendall(msgpack.packb([0, 1, "queue.list", []]) * 100)
            await until(lambda: len(operations.asked) == 16)

            assert await lives(good)
            await until(lambda: served.server.account.connections == 1)

            assert len(operations.asked) == 17  # the 16, and the ping of the good one
            assert served.server.account.bytes == 0
            deaf.close()

    asyncio.run(scenario())


def test_unread_answers_of_all_connections_together_are_bounded(tmp_path: Path) -> None:
    async def scenario() -> None:
        operations = FakeOperations(queue_list={"transfers": [b"x" * MIB]})
        async with serving(tmp_path, operations, bounds=Bounds(replies=3 * MIB)) as served, connected(served) as good:
            deaf = blocking(served.path)
            deaf.sendall(msgpack.packb([0, 1, "queue.list", []]) * 3)

            await until(lambda: served.server.account.connections == 1)

            assert await lives(good)
            assert served.server.account.bytes == 0
            deaf.close()

    asyncio.run(scenario())


def test_a_large_answer_that_is_read_slowly_arrives_whole(tmp_path: Path) -> None:
    async def scenario() -> None:
        operations = FakeOperations(queue_list={"transfers": [b"x" * 4 * MIB]})
        async with serving(tmp_path, operations) as served, connected(served) as client:
            await client.ask("events.subscribe")
            client.call(2, "queue.list")
            await until(lambda: len(operations.asked) == 1)
            for number in range(100):  # events do not count what answers wait to be read
                served.bus.publish({"kind": "task", "name": str(number)})

            answer = await client.receive()
            events = [await client.receive() for _ in range(100)]

        assert answer is not None and answer.id == 2
        assert None not in events

    asyncio.run(scenario())


def test_a_subscriber_that_does_not_read_is_dropped_at_a_mebibyte(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with serving(tmp_path) as served, connected(served) as good:
            await good.ask("events.subscribe")
            deaf = blocking(served.path)
            deaf.sendall(msgpack.packb([0, 1, "events.subscribe", []]))
            await until(lambda: served.server.account.connections == 2)
            published = 0
            while served.server.account.connections == 2:
                served.bus.publish({"kind": "log", "line": "x" * 10_000})
                assert await good.receive()
                published += 10_000
                assert published < 3 * MIB

            assert published > MIB
            assert await lives(good)
            deaf.close()

    asyncio.run(scenario())


def test_a_burst_larger_than_the_bus_keeps_for_a_listener_drops_it(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with serving(tmp_path) as served, connected(served) as client:
            await client.ask("events.subscribe")
            for number in range(5000):
                served.bus.publish({"kind": "task", "name": str(number)})

            while await client.receive():
                pass

            assert not served.bus.heard

    asyncio.run(scenario())


def test_one_users_bad_connections_fill_no_log(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def scenario() -> None:
        async with serving(tmp_path) as served:
            for _ in range(20):
                async with connected(served) as client:
                    client.send(b"\xc1")
                    await client.closed_because()

    asyncio.run(scenario())

    assert len([record for record in caplog.records if "closed the connection" in record.message]) == 1


def test_calls_of_clients_that_went_away_still_count_for_their_user(tmp_path: Path) -> None:
    async def scenario() -> None:
        go_on = asyncio.Event()

        async def slowly(request: Any, caller: Caller) -> Mapping[str, Any]:
            await go_on.wait()
            return {}

        async def leave_one(served: Served) -> None:
            async with connected(served) as client:
                client.call(1, "task.survey", values={})
                await until(lambda: served.operations.asked != [])
                served.operations.asked.clear()

        operations = FakeOperations(task_survey=slowly)
        async with serving(tmp_path, operations, bounds=Bounds(connections_of_user=3)) as served:
            for _ in range(3):
                await leave_one(served)
            async with connected(served) as client:
                assert await client.closed_because() == "more than 3 connections of one user"
            go_on.set()
            await until(lambda: served.server.account.connections == 0)

    asyncio.run(scenario())

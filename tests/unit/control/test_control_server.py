"""The control server as a client that is not ours meets it: real sockets, hand-packed bytes."""

import asyncio
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgpack
import pytest

from cgwire.codec import Answer, Call
from cgwire.codes import Code
from cgwire.reasons import because
from cloudgather.control.bounds import Bounds
from cloudgather.core.caller import Caller, Refused
from cloudgather.ports.queue import StoreUnavailable
from fakes.control import FakeOperations, connected, serving, until


def test_hand_packed_bytes_are_answered_with_these_bytes(tmp_path: Path) -> None:
    async def scenario() -> None:
        expected = b"\x94\x01\x07\xc0\x81\xa7version\xa50.1.0"
        operations = FakeOperations(daemon_ping={"version": "0.1.0"})
        async with serving(tmp_path, operations) as served, connected(served) as client:
            client.send(b"\x94\x00\x07\xabdaemon.ping\x91\x80")

            answer = await client.arrived()

        assert answer == expected

    asyncio.run(scenario())


def test_a_call_without_parameters_may_leave_the_map_out(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with serving(tmp_path) as served, connected(served) as client:
            client.send(msgpack.packb([0, 1, "daemon.status", []]))

            answer = await client.receive()

        assert answer == Answer(id=1, error=None, result={"operation": "daemon_status"})

    asyncio.run(scenario())


def test_a_notification_is_done_and_not_answered(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with serving(tmp_path) as served, connected(served) as client:
            client.send(msgpack.packb([2, "task.pause", [{"name": "电影"}]]))
            client.send(msgpack.packb([2, "no.such", [{}]]))

            answer = await client.ask("daemon.ping")

            assert answer.id == 1
            # Until the caller's name is known, calls need not begin in the order in which they came.
            await until(lambda: len(served.operations.asked) > 1)
            assert {name for name, _, _ in served.operations.asked} == {"task_pause", "daemon_ping"}

    asyncio.run(scenario())


def test_an_unknown_method_is_refused_by_name(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with serving(tmp_path) as served, connected(served) as client:
            assert await client.refused("task.explode") == {"code": Code.ERROR_UNKNOWN_METHOD, "method": "task.explode"}

    asyncio.run(scenario())


def test_a_wrong_parameter_costs_the_call_and_not_the_connection(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with serving(tmp_path) as served, connected(served) as client:
            error = await client.refused("task.run", name=5)
            answer = await client.ask("task.run", name="films")

        assert error == {"code": Code.ERROR_BAD_REQUEST, "message": "task.run: name must be text (str), not 5"}
        assert answer.error is None

    asyncio.run(scenario())


def test_answers_come_as_they_are_ready(tmp_path: Path) -> None:
    async def scenario() -> None:
        go_on = asyncio.Event()

        async def slowly(request: Any, caller: Caller) -> Mapping[str, Any]:
            await go_on.wait()
            return {}

        async with serving(tmp_path, FakeOperations(target_test=slowly)) as served, connected(served) as client:
            client.call(1, "target.test", name="c115")
            client.call(2, "daemon.ping")

            first = await client.receive()
            go_on.set()
            second = await client.receive()

        assert [answer.id for answer in (first, second) if answer] == [2, 1]

    asyncio.run(scenario())


def test_sixteen_calls_of_a_connection_run_at_once_and_all_are_answered(tmp_path: Path) -> None:
    async def scenario() -> None:
        running, most = 0, 0
        go_on = asyncio.Event()

        async def counted(request: Any, caller: Caller) -> Mapping[str, Any]:
            nonlocal running, most
            running += 1
            most = max(most, running)
            await go_on.wait()
            running -= 1
            return {}

        async with serving(tmp_path, FakeOperations(daemon_status=counted)) as served, connected(served) as client:
            for id in range(100):
                client.call(id, "daemon.status")
            await until(lambda: running == 16)
            async with connected(served) as other:
                assert (await other.ask("daemon.ping")).error is None
            go_on.set()

            answered = {message.id for _ in range(100) if (message := await client.receive())}

        assert answered == set(range(100))
        assert most == 16

    asyncio.run(scenario())


def test_a_client_that_stops_sending_still_gets_its_answers(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with serving(tmp_path) as served, connected(served) as client:
            for id in range(40):
                client.call(id, "daemon.ping")
            client.transport.write_eof()

            answered = [await client.receive() for _ in range(40)]

            assert None not in answered
            assert await client.receive() is None

    asyncio.run(scenario())


def test_a_bug_is_logged_and_answered_and_the_daemon_goes_on(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def broken(request: Any, caller: Caller) -> Mapping[str, Any]:
        raise ZeroDivisionError("a bug")

    async def scenario() -> None:
        async with serving(tmp_path, FakeOperations(daemon_status=broken)) as served, connected(served) as client:
            error = await client.refused("daemon.status")
            answer = await client.ask("daemon.ping")

        assert error == {"code": Code.ERROR_INTERNAL}
        assert answer.error is None

    with caplog.at_level(logging.ERROR):
        asyncio.run(scenario())
    assert [record.exc_info[0] for record in caplog.records if record.exc_info] == [ZeroDivisionError]


def test_a_refusal_and_an_unusable_store_reach_the_caller_with_their_facts(tmp_path: Path) -> None:
    async def refuse(request: Any, caller: Caller) -> Mapping[str, Any]:
        raise Refused(because(Code.ERROR_NO_SUCH_TASK, task=request.name, near=["films"]))

    async def fail(request: Any, caller: Caller) -> Mapping[str, Any]:
        raise StoreUnavailable(because(Code.HELD_STATE_FULL, file="queue.db"))

    async def scenario() -> None:
        operations = FakeOperations(task_show=refuse, queue_pause=fail)
        async with serving(tmp_path, operations) as served, connected(served) as client:
            no_task = await client.refused("task.show", name="film")
            no_store = await client.refused("queue.pause")

        assert no_task == {"code": "error.no-such-task", "task": "film", "near": ["films"]}
        assert no_store == {"code": "error.store", "cause": {"code": "held.state-full", "file": "queue.db"}}

    asyncio.run(scenario())


@pytest.mark.parametrize("reply", [{"at": object()}, {"huge": 2**70}], ids=["no msgpack type", "no msgpack integer"])
def test_a_reply_that_cannot_be_packed_is_a_bug_of_ours(tmp_path: Path, reply: Mapping[str, Any]) -> None:
    async def scenario() -> None:
        async with serving(tmp_path, FakeOperations(daemon_status=reply)) as served, connected(served) as client:
            assert await client.refused("daemon.status") == {"code": Code.ERROR_INTERNAL}

    asyncio.run(scenario())


def test_a_reply_that_is_too_large_is_an_error(tmp_path: Path) -> None:
    async def scenario() -> None:
        operations = FakeOperations(queue_list={"transfers": [b"x" * 1000]})
        async with serving(tmp_path, operations, bounds=Bounds(reply=1000)) as served, connected(served) as client:
            assert await client.refused("queue.list") == {"code": Code.ERROR_TOO_LARGE, "most": 1000}

    asyncio.run(scenario())


def test_text_that_is_not_utf8_travels_escaped(tmp_path: Path) -> None:
    async def scenario() -> None:
        operations = FakeOperations(daemon_status={"text": b"\xff".decode(errors="surrogateescape"), "path": b"\xff"})
        async with serving(tmp_path, operations) as served, connected(served) as client:
            answer = await client.ask("daemon.status")

        assert answer.result == {"text": "\\udcff", "path": b"\xff"}

    asyncio.run(scenario())


def test_a_running_call_is_answered_when_the_daemon_stops(tmp_path: Path) -> None:
    async def scenario() -> None:
        go_on = asyncio.Event()

        async def slowly(request: Any, caller: Caller) -> Mapping[str, Any]:
            await go_on.wait()
            return {"ended": True}

        async with serving(tmp_path, FakeOperations(task_write=slowly)) as served, connected(served) as client:
            client.call(1, "task.write", name="films", text="")
            await until(lambda: bool(served.operations.asked))
            stopping = asyncio.create_task(served.server.stop(grace=20))
            await until(lambda: not Path(served.path).exists())
            go_on.set()

            answer = await client.receive()
            await stopping

        assert isinstance(answer, Answer)
        assert answer.result == {"ended": True}

    asyncio.run(scenario())


def test_stopping_does_not_wait_for_a_call_that_hangs_or_for_idle_clients(tmp_path: Path) -> None:
    async def hang(request: Any, caller: Caller) -> Mapping[str, Any]:
        await asyncio.Event().wait()
        raise AssertionError

    async def scenario() -> None:
        operations = FakeOperations(target_test=hang)
        async with serving(tmp_path, operations) as served, connected(served) as client, connected(served) as idle:
            client.call(1, "target.test", name="c115")
            await until(lambda: bool(operations.asked))

            async with asyncio.timeout(10):
                await served.server.stop(grace=0.05)

            assert await client.receive() is None
            assert await idle.receive() is None
            assert served.server.account.connections == 0

    asyncio.run(scenario())


def test_a_call_goes_on_when_its_client_has_gone(tmp_path: Path) -> None:
    async def scenario() -> None:
        go_on, ended = asyncio.Event(), asyncio.Event()

        async def slowly(request: Any, caller: Caller) -> Mapping[str, Any]:
            await go_on.wait()
            ended.set()
            return {}

        async with serving(tmp_path, FakeOperations(task_write=slowly)) as served:
            async with connected(served) as client:
                client.call(1, "task.write", name="films", text="")
                await until(lambda: bool(served.operations.asked))
            go_on.set()

            async with asyncio.timeout(20):
                await ended.wait()
            await until(lambda: served.server.account.connections == 0)

    asyncio.run(scenario())


def test_events_follow_the_reply_narrowed_by_kind_and_task(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with serving(tmp_path) as served, connected(served) as client:
            answer = await client.ask("events.subscribe", kinds=["transfer"], task="films")
            served.bus.publish({"kind": "progress", "task": "films"})
            served.bus.publish({"kind": "transfer", "task": "other"})
            served.bus.publish({"kind": "transfer", "task": "films", "path": b"\xff", "at": 1.5})

            event = await client.receive()
            pong = await client.ask("daemon.ping")

        assert answer == Answer(id=1, error=None, result={})
        told = {"kind": "transfer", "task": "films", "path": b"\xff", "at": 1.5}
        assert event == Call(id=None, method="event", params=told)
        assert pong.error is None

    asyncio.run(scenario())


def test_what_happens_between_subscribing_and_the_reply_is_told_after_it(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with serving(tmp_path) as served, connected(served) as client:
            client.call(1, "events.subscribe")
            await until(lambda: served.bus.heard)
            served.bus.publish({"kind": "task", "name": "films"})

            messages = [await client.receive(), await client.receive()]

        assert [type(message) for message in messages] == [Answer, Call]

    asyncio.run(scenario())


def test_a_second_subscription_and_an_unknown_kind_are_refused(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with serving(tmp_path) as served, connected(served) as client:
            unknown = await client.refused("events.subscribe", kinds=["rumour"])
            assert (await client.ask("events.subscribe")).error is None
            second = await client.refused("events.subscribe")

        assert unknown["message"].startswith("events.subscribe: 'rumour' is no kind; there are transfer, progress")
        assert second == {"code": "error.bad-request", "message": "one subscription per connection"}

    asyncio.run(scenario())


def test_a_subscriber_that_goes_is_forgotten(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with serving(tmp_path) as served:
            async with connected(served) as client:
                await client.ask("events.subscribe")
            await until(lambda: served.server.account.connections == 0)

            served.bus.publish({"kind": "task", "name": "films"})

            assert not served.bus.heard

    asyncio.run(scenario())

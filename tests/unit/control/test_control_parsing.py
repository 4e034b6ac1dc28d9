"""What is wrong with a call's parameters is said by name."""

from typing import Any

import pytest

from cgwire import daemon, path, queue, task
from cgwire.request import Request
from cloudgather.control.parsing import Parser
from cloudgather.core.caller import Refused


@pytest.mark.parametrize(
    ("request_type", "params", "expected"),
    [
        (daemon.Ping, {}, daemon.Ping()),
        (daemon.Logs, {}, daemon.Logs(task=None, run=None, lines=100)),
        (daemon.Logs, {"task": None, "run": 0, "lines": 2**63 - 1}, daemon.Logs(run=0, lines=2**63 - 1)),
        (path.Why, {"path": b"/a/\xff\n"}, path.Why(path=b"/a/\xff\n")),
        (path.Why, {"path": "/电影"}, path.Why(path="/电影".encode())),
        (path.Upload, {"paths": [b"/a", "/b"]}, path.Upload(paths=(b"/a", b"/b"))),
        (queue.Retry, {"ids": [1, 2], "states": ["failed"]}, queue.Retry(ids=(1, 2), states=("failed",))),
        (task.Compose, {"name": "a", "values": {"x": {"y": [1]}}}, task.Compose(name="a", values={"x": {"y": [1]}})),
    ],
)
def test_parameters_become_the_request(request_type: type[Request], params: dict[str, Any], expected: Request) -> None:
    assert Parser(request_type).parse(params) == expected


@pytest.mark.parametrize(
    ("request_type", "params", "message"),
    [
        (task.Run, {}, "task.run: needs name"),
        (daemon.Ping, {"loud": 1}, "daemon.ping: takes no 'loud'; it takes nothing"),
        (run_next := task.Next, {"name": "a", "n": 1}, "task.next: takes no 'n'; it takes name, count"),
        (task.Run, {"name": None}, "task.run: name must be text (str), not nil"),
        (task.Run, {"name": b"a"}, "task.run: name must be text (str), not bytes"),
        (task.Run, {"name": "a", "dry_run": 1}, "task.run: dry_run must be true or false, not 1"),
        (task.Run, {"name": "a", "dry_run": "yes"}, "task.run: dry_run must be true or false, not text 'yes'"),
        (
            run_next,
            {"name": "a", "count": True},
            "task.next: count must be an integer from 0 to 9223372036854775807, not a boolean",
        ),
        (
            run_next,
            {"name": "a", "count": 2**63},
            "task.next: count must be an integer from 0 to 9223372036854775807, not 9223372036854775808",
        ),
        (
            run_next,
            {"name": "a", "count": -1},
            "task.next: count must be an integer from 0 to 9223372036854775807, not -1",
        ),
        (
            run_next,
            {"name": "a", "count": 1.0},
            "task.next: count must be an integer from 0 to 9223372036854775807, not 1.0",
        ),
        (path.Why, {"path": 1}, "path.why: path must be bytes (bin), not 1"),
        (path.Upload, {"paths": b"/a"}, "path.upload: paths must be an array, not bytes"),
        (
            path.Upload,
            {"paths": [b"/a", {}]},
            "path.upload: paths must be an array of which each member is bytes (bin), not an array",
        ),
        (task.Survey, {"values": [1]}, "task.survey: values must be a map with text as keys, not an array"),
        (task.Survey, {"values": {b"x": 1}}, "task.survey: values must be a map with text as keys, not a map"),
        (task.Show, {"name": ["x" * 1000]}, "task.show: name must be text (str), not an array"),
    ],
)
def test_the_first_thing_that_is_wrong_is_named(
    request_type: type[Request], params: dict[str, Any], message: str
) -> None:
    with pytest.raises(Refused) as refused:
        Parser(request_type).parse(params)

    assert refused.value.reason.to_wire() == {"code": "error.bad-request", "message": message}


def test_a_long_value_is_not_sent_back_whole() -> None:
    with pytest.raises(Refused) as refused:
        Parser(daemon.Logs).parse({"lines": "x" * 10_000})

    assert len(refused.value.reason.facts["message"]) < 200

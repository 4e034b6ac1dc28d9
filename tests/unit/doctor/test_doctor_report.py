"""How findings are printed, and what they are as JSON."""

import json

from cgwire.codes import Code
from cgwire.reasons import because
from cloudgather.doctor.checks import bad, doubtful, fine
from cloudgather.doctor.command import report

SPACE = {"folder": b"/var/\xff", "free": 1 << 30, "total": 1 << 40}


def test_each_finding_is_a_line_and_what_is_not_fine_has_its_remedy() -> None:
    checks = [
        fine("state-space", because(Code.DOCTOR_SPACE, **SPACE)),
        doubtful("clock", because(Code.DOCTOR_CLOCK_JUMPS, seconds=3600)),
        bad("source", because(Code.SOURCE_GONE, source=b"/a"), subject="电影"),
    ]

    lines = list(report(checks, ascii_only=False))

    assert lines == [
        "✓ state-space: 1.00 GiB free for the database of 1.00 TiB, /var/\\xff",
        "! clock: the clock was set by 1 h just now",
        "  → see that only one program sets the clock",
        "✗ source 电影: the folder does not exist: /a",
        "  → create it or mount its disk; the task goes on by itself",
        "",
        "bad: 1, to look at: 1",
    ]


def test_a_plain_terminal_gets_plain_marks() -> None:
    assert list(report([fine("msgpack", because(Code.DOCTOR_MSGPACK))], ascii_only=True)) == [
        "+ msgpack: its compiled part is there",
        "",
        "all is well",
    ]


def test_facts_travel_as_json_whatever_they_are() -> None:
    cause = because(Code.FAIL_IO, errno=5).to_wire()
    check = bad("target", because(Code.ERROR_TARGET, target="c", root=b"/\xff", cause=cause, pids=(1, 2)), subject="c")

    wire = json.loads(json.dumps(check.to_json()))

    assert (wire["name"], wire["subject"], wire["ok"], wire["code"]) == ("target", "c", "bad", "error.target")
    assert wire["text"] == "the target c cannot be used: input/output error (EIO)"
    assert (wire["root"], wire["cause"], wire["pids"]) == ("/\\xff", {"code": "fail.io", "errno": 5}, [1, 2])

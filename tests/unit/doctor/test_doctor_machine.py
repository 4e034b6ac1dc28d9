"""inotify's limits, the clock, the time zone, and the parts that the program is made of."""

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from cloudgather.doctor.census import Census
from cloudgather.doctor.checks import Health
from cloudgather.doctor.clocks import examine_clock, examine_zone, offset, synchronised
from cloudgather.doctor.program import examine_msgpack, examine_user
from cloudgather.doctor.watches import examine_watches
from unit.doctor.examined import python, told

QUEUE = Path("/proc/sys/fs/inotify/max_queued_events")
NAMESPACE = ["unshare", "--user", "--map-root-user"]
WATCHES = """
import json, sys
from cloudgather.doctor.census import Census
from cloudgather.doctor.watches import examine_watches
for what, number in (("watches", 10), ("instances", 0)):
    with open(f"/proc/sys/user/max_inotify_{what}", "w") as file:
        file.write(str(number))
found = examine_watches([Census(directories=6), Census(directories=5)], running=False)
print(json.dumps([check.to_json() for check in found]))
"""


def found_by(call: str, **environ: str) -> Any:
    """What an examination finds in a process of its own."""
    module, function = call.rsplit(".", 1)
    script = f"import json; from cloudgather.doctor.{module} import {function.partition('(')[0]}; "
    return python("-c", f"{script}print(json.dumps({function}.to_json()))", **environ)


def test_the_kernel_allows_enough() -> None:
    found = examine_watches([Census(directories=100), Census(directories=1, stopped=5.0)], running=True)

    assert told(found)["watch-limit"] == "doctor.watch"
    assert found[0].text.startswith("101 folders to watch (counting stopped after 5 s) of ")
    assert told(found)["watch-instances"] == "doctor.instances"


def test_the_kernel_does_not_allow_enough() -> None:
    try:
        probe = subprocess.run([*NAMESPACE, "test", "-w", "/proc/sys/user/max_inotify_watches"], capture_output=True)
    except FileNotFoundError:
        pytest.skip("unshare is not installed")
    if probe.returncode != 0:
        pytest.skip("no user namespaces here")

    watches, instances, _ = python("-c", WATCHES, wrapper=NAMESPACE)

    assert (watches["code"], watches["ok"], watches["directories"], watches["limit"]) == (
        "doctor.watch-limit",
        "warn",
        11,
        10,
    )
    assert watches["wanted"] == 1048576
    assert (instances["code"], instances["ok"]) == ("doctor.instances-limit", "warn")


@pytest.mark.xdist_group("inotify-limits")
def test_a_short_queue_of_events() -> None:
    before = QUEUE.read_text()
    try:
        QUEUE.write_text("1000")
    except OSError as error:
        pytest.skip(f"cannot lower max_queued_events: {error}")
    try:
        check = examine_watches([], running=False)[-1]
    finally:
        QUEUE.write_text(before)

    assert (check.reason.code, check.health) == ("doctor.queue-short", Health.WARN)
    assert "fs.inotify.max_queued_events=16384" in (check.hint or "")


def test_a_clock_that_jumps_or_was_put_back(tmp_path: Path) -> None:
    (tmp_path / "state.db").touch()
    later = os.stat(tmp_path / "state.db").st_mtime + 7200
    os.utime(tmp_path / "state.db", (later, later))

    jumps = examine_clock(offset() - 3600, [])
    behind = examine_clock(offset(), [str(tmp_path / "no"), str(tmp_path / "state.db")])

    assert (jumps.reason.code, jumps.health) == ("doctor.clock-jumps", Health.WARN)
    assert (behind.reason.code, behind.health) == ("doctor.clock-behind", Health.WARN)


def test_a_clock_that_runs_as_it_should_says_whether_it_is_synchronised() -> None:
    expected = {None: "doctor.clock", True: "doctor.clock-synchronised", False: "doctor.clock-alone"}

    assert examine_clock(offset(), []).reason.code == expected[synchronised()]


def test_the_time_zone_that_is_configured() -> None:
    assert examine_zone("Asia/Shanghai").reason.facts["zone"] == "Asia/Shanghai"


@pytest.mark.parametrize(
    ("zone", "code"), [("Europe/Berlin", "doctor.zone"), ("XYZ-5", "doctor.zone-differs"), ("UTC", "doctor.zone")]
)
def test_the_time_zone_of_the_system(zone: str, code: str) -> None:
    found = found_by("clocks.examine_zone(None)", TZ=zone)

    # A zone that is no name in the zone database is known to the C library alone.
    assert found["code"] == code or (code == "doctor.zone-differs" and found["code"] == "doctor.zone-unknown"), found


def test_msgpack_without_its_compiled_part_is_bad() -> None:
    found = found_by("program.examine_msgpack()", MSGPACK_PUREPYTHON="1")

    assert (found["code"], found["ok"]) == ("doctor.msgpack-slow", "bad")
    assert examine_msgpack().reason.code == "doctor.msgpack"


def test_who_examines() -> None:
    facts = examine_user().reason.facts

    umask = os.umask(0)
    os.umask(umask)
    assert (facts["uid"], facts["umask"]) == (os.geteuid(), umask)

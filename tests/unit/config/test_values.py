"""What may be written for a value, and what it means."""

from datetime import time, timedelta

import pytest

from cgwire.access import Access
from cloudgather.config.amounts import rate, size, size_text, span_text
from cloudgather.config.names import folded, name_fault
from cloudgather.config.settings import parse_settings
from cloudgather.config.tasks import parse_task
from cloudgather.core.bandwidth import RateFrom
from cloudgather.core.kinds import SUBTITLES, VIDEO
from cloudgather.core.mounts import Mount
from cloudgather.core.target import Confirm, Kind, Profile, TargetSpec, Verify
from cloudgather.core.task import Filter, IfGone, Initial, Rule, Send, Task, Window, WindowEnd

MIB = 1 << 20


def a_mount(point: bytes, fs_type: str = "fuse.rclone") -> Mount:
    return Mount(
        id=1, parent=0, device="0:1", mount_point=point, fs_type=fs_type, source=b"x", options=frozenset({"rw"})
    )


def a_target(content: str, *mounts: Mount) -> TargetSpec:
    settings = parse_settings(f'[targets.t]\nroot = "/mnt/t"\n{content}', file="/f", mounts=mounts)
    return settings.targets["t"]


def a_task(content: str) -> Task:
    settings = parse_settings('[targets.c115]\nroot = "/CloudDrive/115"\n', file="/main", mounts=())
    content = f'source = "/src"\ntarget = "c115:films"\n{content}'
    return parse_task(content, file="/f", name="film", settings=settings, mounts=(), remembered_roots={}).task


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (0, 0), (5, 5), ("0", 0), ("512", 512), ("50MiB", 50 * MIB), ("50 mib", 50 * MIB), ("50M", 50 * MIB),
        ("2GB", 2 * 10**9), ("1.5GiB", 1536 * MIB), ("1T", 1 << 40), ("7B", 7),
    ],
)  # fmt: skip
def test_sizes(text: object, value: int) -> None:
    assert size(text) == value
    assert size(size_text(value)) == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("unlimited", None), ("2MiB/s", 2 * MIB), ("2MB/s", 2 * 10**6), ("2M", 2 * MIB), (65536, 65536),
        ("10Mbit/s", 1_250_000), ("10 Mbps", 1_250_000), ("1.5MiB/s", 3 * MIB // 2),
    ],
)  # fmt: skip
def test_rates(text: object, value: int | None) -> None:
    assert rate(text) == value


@pytest.mark.parametrize("text", ["10s", "5m", "1h30m", "2d", "1d1s", "1m30s"])
def test_durations_are_written_as_they_are_read(text: str) -> None:
    assert span_text(a_task(f'rescan = "{text}"').rescan if text != "10s" else timedelta(seconds=10)) == text


def test_everything_about_a_task() -> None:
    task = a_task(
        """
rules = ["size", "newer"]
initial = "adopt"
watch = false
schedule = "0 3 * * mon"
timezone = "Asia/Shanghai"
upload_window = "23:00 - 6:00"
window_end = "stop"
settle = "1m30s"
send = "folder"
if_gone = "resend"
rescan = "2h"
catch_up = false
priority = -5
[filter]
preset = "video+subtitles"
include = ["电影/**"]
exclude = ["*.txt"]
exclude_dirs = ["Sample/", "/tmp"]
extensions = [".ISO2", "*.abc", "xyz"]
min_size = "50MiB"
max_size = "100GiB"
"""
    )

    assert task == Task(
        name="film",
        source=b"/src",
        target="c115",
        base=b"films",
        rules=frozenset({Rule.SIZE, Rule.NEWER}),
        initial=Initial.ADOPT,
        watch=False,
        schedule="0 3 * * mon",
        timezone="Asia/Shanghai",
        upload_window=Window(begin=time(23), end=time(6)),
        window_end=WindowEnd.STOP,
        settle=timedelta(seconds=90),
        send=Send.FOLDER,
        if_gone=IfGone.RESEND,
        rescan=timedelta(hours=2),
        catch_up=False,
        priority=-5,
        filter=Filter(
            extensions=VIDEO | SUBTITLES | {b"iso2", b"abc", b"xyz"},
            include=("电影/**".encode(),),
            exclude=(b"*.txt",),
            exclude_dirs=(b"Sample", b"/tmp"),
            min_size=50 * MIB,
            max_size=100 << 30,
        ),
    )


def test_a_task_with_nothing_but_source_and_target() -> None:
    assert a_task("") == Task(name="film", source=b"/src", target="c115", base=b"films")
    assert a_task('settle = "auto"').settle is None
    assert a_task('every = "5m"').every == timedelta(minutes=5)
    assert a_task('upload_window = "18:00-24:00"').upload_window == Window(begin=time(18), end=time(0))


def test_everything_about_a_target() -> None:
    spec = a_target(
        """
kind = "directory"
profile = "lan"
parallel = 8
bandwidth = "10Mbit/s"
daily_limit = "700GiB"
metadata_per_second = 0.5
upload_window = "01:00-07:00"
window_end = "stop"
verify = "checksum"
confirm = "none"
attempts = 3
retry_first = "1m"
retry_most = "2h"
file_mode = "0640"
dir_mode = "2750"
"""
    )

    assert spec == TargetSpec(
        name="t",
        root=b"/mnt/t",
        kind=Kind.DIRECTORY,
        profile=Profile.LAN,
        parallel=8,
        bandwidth=1_250_000,
        daily_limit=700 << 30,
        upload_window=Window(begin=time(1), end=time(7)),
        window_end=WindowEnd.STOP,
        verify=Verify.CHECKSUM,
        confirm=Confirm.NONE,
        attempts=3,
        retry_first=timedelta(minutes=1),
        retry_most=timedelta(hours=2),
        metadata_per_second=0.5,
        deadline_factor=1,
        file_mode=0o640,
        dir_mode=0o2750,
    )


def test_what_keeps_the_cache_of_a_mount_from_filling_its_disk() -> None:
    rclone = 'confirm = "rclone"\nrclone_rc = "http://127.0.0.1:5572"\n'

    assert a_target("").max_unconfirmed is None
    assert a_target(rclone).max_unconfirmed == 50 << 30
    assert a_target(f'{rclone}max_unconfirmed = "unlimited"').max_unconfirmed is None
    assert a_target(f'{rclone}max_unconfirmed = "9GiB"').max_unconfirmed == 9 << 30
    spec = a_target('cache_dir = "/var/cache/rclone"\nmin_free = "20GiB"')
    assert (spec.cache_dir, spec.min_free) == (b"/var/cache/rclone", 20 << 30)


def test_a_timetable_is_in_the_order_of_the_day() -> None:
    night, day = RateFrom(at=time(23), rate=None), RateFrom(at=time(8), rate=2 << 20)

    assert a_target('bandwidth = ["23:00 unlimited", "8:00 2MiB/s"]').bandwidth == (day, night)
    assert a_target('bandwidth = "unlimited"').bandwidth is None


@pytest.mark.parametrize(
    ("content", "mounts", "expected"),
    [
        ("", [], (Profile.CLOUD, 1, 8, 30, 1, 2, Confirm.SEEN)),
        ("", [a_mount(b"/mnt/t")], (Profile.CLOUD, 1, 8, 30, 1, 2, Confirm.SEEN)),
        ("", [a_mount(b"/mnt", "nfs4")], (Profile.LAN, 2, 6, 10, 100, 1, Confirm.SEEN)),
        ("", [a_mount(b"/mnt", "cifs"), a_mount(b"/mnt/t")], (Profile.CLOUD, 1, 8, 30, 1, 2, Confirm.SEEN)),
        ("slow_storage = true", [a_mount(b"/mnt", "nfs4")], (Profile.CLOUD, 1, 8, 30, 1, 2, Confirm.SEEN)),
        ('kind = "directory"', [], (Profile.DISK, 1, 5, 5, None, 1, Confirm.STORED)),
        ('kind = "directory"\nslow_storage = true', [], (Profile.CLOUD, 1, 8, 30, 1, 2, Confirm.STORED)),
    ],
)
def test_a_profile_sets_what_is_left_open(content: str, mounts: list[Mount], expected: tuple[object, ...]) -> None:
    spec = a_target(content, *mounts)

    assert (
        spec.profile,
        spec.parallel,
        spec.attempts,
        spec.retry_first.total_seconds(),
        spec.metadata_per_second,
        spec.deadline_factor,
        spec.confirm,
    ) == expected


def test_groups_and_paths_and_days() -> None:
    settings = parse_settings(
        '[daemon]\nstate_dir = "//srv/./state/"\nlog_keep_days = 30\n[groups.users]\naccess = "operate"\n',
        file="/f",
        mounts=(),
    )

    assert settings.state_dir == "/srv/state"
    assert settings.log_dir == "/srv/state/log"
    assert settings.log_keep_days == 30
    assert settings.groups == {"users": Access.OPERATE}


def test_the_containers_variables_go_before_the_file() -> None:
    environ = {"TZ": ":Asia/Shanghai", "LOG_LEVEL": "debug", "CONSOLE_LEVEL": "", "LOG_SAVE_DAYS": "3", "PUID": "1000"}

    settings = parse_settings(
        '[daemon]\ntimezone = "Europe/Berlin"\nconsole_level = "error"\n', file="/f", mounts=(), environ=environ
    )

    assert (settings.timezone, settings.log_level) == ("Asia/Shanghai", "DEBUG")
    assert (settings.console_level, settings.log_keep_days) == ("ERROR", 3)


@pytest.mark.parametrize("name", ["电影", "Film 4K", "a", "é", "🎬", "film.2026", "a_b-c", "x" * 64])
def test_a_name_may_be(name: str) -> None:
    assert name_fault(name) is None


@pytest.mark.parametrize(
    "name",
    ["", ".a", "-a", "a/b", "a:b", "a\nb", "a\0", " a", "a ", "x" * 65, "🎬" * 60, "e\u0301", "a\u200b", "\udcff"],
)
def test_a_name_may_not_be(name: str) -> None:
    assert name_fault(name) is not None


def test_names_too_alike() -> None:
    assert folded("Film") == folded("fiLM")
    assert folded("Straße") == folded("STRASSE")
    assert folded("\u00e9") == folded("e\u0301")
    assert folded("\uff21") == folded("a")
    assert folded("电影") != folded("电视")

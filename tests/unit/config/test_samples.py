"""The samples are right: as they are, and with every key that they show."""

import pathlib
import re

from cloudgather.config.settings import Settings, parse_settings
from cloudgather.config.tasks import parse_task
from cloudgather.core.target import TargetSpec
from cloudgather.core.task import Task

ETC = pathlib.Path(__file__).parents[3] / "etc"
MAIN = (ETC / "cloudgather.toml").read_text()
TASK = (ETC / "tasks.d" / "example.toml.sample").read_text()


def uncommented(text: str) -> str:
    """With what stands behind a # and no space."""
    return re.sub(r"(?m)^#(?=[\[a-z])", "", text)


def a_task(text: str) -> Task:
    return parse_task(
        text, file="/f", name="film", settings=Settings(file="/main"), mounts=(), remembered_roots={}
    ).task


def test_the_main_sample_is_all_defaults() -> None:
    assert parse_settings(MAIN, file="/f", mounts=()) == Settings(file="/f")


UNSET = ("upload_window", "file_mode", "dir_mode", "max_unconfirmed", "cache_dir", "min_free")  # by default


def test_every_key_of_the_main_sample_is_right_and_a_default() -> None:
    settings = parse_settings(uncommented(MAIN), file="/f", mounts=())
    shown = parse_settings('[targets.c115]\nroot = "/CloudDrive/115"\n', file="/f", mounts=())

    assert (settings.state_dir, settings.tasks_dir, settings.log_dir) == (
        "/var/lib/cloudgather",
        "/etc/cloudgather/tasks.d",
        "/var/lib/cloudgather/log",
    )
    assert settings.log_keep_days == shown.log_keep_days and settings.history_days == shown.history_days
    for field in TargetSpec.__dataclass_fields__:
        if field not in UNSET:
            assert getattr(settings.targets["c115"], field) == getattr(shown.targets["c115"], field), field


def test_the_main_sample_shows_every_key() -> None:
    keys = (
        "root kind profile slow_storage parallel bandwidth daily_limit metadata_per_second upload_window window_end "
        "max_unconfirmed cache_dir min_free verify confirm attempts"
    )
    more = "retry_first retry_most file_mode dir_mode state_dir tasks_dir log_dir socket log_level console_level"

    for key in f"{keys} {more} log_keep_days history_days timezone access".split():
        assert re.search(rf"(?m)^#?{key} = ", MAIN), key


def test_the_task_sample_is_right() -> None:
    task = a_task(TASK)

    assert task == Task(name="film", source="/vol1/downloads/电影".encode(), target="/CloudDrive/影视库/电影", base=b"")


def test_every_key_of_the_task_sample_is_right() -> None:
    shown = uncommented(TASK)

    cron = a_task(re.sub(r"(?m)^every = .*\n", "", shown))
    spaced = a_task(re.sub(r"(?m)^schedule = .*\n", "", shown))

    assert cron.schedule == "H H(2-5) * * *"
    assert spaced.every is not None
    plain = a_task(TASK)
    for field in Task.__dataclass_fields__:
        if field not in ("schedule", "timezone", "upload_window", "filter"):
            assert getattr(cron, field) == getattr(plain, field), field

"""Whatever is in the files, the loader answers with a configuration or with what is wrong."""

import pathlib
import tomllib
from collections.abc import Mapping

import tomlkit
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cloudgather.config.loading import Configuration, load
from cloudgather.config.problems import InvalidConfiguration

_texts = st.sampled_from(
    ["", "/a", "/", "c115:x", "c115:", "0 3 * * *", "@daily", "5m", "auto", "1h", "99999999999h", "50MiB", "1e9",
     "01:00-07:00", "24:00-24:00", "mount", "directory", "video+", "everything", "send", "*.mkv", "!a", "0644", "UTC",
     "Europe/", "missing", "\x00", "\u2028", "e\u0301", "..", "/a/../b", "H(99999999999999999999-1) * * * *",
     "9" * 400, "unlimited", "5Mbit/s"]
) | st.text(st.characters(codec="utf-8"), max_size=12)  # fmt: skip
_scalars = _texts | st.booleans() | st.integers() | st.floats() | st.datetimes() | st.dates() | st.times()
_values = st.recursive(
    _scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_texts, inner, max_size=3), max_leaves=6
)
_TASK_KEYS = (
    "source target rules initial watch schedule every timezone upload_window window_end settle send if_gone rescan "
    "catch_up priority filter preset nonsense"
)
_FILTER_KEYS = "preset include exclude exclude_dirs exclude_extensions extensions min_size max_size exact nonsense"
_TARGET_KEYS = (
    "root kind profile slow_storage parallel bandwidth daily_limit upload_window window_end verify confirm attempts "
    "retry_first retry_most metadata_per_second max_unconfirmed cache_dir min_free file_mode dir_mode "
    "rclone_rc rclone_rc_user rclone_rc_password_file rclone_fs confirm_within nonsense"
)
_DOWNLOADER_KEYS = (
    "kind url username password_file api_key_file secret_file path_map dir folders options nonsense password host"
)
_DOWNLOADS_KEYS = (
    "to min_free keep_after stalled_after wait_for_seeding seed_ratio seed_time extra_trackers allow_private nonsense"
)
_GROUP_KEYS = "access max_active max_size downloaders options nonsense"
_OPTIONS = "seed-time bt-tracker max-download-limit file-allocation category ratioLimit dlLimit dir nonsense"
_DAEMON_KEYS = "state_dir log_dir log_level console_level log_keep_days history_days timezone"


def _table(keys: str, **likely: object) -> st.SearchStrategy[dict[str, object]]:
    """Any values; of `likely` some keys stay as they are, so that others are reached."""
    right = st.dictionaries(st.sampled_from(sorted(likely)), st.none()) if likely else st.just({})
    return st.builds(
        lambda chosen, kept: {**chosen, **{key: likely[key] for key in kept}},
        st.dictionaries(st.sampled_from(keys.split()), _values, max_size=8),
        right,
    )


_tasks = st.builds(
    lambda base, rest, wanted: {**base, **rest, **({"filter": wanted} if wanted else {})},
    st.sampled_from([{}, {"source": "/src", "target": "c115:a"}, {"source": "/src", "target": "/dst"}]),
    _table(_TASK_KEYS),
    st.none() | _table(_FILTER_KEYS),
)
_ADDRESS = "http://127.0.0.1:6800"
_options = st.dictionaries(st.sampled_from(_OPTIONS.split()), _values, max_size=4)
_downloaders = st.tuples(st.sampled_from(["qbittorrent", "aria2", "transmission"]), _options).flatmap(
    lambda drawn: _table(_DOWNLOADER_KEYS, kind=drawn[0], url=_ADDRESS, options=drawn[1])
)
_groups = _options.flatmap(lambda options: _table(_GROUP_KEYS, access="view", options=options))
_mains = st.fixed_dictionaries(
    {},
    optional={
        "daemon": _table(_DAEMON_KEYS),
        "control": _table("socket"),
        "groups": st.dictionaries(_texts, _groups | _values, max_size=2),
        "targets": st.dictionaries(_texts, _table(_TARGET_KEYS, root="/c", confirm="rclone") | _values, max_size=2),
        "downloaders": st.dictionaries(_texts, _downloaders | _values, max_size=2),
        "downloads": _table(_DOWNLOADS_KEYS) | _values,
        "nonsense": _values,
    },
)
_names = st.text(st.characters(codec="utf-8", exclude_characters="/\0"), min_size=1, max_size=8) | st.sampled_from(
    ["film", "Film", "e\u0301", "\u00e9", "a.b", "-x"]
)
_SETTINGS = settings(
    max_examples=150,
    suppress_health_check=[*settings().suppress_health_check, HealthCheck.function_scoped_fixture],  # beside conftest's
)


def attempt(folder: pathlib.Path, main: str | bytes, tasks: Mapping[str, str | bytes]) -> Configuration | None:
    tasks_dir = folder / "tasks"
    tasks_dir.mkdir(exist_ok=True)
    for left in tasks_dir.iterdir():
        left.unlink()
    for name, content in tasks.items():
        (tasks_dir / f"{name}.toml").write_bytes(content if isinstance(content, bytes) else content.encode())
    path = folder / "main.toml"
    path.write_bytes(main if isinstance(main, bytes) else main.encode())
    try:
        found = load(str(path), mounts=(), remembered_roots={"/x": b"/a"}, environ={})
    except InvalidConfiguration as invalid:
        assert invalid.problems and all(problem.text for problem in invalid.problems)
        return None
    assert bool(found.broken) == bool(found.problems)
    assert all(task.target in found.targets for task in found.tasks.values())
    assert not found.broken & set(found.tasks)
    return found


def _main(folder: pathlib.Path) -> str:
    return f'[daemon]\ntasks_dir = "{folder / "tasks"}"\n[targets.c115]\nroot = "/CloudDrive/115"\n'


@_SETTINGS
@given(tasks=st.dictionaries(_names, _tasks, max_size=3))
def test_any_values_in_task_files(tmp_path: pathlib.Path, tasks: dict[str, dict[str, object]]) -> None:
    found = attempt(tmp_path, _main(tmp_path), {name: tomlkit.dumps(task) for name, task in tasks.items()})

    assert found is not None


@_SETTINGS
@given(main=_mains)
def test_any_values_in_the_main_file(tmp_path: pathlib.Path, main: dict[str, object]) -> None:
    daemon = main.get("daemon")
    main["daemon"] = {**(daemon if isinstance(daemon, dict) else {}), "tasks_dir": str(tmp_path / "tasks")}

    attempt(tmp_path, tomlkit.dumps(main), {})


@_SETTINGS
@given(content=st.binary(max_size=60) | st.text(alphabet="abc=[]{}.\"'\\\n# 1\u00e9", max_size=60).map(str.encode))
def test_any_bytes(tmp_path: pathlib.Path, content: bytes) -> None:
    attempt(tmp_path, content, {})
    found = attempt(tmp_path, _main(tmp_path), {"film": content, "good": 'source = "/s"\ntarget = "c115:a"\n'})

    assert found is not None and "good" in found.tasks


@_SETTINGS
@given(cut=st.integers(0, 400), insert=st.text(max_size=4))
def test_a_sample_cut_or_scribbled_into(tmp_path: pathlib.Path, cut: int, insert: str) -> None:
    sample = 'source = "/s"\ntarget = "c115:a"\nrules = ["missing"]\nwatch = true\n[filter]\nmin_size = "5MiB"\n'
    broken = (sample[:cut] + insert + sample[cut:]).encode("utf-8", "surrogatepass")

    attempt(tmp_path, _main(tmp_path), {"film": broken, "cut": sample[:cut]})


def test_the_values_are_toml() -> None:
    assert tomllib.loads(tomlkit.dumps({"a": "\x00\u2028"})) == {"a": "\x00\u2028"}
